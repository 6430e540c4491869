import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { jetstreamManager } from '@nats-io/jetstream';
import { createInbox, type NatsConnection } from '@nats-io/nats-core';
import { natsLogin } from '../../runtime/nats-login.ts';
import { findServer } from '../../runtime/nats-server/find-server.ts';
import { serverFiles } from '../../runtime/nats-server/server-config.ts';
import { serverReady } from '../../runtime/nats-server/server-ready.ts';
import { spawnServer } from '../../runtime/nats-server/spawn-server.ts';
import { readAckReply } from '../../transport/ack-reply.ts';
import { openConnection } from '../../transport/connection.ts';
import { Mux } from '../../transport/mux.ts';
import { StreamReader } from '../../transport/stream-reader.ts';
import { createStreams } from '../../transport/streams.ts';
import { STREAM } from '../../transport/subjects.ts';
import { diesWithUs } from '../setup/dies-with-us.ts';
import { runningServer, serverEnv, type RunningServer } from '../setup/running-server.ts';

let server: RunningServer;
let nc: NatsConnection;
let mux: Mux;
let reader: StreamReader | null = null;
let seqs: number[];
let goes: number[];
let faults: string[];

beforeEach(async () => {
  server = await runningServer();
  nc = await openConnection(natsLogin(server.config, 'master'));
  mux = new Mux(nc, 'master');
  await createStreams(nc, 4, null);
  [seqs, goes, faults] = [[], [], []];
});
afterEach(async () => {
  reader?.close();
  reader = null;
  mux.close();
  await nc.close();
  await server.stop();
});

const read = (after = 0, wait = 5) => {
  let before = 0;
  reader = new StreamReader({
    nc, user: 'master', stream: STREAM.log, after,
    take: (m) => seqs.push(m.seq),
    taken() {
      if (seqs.length > before) goes.push(seqs.length - before);
      before = seqs.length;
    },
    wait: () => wait, fault: (why) => faults.push(why),
  });
};
const store = (n: number, bytes = 100) => Promise.all(Array.from({ length: n }, () => mux.publish('troupe.log.w1.info', 'x'.repeat(bytes), undefined, { timeout: 20_000 })));
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const all = (n: number) => expect.poll(() => seqs.length, { timeout: 20_000 }).toBe(n);
const consumers = async () => (await (await jetstreamManager(nc)).consumers.list(STREAM.log).next()).map((c) => c.name);

it('one that comes alone is given at once, and what comes together is given in one go', async () => {
  read();
  await store(1);
  await all(1);
  goes = [];
  for (let i = 0; i < 20; i++) await store(10);
  await all(201);
  expect(seqs).toEqual(upTo(201));
  reader!.close();
  [seqs, goes] = [[], []];
  read(0, 50);
  await all(201);
  expect(seqs).toEqual(upTo(201));
  expect(goes).toEqual([201]);
});

it('begins after what was read before', async () => {
  await store(30);
  read(20);
  await all(10);
  expect(seqs).toEqual(upTo(30).slice(20));
});

it('more than one request takes, by number or by bytes, is read to its end', async () => {
  for (let i = 0; i < 9; i++) await store(1_000);
  for (let i = 0; i < 20; i++) await store(2, 700_000);
  read();
  await all(9_040);
  expect(seqs).toEqual(upTo(9_040));
  await store(1);
  await all(9_041);
  expect(faults).toEqual([]);
});

it('goes on where it was when the server is killed under it', async () => {
  read();
  await store(50);
  await all(50);
  server.child.kill('SIGKILL');
  await once(server.child, 'exit');
  const { path } = await findServer(server.config, serverEnv());
  server.child = diesWithUs(spawnServer(path, serverFiles(server.config).configFile, { stdio: 'ignore' }));
  await serverReady(natsLogin(server.config, 'master'), 15_000);
  await expect.poll(() => mux.request('$JS.API.INFO', '', { timeout: 500 }).then(() => true, () => false), { timeout: 10_000 }).toBe(true);
  await store(50);
  await all(100);
  expect(seqs).toEqual(upTo(100));
});

it('a consumer that somebody deletes is made anew', async () => {
  read();
  await store(5);
  await all(5);
  const [name] = await consumers();
  await (await jetstreamManager(nc)).consumers.delete(STREAM.log, name!);
  await store(5);
  await all(10);
  expect(seqs).toEqual(upTo(10));
  expect(await consumers()).not.toContain(name);
});

it('what another takes from its consumer is read all the same, in order', async () => {
  await store(3);
  read(0, 300);
  await all(1);
  const [name] = await consumers();
  const inbox = createInbox('_INBOX_master');
  const stolen = nc.subscribe(inbox, { max: 1 });
  nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${STREAM.log}.${name}`, JSON.stringify({ batch: 1, no_wait: true }), { reply: inbox });
  for await (const m of stolen) expect(readAckReply(m.reply!)).toMatchObject({ consumer: name, seq: 2, consumerSeq: 2 });
  await all(3);
  expect(seqs).toEqual(upTo(3));
});

it('leaves no consumer behind when it is closed', async () => {
  read();
  await store(1);
  await all(1);
  expect(await consumers()).toHaveLength(1);
  reader!.close();
  await expect.poll(consumers).toEqual([]);
});
