import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';

type Ended = { code: number; out: string; err: string };
const main = join(packageRoot(), 'dist/runtime/main.js');
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'platforms-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));

const troupe = (...args: string[]): Promise<Ended> =>
  new Promise((done) => {
    const { TROUPE_PLATFORMS_DIR: _, ...env } = process.env;
    execFile(process.execPath, [main, 'platform', ...args], { cwd: root, env: { ...env, TROUPE_DATA_DIR: join(root, '.data'), TROUPE_NATS_SERVER: env['TROUPE_NATS_SERVER'] ?? '' } }, (error, out, err) => done({ code: error ? Number(error.code) : 0, out, err }));
  });

test('a new platform passes its own check, and what is then broken is named', async () => {
  const made = await troupe('new', 'shop', '--dir', 'mine');
  expect([made.code, made.err]).toEqual([0, '']);
  expect(statSync(join(root, 'mine/shop/platform.js')).mode & 0o022).toBe(0);
  const checked = await troupe('check', 'shop', '--dir', 'mine');
  expect(checked.out).toContain('shop keeps the contract');
  expect(checked.out).not.toContain('✗');
  expect(checked.code).toBe(0);

  const path = join(root, 'mine/shop/config.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace("input[name=password]", '.no-such-field'));
  const report = await troupe('check', 'shop', '--dir', 'mine', '--json');
  expect(report.code).toBe(1);
  const { results } = JSON.parse(report.out) as { results: { name: string; ok: boolean; why: string | null }[] };
  expect(results.filter((r) => !r.ok)).toEqual([{ name: 'logs in, shows a dead code anew, and then holds a session', ok: false, ms: expect.any(Number), why: expect.stringMatching(/^element-not-found: no loginPassword on .*tried \.no-such-field.*see config.json/) }]);
});

test('a config.json is checked field by field before any browser starts', async () => {
  await troupe('new', 'bare', '--generic', '--dir', 'mine');
  const path = join(root, 'mine/bare/config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as { selectors: Record<string, string[]>; urls: Record<string, string> };
  delete config.selectors['replySend'];
  config.urls['base'] = 'nowhere';
  writeFileSync(path, JSON.stringify(config));
  const { code, out } = await troupe('check', 'bare', '--dir', 'mine');
  expect(code).toBe(1);
  expect(out).toContain('urls.base: must be an http or https address');
  config.urls['base'] = 'https://site.example';
  writeFileSync(path, JSON.stringify(config));
  expect((await troupe('check', 'bare', '--dir', 'mine')).out).toContain('selectors.replySend: is missing: urls.comment needs it');
});

test('used wrongly it says what to do; the list names what is not usable', async () => {
  expect(await troupe()).toMatchObject({ code: 2, err: expect.stringContaining('list|check|new') });
  expect(await troupe('check', 'nobody', '--dir', 'mine')).toMatchObject({ code: 2, err: expect.stringContaining('built in are douyin, sandbox, xiaohongshu') });
  expect(await troupe('new', 'Bad Name', '--dir', 'mine')).toMatchObject({ code: 2, err: expect.stringContaining('no name of a platform') });
  expect(await troupe('new', 'generic', '--dir', 'mine')).toMatchObject({ code: 2, err: expect.stringContaining('built in') });
  expect(await troupe('new', 'shop', '--dir', 'mine')).toMatchObject({ code: 2, err: expect.stringContaining('left as it is') });
  writeFileSync(join(root, 'mine/shop/platform.js'), 'for (');
  const listed = await troupe('list', '--dir', 'mine', '--json');
  expect(listed.code).toBe(1);
  const { platforms } = JSON.parse(listed.out) as { platforms: { id: string; ok: boolean }[] };
  expect(platforms.map((p) => [p.id, p.ok])).toEqual([['douyin', true], ['sandbox', true], ['xiaohongshu', true], ['bare', false], ['shop', false]]);
});
