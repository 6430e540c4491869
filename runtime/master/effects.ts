import type { Fault } from '../../transport/protocol.ts';

/** What an effect that runs on a master is handed. `again`: it may have run before, so it must be idempotent by its token. `say` sends its actor an event while it runs. */
export type EffectIo = { token: string; actor: string; again: boolean; signal: AbortSignal; say(event: { type: string; [key: string]: unknown }): void };
export type MasterEffect = (input: any, io: EffectIo) => Promise<unknown>;

/** An effect that many actors wait for at once: a record each, no promise. */
export type HeldJob = { token: string; actor: string; input: any };
export type Answers = { done(job: Pick<HeldJob, 'actor' | 'token'>, output: unknown): void; failed(job: Pick<HeldJob, 'actor' | 'token'>, error: EffectFailed): void; say(job: Pick<HeldJob, 'actor' | 'token'>, event: { type: string; [key: string]: unknown }): void };
export type HeldEffect = { take(job: HeldJob, answers: Answers): void; drop(token: string): void };
export type AnyMasterEffect = MasterEffect | HeldEffect;

/** A fault that a chart is meant to see, with the words for an operator. */
export class EffectFailed extends Error {
  readonly fault: Fault;
  constructor(kind: string, message: string, sent: 'no' | 'maybe' = 'no') {
    super(message);
    this.name = 'EffectFailed';
    this.fault = { kind, message, sent };
  }
}

export const faultFrom = (error: unknown): Fault =>
  error instanceof EffectFailed ? error.fault : { kind: 'unknown', message: error instanceof Error ? error.message : String(error), sent: 'maybe' };

type Result = { is: 'done'; output: unknown } | { is: 'error'; error: Fault };

/** Runs the effects of this master's actors, each once at a time, and reports how it ended unless it was aborted. */
export class MasterEffects {
  private readonly running = new Map<string, { actor: string; stop: AbortController }>();
  private readonly held = new Map<string, { actor: string; effect: HeldEffect }>();
  private readonly effects: Readonly<Record<string, AnyMasterEffect>>;
  private readonly report: (actor: string, token: string, result: Result) => void;
  private readonly say: (actor: string, token: string, event: { type: string }) => void;
  private readonly answers: Answers;

  constructor(effects: Readonly<Record<string, AnyMasterEffect>>, report: (actor: string, token: string, result: Result) => void, say: (actor: string, token: string, event: { type: string }) => void) {
    this.effects = effects;
    this.say = say;
    this.report = report;
    const answer = ({ actor, token }: Pick<HeldJob, 'actor' | 'token'>, result: Result) => void (this.held.delete(token) && this.report(actor, token, result));
    this.answers = {
      done: (job, output) => answer(job, { is: 'done', output }),
      failed: (job, error) => answer(job, { is: 'error', error: error.fault }),
      say: ({ actor, token }, event) => void (this.held.has(token) && this.say(actor, token, event)),
    };
  }

  run(actor: string, token: string, src: string, input: unknown, again: boolean): void {
    if (this.running.has(token) || this.held.has(token)) return;
    const effect = this.effects[src];
    if (typeof effect === 'object') {
      this.held.set(token, { actor, effect });
      return effect.take({ token, actor, input }, this.answers);
    }
    const stop = new AbortController();
    this.running.set(token, { actor, stop });
    const work = effect ? Promise.resolve().then(() => effect(input, { token, actor, again, signal: stop.signal, say: (event) => this.say(actor, token, event) })) : Promise.reject(new EffectFailed('unknown', `no effect is registered as ${src}`));
    work
      .then((output): Result => ({ is: 'done', output: output === undefined ? null : JSON.parse(JSON.stringify(output)) }), (error): Result => ({ is: 'error', error: faultFrom(error) }))
      .then((result) => {
        if (this.running.get(token)?.stop !== stop) return;
        this.running.delete(token);
        this.report(actor, token, result);
      });
  }

  abort(token: string): boolean {
    const held = this.held.get(token);
    if (held) {
      this.held.delete(token);
      held.effect.drop(token);
      return true;
    }
    const job = this.running.get(token);
    if (!job) return false;
    this.running.delete(token);
    job.stop.abort();
    return true;
  }

  /** Another master runs these now. */
  drop(of: (actor: string) => boolean): void {
    for (const jobs of [this.running, this.held]) for (const [token, { actor }] of jobs) if (of(actor)) this.abort(token);
  }

  stop(): void {
    for (const token of [...this.running.keys(), ...this.held.keys()]) this.abort(token);
  }
}
