import type { Heartbeat } from '../../transport/protocol.ts';

type Known = { incarnation: string; seq: number; heard: number; state: 'connected' | 'suspect' | 'offline'; accounts: { account: string; epoch: number }[]; beat: Heartbeat };
export type LivenessChange = { worker: string; is: 'SEEN' | 'SUSPECT' | 'OFFLINE'; incarnation: string };

/** Who is alive, by heartbeats against the monotonic clock. After a pause of its own it gives everyone a fresh window. */
export class Liveness {
  private readonly workers = new Map<string, Known>();
  private readonly suspectAfter: number;
  private readonly offlineAfter: number;
  private readonly changed: (change: LivenessChange) => void;
  private readonly started = performance.now();
  private timer: NodeJS.Timeout | null = null;
  private last = performance.now();

  constructor(options: { suspectAfter: number; offlineAfter: number; sweep?: number }, changed: (change: LivenessChange) => void) {
    this.suspectAfter = options.suspectAfter;
    this.offlineAfter = options.offlineAfter;
    this.changed = changed;
    const every = options.sweep ?? Math.min(1_000, options.suspectAfter / 5);
    this.timer = setInterval(() => this.sweep(every), every);
  }

  /** False for a heartbeat that is older than one already heard, or of a process that a newer one has replaced. */
  beat(beat: Heartbeat): boolean {
    const known = this.workers.get(beat.worker);
    if (known && known.incarnation === beat.incarnation && beat.seq <= known.seq) return false;
    if (known && known.state !== 'offline' && beat.incarnation < known.incarnation) return false;
    const was = known?.incarnation === beat.incarnation ? known.state : null;
    this.workers.set(beat.worker, { incarnation: beat.incarnation, seq: beat.seq, heard: performance.now(), state: 'connected', accounts: beat.accounts, beat });
    if (was === 'suspect') this.changed({ worker: beat.worker, is: 'SEEN', incarnation: beat.incarnation });
    return true;
  }

  /** A registration counts as a heartbeat. */
  registered(worker: string, incarnation: string): void {
    const known = this.workers.get(worker);
    const beat: Heartbeat = { worker, incarnation, seq: -1, at: 0, rssBytes: 0, cpuRatio: 0, browsers: 0, busy: { crawl: 0, reply: 0, login: 0 }, accounts: [] };
    this.workers.set(worker, { incarnation, seq: known?.incarnation === incarnation ? known.seq : -1, heard: performance.now(), state: 'connected', accounts: [], beat: known?.incarnation === incarnation ? known.beat : beat });
  }

  /** A worker that the journal calls connected: it has one full window to be heard. */
  expect(worker: string, incarnation: string): void {
    if (!this.workers.has(worker)) this.registered(worker, incarnation);
  }

  incarnation(worker: string): string | null {
    return this.workers.get(worker)?.incarnation ?? null;
  }

  /** What each worker that is not offline says that it holds. */
  list(): { worker: string; accounts: { account: string; epoch: number }[] }[] {
    return [...this.workers].filter(([, k]) => k.state !== 'offline').map(([worker, k]) => ({ worker, accounts: k.accounts }));
  }

  /** The newest report of each worker that is not offline. */
  beats(): Heartbeat[] {
    return [...this.workers.values()].filter((k) => k.state !== 'offline').map((k) => k.beat);
  }

  beatOf(worker: string): Heartbeat | null {
    return this.workers.get(worker)?.beat ?? null;
  }

  /** Why an effect given to this worker process will never be answered, or null while it may be. */
  gone(worker: string, incarnation: string | null): string | null {
    const known = this.workers.get(worker);
    if (!known) return performance.now() - this.started > this.offlineAfter ? `${worker} has not been heard of` : null;
    if (incarnation !== null && known.incarnation !== incarnation) return `${worker} was started anew`;
    if (known.state === 'offline') return `${worker} is offline`;
    return null;
  }

  /** Its process is known to be dead: no need to wait. */
  exited(worker: string): void {
    const known = this.workers.get(worker);
    if (known) known.state = 'offline';
  }

  state(worker: string): Known['state'] | null {
    return this.workers.get(worker)?.state ?? null;
  }

  /** Nobody could be heard for a while, by our own fault: everyone has a full window from now on. */
  fresh(): void {
    const now = performance.now();
    for (const known of this.workers.values()) known.heard = now;
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
  }

  private sweep(every: number): void {
    const now = performance.now();
    const pause = now - this.last - every;
    this.last = now;
    if (pause > Math.min(2_000, this.suspectAfter / 2)) {
      this.fresh();
      return;
    }
    for (const [worker, known] of this.workers) {
      const silent = now - known.heard;
      if (known.state !== 'offline' && silent > this.offlineAfter) {
        known.state = 'offline';
        this.changed({ worker, is: 'OFFLINE', incarnation: known.incarnation });
      } else if (known.state === 'connected' && silent > this.suspectAfter) {
        known.state = 'suspect';
        this.changed({ worker, is: 'SUSPECT', incarnation: known.incarnation });
      }
    }
  }
}
