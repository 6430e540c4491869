import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Config } from '../../runtime/config.ts';
import { openLocalDriver } from '../../runtime/drivers/open-local-driver.ts';
import { Operator } from '../../runtime/operator.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { ownConfig, serverEnv } from '../setup/running-server.ts';

let config: Config;
let child: ChildProcess;
let out = '';
beforeEach(async () => {
  const own = await ownConfig({ STOP_GRACE_MS: '5000', TROUPE_DEMO: '0', TROUPE_LOCAL_WORKER: '0', LOG_LEVEL: 'error', ...(process.env['TROUPE_NATS_SERVER'] && { TROUPE_NATS_SERVER: process.env['TROUPE_NATS_SERVER'] }) });
  config = own.config;
  child = spawn(join(packageRoot(), 'bin', 'troupe'), ['up'], { cwd: config.dataDir, env: { ...serverEnv(), HOME: config.dataDir, ...own.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const s of [child.stdout!, child.stderr!]) s.on('data', (d) => (out += String(d)));
});
afterEach(async () => {
  // Still alive it would start anew what is stopped here.
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const driver = openLocalDriver(config);
  for await (const { handle } of driver.list()) await driver.stop(handle, 0);
  rmSync(config.dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** The kernel refuses each of the server's writes, as on a full volume, while it can read and answer. */
const refuseWrites = (pid: string) => execFileSync('prlimit', ['--pid', pid, '--fsize=1:unlimited']);
const serverPid = () => readFileSync(join(config.dataDir, 'nats-server.pid'), 'utf8').trim();

it('restarts a nats-server that answers but stores nothing; commands say so meanwhile, and work again after', { timeout: 180_000 }, async () => {
  await expect.poll(() => out, { timeout: 90_000 }).toContain('Ctrl-C stops everything.');
  const operator = await Operator.open(config);
  const create = (id: string) => operator.command({ kind: 'account', id }, 'create', { platform: 'sandbox', name: id }, `make-${id}`).catch(() => null);
  expect(await create('before')).toMatchObject({ ok: true });
  const pid = serverPid();
  refuseWrites(pid);
  expect(await create('during')).toMatchObject({ ok: false, code: 'storage_full' });
  const from = performance.now();
  expect(await create('other')).toMatchObject({ ok: false, code: 'storage_full', message: expect.stringContaining('free space') });
  expect(performance.now() - from).toBeLessThan(1_000);
  expect(await operator.command({ kind: 'account', id: 'before' }, 'inspect', {})).toMatchObject({ ok: true });

  await expect.poll(() => out, { timeout: 60_000 }).toContain('stores nothing although its disk has room: restarting it');
  await expect.poll(() => create('other'), { timeout: 60_000, interval: 500 }).toMatchObject({ ok: true });
  expect(serverPid()).not.toBe(pid);
  // What was accepted before the fault, and what waited through it, are both there once.
  await expect.poll(() => create('during'), { timeout: 30_000 }).toMatchObject({ ok: true });
  expect(await operator.command({ kind: 'account', id: 'before' }, 'inspect', {})).toMatchObject({ ok: true });
  await operator.close();
});
