import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { built, until } from '../test/harness/stage.ts';
import { openBullmq } from './bullmq.ts';
import { paced } from './paced.ts';
import { quantiles, type Quantiles } from './quantiles.ts';
import { openTroupe } from './troupe.ts';

/** Times in milliseconds, memory in bytes. `lost` and `twice` count tasks. */
export type Burst = { accepted: number; drained: number; lost: number; twice: number; rss: { begin: number; accepted: number; peak: number; end: number }; heap: { begin: number; end: number } };
export type BullBurst = { accepted: number; drained: number };

/** Tasks and jobs at once, on one worker. */
const AT_ONCE = 100;
/** Callers at once in a burst, each waiting until its task is stored. */
const CALLERS = 200;

const micros = (): number => Number(process.hrtime.bigint() / 1000n);

/** A real nats-server, master and worker process, against a real redis-server and a BullMQ worker process. */
export async function openTasks() {
  const troupe = await openTroupe('always');
  await troupe.start();
  const bull = await openBullmq('always');
  let worker: ChildProcess | null = null;
  let made = 0;
  const create = async (): Promise<void> => {
    const id = `b${made++}`;
    const answer = await troupe.ask<{ ok: boolean; message?: string }>(`troupe.cmd.task.${id}.create`, { title: String(micros()), type: 'automation', retries: 0, payload: { url: 'about:blank' } }, { timeout: 60_000 });
    if (!answer.ok) throw new Error(`task ${id} was refused: ${answer.message}`);
  };
  const finished = () => troupe.stage.rows<{ n: number }>("SELECT COUNT(*) n FROM tasks WHERE status = 'completed'")[0]!.n;

  const self = {
    bull: bull !== null,
    async startWorker(): Promise<void> {
      worker = await started(fork(built('bench', 'bench-worker.js'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { PATH: process.env['PATH'], TROUPE_DATA: troupe.stage.config.dataDir, NATS_URL: troupe.stage.config.nats.servers[0], WORKER_ID: 'w1', MAX_AGENTS: String(AT_ONCE), LOG_LEVEL: 'error' } }));
    },
    async stopWorker(): Promise<void> {
      worker?.kill('SIGKILL');
      if (worker) await once(worker, 'exit');
      worker = null;
    },
    /** From the moment that a task is asked for until its handler starts. */
    async latency(rate: number, seconds: number): Promise<Quantiles> {
      await asked(worker!);
      const before = made;
      await paced(rate, seconds, create);
      const tooks: number[] = [];
      await until(async () => (tooks.push(...(await asked<{ tooks: number[] }>(worker!)).tooks), tooks.length >= made - before), 'every task has started', 60_000);
      await until(() => finished() === made, 'every task is completed', 60_000);
      return quantiles(tooks);
    },
    async bullLatency(rate: number, seconds: number): Promise<Quantiles> {
      const queue = bull!.queue();
      const other = await started(fork(built('bench', 'bull-worker.js'), [String(bull!.port), queue.name, String(AT_ONCE)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }));
      for (let i = 0; i < 50; i++) await queue.add('j', { at: micros() });
      await until(async () => (await asked<{ tooks: number[] }>(other)).tooks.length >= 0, 'it is warm');
      let n = 0;
      await sleep(200);
      await asked(other);
      await paced(rate, seconds, async () => void (n++, await queue.add('j', { at: micros() }, { removeOnComplete: false })));
      const tooks: number[] = [];
      await until(async () => (tooks.push(...(await asked<{ tooks: number[] }>(other)).tooks), tooks.length >= n), 'every job has started', 60_000);
      other.kill('SIGKILL');
      await queue.close();
      return quantiles(tooks);
    },
    /** So many tasks are taken while no worker runs; then one comes and drains them. */
    async burst(tasks: number): Promise<Burst> {
      await self.stopWorker();
      const pid = troupe.pid();
      const heapBegin = await troupe.liveHeap();
      const begin = rssOf(pid);
      const before = made;
      const sampled = sampler(pid);
      const from = performance.now();
      await callers(CALLERS, tasks, create);
      const accepted = tasks / ((performance.now() - from) / 1000);
      const acceptedRss = rssOf(pid);
      const draining = performance.now();
      await self.startWorker();
      const done = before + tasks;
      await until(() => finished() >= done, 'every task is completed', 600_000);
      const drained = tasks / ((performance.now() - draining) / 1000);
      const peak = sampled.stop();
      const heapEnd = await troupe.liveHeap();
      const { tasks: reached, twice } = await asked<{ tasks: number; twice: number }>(worker!);
      return { accepted, drained, lost: tasks - reached, twice, rss: { begin, accepted: acceptedRss, peak, end: rssOf(pid) }, heap: { begin: heapBegin, end: heapEnd } };
    },
    async bullBurst(jobs: number): Promise<BullBurst> {
      const queue = bull!.queue();
      const from = performance.now();
      await callers(CALLERS, jobs, async () => void (await queue.add('j', { at: micros() }, { removeOnComplete: false })));
      const accepted = jobs / ((performance.now() - from) / 1000);
      const draining = performance.now();
      const other = await started(fork(built('bench', 'bull-worker.js'), [String(bull!.port), queue.name, String(AT_ONCE)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }));
      await until(async () => (await asked<{ done: number }>(other)).done >= jobs, 'every job is done', 600_000);
      const drained = jobs / ((performance.now() - draining) / 1000);
      other.kill('SIGKILL');
      await queue.close();
      return { accepted, drained };
    },
    counts: troupe.counts,
    async close(): Promise<void> {
      await self.stopWorker();
      await troupe.close();
      await bull?.close();
    },
  };
  return self;
}

const started = async (child: ChildProcess): Promise<ChildProcess> => {
  await once(child, 'message');
  return child;
};

async function asked<T>(child: ChildProcess): Promise<T> {
  const answer = once(child, 'message');
  child.send('tell');
  return ((await answer) as [T])[0];
}

async function callers(n: number, times: number, one: () => Promise<void>): Promise<void> {
  let left = times;
  await Promise.all(Array.from({ length: n }, async () => {
    while (left-- > 0) await one();
  }));
}

const rssOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;

function sampler(pid: number): { stop(): number } {
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, rssOf(pid))), 100);
  return { stop: () => (clearInterval(timer), peak) };
}
