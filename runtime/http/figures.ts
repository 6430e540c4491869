import type { Heartbeat } from '../../transport/protocol.ts';

export type Figure = { atMs: number; cpuPercent: number; memoryMb: number; browsers: number; crawl: number; reply: number; login: number; accounts: number };

/** Older ones are in the view, as rows of 10 s. */
const KEPT = 180_000;
/** Older than this, a heartbeat says nothing about now. */
const FRESH = 30_000;

/** The workers' own figures of the last minutes, from their heartbeats; in memory only. */
export class Figures {
  private readonly byWorker = new Map<string, Figure[]>();
  private readonly now: () => number;
  constructor(now: () => number) {
    this.now = now;
  }

  take(beat: Heartbeat): void {
    const figure: Figure = { atMs: this.now(), cpuPercent: beat.cpuRatio * 100, memoryMb: Math.round(beat.rssBytes / 1_048_576), browsers: beat.browsers, ...beat.busy, accounts: beat.accounts.length };
    const series = this.byWorker.get(beat.worker) ?? [];
    series.push(figure);
    while (series[0]!.atMs < this.now() - KEPT) series.shift();
    this.byWorker.set(beat.worker, series);
  }

  /** The newest, unless it is stale. */
  latest(worker: string): Figure | null {
    const last = this.byWorker.get(worker)?.at(-1);
    return last && last.atMs > this.now() - FRESH ? last : null;
  }
  /** The newest of every worker that is heard. */
  all(): Figure[] {
    return [...this.byWorker.keys()].map((w) => this.latest(w)).filter((f) => f !== null);
  }
  /** When the worker was last heard of, in this process's memory. */
  lastSeen(worker: string): number | null {
    return this.byWorker.get(worker)?.at(-1)?.atMs ?? null;
  }
  series(worker: string, sinceMs: number): Figure[] {
    return (this.byWorker.get(worker) ?? []).filter((f) => f.atMs >= sinceMs);
  }
}
