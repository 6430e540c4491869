import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Numbers } from '../../runtime/master/numbers.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { BUCKET } from '../../transport/subjects.ts';
import { runningServer, type RunningServer } from '../setup/running-server.ts';

let server: RunningServer;
let nc: NatsConnection;

beforeAll(async () => {
  server = await runningServer();
  nc = await connect(natsLogin(server.config, 'master'));
  await new Kvm(nc).create(BUCKET.settings, { history: 1 });
});
afterAll(async () => {
  await nc.close();
  await server.stop();
});

it('three masters at once give each number once, and each of them rising ones', async () => {
  const masters = [1, 2, 3].map(() => new Numbers(new Kvm(nc)));
  const given = await Promise.all(masters.map((m) => Promise.all(Array.from({ length: 700 }, () => m.take()))));
  expect(new Set(given.flat()).size).toBe(2_100);
  for (const own of given) expect(own).toEqual(own.toSorted((a, b) => a - b));
  // One that comes later goes on above what was given.
  const next = await new Numbers(new Kvm(nc)).take();
  expect(next).toBeGreaterThan(Math.max(...given.flat()));
});
