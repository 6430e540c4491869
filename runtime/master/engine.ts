import { createHash, randomUUID } from 'node:crypto';
import type { Binding } from '../../actors/binding.ts';
import type { Pending, PendingEffect, PendingTell } from '../../actors/entry.ts';
import { Host } from '../../actors/host.ts';
import type { Carrier, Clock, Crash, Outcome, Park } from '../../actors/ports.ts';
import type { Inbound, turn } from '../../actors/turn.ts';
import { InboxReader, inboxConsumers, type Delivery } from '../../transport/inbox.ts';
import { JournalStream } from '../../transport/journal.ts';
import { Leases } from '../../transport/leases.ts';
import type { Mux } from '../../transport/mux.ts';
import { createLeaseStream } from '../../transport/streams.ts';
import { address, decodeEvent, parseAddress, parseInbox, partitionOf, subjects, VERB, type Address } from '../../transport/subjects.ts';
import { Dispatcher, type Ledger } from './dispatcher.ts';
import { MasterEffects, type AnyMasterEffect } from './effects.ts';
import type { Liveness } from './liveness.ts';

/** An actor that was left with something to do, as the read model knows it at the journal's end. */
export type Unfinished = { actor: string; pending: Pending; parked: string | null };

export type EngineOptions = {
  mux: Mux;
  user: string;
  partitions: number;
  bindings: ReadonlyMap<string, Binding>;
  effects: Readonly<Record<string, AnyMasterEffect>>;
  /** Hears which effects workers have. */
  ledger?: Ledger;
  /** Why an effect may not go to a worker now; it fails with `paused` and its chart comes again. */
  held?(src: string, input: Record<string, unknown>): string | null;
  /** Completes what a worker is asked with what only the view knows, or says why it can't be done. */
  lend?(input: Record<string, unknown>): { input: Record<string, unknown> } | { fault: { kind: string; message: string; sent: 'no' | 'maybe' } };
  liveness: Liveness;
  /** The unfinished actors of a partition, read no earlier than now. */
  unfinished(partition: number): Promise<Unfinished[]>;
  /** Answers requests for an owned partition, until the returned function is called. */
  serve?(partition: number): () => void;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, details?: Record<string, unknown>): void;
  crash?: Crash;
  clock?: Clock;
  hot?: number;
  /** Wraps the kernel's ports; tests put faults there. */
  wrap?: { journal?(j: JournalStream): Pick<JournalStream, 'last' | 'append'>; deliver?(d: Delivery, take: (d: Delivery) => void): void; turn?: typeof turn };
};

/** One master: the turn loop on NATS. Owns its share of the partitions, takes their events and carries their commands out. */
export class Engine {
  readonly id = randomUUID();
  readonly host: Host;
  readonly leases: Leases;
  readonly dispatcher: Dispatcher;
  private readonly readers = new Map<number, InboxReader>();
  private readonly serving = new Map<number, () => void>();
  private readonly effects: MasterEffects;
  private readonly o: EngineOptions;
  private stopped = false;
  readonly bad: Record<string, number> = {};

  constructor(options: EngineOptions) {
    this.o = options;
    const { mux, bindings } = options;
    const plain = new JournalStream(mux);
    const journal = options.wrap?.journal?.(plain) ?? plain;
    this.effects = new MasterEffects(options.effects, (actor, token, result) => {
      const cause = { id: `${result.is}:${token}` };
      this.host.put(actor, result.is === 'done' ? { is: 'done', token, output: result.output, cause } : { is: 'error', token, error: result.error, cause }, () => {});
    }, (actor, token, event) => this.host.put(actor, { is: 'progress', token, event, cause: { id: `says:${token}` } }, () => {}));
    this.dispatcher = new Dispatcher(mux, options.liveness, (actor, token, message, once) => {
      this.host.put(actor, { is: 'error', token, error: { kind: 'lost', message, sent: once ? 'maybe' : 'no' }, cause: { id: `lost:${token}` } }, () => {});
    }, options.ledger);
    this.host = new Host({
      bindings,
      journal,
      carrier: this.carrier(),
      park: this.park(),
      clock: options.clock ?? { now: Date.now, random: Math.random },
      partitionOf: (actor) => partitionOf(parseAddress(actor) ?? { kind: actor, id: '' }, options.partitions),
      crash: options.crash,
      hot: options.hot,
      turn: options.wrap?.turn,
      onFault: (where, error) => options.log(where.startsWith('park') ? 'error' : 'warn', `${where}: ${error.message}`),
    });
    this.leases = new Leases(mux, this.id, options.partitions, {
      acquire: (p) => this.acquire(p),
      release: (p) => this.release(p),
      missing: () => createLeaseStream(mux.nc),
      failed: (p, error) => options.log('warn', `partition ${p} can't be taken: ${error.message}`),
    });
  }

