import { afterAll, beforeAll, expect, it } from 'vitest';
import { conform } from '../../runtime/conform/conform.ts';
import type { Store } from '../../runtime/conform/durable.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection, type NatsConnection } from '../../transport/connection.ts';
import { JournalStream } from '../../transport/journal.ts';
import { Mux } from '../../transport/mux.ts';
import { createStreams } from '../../transport/streams.ts';
import { runningServer, type RunningServer } from '../setup/running-server.ts';
import { corpus } from './corpus/index.ts';

let server: RunningServer;
let nc: NatsConnection;
let mux: Mux;
let store: Store;
beforeAll(async () => {
  server = await runningServer();
  nc = await openConnection(natsLogin(server.config, 'master'));
  await createStreams(nc, 4, null);
  mux = new Mux(nc, 'master');
  const journal = new JournalStream(mux);
  store = {
    last: (actor) => journal.last(actor),
    async append(actor, bytes, expect) {
      const [result] = await journal.append([{ actor, bytes, expect }]);
      if (!result || 'conflict' in result) throw new Error(`${actor} is not where it was`);
      return result.seq;
    },
  };
});
afterAll(async () => {
  mux?.close();
  await nc?.close();
  await server?.stop();
});

it('every chart of the corpus, out of a real journal after every turn, does what XState does', async () => {
  let runs = 0;
  for (const { name, machine, runs: all } of corpus) {
    for (const run of all) {
      expect(await conform(machine, { ...run, name }, store), name).toBeNull();
      runs++;
    }
  }
  expect(runs).toBeGreaterThan(120);
});
