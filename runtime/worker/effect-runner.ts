import { z } from 'zod';
import { effectInput, fxRequest, type EffectName, type Fault, type FxAnswer, type FxAnswers, type FxRequest, type FxRun, type Heartbeat } from '../../transport/protocol.ts';
import { subjects, VERB, isId, isKind, type Address } from '../../transport/subjects.ts';
import type { EffectContext } from './effects/effect-context.ts';
import { faultOf, WorkerFault } from './fault.ts';
import type { Fence } from './fence.ts';
import { Kept } from './kept-results.ts';
import type { Link } from './link.ts';
import { Slots } from './slots.ts';
import { ResultPost } from './result-post.ts';
import { TaskNotes } from './task-notes.ts';
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
  context: Pick<EffectContext, 'pool' | 'platform' | 'windows' | 'tools' | 'shell'>;
  /** How long a result is remembered, ms. */
  keepMs?: number;
  /** This process, as its effects without an account name it. */
  incarnation?: string;
  /** What it runs at once: windows of agents and tasks, and shells, none where it may not. */
  limits?: { maxAgents: number; maxShells: number };
};

type What = NonNullable<Heartbeat['running']>[number]['is'];
type Run = { src: EffectName; actor: Address; account: string | null; epoch: number | null; free: boolean; is: What; agent: string | null; abort: AbortController; active: boolean; answers: Map<string, (ref: string) => void>; early: Map<string, string>; signals: Set<string>; finished: Promise<void> };
type Result = { to: Address; verb: string; body: { token: string; output?: unknown; error?: Fault }; id: string; /** Goes to the master itself first. */ direct: boolean };

const common = z.looseObject({ account: z.string().refine(isId, 'is no account id'), platform: z.string(), epoch: z.number() });
const FREE: readonly EffectName[] = ['work', 'keep', 'probe'];
const signalData = z.object({ txn: z.string(), ref: z.string() });

const UNSTARTED = 10_000;
/** Work that ends sooner says nothing of its start: a message less, and a turn. */
const SAY_STARTED = 150;

/** Takes effects from the master: each token once, one account at a time, results stored before they are forgotten. */
export class EffectRunner {
  readonly #o: RunnerOptions;
  readonly #running = new Map<string, Run>();
  readonly #done: Kept<Result>;
  /** Tokens that were offered to nobody before this process, and that it has not started: they may be offered again. */
  readonly #unstarted = new Set<string>();
  readonly #accounts = new Map<string, Slots>();
  readonly #crawls: Slots;
  readonly #post: ResultPost;
  readonly #storing = new Set<Promise<void>>();
  #draining = false;

  constructor(options: RunnerOptions) {
    this.#o = options;
    this.#crawls = new Slots(options.maxCrawls);
    this.#post = new ResultPost((items) => options.link.results(items));
    this.#done = new Kept(options.keepMs ?? 3_600_000);
  }

