import { z } from 'zod';
import { effectInput, fxRequest, type EffectName, type FxAnswer, type FxRequest } from '../../transport/protocol.ts';
import { subjects, VERB, isId, isKind, type Address } from '../../transport/subjects.ts';
import type { EffectContext } from './effects/effect-context.ts';
import { faultOf, WorkerFault } from './fault.ts';
import type { Fence } from './fence.ts';
import type { Link } from './link.ts';
import { Slots } from './slots.ts';
import type { WorkerLog } from './worker-log.ts';

export type Effect = (ctx: EffectContext, input: unknown) => Promise<unknown>;

export type RunnerOptions = {
  worker: string;
  link: Link;
  fence: Fence;
  log: WorkerLog;
  /** What this worker can do; `work` and `keep` only where it has windows. */
  effects: Partial<Record<EffectName, Effect>>;
  maxCrawls: number;
  /** Asks the master which leases are held now. */
  refresh(): Promise<void>;
  context: Pick<EffectContext, 'pool' | 'platform'>;
  /** How long a result is remembered, ms. */
  keepMs?: number;
};

type RunRequest = Extract<FxRequest, { op: 'run' }>;
type Run = { src: EffectName; account: string; abort: AbortController; active: boolean; answers: Map<string, (ref: string) => void>; early: Map<string, string>; signals: Set<string>; finished: Promise<void> };
type Result = { to: Address; verb: string; body: object; id: string; at: number };

const common = z.looseObject({ account: z.string().refine(isId, 'is no account id'), platform: z.string(), epoch: z.number() });
const signalData = z.object({ txn: z.string(), ref: z.string() });

const UNSTARTED = 10_000;

/** Takes effects from the master: each token once, one account at a time, results stored before they are forgotten. */
export class EffectRunner {
  readonly #o: RunnerOptions;
  readonly #running = new Map<string, Run>();
  readonly #done = new Map<string, Result>();
  /** Tokens that were offered to nobody before this process, and that it has not started: they may be offered again. */
  readonly #unstarted = new Set<string>();
  readonly #accounts = new Map<string, Slots>();
  readonly #crawls: Slots;
  readonly #storing = new Set<Promise<void>>();
  #draining = false;

  constructor(options: RunnerOptions) {
    this.#o = options;
    this.#crawls = new Slots(options.maxCrawls);
  }

  /** Answers one message on the worker's effect subject. */
  async take(data: unknown): Promise<FxAnswer> {
    const parsed = fxRequest.safeParse(data);
    if (!parsed.success) return { taken: false, reason: `not a request for an effect: ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ').slice(0, 300)}` };
    const request = parsed.data;
    if (request.op === 'abort') return this.#abort(request.token);
    if (request.op === 'signal') return this.#signal(request);
    if (request.op === 'stop') return { taken: false, reason: 'a stop is not an effect' };
    return this.#run(request);
  }

