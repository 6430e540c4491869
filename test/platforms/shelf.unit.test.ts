import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';
import { probePlatforms } from '../../runtime/platform-check/probe-platforms.ts';
import { PlatformShelf } from '../../runtime/worker/platform-shelf.ts';

const OWN = ['douyin', 'sandbox', 'xiaohongshu'];
const LIMIT = 300;
let root: string;
let shelf: PlatformShelf | null = null;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'platforms-'));
});
afterEach(() => {
  shelf?.close();
  shelf = null;
  rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const good = (id: string, label: string) => `import { mark } from './mark.mjs';
const f = async () => mark;
export const create = () => ({ id: '${id}', label: '${label}', flows: [{ id: 'cookies', label: 'Cookies' }], can: { comments: true }, login: f, check: f, comments: f, messages: f, prepare: f, find: f });`;
function write(id: string, module: string, mark = 'one'): void {
  mkdirSync(join(root, id), { recursive: true });
  writeFileSync(join(root, id, 'config.json'), JSON.stringify({ platform: id, label: id, urls: {}, selectors: {}, timeouts: {} }));
  writeFileSync(join(root, id, 'mark.mjs'), `export const mark = '${mark}';`);
  writeFileSync(join(root, id, 'platform.mjs'), module);
}

test('whatever a plugin does while it is loaded, it alone is left out, with the reason', async () => {
  write('blocks', 'for (;;);');
  write('ends', 'process.exit(0);');
  write('fails', 'throw { not: "an error" };');
  write('fine', good('fine', 'Fine'));
  write('hangs', 'await new Promise(() => setInterval(() => {}, 1000));');
  write('made-badly', 'export const create = () => { throw new Error("create is broken"); };');
  write('never-made', 'export const create = () => new Promise(() => {});');
  const { list, leftOut } = await probePlatforms(root, LIMIT);
  expect(list.filter((p) => p.ok).map((p) => p.id)).toEqual([...OWN, 'fine']);
  expect(Object.fromEntries(list.filter((p) => !p.ok).map((p) => [p.id, p.reason]))).toEqual({
    blocks: expect.stringContaining('an endless loop'), ends: 'loading it ended the process', fails: 'it threw {"not":"an error"}', hangs: 'importing the module took over 0.3 s',
    'made-badly': 'create is broken', 'never-made': 'create took over 0.3 s',
  });
  expect([...leftOut.keys()]).toEqual(['blocks', 'ends']);
  expect(list.find((p) => p.id === 'fine')).toMatchObject({ label: 'Fine', own: false, flows: [{ id: 'cookies', label: 'Cookies' }], can: { comments: true } });
  // A worker that has them in its folder opens all the same.
  shelf = await PlatformShelf.open({ extra: root, watch: false, limitMs: LIMIT, log: () => undefined });
  expect(shelf.able).toEqual([...OWN, 'fine']);
  expect(() => shelf!.get('blocks')).toThrow('an endless loop');
});

test('a changed platform takes the place of the old, a broken change does not, and both are said', async () => {
  write('mine', good('mine', 'First'));
  const said: string[] = [];
  let changes = 0;
  shelf = await PlatformShelf.open({ extra: root, watch: true, lookMs: 100, limitMs: LIMIT, log: (_, message) => void said.push(message), changed: () => void changes++ });
  const running = shelf.get('mine').platform;
  expect(running.label).toBe('First');

  write('mine', good('mine', 'Second'));
  await expect.poll(() => shelf!.get('mine').platform.label, { timeout: 15_000 }).toBe('Second');
  // What runs keeps the one that it began with.
  expect(running.label).toBe('First');
  expect(changes).toBe(0);

  writeFileSync(join(root, 'mine', 'platform.mjs'), 'export const create = (');
  await expect.poll(() => shelf!.list.find((p) => p.id === 'mine')!.reason, { timeout: 15_000 }).toContain('its last change is broken');
  expect(shelf.get('mine').platform.label).toBe('Second');
  expect(said.at(-1)).toMatch(/^platform mine stays as it was/);

  write('other', good('other', 'Other'));
  await expect.poll(() => shelf!.able, { timeout: 15_000 }).toEqual([...OWN, 'mine', 'other']);
  rmSync(join(root, 'other'), { recursive: true });
  await expect.poll(() => shelf!.able, { timeout: 15_000 }).toEqual([...OWN, 'mine']);
  await expect.poll(() => changes, { timeout: 5000 }).toBe(2);
});

test('a folder with the name of a built-in one changes nothing', async () => {
  write('sandbox', good('sandbox', 'Mine now'));
  shelf = await PlatformShelf.open({ extra: root, watch: false, limitMs: LIMIT, log: () => undefined });
  expect(shelf.get('sandbox').platform.label).toBe('Sandbox');
});

test('what a changed platform imports is loaded anew with it', () => {
  write('mine', good('mine', 'Mine'));
  // In a process of its own: here the test runner imports in its own way.
  const script = `import { writeFileSync } from 'node:fs';
    const { loadExtra } = await import(process.argv[1]);
    const said = async () => (await loadExtra(process.argv[2], 'mine')).platform.check();
    const before = await said();
    writeFileSync(process.argv[2] + '/mine/mark.mjs', "export const mark = 'two';");
    console.log(before, await said());`;
  const load = pathToFileURL(join(packageRoot(), 'dist/platforms/load.js')).href;
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', script, load, root], { encoding: 'utf8' }).trim()).toBe('one two');
});
