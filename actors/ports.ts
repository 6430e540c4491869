import type { Inbound } from './turn.ts';
import type { Entry, PendingEffect, PendingTell } from './entry.ts';

/** One message to store: `expect` is the sequence of the actor's last entry, 0 for none. */
export type Append = { actor: string; bytes: Uint8Array; expect: number };
export type Appended = { seq: number } | { conflict: true };

/** The only commit. `append` answers in order, and has already looked whether a doubtful append is stored; it throws only when nothing can be known. */
export type Journal = {
  last(actor: string): Promise<{ bytes: Uint8Array; seq: number } | null>;
  append(items: Append[]): Promise<Appended[]>;
};

/** Carries commands out after their turn is stored. `again` marks what may have been carried out before. */
export type Carrier = {
  run(actor: string, token: string, effect: PendingEffect, again: boolean): void;
  abort(actor: string, token: string): void;
  /** Its result is stored. */
  finished(token: string): void;
  signal(actor: string, id: string, token: string, data: unknown): void;
  tell(actor: string, id: string, tell: PendingTell): void;
  emit(actor: string, index: number, event: { type: string }): void;
  act(actor: string, id: string, type: string, params: unknown): void;
};

/** Where events wait that an actor could not take. */
export type Park = {
  put(actor: string, item: { inbound: Inbound; error: string; stack: string; index: number; at: number }): Promise<void>;
};

export type Clock = { now(): number; random(): number };

/** Named places where a test may kill the process. */
export type Crash = (point: string) => void;

/** How an event ended: taken with its entry, dropped with the reason, or held because the actor is parked. */
export type Outcome =
  | { is: 'taken'; entry: Entry; seq: number }
  | { is: 'dropped'; why: string; head: Entry | null; seq: number }
  | { is: 'parked'; why: string }
  | { is: 'elsewhere' };
