import type { Binding } from './binding.ts';
import { decodeEntry, hashOf, isBusy, type Entry, type Pending } from './entry.ts';
import { Parking } from './parking.ts';
import type { Append, Appended, Carrier, Clock, Crash, Journal, Outcome, Park } from './ports.ts';
import { newSlot, type Item, type Slot } from './slot.ts';
import { Timers } from './timers.ts';
import { keep, turn, type Head, type Inbound } from './turn.ts';

export type HostOptions = {
  bindings: ReadonlyMap<string, Binding>;
  journal: Journal;
  carrier: Carrier;
  park: Park;
  clock: Clock;
  partitionOf: (actor: string) => number;
  crash?: Crash;
  onFault?: (where: string, error: Error) => void;
  /** Actors kept in memory at the most. */
  hot?: number;
  /** The turn itself; tests put a faulty one here. */
  turn?: typeof turn;
  /** Milliseconds until a delivered tell is written off an otherwise quiet actor. */
  settleAfter?: number;
};

const BATCH = 500;
const FLIGHTS = 3;
/** From so many actors in memory on, those that wait for an effect and nothing else are kept as bytes. */
const CROWD = 2_000;

const waitsOnly = ({ effects, timers, tells, signals }: Pending): boolean => {
  for (const other of [timers, tells, signals]) for (const _ in other) return false;
  for (const _ in effects) return true;
  return false;
};

const isQuiet = (slot: Slot, pending: Pending): boolean => slot.queue.length === 0 && !slot.settling && slot.parked === null && slot.delivered.size === 0 && !isBusy(pending);

/** The turn loop: takes events, one a turn for each actor, and appends the turns that are ready together as one. */
export class Host {
  private readonly slots = new Map<string, Slot>();
  private readonly owned = new Map<number, number>();
  private readonly ready = new Set<Slot>();
  private readonly timers: Timers;
  private readonly parking: Parking;
  private readonly o: HostOptions;
  private flights = 0;
  private scheduled = false;
  private stopped = false;
  readonly counts = { turns: 0, batches: 0, dropped: {} as Record<string, number>, conflicts: 0 };

  constructor(options: HostOptions) {
    this.o = options;
    this.parking = new Parking(options, (slot) => this.wake(slot));
    this.timers = new Timers(options.clock.now, (actor, token) => {
      this.put(actor, { is: 'timer', token, cause: { id: `timer:${token}` } }, () => {});
    });
  }

  /** Starts answering for a partition. `epoch` rises with every change of owner. */
  own(partition: number, epoch: number): void {
    this.owned.set(partition, epoch);
  }

  owns(actor: string): boolean {
    return this.owned.has(this.o.partitionOf(actor));
  }

  epochOf(partition: number): number | null {
    return this.owned.get(partition) ?? null;
  }

  /** Stops answering for a partition: memory and timers go, the journal stays. */
  disown(partition: number): void {
    this.owned.delete(partition);
    this.timers.drop((actor) => this.o.partitionOf(actor) === partition);
    for (const [actor, slot] of this.slots) {
      if (slot.partition !== partition) continue;
      if (slot.settling) clearTimeout(slot.settling);
      this.slots.delete(actor);
      this.ready.delete(slot);
      for (const item of slot.queue.splice(0)) item.done({ is: 'elsewhere' });
    }
  }

  /** Takes up what an entry left to do: after a start, a change of owner, or an append by another master. */
  adopt(actor: string, known: Pending): void {
    const slot = this.slots.get(actor);
    // A turn under way carries out by itself what it leaves; memory is ahead of whoever read the journal.
    if (slot?.busy) return;
    const pending = slot?.packed ? decodeEntry(slot.packed.bytes).pending : slot?.loaded && slot.head ? slot.head.entry.pending : known;
    for (const [token, t] of Object.entries(pending.timers)) this.timers.arm(actor, token, t.due);
    for (const [token, e] of Object.entries(pending.effects)) this.o.carrier.run(actor, token, e, true);
    for (const [id, s] of Object.entries(pending.signals)) this.o.carrier.signal(actor, id, s.token, s.data);
    for (const [id, t] of Object.entries(pending.tells)) this.o.carrier.tell(actor, id, t);
  }

