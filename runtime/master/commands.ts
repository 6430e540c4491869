import type { Msg } from '@nats-io/nats-core';
import type { z } from 'zod';
import type { Binding, CommandSpec } from '../../actors/binding.ts';
import { statePaths, type Cause, type Entry } from '../../actors/entry.ts';
import type { Outcome } from '../../actors/ports.ts';
import type { Mux } from '../../transport/mux.ts';
import type { Answer } from '../../transport/protocol.ts';
import { address, HEADER, isId, isKind, parseCommand, subjects, type Address } from '../../transport/subjects.ts';
import { BadJson, parseStrict } from '../strict-json.ts';
import { freshId, type Engine } from './engine.ts';

export type Request = { to: Address; verb: string; payload: unknown; id: string; by: string; /** The web request that it came by: its id and a hash of the client's address. */ request?: string };
type Refusal = Extract<Answer, { ok: false }>;

/** A verb that every kind has: it looks at an actor, or lifts it out of the parked list. */
export type Common = (to: Address, payload: any, request: Request) => Promise<Answer>;

export type CommandsOptions = {
  mux: Mux;
  engine: Engine;
  bindings: ReadonlyMap<string, Binding>;
  common: Readonly<Record<string, Common>>;
  /** Verbs of one kind that need no turn and no owner: whichever master is asked does them. */
  anywhere?: Readonly<Record<string, Readonly<Record<string, Common>>>>;
  /** Verbs of one kind that are no event of its chart. */
  extra?: Readonly<Record<string, Readonly<Record<string, Common>>>>;
  /** Seals a secret field and gives what the event carries instead. */
  seal(to: Address, field: string, value: string, id: string): Promise<string>;
  /** Adds to what an actor begins with; `undo` is called when nothing begins after all. */
  begin?(actor: string, input: Record<string, unknown>): { input: Record<string, unknown>; undo(): void } | null;
  /** Says no before a turn is taken: what only the outside knows. */
  allow?(request: Request): Promise<Refusal | null>;
  /** Why nothing may be written, or null. */
  closed(): Refusal | null;
};

const refuse = (code: string, message: string, field?: string): Refusal => ({ ok: false, code, message, ...(field ? { field } : {}) });
const WAIT = 8_000;
const REQUEST = /^[A-Za-z0-9_-]{1,64} [A-Za-z0-9_-]{1,64}$/;
/** What was put there, never what every object has (`constructor`, `toString`). */
const own = <T>(of: Readonly<Record<string, T>>, name: string): T | undefined => (Object.hasOwn(of, name) ? of[name] : undefined);
const causeOf = ({ id, by, request }: Request): Cause => ({ id, by, ...(request ? { request } : {}) });

/** Commands on `troupe.cmd.<kind>.<id>.<verb>`: checked, put to the actor by the owner of its partition, answered once the turn is stored. */
export class Commands {
  private readonly o: CommandsOptions;

  constructor(options: CommandsOptions) {
    this.o = options;
  }

  /** A request from outside; any master may get it. */
  async handle(msg: Msg): Promise<void> {
    const parsed = parseCommand(msg.subject);
    const answer = parsed ? await this.read(parsed, msg).catch((error: Error) => refuse('unavailable', error.message)) : refuse('invalid', 'use troupe.cmd.<kind>.<id>.<verb> with an id of a-z, 0-9 and hyphens', 'id');
    msg.respond(JSON.stringify(answer));
  }

  /** A request that another master handed over. */
  async handleOwn(msg: Msg): Promise<void> {
    const request = msg.json<Request>();
    msg.respond(JSON.stringify(await this.here(request).catch((error: Error) => refuse('unavailable', error.message))));
  }

  private async read({ to, verb }: { to: Address; verb: string }, msg: Msg): Promise<Answer> {
    let payload: unknown;
    try {
      payload = msg.data.length === 0 ? {} : parseStrict(msg.string());
    } catch (error) {
      if (!(error instanceof BadJson)) throw error;
      return refuse('invalid', `the payload can't be read: ${error.message}`, 'payload');
    }
    const id = msg.headers?.get(HEADER.id) || `${msg.reply ?? ''}:${Date.now()}:${Math.random()}`;
    const request = msg.headers?.get(HEADER.request);
    return this.run({ to, verb, payload, id, by: msg.headers?.get(HEADER.by) || 'operator', ...(request && REQUEST.test(request) ? { request } : {}) });
  }