  /** Answers one message on the worker's effect subject. */
  async take(data: unknown): Promise<FxAnswer | FxAnswers> {
    const parsed = fxRequest.safeParse(data);
    if (!parsed.success) return { taken: false, reason: `not a request for an effect: ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ').slice(0, 300)}` };
    const request = parsed.data;
    if (request.op === 'abort') return this.#abort(request.token);
    if (request.op === 'signal') return this.#signal(request);
    if (request.op === 'stop') return { taken: false, reason: 'a stop is not an effect' };
    if (request.op === 'runs') return { answers: await Promise.all(request.runs.map((run) => this.#run(run))) };
    return this.#run(request);
  }

  busy(): Heartbeat['busy'] {
    const active = [...this.#running.values()].filter((r) => r.active);
    const count = (...of: EffectName[]) => active.filter((r) => of.includes(r.src)).length;
    return { crawl: count('crawl'), reply: count('post', 'find'), login: count('login', 'check'), task: count('work'), agent: count('keep') };
  }

  /** What it does without an account's lease, for the heartbeat. */
  working(): Pick<Heartbeat, 'tasks' | 'running'> {
    const free = [...this.#running.values()].filter((r) => r.free);
    return { tasks: free.filter((r) => r.src === 'work').length, running: free.map((r) => ({ actor: `${r.actor.kind}/${r.actor.id}`, is: r.is })) };
  }

  /** The task that works in an agent's window. */
  taskIn(agent: string): string | null {
    for (const r of this.#running.values()) if (r.src === 'work' && r.agent === agent) return r.actor.id;
    return null;
  }

  /** No master has been heard for too long: what is bound to no account is given to others soon. */
  silent(): void {
    for (const run of this.#running.values()) if (run.free) run.abort.abort(new WorkerFault('fenced', 'no heartbeat was confirmed in time: somebody else may do this by now'));
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

  async #run(request: FxRun): Promise<FxAnswer> {
    const { token, actor, once, offered } = request;
    if (!isKind(actor.kind) || !isId(actor.id)) return { taken: false, reason: `no actor is called ${actor.kind}/${actor.id}`.slice(0, 200) };
    if (this.#running.has(token)) return { taken: true };
    const known = this.#done.get(token);
    if (known !== undefined) {
      // Once it is stored it comes to the actor, and need not be sent again.
      if (known) this.#store(token, known);
      return { taken: true };
    }
    if (offered === 0) this.#noteUnstarted(token);
    if (this.#draining) return FREE.includes(request.src as EffectName) ? this.#turnAway(token, actor, new WorkerFault('aborted', 'the worker is stopping')) : { taken: false, reason: 'the worker is stopping' };
    if (once && offered > 0 && !this.#unstarted.has(token)) {
      this.#settle(token, actor, new WorkerFault('lost', 'the worker was restarted while it had this: it may have been sent', 'maybe'));
      return { taken: true };
    }
    const src = request.src as EffectName;
    if (FREE.includes(src) && src in this.#o.effects) return this.#runFree(request, src as 'work' | 'keep' | 'probe');
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
    return this.#begin(token, newRun({ src, actor, account, epoch, free: false, is: 'none', agent: null }), request.input);
  }

  /** Work that names this process, and an account only where it needs one. */
  async #runFree(request: FxRun, src: 'work' | 'keep' | 'probe'): Promise<FxAnswer> {
    const { token, actor } = request;
    const { incarnation, limits = { maxAgents: 0, maxShells: 0 }, fence } = this.#o;
    const parsed = effectInput[src].safeParse(request.input);
    if (!parsed.success) return this.#turnAway(token, actor, new WorkerFault('refused', parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ').slice(0, 300)));
    const input = parsed.data;
    if (input.incarnation !== incarnation) return { taken: false, reason: `another process of this name is meant: ${input.incarnation}` };
    const { account, epoch } = input;
    const agent = 'agent' in input ? input.agent : null;
    const mayAct = () => fence.live() && (account === null || epoch === null || fence.holds(account, epoch));
    if (!mayAct()) {
      await this.#o.refresh();
      if (this.#running.has(token)) return { taken: true };
      if (!mayAct()) return { taken: false, reason: fence.live() ? `this worker holds no lease of account ${account} with epoch ${epoch}` : 'no master has confirmed a heartbeat of this worker in time' };
    }
    const shell = 'type' in input && input.type === 'shell';
    const is: What = src === 'probe' ? 'none' : src === 'keep' ? 'agent' : shell ? 'shell' : agent === null ? 'page' : 'none';
    const most = shell ? limits.maxShells : limits.maxAgents;
    if (shell && most === 0) return this.#turnAway(token, actor, new WorkerFault('refused', 'this worker may not run shell tasks: start it with --allow-shell'));
    const used = [...this.#running.values()].filter((r) => (shell ? r.is === 'shell' : r.is === 'page' || r.is === 'agent')).length;
    if (is !== 'none' && used >= most) return this.#turnAway(token, actor, new WorkerFault('full', `this worker is full (${used} of ${most})`));
    this.#unstarted.delete(token);
    return this.#begin(token, newRun({ src, actor, account, epoch, free: true, is, agent }), request.input);
  }

  #turnAway(token: string, actor: Address, fault: WorkerFault): FxAnswer {
    this.#settle(token, actor, fault);
    return { taken: true };
  }

  #begin(token: string, run: Run, input: unknown): FxAnswer {
    this.#running.set(token, run);
    run.finished = this.#work(token, run, input);
    return { taken: true };
  }

  #noteUnstarted(token: string): void {
    this.#unstarted.add(token);
    for (const oldest of this.#unstarted) {
      if (this.#unstarted.size <= UNSTARTED) break;
      this.#unstarted.delete(oldest);
    }
  }

  async #work(token: string, run: Run, input: unknown): Promise<void> {
    const { actor, account, epoch } = run;
    const { signal } = run.abort;
    const { fence, log, link } = this.#o;
    let n = 0;
    let told: Promise<void> = Promise.resolve();
    let started: NodeJS.Timeout | undefined;
    let overtime: NodeJS.Timeout | undefined;
    const say = (event: object): void => {
      const id = `${token}:${++n}`;
      told = told.then(() => link.store(this.#inbox(actor, VERB.event), { token, event }, id));
    };
    const { attempt = 1, timeoutMs } = (input ?? {}) as { attempt?: number; timeoutMs?: number };
    const notes = run.src === 'work' ? new TaskNotes(attempt, (rows) => link.tell(subjects.tasklog(actor.id, this.#o.worker), rows)) : null;
    const ctx: EffectContext = {
      ...this.#o.context, token, signal, link, log,
      assertHeld: () => {
        if (account !== null && epoch !== null && !fence.holds(account, epoch)) throw new WorkerFault('fenced', `this worker may not act for ${account} any more: its lease is over`);
        if (!fence.live()) throw new WorkerFault('fenced', 'no heartbeat was confirmed in time');
      },
      emit: (event) => {
        if (run.src === 'work' && event.type === 'STARTED') started ??= setTimeout(() => say(event), SAY_STARTED);
        else say(event);
      },
      note: (row) => notes?.add(row),
      answer: (txn) => this.#answer(token, run, txn),
    };
    const began = performance.now();
    let outcome: { output: unknown } | { error: unknown };
    try {
      // The window of an agent stays open for long: its account must be free for others meanwhile.
      const slots = account !== null && run.src !== 'keep' ? this.#slotsOf(account) : new Slots(1);
      const work = async () => {
        ctx.assertHeld();
        run.active = true;
        if (run.src === 'work' && timeoutMs !== undefined) overtime = setTimeout(() => run.abort.abort(new WorkerFault('timeout', `not finished within ${timeoutMs / 1000} s`)), timeoutMs);
        return this.#o.effects[run.src]!(ctx, input);
      };
      outcome = { output: await slots.run(signal, () => (run.src === 'crawl' ? this.#crawls.run(signal, work) : work())) };
    } catch (error) {
      // Closing the browser under an effect makes it fail in many ways; the reason is the abort. A post knows better what has left.
      const cause = signal.aborted && !(error instanceof WorkerFault) ? signal.reason : error;
      outcome = { error: cause };
    }
    run.active = false;
    clearTimeout(started);
    clearTimeout(overtime);
    notes?.end();
    await told;
    this.#running.delete(token);
    const fault = 'error' in outcome ? this.#settle(token, actor, outcome.error) : this.#finish(token, actor, outcome.output);
    log(fault ? 'warn' : 'info', fault ? 'error' : 'task', `${run.src} of ${account ?? `${actor.kind}/${actor.id}`} ${fault ? `failed: ${fault}` : 'is done'}`, { ...(account === null ? {} : { account }), token, ms: Math.round(performance.now() - began) });
  }

  #finish(token: string, to: Address, output: unknown): null {
    this.#keep(token, { to, verb: VERB.done, body: { token, output }, id: `${token}:done`, direct: this.#direct(token) });
    return null;
  }

  /** Stores a fault as the effect's result; returns its text. */
  #settle(token: string, to: Address, error: unknown): string {
    const fault = faultOf(error);
    this.#keep(token, { to, verb: VERB.error, body: { token, error: fault }, id: `${token}:error`, direct: this.#direct(token) });
    return `${fault.kind}: ${fault.message}`;
  }

  #keep(token: string, result: Result): void {
    this.#done.add(token, result, JSON.stringify(result.body).length);
    this.#store(token, result);
  }

  /** Work that may run anywhere and anew, so that its tasks cost one stored write less. */
  #direct = (token: string): boolean => token.startsWith('task/');

  #store(token: string, { to, verb, body, id, direct }: Result): void {
    const inbox = () => this.#o.link.store(this.#inbox(to, verb), body, id);
    const storing = (direct ? this.#post.send({ id, actor: `${to.kind}/${to.id}`, ...body }).then((settled) => (settled ? undefined : inbox())) : inbox()).then(() => this.#done.stored(token)).finally(() => this.#storing.delete(storing));
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

const newRun = (of: Pick<Run, 'src' | 'actor' | 'account' | 'epoch' | 'free' | 'is' | 'agent'>): Run => ({ ...of, abort: new AbortController(), active: false, answers: new Map(), early: new Map(), signals: new Set(), finished: Promise.resolve() });

async function atMost(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((done) => (timer = setTimeout(done, ms)))]);
  clearTimeout(timer);
}
