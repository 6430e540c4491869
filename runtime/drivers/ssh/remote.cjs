'use strict';
// The part of the SSH driver that runs on the other machine: one request in, one framed line out. It arrives as text,
// with `require` and `request` in scope, and is the same for every request.
const fs = require('fs');
const path = require('path');
const net = require('net');
const crypto = require('crypto');
const childProcess = require('child_process');

const INHERITED = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|DISPLAY|XAUTHORITY|XDG_[A-Z_]+|DBUS_SESSION_BUS_ADDRESS|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|TROUPE_CHROMIUM)$/;
const MAX_READ = 1024 * 1024;
const KILL_WITHIN_MS = 5000;

class Refusal extends Error {
  constructor(kind, message, details) {
    super(message);
    this.kind = kind;
    this.details = details || {};
  }
}
const delay = (ms) => new Promise((done) => setTimeout(done, ms));
const now = () => Number(process.hrtime.bigint() / BigInt(1e6));
const inherited = () => Object.fromEntries(Object.entries(process.env).filter((e) => INHERITED.test(e[0])));

// Files: JSON written whole, read or null.
function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    return null;
  }
}
function writeJson(file, value) {
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  fs.renameSync(draft, file);
}
const remove = (file) => fs.rmSync(file, { force: true });
const handleFile = (dir) => path.join(dir, 'handle.json');
const exitFile = (dir, nonce) => path.join(dir, `exit-${nonce}.json`);
const failFile = (dir, nonce) => path.join(dir, `failed-${nonce}.json`);
const envFile = (dir, nonce) => path.join(dir, `env-${nonce}.json`);
const isFolder = (dir) => fs.existsSync(dir) && fs.statSync(dir).isDirectory();

