import { hash } from 'node:crypto';

/** What a turn asks the outside to do. `n` is its place in the turn; its id is `kind/id/index/n`. A stored `run` has its input in the list of what is pending, and only there. */
export type Command =
  | { n: number; do: 'run'; child: string; src: string; input?: unknown }
  | { n: number; do: 'abort'; child: string }
  | { n: number; do: 'arm'; timer: string; event: { type: string }; delay: number }
  | { n: number; do: 'disarm'; timer: string }
  | { n: number; do: 'tell'; to: string; event?: { type: string }; start?: Record<string, unknown> }
  | { n: number; do: 'signal'; child: string; data: unknown }
  | { n: number; do: 'emit'; event: { type: string } }
  | { n: number; do: 'act'; type: string; params: unknown };

export type PendingEffect = { child: string; src: string; input: unknown; at: number };
export type PendingTimer = { timer: string; due: number; event: { type: string } };
export type PendingTell = { to: string; event?: { type: string }; start?: Record<string, unknown> };
export type PendingSignal = { token: string; data: unknown };

/** What was asked for and not yet seen done, by command id. The truth after a crash. */
export type Pending = {
  effects: Record<string, PendingEffect>;
  timers: Record<string, PendingTimer>;
  tells: Record<string, PendingTell>;
  signals: Record<string, PendingSignal>;
};

/** Why a turn was taken: the message's id, who sent it, its place in the inbox, and the web request that it came by. */
export type Cause = { id: string; by?: string; in?: number; request?: string };

/** What was already taken, so that nothing is taken twice: the inbox position, the last tell of each sender, recent command ids. */
export type Seen = { in: number; from: Record<string, string>; ids: string[] };

/** One message of the journal. Times are epoch milliseconds; `prev` is the hash of the entry before, '' at first. */
export type Entry = {
  index: number;
  version: string;
  prev: string;
  epoch: number;
  at: number;
  cause: Cause;
  event: { type: string; [key: string]: unknown };
  after: unknown;
  commands: Command[];
  pending: Pending;
  seen: Seen;
};

export const NOTHING_PENDING: Pending = { effects: {}, timers: {}, tells: {}, signals: {} };

/** The commands as the turn gave them: with the inputs of its effects, where they are still asked for after it. */
export function commandsOf({ commands, pending, index }: Pick<Entry, 'commands' | 'pending' | 'index'>): Command[] {
  const asked = Object.entries(pending.effects);
  return commands.map((c) => {
    if (c.do !== 'run' || 'input' in c) return c;
    const found = asked.find(([token]) => token.endsWith(`/${index}/${c.n}`));
    return found ? { ...c, input: found[1].input } : c;
  });
}

/** The bytes of an entry are its JSON; everything that is hashed or compared is these bytes. */
export const encodeEntry = (entry: Entry): Uint8Array => Buffer.from(JSON.stringify(entry));

/** The bytes as text, without a copy of them. */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

export const hashOf = (bytes: Uint8Array): string => hash('sha256', bytes, 'base64url').slice(0, 22);

export class EntryUnreadable extends Error {
  constructor(why: string) {
    super(`the journal entry can't be read: ${why}`);
    this.name = 'EntryUnreadable';
  }
}

/** Parses and shape-checks an entry; throws EntryUnreadable. */
export function decodeEntry(bytes: Uint8Array): Entry {
  let e: Entry;
  try {
    e = JSON.parse(textOf(bytes)) as Entry;
  } catch (error) {
    throw new EntryUnreadable((error as Error).message);
  }
  if (e === null || typeof e !== 'object') throw new EntryUnreadable('it is not an object');
  if (!Number.isInteger(e.index) || e.index < 1) throw new EntryUnreadable('its index is not a positive integer');
  if (typeof e.version !== 'string' || typeof e.prev !== 'string') throw new EntryUnreadable('its version or prev is missing');
  const after = e.after as { status?: unknown; value?: unknown } | null;
  if (after === null || typeof after !== 'object' || !['active', 'done', 'error', 'stopped'].includes(String(after.status)) || after.value === undefined) throw new EntryUnreadable('its state is missing');
  if (!e.pending?.effects || !e.pending.timers || !e.pending.tells || !e.pending.signals) throw new EntryUnreadable('its pending lists are missing');
  if (typeof e.seen?.in !== 'number' || !Array.isArray(e.seen.ids)) throw new EntryUnreadable('its seen list is missing');
  return e;
}

export const isBusy = (p: Pending): boolean => some(p.effects) || some(p.timers) || some(p.tells) || some(p.signals);

const some = (o: object): boolean => {
  for (const _ in o) return true;
  return false;
};

export const nextDue = (p: Pending): number | null => {
  let due: number | null = null;
  for (const t of Object.values(p.timers)) if (due === null || t.due < due) due = t.due;
  return due;
};

/** A state value as dotted paths, one a leaf: `a.b,c`. */
export function statePaths(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return '';
  return Object.entries(value)
    .map(([k, v]) => {
      const below = statePaths(v);
      return below === '' ? k : below.split(',').map((b) => `${k}.${b}`).join(',');
    })
    .join(',');
}
