import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';
import { openForWriting } from '../../runtime/read-model/store.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection } from '../../transport/connection.ts';
import { Mux } from '../../transport/mux.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
beforeEach(async () => void (stage = await openStage()));
afterEach(() => stage.close());
const rebuild = (...args: string[]) => spawnSync(join(packageRoot(), 'bin', 'troupe'), ['rebuild', ...args], { env: { PATH: process.env['PATH'], TROUPE_DATA: stage.config.dataDir }, encoding: 'utf8', input: '' });

it('deletes the views when nobody has them open, and a master builds them anew', async () => {
  const nc = await openConnection(natsLogin(stage.config, 'master'));
  const mux = new Mux(nc, 'master');
  const history = () => mux.json<{ ok: boolean; entries: { event: string }[] }>('troupe.cmd.account.kept.history', {});
  const master = await stage.master();
  expect(await mux.json('troupe.cmd.account.kept.create', { platform: 'sandbox', name: 'Kept' })).toMatchObject({ ok: true });
  await until(async () => (await history()).entries.length > 0, 'the view has it');
  const before = (await history()).entries;

  const inUse = rebuild('--yes');
  expect([inUse.status, inUse.stderr]).toEqual([1, expect.stringContaining(`in use by process ${master.pid}`)]);
  await stage.kill(master);
  const web = join(stage.config.dataDir, 'web.db');
  openForWriting(web).db.close();
  expect(rebuild()).toMatchObject({ status: 2, stderr: expect.stringContaining('give --yes') });
  expect(existsSync(stage.config.dbPath)).toBe(true);
  writeFileSync(join(stage.config.dataDir, 'other.db'), '');
  expect(rebuild('--yes').status).toBe(0);
  for (const file of [stage.config.dbPath, `${stage.config.dbPath}-wal`, `${stage.config.dbPath}-shm`, web]) expect(existsSync(file), file).toBe(false);
  expect(existsSync(join(stage.config.dataDir, 'other.db'))).toBe(true);
  expect(rebuild('--yes').stdout).toBe('there is no view here\n');

  await stage.master();
  expect((await history()).entries.slice(-before.length)).toEqual(before);
  mux.close();
  await nc.close();
});
