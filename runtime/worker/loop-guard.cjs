'use strict';
// Runs in a thread of its own: nothing on the loop that stands still could do this. `workerData` is {beats, root, file, limitMs}.
const { readFileSync, renameSync, writeFileSync, writeSync } = require('node:fs');
const { Session } = require('node:inspector');
const { pathToFileURL } = require('node:url');
const { workerData } = require('node:worker_threads');

const EVERY_MS = 200;
/** One that waits inside a native call is not stopped by a look at it. */
const LOOK_MS = 2_000;
/** What /proc counts CPU time in. */
const TICK_MS = 10;
const { root, file, limitMs } = workerData;
const beats = new Int32Array(workerData.beats);
const folder = `${pathToFileURL(root).href}/`;

// Straight to the file: what a thread prints goes through the very loop that stands still.
const say = (msg, about) => {
  try {
    writeSync(2, `${JSON.stringify({ level: 50, time: Date.now(), pid: process.pid, ...about, msg })}\n`);
  } catch {
    // Nobody reads it.
  }
};

/** CPU time of the main thread, whose id is the process's: a machine that is busy or asleep is no fault of a platform. */
const cpuMs = () => {
  const line = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8');
  const f = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return (Number(f[11]) + Number(f[12])) * TICK_MS;
};

/** The first place in a platform's own code on the stack of what runs now, or null. */
function look(found) {
  const urls = new Map();
  const session = new Session();
  session.connectToMainThread();
  const late = setTimeout(() => session.disconnect(), LOOK_MS);
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }) => {
    clearTimeout(late);
    for (const { functionName, location, url } of params.callFrames) {
      const at = url || urls.get(location.scriptId) || '';
      if (!at.startsWith(folder)) continue;
      const path = decodeURIComponent(at.slice(folder.length).split('?', 1)[0]);
      return found({ id: path.split('/', 1)[0], where: `${path}:${location.lineNumber + 1}${functionName ? ` (${functionName})` : ''}` });
    }
    session.post('Debugger.resume', () => session.post('Debugger.disable', () => setImmediate(() => session.disconnect())));
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
}

function keep(id, fault) {
  let all = {};
  try {
    all = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // The first one.
  }
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify({ ...all, [id]: fault })}\n`, { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}

let seen = Atomics.load(beats, 0);
let from = cpuMs();
let looked = false;
setInterval(() => {
  const count = Atomics.load(beats, 0);
  const cpu = cpuMs();
  if (count !== seen) {
    [seen, from, looked] = [count, cpu, false];
    return;
  }
  const ms = cpu - from;
  if (looked || ms < limitMs) return;
  looked = true;
  look(({ id, where }) => {
    try {
      keep(id, { at: Date.now(), ms, where });
      say(`platform ${id} never lets go of this worker: it is switched off, and the worker starts anew`, { platform: id, where, ms });
    } finally {
      // What is left of this process may have lost its place anywhere: whoever looks after it starts another.
      process.kill(process.pid, 'SIGKILL');
    }
  });
}, EVERY_MS);