// Processes, as /proc shows them.
const bootId = () => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
function statOf(pid) {
  try {
    const line = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const f = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return { pid, state: f[0], ppid: Number(f[1]), startTime: f[19], ticks: Number(f[11]) + Number(f[12]) };
  } catch (error) {
    return null;
  }
}
function liveStat(pid) {
  const stat = statOf(pid);
  return stat === null || stat.state === 'Z' || stat.state === 'X' ? null : stat;
}
function environ(pid, name) {
  try {
    const found = fs.readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').find((v) => v.startsWith(`${name}=`));
    return found === undefined ? null : found.slice(name.length + 1);
  } catch (error) {
    return null;
  }
}
const allPids = () => fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map(Number);
const keeperAlive = (nonce) => allPids().some((pid) => environ(pid, 'TROUPE_KEEPER') === nonce && liveStat(pid) !== null);
function isAlive(h) {
  if (h.pid === null || h.startTime === null || h.bootId !== bootId()) return false;
  const stat = liveStat(h.pid);
  return stat !== null && stat.startTime === h.startTime && environ(h.pid, 'TROUPE_NONCE') === h.nonce;
}
/** Every process with the nonce, and its descendants that carry no other. */
function treeOf(nonce) {
  const all = new Map();
  for (const pid of allPids()) {
    const stat = liveStat(pid);
    if (stat !== null) all.set(pid, stat);
  }
  const nonces = new Map([...all.keys()].map((pid) => [pid, environ(pid, 'TROUPE_NONCE')]));
  const ours = new Set([...all.keys()].filter((pid) => nonces.get(pid) === nonce));
  for (let grown = ours.size > 0; grown; ) {
    grown = false;
    for (const [pid, stat] of all) {
      if (ours.has(pid) || !ours.has(stat.ppid) || nonces.get(pid) !== null) continue;
      ours.add(pid);
      grown = true;
    }
  }
  ours.delete(process.pid);
  return [...ours].map((pid) => all.get(pid));
}
function send(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
async function killTree(nonce, withinMs) {
  const end = now() + withinMs;
  const seen = new Map();
  for (;;) {
    for (const p of treeOf(nonce)) seen.set(p.pid, p.startTime);
    const left = [...seen].filter(([pid, startTime]) => (liveStat(pid) || {}).startTime === startTime).map(([pid]) => pid);
    if (left.length === 0 || now() > end) return left;
    for (const pid of left) send(pid, 'SIGKILL');
    await delay(20);
  }
}

/** Where the handle's process is. A note without pid was left by a start under way, or by one that died. */
async function resolve(h, dir) {
  if (h.pid !== null) return isAlive(h) ? h : null;
  if (h.bootId !== bootId()) return null;
  for (const end = now() + KILL_WITHIN_MS; now() < end; await delay(20)) {
    const noted = readJson(handleFile(dir));
    if (noted !== null && noted.nonce === h.nonce && noted.pid !== null) return isAlive(noted) ? noted : null;
    const eldest = treeOf(h.nonce).sort((a, b) => Number(BigInt(a.startTime) - BigInt(b.startTime)) || a.pid - b.pid)[0];
    if (eldest === undefined && keeperAlive(h.nonce)) continue;
    if (eldest === undefined) return null;
    const whole = Object.assign({}, h, { pid: eldest.pid, startTime: eldest.startTime });
    writeJson(handleFile(dir), whole);
    return whole;
  }
  return null;
}

// Limits. The kernel's own lies above the configured one: at that one the worker is restarted in order, here the kernel ends it.
const HARD = 1.5;
const CGROUPS = '/sys/fs/cgroup';
const groupOf = (nonce) => `troupe-${nonce.slice(0, 16)}`;
const groupDirs = (nonce) => [path.join(CGROUPS, groupOf(nonce)), path.join(CGROUPS, 'memory', groupOf(nonce)), path.join(CGROUPS, 'cpu', groupOf(nonce))];
const hardBytes = (limits) => Math.round(limits.memoryMb * HARD) * 1048576;
/** The words before a command that put it into a scope of systemd; null where there is none to be had, or it would go with the login. */
function scopeOf(limits) {
  const run = onPath(['systemd-run']);
  if (run === null) return null;
  const root = process.getuid() === 0;
  const user = require('os').userInfo().username;
  // Without lingering, a user's scopes end with the user's last session.
  if (!root && !fs.existsSync(`/var/lib/systemd/linger/${user}`)) return null;
  const args = [...(root ? [] : ['--user']), '--scope', '--quiet', '--collect', '-p', `MemoryMax=${hardBytes(limits)}`, '-p', `CPUQuota=${Math.max(1, Math.round(limits.cpuCores * 100))}%`, '--'];
  const env = Object.assign({}, process.env, process.env.XDG_RUNTIME_DIR ? {} : { XDG_RUNTIME_DIR: `/run/user/${process.getuid()}` });
  const tried = childProcess.spawnSync(run, [...args, 'true'], { env, timeout: 3000, stdio: 'ignore' });
  return tried.status === 0 ? { command: run, args, env: { XDG_RUNTIME_DIR: env.XDG_RUNTIME_DIR } } : null;
}
/** Puts a process and all that it will start into a group of its own; false where this user may make none. */
function confine(nonce, pid, limits) {
  const quota = String(Math.round(limits.cpuCores * 100000));
  const [one, memory, cpu] = groupDirs(nonce);
  const plan = fs.existsSync(path.join(CGROUPS, 'cgroup.controllers'))
    ? [[one, [['memory.max', String(hardBytes(limits))], ['cpu.max', `${quota} 100000`]]]]
    : [[memory, [['memory.limit_in_bytes', String(hardBytes(limits))]]], [cpu, [['cpu.cfs_period_us', '100000'], ['cpu.cfs_quota_us', quota]]]];
  try {
    for (const [dir, files] of plan) {
      fs.mkdirSync(dir);
      for (const [file, value] of files) fs.writeFileSync(path.join(dir, file), value);
    }
    for (const [dir] of plan) fs.writeFileSync(path.join(dir, 'cgroup.procs'), String(pid));
    return true;
  } catch (error) {
    releaseGroup(nonce);
    return false;
  }
}
function releaseGroup(nonce) {
  for (const dir of groupDirs(nonce)) {
    try {
      fs.rmdirSync(dir);
    } catch (error) {
      continue;
    }
  }
}

/** A name in the kernel's abstract space is a lock that goes with its process. */
async function lock(dir, key) {
  const name = `\0troupe-${crypto.createHash('sha256').update(`${process.getuid()}:${fs.realpathSync(dir)}`).digest('hex').slice(0, 32)}`;
  for (const end = now() + 8000; ; await delay(20)) {
    const server = net.createServer();
    const taken = await new Promise((done, fail) => {
      server.once('error', (e) => (e.code === 'EADDRINUSE' ? done(false) : fail(e)));
      server.listen(name, () => done(true));
    });
    if (taken) return () => server.close();
    if (now() > end) throw new Refusal('busy', `${key} is being started by another connection: try again in a moment`);
  }
}

async function start(r) {
  const env = envFile(r.dir, r.nonce);
  try {
    const folder = fs.lstatSync(r.dir);
    if (!folder.isDirectory() || folder.uid !== process.getuid() || (folder.mode & 0o077) !== 0) throw new Refusal('bad-spec', `${r.dir} must be a folder of this user alone: remove it, or name another installDir`);
    const release = await lock(r.dir, r.key);
    try {
      return await startLocked(r);
    } finally {
      release();
    }
  } finally {
    remove(env);
  }
}

async function startLocked(r) {
  // Left by starts whose link died half-way.
  for (const name of fs.readdirSync(r.dir)) {
    const old = path.join(r.dir, name);
    if (/^(env|exit|failed)-/.test(name) && name !== `env-${r.nonce}.json` && Date.now() - fs.statSync(old).mtimeMs > 60000) remove(old);
  }
  const before = readJson(handleFile(r.dir));
  if (before !== null) {
    const alive = await resolve(before, r.dir);
    if (alive !== null) return alive;
    const left = await killTree(before.nonce, KILL_WITHIN_MS);
    if (left.length > 0) throw new Refusal('stuck', `what ${r.key} left behind can't be killed (pid ${left.join(', ')}): end it by hand`);
  }
  const spec = readJson(envFile(r.dir, r.nonce));
  if (spec === null) throw new Refusal('spawn', `${r.key}: its settings did not arrive: start it again`);
  if (!isFolder(spec.cwd)) throw new Refusal('bad-spec', `working directory ${spec.cwd} does not exist on that machine: make it, or name another`);
  const note = { key: r.key, nonce: r.nonce, bootId: bootId(), pid: null, startTime: null, startedAt: r.startedAt, dir: r.dir };
  writeJson(handleFile(r.dir), note);
  const keeper = childProcess.spawn(process.execPath, ['-e', r.loader], { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: Object.assign(inherited(), { TROUPE_KEEPER: r.nonce }) });
  keeper.on('error', () => {});
  keeper.stdin.on('error', () => {});
  keeper.stdin.end(`${r.program}\0${JSON.stringify({ op: 'keep', note, maxLogBytes: r.maxLogBytes })}`);
  for (const end = now() + 10000; now() < end; await delay(10)) {
    const failed = readJson(failFile(r.dir, r.nonce));
    if (failed !== null) {
      remove(failFile(r.dir, r.nonce));
      remove(handleFile(r.dir));
      throw new Refusal('spawn', `${r.key}: ${spec.command} can't be started in ${spec.cwd}: ${failed.why}`);
    }
    const noted = readJson(handleFile(r.dir));
    if (noted !== null && noted.nonce === r.nonce && noted.pid !== null) return noted;
  }
  throw new Refusal('spawn', `${r.key}: its process did not come up within 10 s`);
}

/** Stays beside the process: parent, keeper of its log's size, and witness of its end. */
function keep(r) {
  const { note } = r;
  const spec = readJson(envFile(note.dir, note.nonce));
  remove(envFile(note.dir, note.nonce));
  const log = path.join(note.dir, 'output.log');
  const fail = (why) => {
    writeJson(failFile(note.dir, note.nonce), { why });
    process.exit(1);
  };
  let child;
  try {
    if (fs.existsSync(log) && fs.statSync(log).size > 0) fs.renameSync(log, `${log}.1`);
    const fd = fs.openSync(log, 'a', 0o600);
    // systemd would tell of a command that is not there in words of its own.
    const there = spec.command.includes('/') ? fs.existsSync(spec.command) : onPath([spec.command]) !== null;
    const scope = spec.limits && there ? scopeOf(spec.limits) : null;
    const [command, args] = scope ? [scope.command, [...scope.args, spec.command, ...spec.args]] : [spec.command, spec.args];
    child = childProcess.spawn(command, args, { cwd: spec.cwd, detached: true, stdio: ['ignore', fd, fd], env: Object.assign(inherited(), scope ? scope.env : {}, spec.env, { TROUPE_NONCE: note.nonce }) });
    fs.closeSync(fd);
    if (spec.limits) note.limits = scope ? 'scope' : child.pid !== undefined && confine(note.nonce, child.pid, spec.limits) ? 'cgroup' : 'watched';
  } catch (error) {
    return fail(error.message);
  }
  child.once('error', (error) => child.pid === undefined && fail(error.message));
  if (child.pid === undefined) return;
  writeJson(handleFile(note.dir), Object.assign({}, note, { pid: child.pid, startTime: statOf(child.pid).startTime }));
  const bound = () => {
    try {
      if (fs.statSync(log).size <= r.maxLogBytes) return;
      fs.copyFileSync(log, `${log}.1`);
      fs.truncateSync(log, 0);
    } catch (error) {
      if (error.code === 'ENOSPC') fs.truncateSync(log, 0);
    }
  };
  setInterval(bound, 500);
  child.once('exit', (code, signal) => {
    try {
      bound();
      writeJson(exitFile(note.dir, note.nonce), { code, signal, at: Date.now() });
      releaseGroup(note.nonce);
    } finally {
      process.exit(0);
    }
  });
}

async function look(r) {
  const gone = [];
  const answers = [];
  for (const h of r.handles) {
    const alive = (await resolve(h, h.dir)) !== null;
    answers.push({ alive, exit: null });
    if (!alive) gone.push([h, answers[answers.length - 1]]);
  }
  // The witness may be a moment behind the end that we saw.
  for (const end = now() + 1500; gone.length > 0; await delay(20)) {
    for (const [h, answer] of gone) answer.exit = readJson(exitFile(h.dir, h.nonce));
    if (now() > end || gone.every(([h, answer]) => answer.exit !== null || h.bootId !== bootId() || !keeperAlive(h.nonce))) break;
  }
  for (const [h, answer] of gone) if (answer.exit === null) answer.exit = readJson(exitFile(h.dir, h.nonce));
  return answers;
}

async function term(r) {
  const alive = await resolve(r.handle, r.handle.dir);
  if (alive === null || !isAlive(alive)) return false;
  send(alive.pid, 'SIGTERM');
  return true;
}

async function kill(r) {
  const h = r.handle;
  const left = await killTree(h.nonce, KILL_WITHIN_MS);
  if (left.length > 0) throw new Refusal('stuck', `${h.key} can't be killed (pid ${left.join(', ')}): the kernel holds it, often a disk or network mount that hangs`);
  await look({ handles: [h] });
  releaseGroup(h.nonce);
  const noted = readJson(handleFile(h.dir));
  if (noted !== null && noted.nonce === h.nonce) remove(handleFile(h.dir));
  return null;
}

function readPart(file, since) {
  if (!fs.existsSync(file)) return { lines: [], next: 0 };
  const fd = fs.openSync(file, 'r');
  try {
    const size = fs.fstatSync(fd).size;
    const begin = since <= size ? since : 0;
    const from = Math.max(begin, size - MAX_READ);
    const buffer = Buffer.alloc(size - from);
    const body = buffer.subarray(0, fs.readSync(fd, buffer, 0, buffer.length, from));
    const end = body.lastIndexOf(10) + 1;
    const lines = body.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
    if (from > begin) lines.shift();
    return { lines, next: from + end };
  } finally {
    fs.closeSync(fd);
  }
}
function logs(r) {
  const log = path.join(r.dir, 'output.log');
  const page = readPart(log, r.sinceBytes || 0);
  const older = r.sinceBytes === undefined && page.lines.length < r.tail ? readPart(`${log}.1`, 0).lines : [];
  return { lines: r.tail > 0 ? older.concat(page.lines).slice(-r.tail) : [], next: page.next };
}

function rssBytes(pid) {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
    return found === null ? 0 : Number(found[1]) * 1024;
  } catch (error) {
    return 0;
  }
}
function stats(r) {
  const tree = treeOf(r.nonce);
  if (tree.length === 0) return null;
  return { rssBytes: tree.reduce((sum, p) => sum + rssBytes(p.pid), 0), ticks: tree.reduce((sum, p) => sum + p.ticks, 0), processes: tree.length, atMs: now() };
}

