import { createInbox, nanos, nuid, type Msg, type Subscription } from '@nats-io/nats-core';
import { jetstreamManager, type ConsumerInfo, type JetStreamManager } from '@nats-io/jetstream';
import { readAckReply } from './ack-reply.ts';
import { inboxPrefix } from './connection.ts';
import type { Mux } from './mux.ts';
import { PREFIX, STREAM } from './subjects.ts';

/** One inbox message: `settle` says that its turn is stored, or that it is of no consequence. */
export type Delivery = { subject: string; seq: number; id: string; by: string | null; data: Uint8Array; settle(): void };

const PULL = 500;
const UNSETTLED = 4_000;
const HEARTBEAT = 2_000;
const EXPIRES = 20_000;
const ACK_EVERY = 100;

/**
 * The inbox messages of one partition, in order, for the master that owns it now. Each owner makes a consumer of its own where the last
 * one's acknowledged floor ends, and deletes that: a former owner that wakes up pulls from nothing.
 */
export class InboxReader {
  private readonly mux: Mux;
  private readonly partition: number;
  private readonly take: (d: Delivery) => void;
  private readonly open = new Map<number, boolean>();
  private readonly beforeAck: () => void;
  private readonly replyRoot: string;
  private sub: Subscription | null = null;
  private consumer = '';
  private wanted = 0;
  private high = 0;
  private floor: { seq: number; reply: string } | null = null;
  private replies = new Map<number, string>();
  private ackTimer: NodeJS.Timeout | null = null;
  private heard = 0;
  private watch: NodeJS.Timeout | null = null;
  private closed = false;
  private mending = false;
  epoch = 0;

  constructor(mux: Mux, user: string, partition: number, take: (d: Delivery) => void, beforeAck: () => void = () => {}) {
    this.mux = mux;
    this.partition = partition;
    this.take = take;
    this.beforeAck = beforeAck;
    this.replyRoot = createInbox(inboxPrefix(user));
  }

  /** Makes this owner's consumer and returns the partition's new epoch. Reading starts with `start`. */
  async claim(known: ConsumerInfo[]): Promise<number> {
    const jsm = await jetstreamManager(this.mux.nc);
    const mine = known.filter((c) => c.name.startsWith(`p${this.partition}-e`));
    const epochs = mine.map((c) => Number.parseInt(c.name.split('-e')[1]!, 10));
    this.epoch = Math.max(0, ...epochs) + 1;
    const floor = Math.max(0, ...mine.map((c) => Math.max(c.ack_floor.stream_seq, (c.config.opt_start_seq ?? 1) - 1)));
    this.high = floor;
    // Two that claim at once must not share a consumer: each would get half of the messages, and order would be lost.
    this.consumer = `p${this.partition}-e${this.epoch}-${nuid.next().slice(-8)}`;
    await jsm.consumers.add(STREAM.inbox, {
      name: this.consumer,
      durable_name: this.consumer,
      ack_policy: 'all',
      deliver_policy: 'by_start_sequence',
      opt_start_seq: floor + 1,
      filter_subject: `${PREFIX}.in.${this.partition}.>`,
      max_ack_pending: -1,
      ack_wait: nanos(600_000),
    });
    await Promise.all(mine.map((c) => jsm.consumers.delete(STREAM.inbox, c.name).catch(() => false)));
    return this.epoch;
  }

  start(): void {
    this.sub = this.mux.nc.subscribe(`${this.replyRoot}.*`, { callback: (error, msg) => void (error || this.on(msg)) });
    this.heard = performance.now();
    this.pull();
    this.watch = setInterval(() => {
      if (performance.now() - this.heard < 3 * HEARTBEAT) return;
      this.heard = performance.now();
      this.wanted = 0;
      void this.ensure().then(() => this.pull());
    }, HEARTBEAT);
  }

  /** Pulls again at once: after a reconnect the server has forgotten the request. */
  kick(): void {
    this.wanted = 0;
    this.pull();
  }

  close(): void {
    this.closed = true;
    if (this.watch) clearInterval(this.watch);
    if (this.ackTimer) {
      clearTimeout(this.ackTimer);
      this.ack();
    }
    if (this.sub && !this.mux.nc.isClosed()) this.sub.unsubscribe();
  }

