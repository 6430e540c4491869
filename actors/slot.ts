import type { Binding } from './binding.ts';
import type { Outcome } from './ports.ts';
import type { Head, Inbound } from './turn.ts';

export type Item = { inbound: Inbound; done: (outcome: Outcome) => void };
/** One actor in memory: its head, and what waits for it. */
export type Slot = {
  actor: string;
  binding: Binding;
  partition: number;
  head: Head | null;
  loaded: boolean;
  /** Taken for new without a look into the journal. */
  guessed: boolean;
  /** Its newest entry as bytes: a tenth of what the head takes, for one of a crowd that only waits. */
  packed: { bytes: Uint8Array; seq: number } | null;
  /** Loading or appending: nothing else may touch the head. */
  busy: boolean;
  /** Its last append has an unknown or another's outcome: what the journal holds may leave work that nobody here carries out. */
  doubt: boolean;
  parked: string | null;
  queue: Item[];
  delivered: Set<string>;
  settling: NodeJS.Timeout | null;
};

export const newSlot = (actor: string, binding: Binding, partition: number): Slot => ({ actor, binding, partition, head: null, loaded: false, guessed: false, packed: null, busy: false, doubt: false, parked: null, queue: [], delivered: new Set(), settling: null });