  /** Runs a command here, or at the master that owns the actor; waits while the partition changes hands. */
  async run(request: Request): Promise<Answer> {
    const until = performance.now() + WAIT;
    const actor = address(request.to);
    if (!isKind(request.to.kind) || !this.o.bindings.has(request.to.kind)) return refuse('not_found', `there is no kind ${request.to.kind}; there are ${[...this.o.bindings.keys()].join(', ')}`, 'kind');
    if (!isId(request.to.id)) return refuse('invalid', 'an id is 1 to 63 of a-z, 0-9 and hyphens, and starts with a letter or digit', 'id');
    const direct = own(own(this.o.anywhere ?? {}, request.to.kind) ?? {}, request.verb);
    if (direct) return direct(request.to, request.payload ?? {}, request);
    for (;;) {
      if (this.o.engine.host.owns(actor)) return this.here(request);
      const closed = this.o.closed();
      if (closed) return closed;
      try {
        return await this.o.mux.json<Answer>(subjects.own(this.o.engine.partition(actor)), request, { timeout: WAIT });
      } catch (error) {
        if (performance.now() > until) return refuse('unavailable', `no master owns ${actor} right now (${(error as Error).message}); ask again with the same id`);
        await new Promise((r) => setTimeout(r, 200));
      }
    }
  }

  private async here(request: Request): Promise<Answer> {
    const { to, verb, payload } = request;
    const common = own(this.o.common, verb);
    if (common) return common(to, payload ?? {}, request);
    const closed = this.o.closed();
    if (closed) return closed;
    const binding = this.o.bindings.get(to.kind)!;
    if (verb === 'send') return this.sendEvent(request, binding);
    const extra = own(own(this.o.extra ?? {}, to.kind) ?? {}, verb);
    if (extra) return extra(to, payload ?? {}, request);
    const spec = own(binding.commands, verb);
    if (!spec) return refuse('not_found', `${to.kind} has no command ${verb}; it has ${[...Object.keys(binding.commands), ...Object.keys(this.o.extra?.[to.kind] ?? {}), 'send', ...Object.keys(this.o.common)].join(', ')}`, 'verb');
    const checked = spec.schema.safeParse(payload ?? {});
    if (!checked.success) return invalid(checked.error);
    const value = checked.data;
    const refused = await this.o.allow?.({ ...request, payload: value });
    if (refused) return refused;
    for (const secret of spec.secrets ?? []) await this.sealField(to, value, secret, request.id);
    return this.put(request, binding, spec, value);
  }

  private async put(request: Request, binding: Binding, spec: CommandSpec, value: unknown): Promise<Answer> {
    const { to, id, by } = request;
    const actor = address(to);
    if (spec.input) {
      const input = Object.assign(spec.input(value, { id: to.id, by }), { at: Date.now() });
      const more = this.o.begin?.(actor, input);
      const outcome = await this.wait(actor, { is: 'start', input: Object.assign(input, more?.input), cause: causeOf(request) });
      if (outcome?.is !== 'taken') more?.undo();
      const made = outcome?.is === 'taken' ? outcome.entry : outcome?.is === 'dropped' && outcome.why === 'taken' ? outcome.head : null;
      return this.answer(actor, outcome, binding, made && spec.made ? spec.made((made.after as { context: Record<string, unknown> }).context) : {}, '~start');
    }
    const event = spec.event!(value, { id: to.id, fresh: freshId(`${actor}:${id}`), by });
    const outcome = await this.wait(actor, { is: 'event', event, cause: causeOf(request) });
    const entry = outcome?.is === 'taken' ? outcome.entry : outcome?.is === 'dropped' ? outcome.head : null;
    return this.answer(actor, outcome, binding, spec.answer?.(event, entry && (entry.after as { context: Record<string, unknown> }).context) ?? {}, event.type);
  }

