import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { memoryLimitOf } from '../../runtime/drivers/local/cgroup.ts';
import { LocalDriver, type LocalHandle } from '../../runtime/drivers/local/local-driver.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { driverCases } from '../contracts/driver.case.ts';

const home = () => mkdtempSync(join(tmpdir(), 'troupe-local-'));
const at = (dir: string, more = {}) => new LocalDriver({ runDir: join(dir, 'run'), logDir: join(dir, 'logs'), pollMs: 20, ...more });

driverCases('local', async () => {
  const dir = home();
  return { make: () => at(dir), close: async () => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }) };
});

let dir: string;
let driver: LocalDriver;
const handles: LocalHandle[] = [];
beforeEach(() => {
  dir = home();
  driver = at(dir);
});
afterEach(async () => {
  for (const h of handles.splice(0)) await driver.stop(h, 0);
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
const start = async (script: string, key = 'w', env: Record<string, string> = {}) => {
  const handle = await driver.start({ command: process.execPath, args: ['-e', script], env, cwd: dir }, key);
  handles.push(handle);
  return handle;
};
const linesOf = async (h: LocalHandle) => (await driver.logs(h, { tail: 1000 })).lines;

it('never touches a stranger: other start time, other boot, other nonce', async () => {
  const handle = await start('process.on("SIGTERM", () => { console.log("hit"); process.exit() }); setInterval(() => {}, 1000); console.log("up")');
  await expect.poll(() => linesOf(handle)).toContain('up');
  const strangers = [
    { ...handle, startTime: String(BigInt(handle.startTime!) + 1n), nonce: 'ffff' },
    { ...handle, bootId: '00000000-0000-0000-0000-000000000000', nonce: 'ffff' },
    { ...handle, nonce: 'ffff' },
    { ...handle, pid: 1, nonce: 'ffff' },
  ];
  for (const stranger of strangers) {
    expect(await driver.recover(stranger)).toBe('gone');
    expect(await driver.wait(stranger, new AbortController().signal)).toMatchObject({ code: null });
    await driver.stop(stranger, 200);
  }
  expect(await driver.recover(handle)).toBe('running');
  expect(await linesOf(handle)).toEqual(['up']);
});

it('counts a zombie as gone', async () => {
  const handle = await start('const { spawn } = require("child_process"); const c = spawn("sleep", ["60"]); console.log("pid " + c.pid); setInterval(() => {}, 1000)');
  await expect.poll(async () => (await linesOf(handle)).join()).toMatch(/pid \d+/);
  const pid = Number(/pid (\d+)/.exec((await linesOf(handle)).join())![1]);
  // Stopped, the parent can't collect its child.
  process.kill(handle.pid!, 'SIGSTOP');
  const startTime = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19]!;
  const child = { ...handle, pid, startTime };
  expect(await driver.recover(child)).toBe('running');
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
  expect(await driver.recover(child)).toBe('gone');
});

it('outlives its parent: a chatty child goes on when its starter is killed', async () => {
  const program = `
    import { LocalDriver } from ${JSON.stringify(join(packageRoot(), 'dist/runtime/drivers/local/local-driver.js'))};
    const d = new LocalDriver({ runDir: ${JSON.stringify(join(dir, 'run'))}, logDir: ${JSON.stringify(join(dir, 'logs'))} });
    const h = await d.start({ command: process.execPath, args: ['-e', 'let i = 0; setInterval(() => console.log("tick " + ++i), 5)'], env: {}, cwd: ${JSON.stringify(dir)} }, 'chatty');
    console.log(JSON.stringify(h));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
  const handle = JSON.parse(chunk.toString()) as LocalHandle;
  handles.push(handle);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  const at = (await linesOf(handle)).length;
  await expect.poll(async () => (await linesOf(handle)).length).toBeGreaterThan(at + 20);
  expect(await driver.recover(handle)).toBe('running');
  expect(await driver.start({ command: 'false', args: [], env: {}, cwd: dir }, 'chatty')).toEqual(handle);
});

it('finds a process whose starter died before it could note the pid', async () => {
  const handle = await start('setInterval(() => {}, 1000)');
  const file = join(dir, 'run', 'w.json');
  writeFileSync(file, JSON.stringify({ ...handle, pid: null, startTime: null }));
  const next = at(dir);
  expect(await next.start({ command: 'false', args: [], env: {}, cwd: dir }, 'w')).toEqual(handle);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(handle);
});

it('reaps what a killed process left behind before it starts the next', async () => {
  const handle = await start('const c = require("child_process").spawn("sleep", ["1000"], { detached: true }); console.log("pid " + c.pid); setInterval(() => {}, 1000)');
  await expect.poll(async () => (await linesOf(handle)).join()).toMatch(/pid \d+/);
  const pid = Number(/pid (\d+)/.exec((await linesOf(handle)).join())![1]);
  process.kill(handle.pid!, 'SIGKILL');
  expect(await driver.wait(handle, new AbortController().signal)).toMatchObject({ code: null, signal: 'SIGKILL' });
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  await start('setInterval(() => {}, 1000)');
  expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
});

it('leaves alone a child that another driver started inside: it has a nonce of its own', async () => {
  const outer = await start('const c = require("child_process").spawn("sleep", ["1000"], { detached: true, env: { ...process.env, TROUPE_NONCE: "inner-" + process.env.TROUPE_NONCE } }); c.unref(); console.log("pid " + c.pid); setInterval(() => {}, 1000)');
  await expect.poll(async () => (await linesOf(outer)).join()).toMatch(/pid \d+/);
  const pid = Number(/pid (\d+)/.exec((await linesOf(outer)).join())![1]);
  await driver.stop(outer, 0);
  expect(existsSync(`/proc/${pid}/exe`)).toBe(true);
  process.kill(pid, 'SIGKILL');
});

it('keeps logs bounded while it waits, and the writer writes on', async () => {
  driver = at(dir, { maxLogBytes: 20_000 });
  const handle = await start('const s = "x".repeat(99); let n = 0; const t = setInterval(() => { for (let i = 0; i < 50; i++) console.log(s); if (++n === 40) { console.log("end"); clearInterval(t) } }, 25)');
  await driver.wait(handle, new AbortController().signal);
  expect(statSync(handle.log).size).toBeLessThan(60_000);
  expect(statSync(`${handle.log}.1`).size).toBeLessThan(60_000);
  expect((await linesOf(handle)).at(-1)).toBe('end');
});

it('passes an allow-listed environment only', async () => {
  process.env['SOME_TOKEN'] = 'canary-7f';
  process.env['NODE_OPTIONS_X'] = 'canary-7f';
  try {
    const handle = await start('console.log(JSON.stringify(process.env))', 'w', { MINE: '1' });
    await driver.wait(handle, new AbortController().signal);
    const text = (await linesOf(handle)).join();
    expect(text).not.toContain('canary-7f');
    expect(JSON.parse(text)).toMatchObject({ MINE: '1', PATH: process.env['PATH'], TROUPE_NONCE: handle.nonce });
  } finally {
    delete process.env['SOME_TOKEN'];
    delete process.env['NODE_OPTIONS_X'];
  }
});

it('keeps its files to itself', async () => {
  const handle = await start('console.log("x")');
  await driver.wait(handle, new AbortController().signal);
  for (const file of [handle.log, join(dir, 'run', 'w.json')]) expect(statSync(file).mode & 0o077, file).toBe(0);
});

it('keeps a process within its memory where the kernel can, with room above the limit at which it is restarted in order', async (t) => {
  const limits = { memoryMb: 100, cpuCores: 1 };
  const eat = 'const kept = []; console.log("up"); setInterval(() => { kept.push(Buffer.alloc(20e6, 1)); console.log(kept.length) }, 20)';
  const handle = await driver.start({ command: process.execPath, args: ['-e', eat], env: {}, cwd: dir, limits }, 'hungry');
  handles.push(handle);
  await expect.poll(() => linesOf(handle)).toContain('up');
  if (memoryLimitOf(handle.nonce) === null) return t.skip('this machine gives no cgroups to this user: memory is watched only');
  expect(memoryLimitOf(handle.nonce)).toBe(150 * 1_048_576);
  expect(await driver.wait(handle, AbortSignal.timeout(30_000))).toMatchObject({ signal: 'SIGKILL' });
  await driver.stop(handle, 0);
  expect(memoryLimitOf(handle.nonce)).toBeNull();
});
