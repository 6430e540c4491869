import type { AnyEventObject, AnyMachineSnapshot } from 'xstate';
import type { Action } from './chart.ts';
import type { Binding } from './binding.ts';
import { encodeEntry, hashOf, NOTHING_PENDING, type Cause, type Command, type Entry, type Pending, type Seen } from './entry.ts';
import { lower } from './lower.ts';

/** What can be put to an actor. Tokens are ids of pending commands; a result whose token is gone changes nothing. */
export type Inbound =
  | { is: 'start'; input: unknown; cause: Cause }
  | { is: 'event'; event: { type: string; [key: string]: unknown }; cause: Cause }
  | { is: 'done'; token: string; output: unknown; cause: Cause }
  | { is: 'error'; token: string; error: unknown; cause: Cause }
  | { is: 'progress'; token: string; event: { type: string; [key: string]: unknown }; cause: Cause }
  | { is: 'timer'; token: string; cause: Cause }
  | { is: 'settle'; cause: Cause };

/** An actor as the turn loop knows it: its last entry, that entry's hash and place in the journal, and the live snapshot. */
export type Head = { entry: Entry; hash: string; seq: number; snapshot: AnyMachineSnapshot | null };

export type DropReason = 'taken' | 'stale' | 'unknown-actor' | 'finished' | 'unhandled' | 'exists' | 'reserved';
export type Turn = { entry: Entry; bytes: Uint8Array; hash: string; snapshot: AnyMachineSnapshot } | { drop: DropReason };

export type About = { actor: string; at: number; rnd: number; epoch: number; delivered?: ReadonlySet<string> };

/** One event taken by one actor: state × event → state′ × commands. No clock, no I/O; same arguments, same bytes. */
export function turn(binding: Binding, head: Head | null, inbound: Inbound, about: About): Turn {
  const { chart } = binding;
  if (head === null) {
    if (inbound.is !== 'start') return { drop: 'unknown-actor' };
    const event = { type: '~start', input: inbound.input };
    return build(binding, null, inbound.cause, event, chart.initial(inbound.input), about);
  }
  if (inbound.is === 'start') {
    if (taken(head.entry.seen, inbound.cause)) return { drop: 'taken' };
    // Its journal goes on: the new life follows the end of the old one.
    if ((head.entry.after as { status: string }).status === 'done' && mayBegin(binding, head, inbound.input, about)) return build(binding, head, inbound.cause, { type: '~start', input: inbound.input }, chart.initial(inbound.input), about);
    return { drop: 'exists' };
  }
  if (taken(head.entry.seen, inbound.cause)) return { drop: 'taken' };
  if (inbound.is === 'settle') return keep(binding, head, inbound.cause, { type: '~settle' }, about);
  const event = eventOf(head.entry.pending, inbound);
  if (event === null) return { drop: 'stale' };
  if (inbound.is === 'event' && inbound.event.type.startsWith('xstate.')) return { drop: 'reserved' };
  const status = (head.entry.after as { status: string }).status;
  if (status !== 'active') return { drop: 'finished' };
  const before = head.snapshot ?? chart.restore(head.entry.after);
  const stamped = (binding.stamp ? { ...event, at: about.at, rnd: about.rnd } : event) as AnyEventObject;
  const step = chart.next(before, stamped);
  const named = inbound.is === 'done' || inbound.is === 'error' || inbound.is === 'timer';
  if (!named && step.snapshot === before && step.actions.length === 0) return { drop: 'unhandled' };
  return build(binding, head, inbound.cause, stamped as Entry['event'], step, about, named ? (inbound as { token: string }).token : undefined);
}

const mayBegin = ({ again = false }: Binding, head: Head, input: unknown, { at }: About): boolean => (typeof again === 'function' ? again(head.entry, (input ?? {}) as Record<string, unknown>, at) : again);

/** The same state again, with what was delivered taken off the list, or after a move to another version. */
export function keep(binding: Binding, head: Head, cause: Cause, event: Entry['event'], about: About): Turn {
  const snapshot = head.snapshot ?? binding.chart.restore(head.entry.after);
  return build(binding, head, cause, event, { snapshot, actions: [] }, about);
}

/** The chart's own event for what came in; null when its token is no longer pending. */
function eventOf(pending: Pending, inbound: Exclude<Inbound, { is: 'start' | 'settle' }>): { type: string; [key: string]: unknown } | null {
  switch (inbound.is) {
    case 'event':
      return inbound.event;
    case 'timer':
      return pending.timers[inbound.token]?.event ?? null;
    case 'progress':
      return childOf(pending, inbound) ? inbound.event : null;
    case 'done': {
      const child = childOf(pending, inbound);
      return child === undefined ? null : { type: `xstate.done.actor.${child}`, output: inbound.output, actorId: child };
    }
    case 'error': {
      const child = childOf(pending, inbound);
      return child === undefined ? null : { type: `xstate.error.actor.${child}`, error: inbound.error, actorId: child };
    }
  }
}

/** Who asked, while it is still asked for; a worker answers for its own effects alone. */
function childOf(pending: Pending, { token, cause }: { token: string; cause: Cause }): string | undefined {
  const effect = pending.effects[token];
  const worker = cause.by?.startsWith('worker:') ? cause.by.slice(7) : null;
  if (worker !== null && (effect?.input as { worker?: string } | null)?.worker !== worker) return undefined;
  return effect?.child;
}