  /** Forgets what memory holds of an actor, so that its next turn reads the journal. */
  forget(actor: string): void {
    const slot = this.slots.get(actor);
    if (slot && !slot.busy) [slot.loaded, slot.packed] = [false, null];
  }

  markParked(actor: string, why: string | null): void {
    const slot = this.slot(actor);
    if (slot) slot.parked = why;
  }

  /** Puts an event to an actor; `done` is called once, after the turn is stored or the event is dropped. */
  put(actor: string, inbound: Inbound, done: (outcome: Outcome) => void): void {
    const slot = this.slot(actor);
    if (!slot) {
      const partition = this.o.partitionOf(actor);
      if (!this.owned.has(partition)) return done({ is: 'elsewhere' });
      return this.drop('unknown-kind', null, 0, done);
    }
    slot.queue.push({ inbound, done });
    this.wake(slot);
  }

  ask(actor: string, inbound: Inbound): Promise<Outcome> {
    return new Promise((resolve) => this.put(actor, inbound, resolve));
  }

  /** Whether memory knows of it: one that isn't known may still be in the journal. */
  knows(actor: string): boolean {
    return this.slots.has(actor);
  }

  /** The head as this host knows it, read from the journal when it is cold. */
  async head(actor: string): Promise<Head | null> {
    const slot = this.slot(actor);
    if (slot?.loaded && !slot.guessed) return slot.head;
    const stored = slot?.packed ?? (await this.o.journal.last(actor));
    return stored ? { entry: decodeEntry(stored.bytes), hash: hashOf(stored.bytes), seq: stored.seq, snapshot: null } : null;
  }

  parkedReason(actor: string): string | null {
    return this.slots.get(actor)?.parked ?? null;
  }

  /** A tell or signal has reached its place: its entry is written off with the next turn, or by a settling one. */
  delivered(actor: string, id: string): void {
    const slot = this.slot(actor);
    if (!slot) return;
    slot.delivered.add(id);
    slot.settling ??= setTimeout(() => {
      slot.settling = null;
      if (slot.delivered.size > 0) this.put(actor, { is: 'settle', cause: { id: `settle:${actor}` } }, () => {});
    }, this.o.settleAfter ?? 1000);
  }

  /** Appends the state once more, unchanged, before it would age out of the journal. */
  checkpoint(actor: string): void {
    this.put(actor, { is: 'settle', cause: { id: `checkpoint:${actor}` } }, () => {});
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.parking.stop();
    this.timers.stop();
    for (const slot of this.slots.values()) if (slot.settling) clearTimeout(slot.settling);
    while (this.flights > 0) await new Promise((r) => setTimeout(r, 5));
  }

  private slot(actor: string): Slot | null {
    const known = this.slots.get(actor);
    if (known) return known;
    const partition = this.o.partitionOf(actor);
    const binding = this.o.bindings.get(actor.slice(0, actor.indexOf('/')));
    if (!this.owned.has(partition) || !binding) return null;
    const slot = newSlot(actor, binding, partition);
    this.slots.set(actor, slot);
    if (this.slots.size > (this.o.hot ?? 20_000)) this.cool();
    return slot;
  }

  /** Lets the longest known quiet actors go; they are read back when an event comes. */
  private cool(): void {
    let surplus = this.slots.size - (this.o.hot ?? 20_000) * 0.9;
    for (const [actor, slot] of this.slots) {
      if (surplus <= 0) break;
      if (slot.busy || slot.queue.length > 0 || slot.settling || slot.parked !== null) continue;
      this.slots.delete(actor);
      surplus--;
    }
  }

