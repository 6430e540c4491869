import type { Mux } from '../../transport/mux.ts';
import type { Heartbeat } from '../../transport/protocol.ts';
import { subjects, type MetricStep } from '../../transport/subjects.ts';

/** Seconds of each step, and how long the stream keeps its rows. */
const STEPS: readonly { step: MetricStep; seconds: number; ttl: string }[] = [
  { step: '10s', seconds: 10, ttl: '1h' },
  { step: '1m', seconds: 60, ttl: '24h' },
  { step: '10m', seconds: 600, ttl: '720h' },
];

type Sum = { n: number; cpu: number; memory: number; tasks: number; accounts: number; browsers: number };
/** `[worker, cpu %, memory MB, tasks, accounts, browsers]`: means of the step. */
export type MetricRow = [string, number, number, number, number, number];

/** Turns heartbeats into rows of 10 s, 1 min and 10 min: one message a step for all workers of this master. */
export class Metrics {
  private readonly sums = new Map<MetricStep, { at: number; of: Map<string, Sum> }>();
  private readonly mux: Mux;
  private readonly master: string;
  private readonly timer: NodeJS.Timeout;

  constructor(mux: Mux, master: string) {
    this.mux = mux;
    this.master = master;
    this.timer = setInterval(() => this.flush(Date.now()), 1_000);
  }

  take(beat: Heartbeat, now = Date.now()): void {
    for (const { step, seconds } of STEPS) {
      const at = Math.floor(now / 1000 / seconds) * seconds;
      let sums = this.sums.get(step);
      if (sums && sums.at !== at) {
        this.send(step, sums);
        sums = undefined;
      }
      if (!sums) this.sums.set(step, (sums = { at, of: new Map() }));
      const s = sums.of.get(beat.worker) ?? { n: 0, cpu: 0, memory: 0, tasks: 0, accounts: 0, browsers: 0 };
      s.n++;
      s.cpu += beat.cpuRatio * 100;
      s.memory += beat.rssBytes / 1_048_576;
      s.tasks += beat.busy.crawl + beat.busy.reply + beat.busy.login;
      s.accounts += beat.accounts.length;
      s.browsers += beat.browsers;
      sums.of.set(beat.worker, s);
    }
  }

  stop(): void {
    clearInterval(this.timer);
    this.flush(Number.MAX_SAFE_INTEGER);
  }

  private flush(now: number): void {
    for (const { step, seconds } of STEPS) {
      const sums = this.sums.get(step);
      if (sums && now / 1000 >= sums.at + seconds) {
        this.sums.delete(step);
        this.send(step, sums);
      }
    }
  }

  private send(step: MetricStep, { at, of }: { at: number; of: Map<string, Sum> }): void {
    const tenth = (n: number) => Math.round(n * 10) / 10;
    const rows: MetricRow[] = [...of].map(([worker, s]) => [worker, tenth(s.cpu / s.n), tenth(s.memory / s.n), tenth(s.tasks / s.n), tenth(s.accounts / s.n), tenth(s.browsers / s.n)]);
    // A row that can't be stored is a gap in a curve, no more.
    void this.mux.publish(subjects.metrics(step, this.master), JSON.stringify({ at, rows }), { 'Nats-TTL': STEPS.find((s) => s.step === step)!.ttl }).catch(() => {});
  }
}
