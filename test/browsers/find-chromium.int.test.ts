import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'chromium-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));

const fake = (name: string, output: string) => {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\necho "${output}"\n`);
  chmodSync(path, 0o755);
  return path;
};

test('TROUPE_CHROMIUM wins, and one that does not run is named', async () => {
  const path = fake('mine', 'Chromium 199.0.1.2 built somewhere');
  expect(await findChromium({ ...process.env, TROUPE_CHROMIUM: path })).toEqual({ path, version: '199.0.1.2', major: 199 });
  await expect(findChromium({ TROUPE_CHROMIUM: join(dir, 'none') })).rejects.toThrow('TROUPE_CHROMIUM is');
});

test('the PATH is searched by name, and what is no Chromium is passed over', async () => {
  fake('chromium', 'hello');
  const chrome = fake('google-chrome', 'Google Chrome 201.2.3.4');
  expect((await findChromium({ PATH: dir })).path).toBe(chrome);
});
