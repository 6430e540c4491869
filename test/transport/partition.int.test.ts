import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection } from '../../transport/connection.ts';
import { createStreams, partitionsOf } from '../../transport/streams.ts';
import { partitionOf, STREAM, subjects } from '../../transport/subjects.ts';
import { runningServer } from '../setup/running-server.ts';

it('the master\'s partition of an actor is the server\'s own', async () => {
  const server = await runningServer();
  const nc = await openConnection(natsLogin(server.config, 'master'));
  try {
    await createStreams(nc, 16, null);
    expect(await partitionsOf(nc)).toBe(16);
    const actors = ['account/a1', 'worker/worker-1', 'reply/r0', 'login/l-9', 'monitor/demo-1', 'tally/x'].map((t) => ({ kind: t.split('/')[0]!, id: t.split('/')[1]! }));
    for (const a of actors) await jetstream(nc).publish(subjects.inbox(a, 'E'), '{}');
    const jsm = await jetstreamManager(nc);
    for (const [i, a] of actors.entries()) {
      const stored = await jsm.streams.getMessage(STREAM.inbox, { seq: i + 1 });
      expect(stored!.subject.split('.')[2]).toBe(String(partitionOf(a, 16)));
    }
  } finally {
    await nc.close();
    await server.stop();
  }
});

it('first-time set-up makes the streams once; what is missing later is named and not made', async () => {
  const server = await runningServer();
  const nc = await openConnection(natsLogin(server.config, 'master'));
  try {
    expect((await createStreams(nc, 16, null)).missing).toEqual([]);
    expect(await createStreams(nc, 16, new Set(Object.values(STREAM)))).toEqual({ made: [], missing: [] });
    await (await jetstreamManager(nc)).streams.delete(STREAM.data);
    expect(await createStreams(nc, 16, new Set(Object.values(STREAM)))).toEqual({ made: [], missing: [STREAM.data] });
    expect((await (await jetstreamManager(nc)).streams.info(STREAM.journal)).config).toMatchObject({ deny_delete: true, deny_purge: true, allow_atomic: true, num_replicas: 1 });
  } finally {
    await nc.close();
    await server.stop();
  }
});
