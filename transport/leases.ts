import { NoAnswer, PublishRefused, type Mux } from './mux.ts';
import { PREFIX, subjects } from './subjects.ts';

export type LeaseEvents = {
  /** Takes a partition over; once it resolves the partition counts as owned. */
  acquire(partition: number): Promise<void>;
  /** Stops acting for a partition. `lost`: another master may act for it already. */
  release(partition: number, lost: boolean): Promise<void>;
  /** A take-over that did not work; it is tried again. */
  failed(partition: number, error: Error): void;
  /** Nobody stores leases. */
  missing(): Promise<void>;
};

type Held = { seq: number; renewed: number; ready: boolean };

const BEAT = 400;
const RENEW = 1_000;
/** A lease ages out of the server after 3 s; its holder stops before. */
const TRUST = 2_400;
const PEER = 1_600;

/**
 * Shares the partitions between the masters: a lease is one message on `troupe.lease.<n>` in a memory stream that forgets after 3 s,
 * taken and renewed by expected sequence. Masters tell each other what they hold, and each keeps to its fair share.
 */
export class Leases {
  private readonly mux: Mux;
  private readonly id: string;
  private readonly partitions: number;
  private readonly events: LeaseEvents;
  private readonly held = new Map<number, Held>();
  private readonly peers = new Map<string, { seen: number; owned: number[] }>();
  private timer: NodeJS.Timeout | null = null;
  private beating = false;
  private stopped = false;
  private started = 0;
  private rotation = 0;

  constructor(mux: Mux, id: string, partitions: number, events: LeaseEvents) {
    this.mux = mux;
    this.id = id;
    this.partitions = partitions;
    this.events = events;
  }

  get owned(): number[] {
    return [...this.held].filter(([, h]) => h.ready).map(([p]) => p);
  }

  /** Whether the lease is fresh enough to act on, by the monotonic clock. */
  trusted(partition: number): boolean {
    const h = this.held.get(partition);
    return h !== undefined && performance.now() - h.renewed < TRUST;
  }

  start(): void {
    this.started = performance.now();
    this.mux.nc.subscribe(`${PREFIX}.master.*`, {
      callback: (error, msg) => {
        if (error) return;
        const said = JSON.parse(msg.string()) as { id: string; owned: number[]; hello?: boolean; bye?: boolean };
        if (said.id === this.id) return;
        if (said.bye) this.peers.delete(said.id);
        else this.peers.set(said.id, { seen: performance.now(), owned: said.owned });
        if (said.hello) this.say();
        if (said.bye) void this.beat();
      },
    });
    this.say({ hello: true });
    this.timer = setInterval(() => void this.beat(), BEAT);
    setTimeout(() => void this.beat(), 120);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearInterval(this.timer);
    while (this.beating) await new Promise((r) => setTimeout(r, 5));
    for (const p of [...this.held.keys()]) await this.letGo(p);
    this.say({ bye: true });
    await this.mux.nc.flush().catch(() => {});
  }

  private say(extra: { hello?: boolean; bye?: boolean } = {}): void {
    if (this.mux.nc.isClosed()) return;
    this.mux.nc.publish(subjects.master(this.id), JSON.stringify({ id: this.id, owned: [...this.held.keys()], ...extra }));
  }

  private async beat(): Promise<void> {
    if (this.beating || this.stopped) return;
    this.beating = true;
    try {
      const now = performance.now();
      for (const [p, h] of this.held) if (now - h.renewed > TRUST) await this.lose(p);
      for (const [id, peer] of this.peers) if (now - peer.seen > PEER) this.peers.delete(id);
      await Promise.all([...this.held].map(([p, h]) => (now - h.renewed > RENEW ? this.renew(p, h) : undefined)));
      const share = Math.ceil(this.partitions / (this.peers.size + 1));
      const taken = new Set([...this.peers.values()].flatMap((x) => x.owned));
      const free = [...Array(this.partitions).keys()].filter((p) => !this.held.has(p) && !taken.has(p));
      const room = share - this.held.size;
      if (room > 0 && free.length > 0 && performance.now() - this.started > 100) {
        this.rotation = (this.rotation + 7) % free.length;
        await Promise.all([...free.slice(this.rotation), ...free.slice(0, this.rotation)].slice(0, room).map((p) => this.take(p)));
      }
      for (const p of [...this.held.keys()].slice(share)) await this.letGo(p);
      this.say();
    } finally {
      this.beating = false;
    }
  }

  private async take(partition: number): Promise<void> {
    const asked = performance.now();
    let seq: number;
    try {
      seq = await this.write(partition, 0);
    } catch (error) {
      // The stream lives in the server's memory: a restarted server has lost it.
      if (error instanceof NoAnswer) await this.events.missing();
      return;
    }
    const held: Held = { seq, renewed: asked, ready: false };
    this.held.set(partition, held);
    try {
      await this.events.acquire(partition);
      held.ready = true;
    } catch (error) {
      this.events.failed(partition, error as Error);
      await this.letGo(partition);
    }
  }

  private async renew(partition: number, held: Held): Promise<void> {
    const asked = performance.now();
    try {
      held.seq = await this.write(partition, held.seq);
      held.renewed = asked;
    } catch (error) {
      if (error instanceof PublishRefused) await this.lose(partition);
      else if (error instanceof NoAnswer) await this.events.missing();
    }
  }

  private async write(partition: number, expect: number): Promise<number> {
    const ack = await this.mux.publish(subjects.lease(partition), JSON.stringify({ master: this.id }), { 'Nats-Expected-Last-Subject-Sequence': String(expect) }, { timeout: 1_500 });
    return ack.seq;
  }

  private async lose(partition: number): Promise<void> {
    this.held.delete(partition);
    await this.events.release(partition, true);
  }

  private async letGo(partition: number): Promise<void> {
    const held = this.held.get(partition);
    if (!held) return;
    await this.events.release(partition, false);
    this.held.delete(partition);
    // Only an aged-out lease can be taken with sequence 0: purging it hands over at once.
    await this.mux.request(`$JS.API.STREAM.PURGE.TROUPE_LEASE`, JSON.stringify({ filter: subjects.lease(partition), seq: held.seq + 1 }), { timeout: 1_000 }).catch(() => {});
  }
}