function build(binding: Binding, head: Head | null, cause: Cause, event: Entry['event'], step: { snapshot: AnyMachineSnapshot; actions: Action[] }, about: About, answered?: string): Turn {
  const { snapshot } = step;
  if (head === null && snapshot.status === 'error') throw snapshot.error;
  const index = (head?.entry.index ?? 0) + 1;
  const commands = lower(step.actions);
  const entry: Entry = {
    index,
    version: binding.chart.version,
    prev: head?.hash ?? '',
    epoch: about.epoch,
    at: about.at,
    cause,
    event,
    after: binding.chart.store(snapshot),
    commands: commands.map((c) => (c.do === 'run' ? { n: c.n, do: c.do, child: c.child, src: c.src } : c)),
    pending: carry(head ? renamed(head.entry, binding.chart.version) : NOTHING_PENDING, commands, `${about.actor}/${index}`, about, answered, snapshot.status !== 'active'),
    seen: note(head?.entry.seen ?? { in: 0, from: {}, ids: [] }, cause),
  };
  const bytes = encodeEntry(entry);
  return { entry, bytes, hash: hashOf(bytes), snapshot };
}

/** XState names timers after the chart and its state: under another version's name nothing would hear them. */
function renamed({ version, pending }: Entry, now: string): Pending {
  if (version === now) return pending;
  const name = (text: string) => text.split('.').map((part) => (part === version ? now : part)).join('.');
  return {
    ...pending,
    timers: Object.fromEntries(Object.entries(pending.timers).map(([token, t]) => [token, { ...t, timer: name(t.timer), event: { ...t.event, type: name(t.event.type) } }])),
    effects: Object.fromEntries(Object.entries(pending.effects).map(([token, e]) => [token, { ...e, child: name(e.child) }])),
  };
}

/** What is still to do after this turn. */
function carry(before: Pending, commands: Command[], turnId: string, about: About, answered: string | undefined, over: boolean): Pending {
  const effects = table(before.effects);
  const timers = table(before.timers);
  const tells = table(before.tells);
  const signals = table(before.signals);
  if (answered !== undefined) {
    delete effects[answered];
    delete timers[answered];
  }
  for (const id of about.delivered ?? []) {
    delete tells[id];
    delete signals[id];
  }
  for (const c of commands) {
    const id = `${turnId}/${c.n}`;
    if (c.do === 'run') effects[id] = { child: c.child, src: c.src, input: c.input, at: about.at };
    else if (c.do === 'abort') for (const [token, e] of Object.entries(effects)) if (e.child === c.child) delete effects[token];
    if (c.do === 'arm') timers[id] = { timer: c.timer, due: about.at + c.delay, event: c.event };
    else if (c.do === 'disarm') for (const [token, t] of Object.entries(timers)) if (t.timer === c.timer) delete timers[token];
    if (c.do === 'tell') tells[id] = { to: c.to, ...(c.start ? { start: c.start } : { event: c.event! }) };
    if (c.do === 'signal') {
      const token = Object.keys(effects).findLast((t) => effects[t]!.child === c.child);
      if (token) signals[id] = { token, data: c.data };
    }
  }
  for (const [id, s] of Object.entries(signals)) if (!effects[s.token]) delete signals[id];
  return over ? { effects: {}, timers: {}, tells, signals: {} } : { effects, timers, tells, signals };
}

/** A copy to write ids into. As a plain object V8 would make a hidden class for each id that there ever was. */
function table<T>(of: Record<string, T>): Record<string, T> {
  const copy = Object.create(null) as Record<string, T>;
  for (const id in of) copy[id] = of[id]!;
  return copy;
}

const IDS = 16;
const SENDERS = 32;

/** `tell:kind/id/index/n`, as its sender and its order. */
const tellOf = (id: string): { from: string; order: [number, number] } | null => {
  if (!id.startsWith('tell:')) return null;
  const [kind, name, index, n] = id.slice(5).split('/');
  return { from: `${kind}/${name}`, order: [Number(index), Number(n)] };
};

function taken(seen: Seen, cause: Cause): boolean {
  if (cause.in !== undefined && cause.in <= seen.in) return true;
  if (seen.ids.includes(cause.id)) return true;
  const tell = tellOf(cause.id);
  const last = tell && seen.from[tell.from];
  if (!tell || !last) return false;
  const [index, n] = last.split('/').map(Number) as [number, number];
  return tell.order[0] < index || (tell.order[0] === index && tell.order[1] <= n);
}

function note(seen: Seen, cause: Cause): Seen {
  const tell = tellOf(cause.id);
  let { from, ids } = seen;
  if (tell) {
    const { [tell.from]: _, ...others } = from;
    const kept = Object.entries(others);
    from = Object.fromEntries([...kept.slice(Math.max(0, kept.length - SENDERS + 1)), [tell.from, tell.order.join('/')]]);
  } else if (cause.in === undefined && cause.by !== undefined) {
    ids = [...ids.slice(-(IDS - 1)), cause.id];
  }
  return { in: cause.in ?? seen.in, from, ids };
}
