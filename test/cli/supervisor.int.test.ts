import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalDriver, type LocalHandle } from '../../runtime/drivers/local/local-driver.ts';
import { backoff, Supervisor, type Part, type SupervisorEvent } from '../../runtime/supervisor/supervisor.ts';

let dir: string;
let driver: LocalDriver;
let events: SupervisorEvent[];
const running: Supervisor<LocalHandle>[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-sup-'));
  driver = new LocalDriver({ runDir: join(dir, 'run'), logDir: join(dir, 'logs'), pollMs: 20 });
  events = [];
});
afterEach(async () => {
  for (const s of running.splice(0)) s.close();
  for await (const { handle } of driver.list()) await driver.stop(handle, 0);
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** A part that appends its name to `order` when it starts, and is ready once it has. */
function part(key: string, more: Partial<Part> & { script?: string } = {}): Part {
  const { script = 'setInterval(() => {}, 1000)', ...rest } = more;
  const say = `require("fs").appendFileSync(${JSON.stringify(join(dir, 'order'))}, "${key} ");`;
  return {
    key, vital: false, graceMs: 5000,
    spec: { command: process.execPath, args: ['-e', say + script], env: {}, cwd: dir },
    async ready(signal) {
      while (!order().includes(key)) await delay(10, undefined, { signal });
    },
    ...rest,
  };
}
const order = () => (existsSync(join(dir, 'order')) ? readFileSync(join(dir, 'order'), 'utf8') : '');
const types = () => events.map((e) => `${e.key} ${e.type}`);
function supervise(...parts: Part[]): Supervisor<LocalHandle> {
  const s = new Supervisor(driver, parts, (e) => void events.push(e));
  running.push(s);
  return s;
}
async function handleOf(key: string): Promise<LocalHandle | undefined> {
  for await (const each of driver.list()) if (each.key === key) return each.handle;
  return undefined;
}

it('starts in order, each when the one before is ready, and stops as told', async () => {
  const s = supervise(part('a'), part('b'), part('c'));
  expect(await s.start()).toBe(true);
  expect(order()).toBe('a b c ');
  expect(types()).toEqual(['a started', 'a ready', 'b started', 'b ready', 'c started', 'c ready']);
  s.close();
  await s.stop('b');
  expect(types().slice(6)).toEqual(['b stopping', 'b stopped']);
  expect(await handleOf('b')).toBeUndefined();
  expect(await driver.recover((await handleOf('a'))!)).toBe('running');
});

it('starts the next at once beside one that stands aside', async () => {
  const s = supervise(part('a', { aside: true, ready: async (signal) => {
    while (!order().includes('b')) await delay(10, undefined, { signal });
  } }), part('b'));
  expect(await s.start()).toBe(true);
  expect(types().filter((t) => t.endsWith('ready')).sort()).toEqual(['a ready', 'b ready']);
});

it('starts again what was killed', async () => {
  const s = supervise(part('a'));
  await s.start();
  const first = (await handleOf('a'))!;
  process.kill(first.pid!, 'SIGKILL');
  await expect.poll(() => order(), { timeout: 10_000 }).toBe('a a ');
  const exited = events.find((e) => e.type === 'exited')!;
  expect(exited).toMatchObject({ exit: { code: null, signal: 'SIGKILL' }, again: 250 });
  expect((await handleOf('a'))!.pid).not.toBe(first.pid);
});

it('waits longer each time something dies at once, and shows its last words', async () => {
  expect([0, 1, 2, 7, 30].map(backoff)).toEqual([250, 500, 1000, 30_000, 30_000]);
  const s = supervise(part('a', { script: 'console.log("I fail"); process.exitCode = 1' }));
  await s.start();
  await expect.poll(() => events.flatMap((e) => (e.type === 'exited' ? [e.again] : [])), { timeout: 10_000 }).toEqual([250, 500, 1000]);
  expect(events.find((e) => e.type === 'exited')).toMatchObject({ lastLines: ['I fail'] });
});

it.each([78, 2, 3])('gives up on exit code %i: starting again mends no setting', async (code) => {
  const s = supervise(part('a', { script: `process.exitCode = ${code}` }));
  void s.start();
  expect(await s.fatal).toEqual({ key: 'a', code });
  expect(events.at(-1)).toMatchObject({ type: 'exited', again: null });
});

it('adopts what an earlier one started, and notices its death', async () => {
  const first = supervise(part('a'));
  await first.start();
  const handle = await handleOf('a');
  first.close();
  events = [];
  const second = supervise(part('a'));
  await second.start();
  expect(types()).toEqual(['a adopted', 'a ready']);
  expect(await handleOf('a')).toEqual(handle);
  process.kill(handle!.pid!, 'SIGKILL');
  await expect.poll(() => order(), { timeout: 10_000 }).toBe('a a ');
});

it('goes on without a part that is late, but not without a vital one', async () => {
  const late = () => Promise.reject(new Error('no answer'));
  const s = supervise(part('a', { ready: late }), part('b'));
  expect(await s.start()).toBe(true);
  expect(events).toContainEqual({ type: 'late', key: 'a', why: 'no answer' });
  await expect(supervise(part('c', { ready: late, vital: true }), part('d')).start()).rejects.toThrow('no answer');
  expect(order()).not.toContain('d');
});

it('starts nothing more once it is closed', async () => {
  const s = supervise(part('a', { ready: (signal) => delay(60_000, undefined, { signal }) }), part('b'));
  const starting = s.start();
  await expect.poll(() => order()).toBe('a ');
  s.close();
  expect(await starting).toBe(false);
  expect(await handleOf('b')).toBeUndefined();
});
