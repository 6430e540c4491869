import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';
import { ownConfig, serverEnv } from '../setup/running-server.ts';

// The built program: `npm test` builds before it runs the tests.
const bin = join(packageRoot(), 'bin', 'troupe');
let dir: string;
let env: Record<string, string>;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-cli-'));
  env = { ...(await ownConfig()).env, ...serverEnv(), HOME: dir, ...(process.env['TROUPE_NATS_SERVER'] && { TROUPE_NATS_SERVER: process.env['TROUPE_NATS_SERVER'] }) };
});
afterAll(() => {
  rmSync(env['TROUPE_DATA']!, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
const troupe = (args: string[], more: Record<string, string> = {}) => spawnSync(bin, args, { cwd: dir, env: { ...env, ...more }, encoding: 'utf8' });

it('runs through a link from anywhere', () => {
  const link = join(dir, 'troupe');
  symlinkSync(bin, link);
  expect(spawnSync(link, ['--version'], { cwd: '/', env, encoding: 'utf8' }).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

it('ends quietly when its reader leaves', async () => {
  const child = spawn('sh', ['-c', `${bin} --help | true; ${bin} doctor --json | head -n 1`], { cwd: dir, env });
  let err = '';
  child.stderr.on('data', (d) => (err += String(d)));
  await once(child, 'close');
  expect(err).toBe('');
});

it('examines the machine, and ends with 1 when something fails', () => {
  const good = troupe(['doctor', '--json']);
  const findings = JSON.parse(good.stdout) as { check: string; is: string; what: string; fix: string }[];
  expect(findings.map((f) => f.check)).toEqual(['node', 'settings', 'better-sqlite3', 'data folder', 'disk', 'secrets', 'nats-server', 'nats', 'chromium', 'ports', 'clock']);
  expect(findings.find((f) => f.check === 'nats-server')).toMatchObject({ is: 'ok', fix: '' });
  expect(good.status).toBe(findings.some((f) => f.is === 'fail') ? 1 : 0);
  const bad = troupe(['doctor'], { TROUPE_NATS_SERVER: '/bin/true' });
  expect(bad.status).toBe(1);
  expect(bad.stdout).toMatch(/fail {2}nats-server +TROUPE_NATS_SERVER=\/bin\/true: is not a nats-server/);
  expect(bad.stdout).toMatch(/-> install nats-server 2\.12/);
});

it('refuses an old nats-server with one sentence and code 78', () => {
  const old = join(dir, 'old-nats-server');
  writeFileSync(old, '#!/bin/sh\necho nats-server: v2.10.27\n', { mode: 0o755 });
  const { status, stderr } = troupe(['up'], { TROUPE_NATS_SERVER: old });
  expect(status).toBe(78);
  expect(stderr).toBe(`troupe: TROUPE_NATS_SERVER=${old}: is nats-server 2.10.27, Troupe needs 2.12.0 or newer; name a newer one, or unset it\n`);
});

it('reads .env of the folder it runs in, under the environment', () => {
  writeFileSync(join(dir, '.env'), 'LOG_LEVEL=loud\nPORT=70000\n');
  const { status, stderr } = troupe(['doctor']);
  rmSync(join(dir, '.env'));
  expect(status).toBe(78);
  expect(stderr).toBe('troupe: LOG_LEVEL="loud": must be one of trace, debug, info, warn, error, fatal\n');
});