  private wake(slot: Slot): void {
    if (slot.busy || slot.queue.length === 0) return;
    if (slot.parked !== null) return void this.parking.hold(slot);
    // One that is to begin is taken for new: the journal refuses its first entry where it isn't, and it is read then.
    if (!slot.loaded && !slot.doubt && slot.packed === null && slot.head === null && slot.queue[0]!.inbound.is === 'start') slot.loaded = slot.guessed = true;
    if (!slot.loaded) return void this.load(slot);
    this.ready.add(slot);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.flights >= FLIGHTS || this.stopped) return;
    this.scheduled = true;
    // One step later than what follows from turns that are stored: its way to workers and callers doesn't wait for these.
    setImmediate(() => setImmediate(() => {
      this.scheduled = false;
      void this.flush();
    }));
  }

  private async load(slot: Slot): Promise<void> {
    slot.busy = true;
    slot.guessed = false;
    try {
      const stored = slot.packed ?? (await this.o.journal.last(slot.actor));
      slot.packed = null;
      slot.head = null;
      if (stored) {
        const entry = decodeEntry(stored.bytes);
        slot.head = { entry, hash: hashOf(stored.bytes), seq: stored.seq, snapshot: null };
        const { binding } = slot;
        if (entry.version !== binding.chart.version) {
          const migrate = binding.migrations?.[entry.version];
          if (!migrate) throw new Error(`its stored version ${entry.version} is unknown here (this build has ${binding.chart.version}): run the build that knows it, or add a migration`);
          slot.head.snapshot = binding.chart.restore(migrate(structuredClone(entry.after)));
        }
      }
      slot.loaded = true;
      slot.busy = false;
      if (slot.doubt && slot.head) this.adopt(slot.actor, slot.head.entry.pending);
      slot.doubt = false;
      this.wake(slot);
    } catch (error) {
      const fault = error as Error;
      if (fault.name === 'JournalUnavailable') {
        this.o.onFault?.('load', fault);
        setTimeout(() => {
          slot.busy = false;
          this.wake(slot);
        }, 250);
        return;
      }
      slot.busy = false;
      slot.loaded = true;
      this.parking.park(slot, null, fault);
    }
  }

  /** Computes a turn for every ready actor and appends them as one. */
  private async flush(): Promise<void> {
    if (this.flights >= FLIGHTS) return;
    const batch: { slot: Slot; item: Item; turn: Extract<ReturnType<typeof turn>, { entry: Entry }> }[] = [];
    for (const slot of this.ready) {
      if (batch.length >= BATCH) break;
      this.ready.delete(slot);
      const next = this.compute(slot);
      if (next) batch.push({ slot, ...next });
    }
    if (batch.length === 0) return;
    this.flights++;
    if (this.ready.size > 0) this.schedule();
    this.o.crash?.('before-append');
    const items: Append[] = batch.map(({ slot, turn: t }) => ({ actor: slot.actor, bytes: t.bytes, expect: slot.head?.seq ?? 0 }));
    let results: Appended[] | null = null;
    try {
      results = await this.o.journal.append(items);
      this.o.crash?.('after-append');
    } catch (error) {
      this.o.onFault?.('append', error as Error);
    }
    this.flights--;
    this.counts.batches++;
    if (results === null) {
      setTimeout(() => {
        for (const { slot, item } of batch) this.putBack(slot, item);
      }, 250);
      return;
    }
    batch.forEach(({ slot, item, turn: t }, i) => {
      const result = results![i]!;
      if ('conflict' in result) {
        this.counts.conflicts++;
        return this.putBack(slot, item);
      }
      this.store(slot, item, { entry: t.entry, hash: t.hash, seq: result.seq, snapshot: t.snapshot }, t.bytes);
    });
    this.schedule();
  }

  /** The next turn of an actor; what changes nothing is dropped on the way. */
  private compute(slot: Slot): { item: Item; turn: Extract<ReturnType<typeof turn>, { entry: Entry }> } | null {
    while (slot.queue.length > 0) {
      const item = slot.queue[0]!;
      const about = { actor: slot.actor, at: this.o.clock.now(), rnd: this.o.clock.random(), epoch: this.owned.get(slot.partition)!, delivered: slot.delivered };
      try {
        const migrated = slot.head && slot.head.entry.version !== slot.binding.chart.version;
        if (migrated) {
          const moved = keep(slot.binding, slot.head!, { id: `migrate:${slot.actor}` }, { type: '~migrate', from: slot.head!.entry.version }, about);
          if ('entry' in moved) {
            slot.busy = true;
            return { item: { inbound: { is: 'settle', cause: { id: 'migrate' } }, done: () => {} }, turn: moved };
          }
        }
        if (slot.head === null && slot.binding.onDemand && item.inbound.is === 'event') {
          const id = slot.actor.slice(slot.actor.indexOf('/') + 1);
          slot.queue.unshift({ inbound: { is: 'start', input: { ...slot.binding.onDemand(id), at: about.at }, cause: { id: `demand:${slot.actor}` } }, done: () => {} });
          continue;
        }
        if (item.inbound.is === 'settle' && item.inbound.cause.id.startsWith('settle:') && slot.delivered.size === 0) {
          slot.queue.shift();
          continue;
        }
        const t = (this.o.turn ?? turn)(slot.binding, slot.head, item.inbound, about);
        slot.queue.shift();
        if ('drop' in t) {
          this.drop(t.drop, slot.head?.entry ?? null, slot.head?.seq ?? 0, item.done);
          continue;
        }
        slot.busy = true;
        return { item, turn: t };
      } catch (error) {
        if (slot.guessed) {
          void this.load(slot);
          return null;
        }
        slot.queue.shift();
        this.parking.park(slot, item, error as Error);
        return null;
      }
    }
    return null;
  }

  private store(slot: Slot, item: Item, head: Head, bytes: Uint8Array): void {
    const before = slot.head?.entry.pending;
    slot.head = head;
    slot.guessed = false;
    slot.busy = false;
    this.counts.turns++;
    for (const id of slot.delivered) if (!head.entry.pending.tells[id] && !head.entry.pending.signals[id]) slot.delivered.delete(id);
    if (this.slots.get(slot.actor) === slot) this.carryOut(slot.actor, before, head.entry, item.inbound);
    item.done({ is: 'taken', entry: head.entry, seq: head.seq });
    if (this.slots.size > CROWD && slot.queue.length === 0 && waitsOnly(head.entry.pending)) {
      // A copy of its own: small buffers share a larger one, and would keep it.
      [slot.head, slot.loaded, slot.packed] = [null, false, { bytes: new Uint8Array(bytes), seq: head.seq }];
    }
    // What has ended is rarely asked for: it is read back when it is.
    if ((head.entry.after as { status: string }).status !== 'active' && isQuiet(slot, head.entry.pending)) this.slots.delete(slot.actor);
    else this.wake(slot);
  }

  private carryOut(actor: string, before: Pending | undefined, entry: Entry, inbound: Inbound): void {
    const { pending, commands, index } = entry;
    const answered = 'token' in inbound && inbound.is !== 'progress' ? inbound.token : null;
    if (answered) this.o.carrier.finished(answered);
    if (before) {
      for (const token in before.effects) if (!pending.effects[token] && token !== answered) this.o.carrier.abort(actor, token);
      for (const token in before.timers) if (!pending.timers[token]) this.timers.disarm(token);
    }
    for (const c of commands) {
      const id = `${actor}/${index}/${c.n}`;
      if (c.do === 'run' && pending.effects[id]) this.o.carrier.run(actor, id, pending.effects[id], false);
      else if (c.do === 'arm' && pending.timers[id]) this.timers.arm(actor, id, pending.timers[id].due);
      else if (c.do === 'tell') this.o.carrier.tell(actor, id, pending.tells[id]!);
      else if (c.do === 'signal' && pending.signals[id]) this.o.carrier.signal(actor, id, pending.signals[id].token, c.data);
      else if (c.do === 'emit') this.o.carrier.emit(actor, index, c.event);
      else if (c.do === 'act') this.o.carrier.act(actor, id, c.type, c.params);
    }
  }

  private putBack(slot: Slot, item: Item): void {
    slot.busy = false;
    slot.loaded = slot.guessed = false;
    slot.doubt = true;
    slot.head = null;
    if (this.slots.get(slot.actor) !== slot) return item.done({ is: 'elsewhere' });
    slot.queue.unshift(item);
    this.wake(slot);
  }

  private drop(why: string, head: Entry | null, seq: number, done: (o: Outcome) => void): void {
    this.counts.dropped[why] = (this.counts.dropped[why] ?? 0) + 1;
    done({ is: 'dropped', why, head, seq });
  }

  /** Lets a parked actor go on from what the journal holds; what was held is put again by the caller. */
  release(actor: string): void {
    const slot = this.slots.get(actor);
    if (!slot) return;
    slot.parked = null;
    slot.packed = null;
    slot.loaded = false;
    this.wake(slot);
  }
}
