import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { freePort } from '../test/setup/running-server.ts';
import { quantiles, type Quantiles } from './quantiles.ts';

/** BullMQ on a Redis of its own, every write synced, as `always` is here. Null where there is no redis-server. */
export async function openBullmq(fsync: 'always' | 'everysec') {
  const dir = mkdtempSync(join(tmpdir(), 'bench-redis-'));
  const port = await freePort();
  const server: ChildProcess = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--appendonly', 'yes', '--appendfsync', fsync, '--save', ''], { stdio: 'ignore' });
  const missing = await Promise.race([once(server, 'error').then(() => true), new Promise<false>((r) => setTimeout(r, 600, false))]);
  if (missing) return null;
  const clients: Redis[] = [];
  const client = () => {
    const c = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
    c.on('error', () => {});
    clients.push(c);
    return c;
  };
  return {
    port,
    queue: () => new Queue(`q-${Math.random()}`, { connection: client() }),
    /** Jobs a second: all are waiting, then one worker takes them. */
    async drain(jobs: number, concurrency: number): Promise<number> {
      const name = `drain-${Math.random()}`;
      const queue = new Queue(name, { connection: client() });
      for (let i = 0; i < jobs; i += 1000) await queue.addBulk(Array.from({ length: Math.min(1000, jobs - i) }, (_, k) => ({ name: 'j', data: { n: i + k }, opts: { removeOnComplete: false } })));
      let done = 0;
      let finish!: () => void;
      const all = new Promise<void>((r) => (finish = r));
      const started = performance.now();
      const worker = new Worker(name, async () => ++done, { connection: client(), concurrency });
      worker.on('completed', () => done >= jobs && finish());
      await all;
      const rate = jobs / ((performance.now() - started) / 1000);
      await worker.close();
      await queue.close();
      return rate;
    },
    /** From `add` to the answer that the job is done, one after the other, in ms. */
    async answer(times: number): Promise<Quantiles> {
      const name = `answer-${Math.random()}`;
      const queue = new Queue(name, { connection: client() });
      const events = new QueueEvents(name, { connection: client() });
      const worker = new Worker(name, async () => 1, { connection: client() });
      await Promise.all([events.waitUntilReady(), worker.waitUntilReady()]);
      const took: number[] = [];
      for (let i = 0; i < times; i++) {
        const started = performance.now();
        const job = await queue.add('j', { i });
        await job.waitUntilFinished(events);
        took.push(performance.now() - started);
      }
      await Promise.all([worker.close(), events.close(), queue.close()]);
      return quantiles(took);
    },
    async close(): Promise<void> {
      for (const c of clients) c.disconnect();
      server.kill('SIGKILL');
      await once(server, 'exit').catch(() => {});
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
