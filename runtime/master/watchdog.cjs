'use strict';
// Runs in a thread of its own: a loop that stands still can't say so itself. `workerData` is {beats, limitMs, part}.
const { writeSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');

const EVERY_MS = 100;
const { limitMs, part } = workerData;
const beats = new Int32Array(workerData.beats);

let seen = Atomics.load(beats, 0);
let movedAt = performance.now();
let lookedAt = movedAt;
let reported = false;
// This thread stood still too: the whole process was stopped, or the machine.
let slept = false;

// Straight to the file: what a thread prints goes through the very loop that stands still.
const say = (level, msg, about) => {
  try {
    writeSync(2, `${JSON.stringify({ level, time: Date.now(), pid: process.pid, part, ...about, msg })}\n`);
  } catch {
    // Nobody reads it.
  }
};

setInterval(() => {
  const now = performance.now();
  slept ||= now - lookedAt > limitMs;
  lookedAt = now;
  const count = Atomics.load(beats, 0);
  const still = Math.round(now - movedAt);
  if (count === seen) {
    if (reported || slept || still < limitMs) return;
    reported = true;
    say(50, `the event loop of the ${part} stands still`, { stillMs: still });
    return;
  }
  seen = count;
  movedAt = now;
  if (!reported && !slept) return;
  reported = slept = false;
  say(40, `the event loop of the ${part} runs again`, { stillMs: still });
  parentPort.postMessage({ stillMs: still });
}, EVERY_MS);
