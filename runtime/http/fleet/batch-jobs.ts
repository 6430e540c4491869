import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { each } from './each.ts';

/** waiting: not asked yet; sent: its command is taken, it is on its way; late: on its way for longer than anybody waits. */
export type BatchItemState = 'waiting' | 'sent' | 'done' | 'failed' | 'late';
export type BatchJob = { id: string; base: string; verb: string; by: string; startedMs: number; endedMs: number | null; items: { id: string; name: string; state: BatchItemState; error: string | null }[] };

export type BatchWork = {
  /** Sends the command; why it was refused, or null. */
  send(id: string): Promise<string | null>;
  /** What has become of it: null while it is on its way. */
  reached(id: string): { error: string | null } | null;
};

const LOOK_MS = 250;
const WAIT_MS = 120_000;
const KEPT_MS = 600_000;

/** Actions for many rows that are under way, or were a moment ago; in memory of this process. */
export class BatchJobs {
  private readonly jobs = new Map<string, BatchJob>();
  private readonly now: () => number;
  private readonly waitMs: number;
  constructor(now: () => number, waitMs = WAIT_MS) {
    this.now = now;
    this.waitMs = waitMs;
  }

  find(base: string, id: string): BatchJob | null {
    const job = this.jobs.get(id);
    return job?.base === base ? job : null;
  }

  /** Those of a page that are under way, newest first. */
  running(base: string): BatchJob[] {
    return [...this.jobs.values()].filter((j) => j.base === base && j.endedMs === null).reverse();
  }

  /** `ended` resolves when nothing of it is under way any more. */
  start(about: Pick<BatchJob, 'base' | 'verb' | 'by'> & { items: { id: string; name: string }[] }, work: BatchWork): { job: BatchJob; ended: Promise<void> } {
    for (const [id, old] of this.jobs) if (old.endedMs !== null && this.now() - old.endedMs > KEPT_MS) this.jobs.delete(id);
    const job: BatchJob = { ...about, id: randomBytes(8).toString('hex'), startedMs: this.now(), endedMs: null, items: about.items.map((i) => ({ ...i, state: 'waiting', error: null })) };
    this.jobs.set(job.id, job);
    const ended = this.run(job, work).finally(() => void (job.endedMs = this.now()));
    return { job, ended };
  }

  private async run(job: BatchJob, work: BatchWork): Promise<void> {
    const until = performance.now() + this.waitMs;
    const look = (item: BatchJob['items'][number]): void => {
      const end = work.reached(item.id);
      if (end) Object.assign(item, { state: end.error === null ? 'done' : 'failed', error: end.error });
    };
    await each(job.items, async (item) => {
      const refused = await work.send(item.id).catch((error: Error) => error.message);
      Object.assign(item, refused === null ? { state: 'sent' } : { state: 'failed', error: refused });
      if (refused === null) look(item);
    });
    for (;;) {
      const open = job.items.filter((i) => i.state === 'sent');
      if (open.length === 0) return;
      if (performance.now() > until) return open.forEach((i) => void (i.state = 'late'));
      await delay(LOOK_MS);
      try {
        open.forEach(look);
      } catch {
        // The view is closed: the process ends.
        return;
      }
    }
  }
}
