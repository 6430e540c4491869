import type { Msg } from '@nats-io/nats-core';
import { loadConfig } from '../runtime/config.ts';
import { natsLogin } from '../runtime/nats-login.ts';
import { openConnection } from '../transport/connection.ts';
import { Mux } from '../transport/mux.ts';

/** `road-end master|worker`: stands where a master or a worker would, and does nothing but store one message and hand on. */
const nc = await openConnection(natsLogin(loadConfig(process.env), 'master'));
const mux = new Mux(nc, 'master');
const tooks: number[] = [];
const ENTRY = 'x'.repeat(1_200);

const store = () => mux.publish('troupe.in.count.c1.UP', ENTRY, undefined, { timeout: 30_000 });
async function make(msg: Msg): Promise<void> {
  const made = msg.data.slice();
  await store();
  nc.publish('troupe.road.work', made);
  msg.respond('{"ok":true}');
}
async function done(msg: Msg): Promise<void> {
  await store();
  msg.respond('{"ok":true}');
}
function work(msg: Msg): void {
  tooks.push((Number(process.hrtime.bigint() / 1000n) - Number(msg.string())) / 1000);
  void mux.request('troupe.road.done', '{"result":null}', { timeout: 30_000 }).catch(() => {});
}

const hear = (subject: string, take: (msg: Msg) => unknown) => nc.subscribe(subject, { callback: (_, msg) => void take(msg) });
if (process.argv[2] === 'master') {
  hear('troupe.road.make', make);
  hear('troupe.road.done', done);
} else hear('troupe.road.work', work);
await nc.flush();
process.on('message', () => process.send!({ tooks: tooks.splice(0) }));
process.send!('ready');
