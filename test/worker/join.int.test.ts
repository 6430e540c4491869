import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, expect, it } from 'vitest';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { natsLogin, workerLogin } from '../../runtime/nats-login.ts';
import { serverReady, tryServer } from '../../runtime/nats-server/server-ready.ts';
import { writeUsers } from '../../runtime/nats-server/users.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { loadSecrets } from '../../runtime/secrets.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';
import { freePort, ownConfig, serverEnv } from '../setup/running-server.ts';

let stage: Stage | null = null;
const children: ChildProcess[] = [];
const dirs: string[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await stage?.close();
  stage = null;
  for (const d of dirs.splice(0)) rmSync(d, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

async function worker(of: Stage, env: Record<string, string>) {
  const home = mkdtempSync(join(tmpdir(), 'troupe-join-'));
  dirs.push(home);
  const port = await freePort();
  const child = spawn(join(packageRoot(), 'bin', 'troupe'), ['worker'], {
    cwd: home, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...serverEnv(), HOME: home, TROUPE_DATA: join(home, 'data'), NATS_URL: of.config.nats.servers[0]!, WORKER_PSK_FILE: of.config.nats.pskFile, WORKER_PORT: String(port), TROUPE_CHROMIUM: (await findChromium()).path, ...env },
  });
  children.push(child);
  const run = { child, port, out: '' };
  for (const s of [child.stdout, child.stderr]) s.on('data', (d: Buffer) => (run.out += d.toString()));
  return run;
}

it('a worker that nobody has defined joins by the pre-shared key, with the groups that it was given', async () => {
  stage = await openStage();
  await stage.master();
  const run = await worker(stage, { WORKER_ID: 'fresh-7', WORKER_GROUP: 'gpu,high-mem', GROUP_STRICT: '1' });
  const seen = () => {
    const db = new Database(stage!.config.dbPath, { readonly: true });
    const row = db.prepare("SELECT status, groups FROM workers WHERE id = 'fresh-7'").get();
    db.close();
    return row as { status: string; groups: string } | undefined;
  };
  await until(() => seen()?.status === 'connected', 'it has joined', 30_000);
  expect(JSON.parse(seen()!.groups)).toEqual(['gpu', 'high-mem']);
  // It says goodbye: nobody waits 25 s for its silence.
  await until(() => fetch(`http://127.0.0.1:${run.port}/healthz`).then((r) => r.ok, () => false), 'it hears signals');
  run.child.kill('SIGTERM');
  await until(() => seen()?.status === 'disconnected', 'it is known to have ended', 8_000);
}, 60_000);

it('a worker that is there before NATS joins when it comes', async () => {
  stage = await openStage();
  await stage.master();
  await stage.killServer();
  const run = await worker(stage, { WORKER_ID: 'early-1' });
  // Long enough for an attempt to have failed.
  await until(() => run.out.includes('waits for NATS'), 'it waits', 30_000);
  await stage.startServer();
  const known = () => stage!.rows<{ status: string }>("SELECT status FROM workers WHERE id = 'early-1'")[0]?.status;
  await until(() => known() === 'connected', 'it has joined', 60_000);
}, 120_000);

it('one with another key is told so, and ends with 78', async () => {
  stage = await openStage();
  await stage.master();
  const dir = mkdtempSync(join(tmpdir(), 'troupe-key-'));
  dirs.push(dir);
  writeFileSync(join(dir, 'psk'), 'x'.repeat(40), { mode: 0o600 });
  const run = await worker(stage, { WORKER_ID: 'stranger', WORKER_PSK_FILE: join(dir, 'psk') });
  const [code] = await once(run.child, 'exit');
  expect(code).toBe(78);
  expect(run.out).toContain('must hold the masters\' key');
}, 60_000);

it('the server that `troupe nats --follow-users` runs takes a new user as soon as it is in the file, whoever wrote it', async () => {
  const own = await ownConfig(process.env['TROUPE_NATS_SERVER'] ? { TROUPE_NATS_SERVER: process.env['TROUPE_NATS_SERVER'] } : {});
  dirs.push(own.config.dataDir);
  const secrets = loadSecrets(own.config);
  const child = spawn(join(packageRoot(), 'bin', 'troupe'), ['nats', '--follow-users'], { cwd: own.config.dataDir, env: { ...serverEnv(), ...own.env }, stdio: 'ignore' });
  children.push(child);
  await serverReady(natsLogin(own.config, 'master'), 15_000);
  expect(await tryServer(workerLogin(own.config, 'late-1'), false)).toMatchObject({ is: 'refused' });
  writeUsers(own.config, secrets, 'late-1');
  await until(async () => (await tryServer(workerLogin(own.config, 'late-1'), false)).is === 'ready', 'the new user is taken', 10_000);
  // Killed it would leave its server.
  child.kill('SIGTERM');
  await once(child, 'exit');
}, 60_000);
