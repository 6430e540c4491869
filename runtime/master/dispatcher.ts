import type { PendingEffect } from '../../actors/entry.ts';
import type { Mux } from '../../transport/mux.ts';
import type { FxAnswer, FxAnswers, FxRequest, FxRun } from '../../transport/protocol.ts';
import { parseAddress, subjects } from '../../transport/subjects.ts';
import type { Liveness } from './liveness.ts';

type Job = {
  actor: string;
  token: string;
  effect: PendingEffect;
  worker: string;
  once: boolean;
  /** Bound to a process and to no lease: it may travel with others. */
  free: boolean;
  offered: number;
  /** The worker process that took it; another one under the same name has never heard of it. */
  takenBy: string | null;
  /** Since when the worker has said no and nothing else. */
  refusedAt: number | null;
  nextAt: number;
  asking: boolean;
};

/** Who wants to know what is out, and when it is over. */
export type Ledger = { given(token: string, actor: string, src: string, input: Record<string, unknown>): void; over(token: string): void };

const REOFFER = 10_000;
const MOST_BYTES = 262_144;
/** A lease on its way to the worker takes a moment; one that is over never comes. */
const REFUSED_FOR = 10_000;

/** Offers effects to workers until they are taken, offers them again now and then, and reports those whose worker is gone. */
export class Dispatcher {
  private readonly jobs = new Map<string, Job>();
  /** What begins in this turn of the loop, by worker. */
  private readonly leaving = new Map<string, Job[]>();
  /** Processes that are older than `runs`. */
  private readonly onlyOne = new Set<string>();
  private readonly mux: Mux;
  private readonly liveness: Liveness;
  private readonly lost: (actor: string, token: string, message: string, once: boolean) => void;
  private readonly ledger: Ledger | null;
  private readonly timer: NodeJS.Timeout;

  constructor(mux: Mux, liveness: Liveness, lost: (actor: string, token: string, message: string, once: boolean) => void, ledger: Ledger | null = null) {
    this.mux = mux;
    this.liveness = liveness;
    this.lost = lost;
    this.ledger = ledger;
    this.timer = setInterval(() => this.sweep(), 250);
  }

  run(actor: string, token: string, effect: PendingEffect, once: boolean, again: boolean): void {
    if (this.jobs.has(token)) return;
    const { worker = '', incarnation = null } = (effect.input ?? {}) as { worker?: string; incarnation?: string | null };
    // What names a process is lost with it, whether it had taken it or not.
    const job: Job = { actor, token, effect, worker, once, free: incarnation !== null && !once, offered: again ? 1 : 0, takenBy: incarnation, refusedAt: null, nextAt: 0, asking: false };
    this.jobs.set(token, job);
    this.ledger?.given(token, actor, effect.src, effect.input as Record<string, unknown>);
    this.offer(job);
  }

  /** Takes it back; `worker` is whose it was where it is written off already. */
  abort(token: string, worker?: string): boolean {
    const job = this.jobs.get(token);
    const at = job?.worker ?? worker;
    if (at === undefined) return false;
    this.forget(token);
    this.mux.nc.publish(subjects.fx(at), JSON.stringify({ op: 'abort', token } satisfies FxRequest));
    return true;
  }

  /** Another master offers these now; the worker goes on with them. */
  drop(of: (actor: string) => boolean): void {
    for (const [token, job] of this.jobs) if (of(job.actor)) this.forget(token);
  }

  /** Forgets without a word: the result is in. */
  forget(token: string): void {
    if (this.jobs.delete(token)) this.ledger?.over(token);
  }

  async signal(worker: string, id: string, token: string, data: unknown): Promise<boolean> {
    try {
      const answer = await this.mux.json<FxAnswer>(subjects.fx(worker), { op: 'signal', token, id, data } satisfies FxRequest, { timeout: 2_000 });
      return answer.taken;
    } catch {
      return false;
    }
  }

  /** The worker that a running effect was given to. */
  workerOf(token: string): string | null {
    return this.jobs.get(token)?.worker ?? null;
  }

  stop(): void {
    clearInterval(this.timer);
    this.jobs.clear();
  }

  private sweep(): void {
    const now = performance.now();
    for (const job of this.jobs.values()) {
      const gone = this.liveness.gone(job.worker, job.takenBy);
      if (gone) {
        this.forget(job.token);
        this.lost(job.actor, job.token, gone, job.once);
      } else if (now >= job.nextAt && !job.asking) this.offer(job);
    }
  }

  private offer(job: Job): void {
    job.asking = true;
    if (!job.free || this.onlyOne.has(job.takenBy!)) return void this.offerOne(job);
    const leaving = this.leaving.get(job.worker);
    if (leaving) return void leaving.push(job);
    this.leaving.set(job.worker, [job]);
    setImmediate(() => {
      const jobs = this.leaving.get(job.worker)!.filter((j) => this.jobs.get(j.token) === j);
      this.leaving.delete(job.worker);
      for (const part of parts(jobs.map((j) => [j, JSON.stringify(requestOf(j))]))) void (part.length === 1 ? this.offerOne(part[0]![0]) : this.offerMany(part));
    });
  }

  private async offerMany(part: [Job, string][]): Promise<void> {
    const { worker } = part[0]![0];
    const incarnation = this.liveness.incarnation(worker);
    try {
      const answer = await this.mux.request(subjects.fx(worker), `{"op":"runs","runs":[${part.map(([, text]) => text).join(',')}]}`, { timeout: 2_000 });
      const { answers } = answer.json<Partial<FxAnswers>>();
      if (answers) return part.forEach(([job], i) => this.answered(job, answers[i]!, incarnation));
      for (const [job] of part) {
        this.onlyOne.add(job.takenBy!);
        void this.offerOne(job);
      }
    } catch {
      for (const [job] of part) this.unanswered(job);
    }
  }

  private async offerOne(job: Job): Promise<void> {
    const incarnation = this.liveness.incarnation(job.worker);
    try {
      this.answered(job, await this.mux.json<FxAnswer>(subjects.fx(job.worker), requestOf(job), { timeout: 2_000 }), incarnation);
    } catch {
      this.unanswered(job);
    }
  }

  private answered(job: Job, { taken, reason }: FxAnswer, incarnation: string | null): void {
    job.offered++;
    job.asking = false;
    job.nextAt = performance.now() + (taken ? REOFFER : 1_000);
    if (taken) {
      job.takenBy ??= incarnation;
      job.refusedAt = null;
    } else if (performance.now() - (job.refusedAt ??= performance.now()) > REFUSED_FOR && this.jobs.has(job.token)) {
      this.forget(job.token);
      this.lost(job.actor, job.token, `${job.worker} does not take it: ${reason ?? 'no reason given'}`, job.once);
    }
  }

  /** Silence is no refusal: it may have been taken. */
  private unanswered(job: Job): void {
    job.offered++;
    job.asking = false;
    job.nextAt = performance.now() + 500;
  }
}

const requestOf = (job: Job): FxRun => ({ op: 'run', token: job.token, actor: parseAddress(job.actor)!, src: job.effect.src, input: job.effect.input, once: job.once, offered: job.offered });

/** Pieces that each fit well into one message. */
function parts<T>(all: [T, string][]): [T, string][][] {
  const found: [T, string][][] = [];
  let bytes = Infinity;
  for (const one of all) {
    bytes += Buffer.byteLength(one[1]);
    if (bytes > MOST_BYTES) {
      found.push([]);
      bytes = Buffer.byteLength(one[1]);
    }
    found.at(-1)!.push(one);
  }
  return found;
}
