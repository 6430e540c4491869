import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterEach, expect, it } from 'vitest';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

type Stored = { index: number; version: string; event: { type: string }; after: { value: any; context: any } };
let stage: Stage;
afterEach(() => stage?.close());

const recorded = (kind: string): object[] => JSON.parse(readFileSync(join(import.meta.dirname, '..', 'histories', `${kind}.json`), 'utf8')) as object[];

it('actors that an earlier build left alive go on under this one, each migrated before its next event; what a later build left waits (F43)', async () => {
  stage = await openStage();
  const first = await stage.master();
  await stage.kill(first);
  const nc = await connect(natsLogin(stage.config, 'master'));
  const js = jetstream(nc);
  const jsm = await jetstreamManager(nc);
  const last = async (actor: string): Promise<Stored> => (await jsm.streams.getMessage('TROUPE_JOURNAL', { last_by_subj: `troupe.journal.${actor}` }))!.json<Stored>();
  for (const kind of ['worker', 'account']) for (const entry of recorded(kind)) await js.publish(`troupe.journal.${kind}.old`, JSON.stringify(entry));
  for (const entry of recorded('account-v2')) await js.publish('troupe.journal.account.second', JSON.stringify(entry));
  // It waits for its backoff.
  for (const entry of recorded('worker').slice(0, 5)) await js.publish('troupe.journal.worker.backing', JSON.stringify(entry));
  for (const entry of recorded('account')) await js.publish('troupe.journal.account.newer', JSON.stringify({ ...entry, version: 'account-v99' }));
  const before = { worker: await last('worker.old'), account: await last('account.old') };
  expect([before.worker.version, before.account.version, (await last('account.second')).version]).toEqual(['worker-v1', 'account-v1', 'account-v2']);

  await stage.master();
  const operator = await stage.operator();
  const cmd = async (actor: string, verb: string, payload: object = {}): Promise<any> => (await operator.request(`troupe.cmd.${actor}.${verb}`, JSON.stringify(payload), { timeout: 10_000 })).json();
  expect(await cmd('worker.old', 'update', { max_accounts: 7 })).toMatchObject({ ok: true });
  expect(await cmd('account.old', 'update', { group: 'gpu' })).toMatchObject({ ok: true });
  const worker = await until(async () => ((await last('worker.old')).version === 'worker-v2' ? last('worker.old') : null), 'the worker is migrated');
  expect(worker.after.context).toMatchObject({ config: { max_accounts: 7, memory_action: 'restart', groups: [] }, createdAt: before.worker.after.context.createdAt });
  expect(worker.after.context.configVersion).toBe(before.worker.after.context.configVersion + 1);
  const account = await last('account.old');
  expect(account).toMatchObject({ version: 'account-v3', after: { context: { group: 'gpu', tags: [], archived: false, epoch: expect.any(Number), user: before.account.after.context.user } } });
  expect(await cmd('account.second', 'update', { tags: ['kept'], checkEvery: 5 })).toMatchObject({ ok: true });
  expect(await last('account.second')).toMatchObject({ version: 'account-v3', after: { status: 'active', context: { tags: ['kept'], checkEvery: 5, limits: { maxLength: null } } } });
  expect(account.after.context.epoch).toBeGreaterThanOrEqual(before.account.after.context.epoch);

  const backing = await until(async () => ((await last('worker.backing')).event.type.startsWith('xstate.after.backoff.worker-v2') || (await last('worker.backing')).index > 7 ? last('worker.backing') : null), 'its timer has fired under the new name');
  expect(backing.version).toBe('worker-v2');
  expect(await cmd('account.newer', 'pause')).toMatchObject({ ok: false, code: 'parked', message: expect.stringContaining('account-v99') });
  expect((await last('account.newer')).version).toBe('account-v99');
  await nc.close();
}, 60_000);
