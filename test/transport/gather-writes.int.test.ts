import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Socket } from 'node:net';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection, type NatsConnection } from '../../transport/connection.ts';
import { Mux } from '../../transport/mux.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let nc: NatsConnection;
beforeEach(async () => {
  stage = await openStage();
  nc = await openConnection(natsLogin(stage.config, 'master'));
});
afterEach(async () => {
  await nc.close();
  await stage.close();
});

/** How many times its socket was written to while `run` went on. */
async function writes(run: () => Promise<void>): Promise<number> {
  const socket = (nc as unknown as { protocol: { transport: { socket: Socket & { _writeGeneric(...args: unknown[]): void } } } }).protocol.transport.socket;
  const real = socket._writeGeneric.bind(socket);
  let count = 0;
  socket._writeGeneric = (...args) => (count++, real(...args));
  await run();
  socket._writeGeneric = real;
  return count;
}

/** A hundred chains of promises, each of which publishes at its end. */
const publishAll = () => Promise.all(Array.from({ length: 100 }, async (_, i) => {
  for (let k = 0; k < i; k++) await null;
  nc.publish('_INBOX_master.gathered', String(i));
})).then(() => nc.flush());

it('what one turn of the loop publishes leaves as one, in order, over a reconnect too', async () => {
  const mux = new Mux(nc, 'master');
  const heard: string[] = [];
  nc.subscribe('_INBOX_master.gathered', { callback: (_, m) => void heard.push(m.string()) });
  for (const round of [1, 2]) {
    // One for the messages, one for what `flush` asks.
    expect(await writes(publishAll)).toBeLessThanOrEqual(3);
    await until(() => heard.length === 100 * round, 'all are heard');
    expect(heard.slice(-100)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
    if (round === 1) {
      await stage.restartServer();
      await until(async () => mux.request('$JS.API.INFO', '', { timeout: 500 }).then(() => true, () => false), 'it is connected again');
    }
  }
  mux.close();
});