  start(): void {
    this.leases.start();
    void this.watchLink();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.leases.stop();
    await this.host.stop();
    this.dispatcher.stop();
    this.effects.stop();
  }

  /** Sends an event to any actor, by way of the inbox, once for each id. */
  async send(to: Address, event: { type: string; [key: string]: unknown }, id: string, by: string): Promise<void> {
    const { type, ...rest } = event;
    await this.o.mux.publish(subjects.inbox(to, type), JSON.stringify(rest), { 'Nats-Msg-Id': id, 'Troupe-By': by });
  }

  /** Puts an event that came by a request; the answer comes once its turn is stored. Only for actors of owned partitions. */
  ask(actor: string, inbound: Inbound): Promise<Outcome> {
    return this.host.ask(actor, inbound);
  }

  partition(actor: string): number {
    return partitionOf(parseAddress(actor)!, this.o.partitions);
  }

  /** Looks again for what should be running: level beats edge when something was missed. */
  async reconcile(): Promise<void> {
    for (const p of this.leases.owned) for (const u of await this.o.unfinished(p)) if (!u.parked) this.host.adopt(u.actor, u.pending);
  }

  /** Takes a partition over from whoever had it: a consumer of its own, then what its actors were left with. */
  async acquire(partition: number): Promise<void> {
    const { mux, user, log } = this.o;
    const reader = new InboxReader(mux, user, partition, (d) => this.deliver(d), () => this.o.crash?.('before-ack'));
    const epoch = await reader.claim(await inboxConsumers(mux));
    const left = await this.o.unfinished(partition);
    // Taken again before it was given up: of two readers, one would bring to an actor what lies behind what it has taken from the other.
    this.readers.get(partition)?.close();
    this.serving.get(partition)?.();
    this.host.own(partition, epoch);
    for (const u of left) {
      if (u.parked) this.host.markParked(u.actor, u.parked);
      else this.host.adopt(u.actor, u.pending);
    }
    this.readers.set(partition, reader);
    reader.start();
    if (this.o.serve) this.serving.set(partition, this.o.serve(partition));
    log('debug', `took partition ${partition}`, { epoch, unfinished: left.length });
  }

  private async release(partition: number): Promise<void> {
    this.serving.get(partition)?.();
    this.serving.delete(partition);
    this.readers.get(partition)?.close();
    this.readers.delete(partition);
    this.host.disown(partition);
    const here = (actor: string) => this.partition(actor) === partition;
    this.effects.drop(here);
    this.dispatcher.drop(here);
  }

  private deliver(d: Delivery): void {
    if (this.o.wrap?.deliver) this.o.wrap.deliver(d, (inner) => this.take(inner));
    else this.take(d);
  }

  private take(d: Delivery): void {
    const parsed = parseInbox(d.subject);
    const inbound = parsed && this.read(parsed, d);
    if (!parsed || !inbound) {
      this.reject(d.subject, 'unreadable');
      return d.settle();
    }
    const actor = address(parsed.to);
    this.host.put(actor, inbound, (outcome) => {
      // Left for the next owner: its consumer starts before this message.
      if (outcome.is === 'elsewhere') return;
      if (outcome.is === 'dropped' && outcome.why !== 'taken') this.reject(d.subject, outcome.why);
      d.settle();
    });
  }

  /** The inbox message as what it asks for; null when it breaks the rules. */
  private read({ to, token, worker }: { to: Address; token: string; worker: string | null }, d: Delivery): Inbound | null {
    let body: any;
    try {
      body = d.data.length === 0 ? {} : JSON.parse(Buffer.from(d.data).toString('utf8'));
    } catch {
      return null;
    }
    if (body === null || typeof body !== 'object' || Array.isArray(body)) return null;
    const by = worker === null ? (d.by ?? 'operator') : `worker:${worker}`;
    const cause = { id: d.id || `in:${d.seq}`, by, in: d.seq };
    if (worker !== null || token.startsWith('~')) {
      if (token === VERB.start && worker === null) return { is: 'start', input: { ...body.input, at: Date.now() }, cause };
      if (worker === null || typeof body.token !== 'string') return null;
      if (token === VERB.done) return { is: 'done', token: body.token, output: body.output ?? null, cause };
      if (token === VERB.error) return { is: 'error', token: body.token, error: body.error ?? null, cause };
      if (token === VERB.event && typeof body.event?.type === 'string' && !body.event.type.startsWith('xstate.')) return { is: 'progress', token: body.token, event: body.event, cause };
      return null;
    }
    const type = decodeEvent(token);
    if (type === null) return null;
    const binding = this.o.bindings.get(to.kind);
    const schema = binding?.events && Object.hasOwn(binding.events, type) ? binding.events[type] : undefined;
    if (binding?.events) {
      if (!schema) return null;
      const checked = schema.safeParse(body);
      if (!checked.success) return null;
      body = checked.data;
    }
    return { is: 'event', event: { ...body, type }, cause };
  }

