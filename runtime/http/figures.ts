import type { Heartbeat } from '../../transport/protocol.ts';

export type Figure = { atMs: number; cpuPercent: number; memoryMb: number; browsers: number; crawl: number; reply: number; login: number; accounts: number };

const HOUR = 3_600_000;
/** Older than this, a heartbeat says nothing about now. */
const FRESH = 30_000;

/** The workers' own figures of the last hour, from their heartbeats; in memory only. */
export class Figures {
  private readonly byWorker = new Map<string, Figure[]>();
  private readonly now: () => number;
  constructor(now: () => number) {
    this.now = now;
  }

  take(beat: Heartbeat): void {
    const figure: Figure = { atMs: this.now(), cpuPercent: beat.cpuRatio * 100, memoryMb: Math.round(beat.rssBytes / 1_048_576), browsers: beat.browsers, ...beat.busy, accounts: beat.accounts.length };
    const series = this.byWorker.get(beat.worker) ?? [];
    const first = series.findIndex((f) => f.atMs > this.now() - HOUR);
    this.byWorker.set(beat.worker, [...series.slice(Math.max(0, first)), figure]);
  }

  /** The newest, unless it is stale. */
  latest(worker: string): Figure | null {
    const last = this.byWorker.get(worker)?.at(-1);
    return last && last.atMs > this.now() - FRESH ? last : null;
  }
  /** When the worker was last heard of, in this process's memory. */
  lastSeen(worker: string): number | null {
    return this.byWorker.get(worker)?.at(-1)?.atMs ?? null;
  }
  series(worker: string, sinceMs: number): Figure[] {
    return (this.byWorker.get(worker) ?? []).filter((f) => f.atMs >= sinceMs);
  }
}