async function list(r) {
  if (!isFolder(r.runDir)) return [];
  const found = fs.readdirSync(r.runDir).map((key) => readJson(handleFile(path.join(r.runDir, key)))).filter((h) => h !== null);
  const handles = [];
  for (const h of found) handles.push((await resolve(h, h.dir)) || h);
  return handles;
}

function onPath(names) {
  for (const dir of (process.env.PATH || '').split(':')) for (const name of names) {
    const file = path.join(dir, name);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      if (fs.statSync(file).isFile()) return file;
    } catch (error) {
      continue;
    }
  }
  return null;
}
function probe(r) {
  const current = path.join(r.installDir, 'current');
  let version = null;
  try {
    version = path.basename(fs.readlinkSync(current));
  } catch (error) {
    version = null;
  }
  const whole = version !== null && fs.existsSync(path.join(current, 'package.json'));
  return { node: process.versions.node, chromium: process.env.TROUPE_CHROMIUM || onPath(r.browsers), version: whole ? version : null };
}

/** Unpacks the archive when its checksum is right, and lets `current` lead to it in one step. */
function install(r) {
  const versions = path.join(r.installDir, 'versions');
  const target = path.join(versions, r.version);
  const draft = `${target}.${process.pid}`;
  try {
    const sum = crypto.createHash('sha256').update(fs.readFileSync(r.archive)).digest('hex');
    if (sum !== r.sha256) throw new Refusal('spawn', `what arrived on that machine is not what was sent (sha256 ${sum.slice(0, 12)}… instead of ${r.sha256.slice(0, 12)}…): run the bootstrap again`);
    fs.mkdirSync(draft, { recursive: true, mode: 0o755 });
    const tar = childProcess.spawnSync('tar', ['-xzf', r.archive, '-C', draft, '--no-same-owner'], { encoding: 'utf8' });
    if (tar.error || tar.status !== 0) throw new Refusal('missing', `the bundle can't be unpacked on that machine: ${tar.error ? 'install tar and gzip' : tar.stderr.trim().slice(-300)}`);
    if (fs.existsSync(path.join(draft, 'node_modules', 'better-sqlite3'))) {
      const loads = childProcess.spawnSync(process.execPath, ['-e', 'new (require("better-sqlite3"))(":memory:")'], { cwd: draft, encoding: 'utf8' });
      if (loads.status !== 0) throw new Refusal('missing', `the bundle does not run on that machine with its Node ${process.versions.node} (${process.arch}): install the same Node version there as here, ${r.node}. ${/Error: (.*)/.exec(loads.stderr || '') ? /Error: (.*)/.exec(loads.stderr)[1].slice(0, 300) : ''}`.trim());
    }
    if (!fs.existsSync(path.join(target, 'package.json'))) {
      fs.rmSync(target, { recursive: true, force: true });
      fs.renameSync(draft, target);
    }
  } finally {
    remove(r.archive);
    fs.rmSync(draft, { recursive: true, force: true });
  }
  const link = path.join(r.installDir, `current.${process.pid}`);
  fs.symlinkSync(path.join('versions', r.version), link);
  fs.renameSync(link, path.join(r.installDir, 'current'));
  // Workers that still run load files of their own version now and then: the newest three stay.
  const old = fs.readdirSync(versions).map((name) => ({ name, at: fs.statSync(path.join(versions, name)).ctimeMs })).sort((a, b) => b.at - a.at).slice(3);
  for (const { name } of old) if (name !== r.version) fs.rmSync(path.join(versions, name), { recursive: true, force: true });
  return null;
}

const OPS = { start, look, term, kill, logs, stats, list, probe, install };
const reply = (body) => new Promise((done) => process.stdout.write(`\nTROUPE${JSON.stringify(Object.assign({ id: request.id }, body))}\n`, done));
async function answer() {
  try {
    const [major, minor] = process.versions.node.split('.').map(Number);
    if (major < 20 || (major === 20 && minor < 19)) throw new Refusal('missing', `Node ${process.versions.node} on that machine is too old: install Node 20.19 or newer there`);
    if (!fs.existsSync('/proc/self/environ')) throw new Refusal('missing', 'workers need Linux with /proc on that machine');
    await reply({ ok: true, value: await OPS[request.op](request) });
  } catch (error) {
    await reply({ ok: false, kind: error instanceof Refusal ? error.kind : 'spawn', message: error.message, details: error.details || {} });
  }
  process.exit(0);
}
if (request.op === 'keep') keep(request);
else void answer();
