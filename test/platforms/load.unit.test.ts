import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadPlatforms } from '../../platforms/load.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'platforms-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));

const config = (id: string) => JSON.stringify({ platform: id, label: id, urls: {}, selectors: {}, timeouts: {} });
const GOOD = (id: string) => `const f = async () => null;
export const create = () => ({ id: '${id}', label: 'x', flows: [], can: {}, login: f, check: f, comments: f, messages: f, prepare: f, find: f });`;
const add = (id: string, module: string | null, json: string | null = config(id)) => {
  mkdirSync(join(root, id));
  if (module !== null) writeFileSync(join(root, id, 'platform.mjs'), module);
  if (json !== null) writeFileSync(join(root, id, 'config.json'), json);
};
const reasonOf = async (id: string) => (await loadPlatforms(root)).find((p) => p.id === id)?.reason;

test('the three built-in platforms load and base is not one of them', async () => {
  const loaded = await loadPlatforms('');
  expect(loaded.map((p) => [p.id, p.ok, p.reason])).toEqual([['douyin', true, null], ['sandbox', true, null], ['xiaohongshu', true, null]]);
});

test('a platform of the extra folder loads beside bad ones', async () => {
  add('good', GOOD('good'));
  add('throws', 'throw new Error("broken at import");');
  add('empty', null);
  add('shapeless', 'export const create = () => ({ id: "shapeless" });');
  add('base', GOOD('base'));
  add('wrong-name', GOOD('wrong-name'), config('other'));
  add('no-json', GOOD('no-json'), '{"platform": ');
  add('bad-field', GOOD('bad-field'), JSON.stringify({ platform: 'bad-field', label: 'x', urls: {}, selectors: { qrCode: 'not a list' }, timeouts: {} }));
  add('sandbox', GOOD('sandbox'));
  const loaded = await loadPlatforms(root);
  expect(loaded.filter((p) => p.ok).map((p) => p.id)).toEqual(['douyin', 'sandbox', 'xiaohongshu', 'good']);
  const reason = (id: string) => loaded.findLast((p) => p.id === id)?.reason;
  expect(reason('throws')).toBe('broken at import');
  expect(reason('empty')).toContain('no platform.js');
  expect(reason('shapeless')).toContain('lacks login');
  expect(reason('wrong-name')).toContain('names platform "other"');
  expect(reason('no-json')).toContain('config.json is not JSON');
  expect(reason('bad-field')).toContain('selectors.qrCode');
  expect(reason('sandbox')).toContain('built-in');
  expect(loaded.some((p) => p.id === 'base')).toBe(false);
});

test('a link out of the folder and files that others may write are refused', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'outside-'));
  writeFileSync(join(outside, 'platform.mjs'), GOOD('linked'));
  writeFileSync(join(outside, 'config.json'), config('linked'));
  symlinkSync(outside, join(root, 'linked'));
  add('open', GOOD('open'));
  chmodSync(join(root, 'open', 'platform.mjs'), 0o666);
  expect(await reasonOf('linked')).toContain('leads outside');
  expect(await reasonOf('open')).toContain('chmod go-w');
  chmodSync(root, 0o777);
  expect((await loadPlatforms(root)).find((p) => p.id === 'extra')?.reason).toContain('chmod go-w');
  rmSync(outside, { recursive: true, maxRetries: 20, retryDelay: 100 });
});

test('a folder that is not there is said and stops nothing', async () => {
  const loaded = await loadPlatforms(join(root, 'nowhere'));
  expect(loaded.filter((p) => p.ok)).toHaveLength(3);
  expect(loaded.find((p) => p.id === 'extra')?.reason).toContain('nowhere');
});
