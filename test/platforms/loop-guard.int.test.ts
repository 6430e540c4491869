import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PlatformList } from '../../runtime/http/platform-list.ts';
import { loopFaults, loopFaultsFile } from '../../runtime/platform-check/loop-faults.ts';
import { PlatformShelf } from '../../runtime/worker/platform-shelf.ts';
import { built } from '../harness/stage.ts';

let dir: string;
let root: string;
let file: string;
const closing: { close(): void }[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'loops-'));
  root = join(dir, 'platforms');
  file = loopFaultsFile(dir);
  mkdirSync(join(root, 'rude'), { recursive: true });
});
afterEach(() => {
  for (const c of closing.splice(0)) c.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** A process with the guard that calls `work` of the platform rude, beside a beat of its own. */
async function guarded(work: string, more = ''): Promise<{ code: number | null; signal: string | null; out: string }> {
  writeFileSync(join(root, 'rude', 'platform.mjs'), `export async function work(wait) {\n  await wait;\n  ${work}\n}\n`);
  const main = `import { LoopGuard } from ${JSON.stringify(pathToFileURL(built('runtime', 'worker', 'loop-guard.js')).href)};
import { work } from ${JSON.stringify(pathToFileURL(join(root, 'rude', 'platform.mjs')).href)};
const guard = new LoopGuard({ root: ${JSON.stringify(root)}, file: ${JSON.stringify(file)}, limitMs: 600, failed: (why) => console.log('failed', why) });
${more}
await work(new Promise((done) => setTimeout(done, 300)));
await guard.stop();
console.log('went on');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', main], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const s of [child.stdout, child.stderr]) s.on('data', (d) => (out += String(d)));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, out };
}
const platform = `const f = async () => 'ok';\nexport const create = () => ({ id: 'rude', label: 'Rude', flows: [{ id: 'cookies', label: 'Cookies' }], can: { comments: true }, login: f, check: f, comments: f, messages: f, prepare: f, find: f });\n`;

it.each([['a loop', 'for (let x = 0; ; ) x++;'], ['one that catches what is thrown', 'for (;;) try { JSON.parse("["); } catch { continue; }'], ['an expression that backtracks for ever', '/(a+)+b/.test("a".repeat(80));']])('%s without an end ends its process, which says whose it was and where', async (_, work) => {
  const { signal, out } = await guarded(work);
  expect([signal, out]).toEqual(['SIGKILL', expect.stringContaining('platform rude never lets go of this worker')]);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ rude: { at: expect.any(Number), ms: expect.any(Number), where: 'rude/platform.mjs:3 (work)' } });
}, 30_000);

it('what only takes its time, sleeps, or computes outside of a platform is let be', async () => {
  expect(await guarded('for (const end = performance.now() + 300; performance.now() < end; );')).toMatchObject({ code: 0, out: expect.stringContaining('went on') });
  // Held without CPU time: the whole process may have been asleep.
  expect(await guarded('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);')).toMatchObject({ code: 0, out: expect.stringContaining('went on') });
  expect(await guarded('return;', 'for (const end = performance.now() + 2_000; performance.now() < end; );')).toMatchObject({ code: 0, out: expect.stringContaining('went on') });
  expect(existsSync(file)).toBe(false);
}, 30_000);

it('one that did so is left out by worker and page until a file of its folder changes', async () => {
  writeFileSync(join(root, 'rude', 'config.json'), JSON.stringify({ platform: 'rude', label: 'Rude', urls: {}, selectors: {}, timeouts: {} }));
  writeFileSync(join(root, 'rude', 'platform.mjs'), platform);
  const said: string[] = [];
  const shelf = await PlatformShelf.open({ extra: root, loops: file, watch: true, lookMs: 100, log: (_, message) => void said.push(message) });
  const list = new PlatformList({ extra: root, loops: file, known: [], changed: () => {}, failed: (why) => void said.push(why) });
  closing.push(shelf, list);
  await expect.poll(() => list.ids, { timeout: 10_000 }).toContain('rude');
  expect(shelf.able).toContain('rude');

  // Another worker of this machine has found out: nobody need find out again.
  writeFileSync(file, JSON.stringify({ rude: { at: Date.now() + 1, ms: 5_200, where: 'rude/platform.mjs:3 (check)' }, nonsense: 7 }));
  await expect.poll(() => shelf.able, { timeout: 10_000 }).not.toContain('rude');
  expect(() => shelf.get('rude')).toThrow(/held its worker for 5 s at rude\/platform\.mjs:3 \(check\), a loop without an end, and is switched off since 20/);
  await expect.poll(() => list.list.find((p) => p.id === 'rude'), { timeout: 10_000 }).toMatchObject({ ok: false, reason: expect.stringContaining('as soon as a file of its folder changes') });

  writeFileSync(join(root, 'rude', 'platform.mjs'), `${platform}// mended\n`);
  await expect.poll(() => shelf.able, { timeout: 10_000 }).toContain('rude');
  await expect.poll(() => list.ids, { timeout: 10_000 }).toContain('rude');
  // With an old date it is a change all the same.
  writeFileSync(file, JSON.stringify({ rude: { at: Date.now() - 1_000, ms: 5_200, where: 'x' } }));
  utimesSync(join(root, 'rude', 'platform.mjs'), 1, 1);
  expect([...loopFaults(file, root)]).toEqual([]);
  // And so is one of a file further down.
  writeFileSync(file, JSON.stringify({ rude: { at: Date.now() + 1, ms: 5_200, where: 'x' } }));
  expect([...loopFaults(file, root).keys()]).toEqual(['rude']);
  mkdirSync(join(root, 'rude', 'lib'));
  await expect.poll(() => (writeFileSync(join(root, 'rude', 'lib', 'parts.mjs'), ''), [...loopFaults(file, root)])).toEqual([]);
}, 60_000);