  private reject(subject: string, why: string): void {
    this.bad[why] = (this.bad[why] ?? 0) + 1;
    this.o.log('debug', `inbox message without effect: ${why}`, { subject });
  }

  private carrier(): Carrier {
    const { mux, bindings, ...options } = this.o;
    const placeOf = (actor: string, src: string) => bindings.get(actor.slice(0, actor.indexOf('/')))?.effects[src];
    return {
      run: (actor, token, effect: PendingEffect, again) => {
        const place = placeOf(actor, effect.src);
        const held = place?.on === 'worker' && !again ? options.held?.(effect.src, effect.input as Record<string, unknown>) : null;
        if (held) this.host.put(actor, { is: 'error', token, error: { kind: 'paused', message: held, sent: 'no' }, cause: { id: `paused:${token}` } }, () => {});
        else if (place?.on === 'worker') {
          const lent = options.lend?.(effect.input as Record<string, unknown>) ?? { input: effect.input };
          // One that was asked for before may be under way: only its worker knows how it ends.
          if ('fault' in lent && !again) this.host.put(actor, { is: 'error', token, error: lent.fault, cause: { id: `unlent:${token}` } }, () => {});
          else this.dispatcher.run(actor, token, 'input' in lent ? { ...effect, input: lent.input } : effect, place.once ?? false, again);
        }
        else this.effects.run(actor, token, effect.src, effect.input, again);
      },
      abort: (_actor, token) => {
        if (!this.effects.abort(token)) this.dispatcher.abort(token);
      },
      finished: (token) => this.dispatcher.forget(token),
      signal: (actor, id, token, data) => void this.carrySignal(actor, id, token, data),
      tell: (actor, id, tell) => void this.carryTell(actor, id, tell),
      emit: (actor, index, event) => mux.nc.publish(subjects.emit(parseAddress(actor)!, event.type), JSON.stringify({ ...event, actor, index })),
      act: (actor, id, type, params) => mux.nc.publish(subjects.emit(parseAddress(actor)!, type), JSON.stringify({ type, params, actor, id })),
    };
  }

  private async carryTell(actor: string, id: string, tell: PendingTell): Promise<void> {
    const to = parseAddress(tell.to);
    if (!to) {
      this.o.log('error', `${actor} tells ${tell.to}, which is no address`);
      return this.host.delivered(actor, id);
    }
    const { type, ...rest } = tell.event ?? { type: '' };
    const subject = tell.start ? subjects.inboxVerb(to, VERB.start) : subjects.inbox(to, type);
    const body = JSON.stringify(tell.start ? { input: tell.start } : rest);
    for (let wait = 100; !this.stopped && this.host.owns(actor); wait = Math.min(wait * 2, 5_000)) {
      try {
        await this.o.mux.publish(subject, body, { 'Nats-Msg-Id': `tell:${id}`, 'Troupe-By': actor });
        this.o.crash?.('after-outbox');
        return this.host.delivered(actor, id);
      } catch (error) {
        this.o.log('warn', `tell ${id} is not stored yet: ${(error as Error).message}`);
        await new Promise((r) => setTimeout(r, wait));
      }
    }
  }

  private async carrySignal(actor: string, id: string, token: string, data: unknown): Promise<void> {
    while (!this.stopped && this.host.owns(actor)) {
      const worker = this.dispatcher.workerOf(token);
      if (worker === null) return;
      if (await this.dispatcher.signal(worker, id, token, data)) return this.host.delivered(actor, id);
      await new Promise((r) => setTimeout(r, 500));
    }
  }

  private park(): Park {
    return {
      put: async (actor, item) => {
        await this.o.mux.publish(subjects.parked(parseAddress(actor)!), JSON.stringify(item));
        this.o.log('error', `${actor} is parked: ${item.error}`, { actor });
      },
    };
  }

  /** After a reconnect the server has forgotten what was asked of it. */
  private async watchLink(): Promise<void> {
    for await (const s of this.o.mux.nc.status()) {
      if (this.stopped) return;
      if (s.type === 'reconnect') for (const r of this.readers.values()) r.kick();
    }
  }
}

/** A short id out of a request's id, the same for every repetition of it. */
export const freshId = (from: string): string => createHash('sha256').update(from).digest('hex').slice(0, 16);