  busy(): { crawl: number; reply: number; login: number } {
    const active = [...this.#running.values()].filter((r) => r.active);
    const count = (...of: EffectName[]) => active.filter((r) => of.includes(r.src)).length;
    return { crawl: count('crawl'), reply: count('post', 'find'), login: count('login', 'check') };
  }

  /** Ends everything that runs for an account whose lease is gone. */
  fence(account: string, reason: string): void {
    for (const run of this.#running.values()) if (run.account === account) run.abort.abort(new WorkerFault('fenced', `this worker may not act for ${account} any more: ${reason}`));
  }

  /** Takes nothing new, lets what runs finish within `graceMs`, ends the rest, and waits until all results are stored. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const all = () => Promise.allSettled([...this.#running.values()].map((r) => r.finished));
    await atMost(all(), graceMs);
    for (const run of this.#running.values()) run.abort.abort(new WorkerFault('aborted', 'the worker is stopping'));
    await atMost(all(), 5000);
    await atMost(Promise.allSettled([...this.#storing]), 5000);
  }

  async #run(request: RunRequest): Promise<FxAnswer> {
    const { token, actor, once, offered } = request;
    if (!isKind(actor.kind) || !isId(actor.id)) return { taken: false, reason: `no actor is called ${actor.kind}/${actor.id}`.slice(0, 200) };
    if (this.#running.has(token)) return { taken: true };
    const known = this.#done.get(token);
    if (known) {
      this.#store(known);
      return { taken: true };
    }
    if (offered === 0) this.#noteUnstarted(token);
    if (this.#draining) return { taken: false, reason: 'the worker is stopping' };
    if (once && offered > 0 && !this.#unstarted.has(token)) {
      this.#settle(token, actor, new WorkerFault('lost', 'the worker was restarted while it had this: it may have been sent', 'maybe'));
      return { taken: true };
    }
    const src = request.src as EffectName;
    const input = src in this.#o.effects ? effectInput[src].and(common).safeParse(request.input) : null;
    if (!input?.success) {
      const why = input ? input.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ') : `this worker knows no effect "${request.src}"`;
      this.#settle(token, actor, new WorkerFault('refused', why.slice(0, 300)));
      return { taken: true };
    }
    const { account, epoch } = input.data;
    if (!this.#o.fence.holds(account, epoch)) {
      await this.#o.refresh();
      if (this.#running.has(token)) return { taken: true };
      if (!this.#o.fence.holds(account, epoch)) return { taken: false, reason: `this worker holds no lease of account ${account} with epoch ${epoch}` };
    }
    this.#unstarted.delete(token);
    const run: Run = { src, account, abort: new AbortController(), active: false, answers: new Map(), early: new Map(), signals: new Set(), finished: Promise.resolve() };
    this.#running.set(token, run);
    run.finished = this.#work(token, actor, run, epoch, request.input);
    return { taken: true };
  }

  #noteUnstarted(token: string): void {
    this.#unstarted.add(token);
    for (const oldest of this.#unstarted) {
      if (this.#unstarted.size <= UNSTARTED) break;
      this.#unstarted.delete(oldest);
    }
  }

  async #work(token: string, actor: Address, run: Run, epoch: number, input: unknown): Promise<void> {
    const { signal } = run.abort;
    const { fence, log, link } = this.#o;
    let n = 0;
    let told: Promise<void> = Promise.resolve();
    const ctx: EffectContext = {
      ...this.#o.context, token, signal, link, log,
      assertHeld: () => {
        if (!fence.holds(run.account, epoch)) throw new WorkerFault('fenced', `this worker may not act for ${run.account} any more: its lease is over`);
      },
      emit: (event) => {
        const id = `${token}:${++n}`;
        told = told.then(() => link.store(this.#inbox(actor, VERB.event), { token, event }, id));
      },
      note: () => {},
      answer: (txn) => this.#answer(token, run, txn),
    };
    const began = performance.now();
    let outcome: { output: unknown } | { error: unknown };
    try {
      const slots = this.#slotsOf(run.account);
      const work = async () => {
        ctx.assertHeld();
        run.active = true;
        return this.#o.effects[run.src]!(ctx, input);
      };
      outcome = { output: await slots.run(signal, () => (run.src === 'crawl' ? this.#crawls.run(signal, work) : work())) };
    } catch (error) {
      // Closing the browser under an effect makes it fail in many ways; the reason is the abort. A post knows better what has left.
      const cause = signal.aborted && !(error instanceof WorkerFault) ? signal.reason : error;
      outcome = { error: cause };
    }
    run.active = false;
    await told;
    this.#running.delete(token);
    const fault = 'error' in outcome ? this.#settle(token, actor, outcome.error) : this.#finish(token, actor, outcome.output);
    log(fault ? 'warn' : 'info', fault ? 'error' : 'task', `${run.src} of ${run.account} ${fault ? `failed: ${fault}` : 'is done'}`, { account: run.account, token, ms: Math.round(performance.now() - began) });
  }

  #finish(token: string, to: Address, output: unknown): null {
    this.#keep(token, { to, verb: VERB.done, body: { token, output }, id: `${token}:done`, at: performance.now() });
    return null;
  }

  /** Stores a fault as the effect's result; returns its text. */
  #settle(token: string, to: Address, error: unknown): string {
    const fault = faultOf(error);
    this.#keep(token, { to, verb: VERB.error, body: { token, error: fault }, id: `${token}:error`, at: performance.now() });
    return `${fault.kind}: ${fault.message}`;
  }

  #keep(token: string, result: Result): void {
    const old = performance.now() - (this.#o.keepMs ?? 3_600_000);
    for (const [key, kept] of this.#done) {
      if (kept.at > old) break;
      this.#done.delete(key);
    }
    this.#done.set(token, result);
    this.#store(result);
  }

  #store({ to, verb, body, id }: Result): void {
    const storing = this.#o.link.store(this.#inbox(to, verb), body, id).finally(() => this.#storing.delete(storing));
    this.#storing.add(storing);
  }

  #inbox = (to: Address, verb: string): string => subjects.inboxFrom(to, verb, this.#o.worker);

  #abort(token: string): FxAnswer {
    const run = this.#running.get(token);
    run?.abort.abort(new WorkerFault('aborted', 'the master took this back'));
    return run ? { taken: true } : { taken: false, reason: 'nothing runs under this token' };
  }

  #signal(request: Extract<FxRequest, { op: 'signal' }>): FxAnswer {
    const run = this.#running.get(request.token);
    if (!run) return { taken: false, reason: 'nothing runs under this token' };
    if (run.signals.has(request.id)) return { taken: true };
    const data = signalData.safeParse(request.data);
    if (!data.success) return { taken: false, reason: 'a signal holds {txn, ref}' };
    run.signals.add(request.id);
    const { txn, ref } = data.data;
    const waiting = run.answers.get(txn);
    if (waiting) waiting(ref);
    else run.early.set(txn, ref);
    return { taken: true };
  }

  /** Waits for the signal that answers `txn`, then fetches the value that it names. */
  async #answer(token: string, run: Run, txn: string): Promise<string> {
    const { signal } = run.abort;
    const ref = run.early.get(txn) ?? (await new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      run.answers.set(txn, resolve);
    }));
    const { value } = await this.#o.link.ask('secret', { ref, token }, 15_000, signal);
    if (typeof value !== 'string') throw new WorkerFault('refused', 'the master has no answer under this name any more');
    return value;
  }

  #slotsOf(account: string): Slots {
    const slots = this.#accounts.get(account) ?? new Slots(1);
    this.#accounts.set(account, slots);
    return slots;
  }
}

async function atMost(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((done) => (timer = setTimeout(done, ms)))]);
  clearTimeout(timer);
}