  private pull(): void {
    if (this.closed || this.mux.nc.isClosed()) return;
    const room = Math.min(PULL, UNSETTLED - this.open.size) - this.wanted;
    if (room < PULL / 2 && this.wanted > 0) return;
    if (room <= 0) return;
    this.wanted += room;
    const body = { batch: room, expires: nanos(EXPIRES), idle_heartbeat: nanos(HEARTBEAT) };
    this.mux.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${STREAM.inbox}.${this.consumer}`, JSON.stringify(body), { reply: `${this.replyRoot}.m` });
  }

  private on(msg: Msg): void {
    this.heard = performance.now();
    const code = msg.headers?.code ?? 0;
    if (code === 100) return;
    if (code !== 0) {
      this.wanted = Math.max(0, this.wanted - Number(msg.headers?.get('Nats-Pending-Messages') || this.wanted));
      if (code === 408 || code === 404) this.pull();
      else this.mend(code === 409 || code === 503);
      return;
    }
    this.wanted = Math.max(0, this.wanted - 1);
    const { seq } = readAckReply(msg.reply!);
    if (seq <= this.high) {
      // Delivered again because an ack was lost: its turn is stored or under way.
      if (this.open.size === 0) {
        this.floor = { seq, reply: msg.reply! };
        this.ackTimer ??= setTimeout(() => this.ack(), ACK_EVERY);
      }
      this.pull();
      return;
    }
    this.high = seq;
    this.open.set(seq, false);
    this.replies.set(seq, msg.reply!);
    this.take({
      subject: msg.subject,
      seq,
      id: msg.headers?.get('Nats-Msg-Id') ?? '',
      by: msg.headers?.get('Troupe-By') || null,
      data: msg.data,
      settle: () => this.settle(seq),
    });
    if (this.wanted < PULL / 2) this.pull();
  }

  /** Acknowledges up to the last message before which everything is settled, now and then: each ack costs the server a flush. */
  private settle(seq: number): void {
    if (!this.open.has(seq)) return;
    this.open.set(seq, true);
    for (const [first, done] of this.open) {
      if (!done) break;
      this.open.delete(first);
      this.floor = { seq: first, reply: this.replies.get(first)! };
      this.replies.delete(first);
    }
    if (this.floor) this.ackTimer ??= setTimeout(() => this.ack(), ACK_EVERY);
    if (this.wanted === 0) this.pull();
  }

  private ack(): void {
    this.ackTimer = null;
    if (!this.floor || this.mux.nc.isClosed()) return;
    this.beforeAck();
    this.mux.nc.publish(this.floor.reply, '+ACK');
    this.floor = null;
  }

  /** After a refusal: looks whether the consumer is still there, then pulls again, a little later. */
  private mend(look: boolean): void {
    if (this.mending || this.closed) return;
    this.mending = true;
    setTimeout(() => {
      this.mending = false;
      this.wanted = 0;
      void (look ? this.ensure() : Promise.resolve()).then(() => this.pull());
    }, 250);
  }

  /** A consumer that is gone is made again from what this owner has seen; the actors know what they have taken. */
  private async ensure(): Promise<void> {
    try {
      const jsm: JetStreamManager = await jetstreamManager(this.mux.nc);
      await jsm.consumers.info(STREAM.inbox, this.consumer).catch(async (error: Error) => {
        if (!/consumer not found/i.test(error.message)) throw error;
        const open = [...this.open.keys()][0];
        await jsm.consumers.add(STREAM.inbox, {
          name: this.consumer,
          durable_name: this.consumer,
          ack_policy: 'all',
          deliver_policy: 'by_start_sequence',
          opt_start_seq: open ?? this.high + 1,
          filter_subject: `${PREFIX}.in.${this.partition}.>`,
          max_ack_pending: -1,
          ack_wait: nanos(600_000),
        });
      });
    } catch {
      // The next watch tick tries again.
    }
  }
}

/** All inbox consumers, for `claim`. */
export async function inboxConsumers(mux: Mux): Promise<ConsumerInfo[]> {
  const jsm = await jetstreamManager(mux.nc);
  const all: ConsumerInfo[] = [];
  for await (const c of jsm.consumers.list(STREAM.inbox)) all.push(c);
  return all;
}