  /** Any event of the kind's list, as the actor page's buttons and the CLI send them. */
  private async sendEvent(request: Request, binding: Binding): Promise<Answer> {
    const event = (request.payload as { event?: { type?: unknown } } | null)?.event;
    if (!event || typeof event !== 'object' || typeof event.type !== 'string') return refuse('invalid', 'give {event: {type, …}}', 'event');
    if (event.type.startsWith('xstate.') || event.type.startsWith('~')) return refuse('invalid', `${event.type} is the kernel's own`, 'event.type');
    const { type, ...fields } = event as { type: string };
    const schema = binding.events && own(binding.events, type);
    if (binding.events && !schema) return refuse('invalid', `${binding.kind} takes ${Object.keys(binding.events).join(', ')}`, 'event.type');
    const checked = schema?.safeParse(fields);
    if (checked && !checked.success) return invalid(checked.error);
    const actor = address(request.to);
    const outcome = await this.wait(actor, { is: 'event', event: { ...((checked?.data as object) ?? fields), type, by: request.by }, cause: causeOf(request) });
    return this.answer(actor, outcome, binding, {}, type);
  }

  private async wait(actor: string, inbound: Parameters<Engine['ask']>[1]): Promise<Outcome | null> {
    let timer!: NodeJS.Timeout;
    const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), WAIT)));
    const outcome = await Promise.race([this.o.engine.ask(actor, inbound), late]);
    clearTimeout(timer);
    return outcome;
  }

  private answer(actor: string, outcome: Outcome | null, binding: Binding, extra: Record<string, unknown>, type: string): Answer {
    if (outcome === null) return this.o.closed() ?? refuse('timeout', 'the turn is not known to be stored yet; ask again with the same id');
    if (outcome.is === 'elsewhere') return refuse('unavailable', `${actor} changes hands right now; ask again with the same id`);
    if (outcome.is === 'parked') return refuse('parked', `${actor} is parked and keeps this for later: ${outcome.why}`);
    if (outcome.is === 'taken') return { ok: true, actor, state: stateOf(outcome.entry), seq: outcome.seq, index: outcome.entry.index, ...extra };
    const { head, why } = outcome;
    if (why === 'taken') return { ok: true, actor, state: stateOf(head!), seq: outcome.seq, index: head!.index, repeated: true, ...extra };
    if (why === 'exists') return refuse('duplicate', `${actor} exists already`, 'id');
    if (why === 'unknown-actor') return refuse('not_found', `there is no ${actor}`, 'id');
    const allowed = head ? allowedEvents(binding, head) : [];
    return refuse('conflict', `${actor} is ${head ? stateOf(head) : 'not there'}: ${type} is not possible now${allowed.length ? `; possible are ${allowed.join(', ')}` : ''}`);
  }

  /** `*` at the end of a path stands for every key there, and takes its place in the field's name. */
  private async sealField(to: Address, value: any, { path, field }: { path: string; field: string }, id: string): Promise<void> {
    const keys = path.split('.');
    const last = keys.pop()!;
    const holder = keys.reduce((o, k) => o?.[k], value);
    if (last === '*') {
      for (const key of Object.keys(holder ?? {})) await this.sealField(to, value, { path: [...keys, key].join('.'), field: field.replace('*', key) }, id);
      return;
    }
    if (typeof holder?.[last] !== 'string') return;
    holder[last] = await this.o.seal(to, field, holder[last], id);
  }
}

const stateOf = (entry: Entry): string => statePaths((entry.after as { value: unknown }).value);

function invalid(error: z.ZodError): Refusal {
  const first = error.issues[0]!;
  const field = first.code === 'unrecognized_keys' ? (first as { keys: string[] }).keys[0]! : first.path.join('.');
  const message = first.code === 'unrecognized_keys' ? `${field} is not a field here` : first.message;
  return refuse('invalid', field ? `${field}: ${message}` : message, field || undefined);
}

/** The event types that the present configuration listens to. */
export function allowedEvents(binding: Binding, entry: Entry): string[] {
  if (entry.version !== binding.chart.version || (entry.after as { status: string }).status !== 'active') return [];
  const snapshot = binding.chart.restore(entry.after) as unknown as { _nodes: { ownEvents: string[] }[] };
  const types = new Set(snapshot._nodes.flatMap((n) => n.ownEvents));
  return [...types].filter((t) => t !== '' && !t.startsWith('xstate.') && (!binding.events || Object.hasOwn(binding.events, t)));
}
