import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { natsLogin } from '../runtime/nats-login.ts';
import { built } from '../test/harness/stage.ts';
import { openConnection } from '../transport/connection.ts';
import { Mux } from '../transport/mux.ts';
import { paced } from './paced.ts';
import { quantiles, type Quantiles } from './quantiles.ts';
import { openTroupe } from './troupe.ts';

/** A task's road with nothing at its stations: a request, one message stored and synced on its way to a worker, one on its way back. What no design over NATS goes below. */
export async function openRoad() {
  const { stage, start, kill, close } = await openTroupe('always');
  // A master makes the streams.
  await start();
  await kill();
  const env = { PATH: process.env['PATH'], TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0] };
  const end = async (is: 'master' | 'worker'): Promise<ChildProcess> => {
    const child = fork(built('bench', 'road-end.js'), [is], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env });
    await once(child, 'message');
    return child;
  };
  const [master, worker] = [await end('master'), await end('worker')];
  const nc = await openConnection(natsLogin(stage.config, 'master'));
  const mux = new Mux(nc, 'master');
  return {
    async latency(rate: number, seconds: number): Promise<Quantiles> {
      await paced(rate, seconds, async () => void (await mux.request('troupe.road.make', String(process.hrtime.bigint() / 1000n), { timeout: 30_000 })));
      // What is answered is on its way to the worker by then.
      await nc.flush();
      const answer = once(worker, 'message');
      worker.send('tell');
      const { tooks } = ((await answer) as [{ tooks: number[] }])[0];
      if (tooks.length < rate * seconds * 0.99) throw new Error(`only ${tooks.length} of ${rate * seconds} came to the worker`);
      return quantiles(tooks);
    },
    async close(): Promise<void> {
      master.kill('SIGKILL');
      worker.kill('SIGKILL');
      mux.close();
      await nc.close();
      await close();
    },
  };
}
