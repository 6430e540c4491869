import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection, type NatsConnection } from '../../transport/connection.ts';
import { JournalStream, type JournalUnavailable } from '../../transport/journal.ts';
import { Mux } from '../../transport/mux.ts';
import { brokenChains, readJournal } from '../harness/checker.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let nc: NatsConnection;
let mux: Mux;
beforeEach(async () => {
  stage = await openStage();
  await stage.master();
  nc = await openConnection(natsLogin(stage.config, 'master'));
  mux = new Mux(nc, 'master');
});
afterEach(async () => {
  mux.close();
  await nc.close();
  await stage.close();
});

const create = (id: string) => mux.json<{ ok: boolean; code?: string }>(`troupe.cmd.account.${id}.create`, { platform: 'sandbox', name: id }, { timeout: 12_000 });
async function limit(bytes: number) {
  const jsm = await jetstreamManager(nc);
  const { config } = await jsm.streams.info('TROUPE_JOURNAL');
  await jsm.streams.update('TROUPE_JOURNAL', { ...config, max_bytes: bytes });
}

const disconnected = async () => {
  for await (const { type } of nc.status()) if (type === 'disconnect') return;
};

it('refuses mutations with storage_full while the journal is full, reads on, and goes on by itself when there is room', async () => {
  expect(await create('first')).toMatchObject({ ok: true });
  await limit(100);
  expect(await create('second')).toMatchObject({ ok: false, code: 'storage_full' });
  expect(await create('third')).toMatchObject({ ok: false, code: 'storage_full' });
  expect(await mux.json('troupe.cmd.account.first.inspect', {})).toMatchObject({ ok: true });
  await limit(-1);
  await until(async () => (await create('third')).ok, 'it takes commands again');
  // The one that was already in its turn is stored, once.
  await until(async () => (await readJournal(nc)).some((s) => s.actor === 'account/second'), 'what waited is stored');
  expect((await readJournal(nc)).filter((s) => s.actor === 'account/second' && s.entry.index === 1)).toHaveLength(1);
  expect(brokenChains(await readJournal(nc))).toEqual([]);
});

it('does not take an answer that was lost with nats-server for a full volume', async () => {
  const journal = new JournalStream(mux, { timeout: 3_000 });
  const append = (actor: string) => journal.append([{ actor, bytes: Buffer.from('{}'), expect: 0 }]).then(() => 'stored', (error: JournalUnavailable) => ({ storage: error.storage, why: error.message }));
  const lost = { storage: null, why: expect.stringContaining('the connection was lost') };
  stage.pauseServer();
  const underWay = append('test/under-way');
  // What is asked for goes out with the next turn of the loop.
  await new Promise((r) => setImmediate(r));
  await Promise.all([disconnected(), stage.killServer()]);
  const inBetween = append('test/in-between');
  await stage.startServer();
  // The client drops what it was given while it had no connection.
  expect([await underWay, await inBetween]).toEqual([lost, lost]);
});
