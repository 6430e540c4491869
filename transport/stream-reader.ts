import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from '@nats-io/nats-core';
import { jetstreamManager } from '@nats-io/jetstream';
import { readAckReply } from './ack-reply.ts';
import { inboxPrefix } from './connection.ts';

export type StreamMessage = { stream: string; seq: number; subject: string; data: Uint8Array; at: number };

export type StreamReaderOptions = {
  nc: NatsConnection;
  user: string;
  stream: string;
  /** Everything after this sequence is given, in order and once. */
  after: number;
  take(m: StreamMessage): void;
  /** All that was there has been given. */
  taken(): void;
  /** Milliseconds from the first message until the others that have come meanwhile are taken with it. */
  wait(): number;
  fault(why: string): void;
};

const MOST = 4_000;
/** Of a request, below what the server lets a connection have before it calls it slow. */
const MOST_BYTES = 16 * 1024 * 1024;
const HEARTBEAT = 2_000;
const EXPIRES = 30_000;
const AGAIN = 500;

/**
 * Reads a stream in order. One message wakes it; what has come a little later is taken as one: under load the server and this process
 * each do once what they would do for every message (docs/adr/0026). A consumer that is lost, or has a gap, is made anew from the last message given.
 */
export class StreamReader {
  private readonly o: StreamReaderOptions;
  private readonly root: string;
  private readonly sub: Subscription;
  private readonly watch: NodeJS.Timeout;
  private seq: number;
  /** Moves with each consumer that is asked for. */
  private life = 0;
  private consumer: string | null = null;
  private consumerSeq = 0;
  private asked: 'one' | 'all' = 'one';
  /** Moves with each request: what the server still says of an earlier one is not heard. */
  private asks = 0;
  private got = 0;
  private heard = performance.now();
  private timer: NodeJS.Timeout | null = null;
  private closed = false;

  constructor(options: StreamReaderOptions) {
    this.o = options;
    this.seq = options.after;
    this.root = createInbox(inboxPrefix(options.user));
    this.sub = options.nc.subscribe(`${this.root}.*`, { callback: (error, msg) => void (error || this.on(msg)) });
    this.watch = setInterval(() => {
      if (performance.now() - this.heard > 3 * HEARTBEAT) void this.begin();
    }, HEARTBEAT);
    void this.watchLink();
    void this.begin();
  }

  close(): void {
    this.closed = true;
    clearInterval(this.watch);
    if (this.timer) clearTimeout(this.timer);
    if (this.o.nc.isClosed()) return;
    this.sub.unsubscribe();
    this.forget();
  }

  /** A consumer from the next message on. */
  private async begin(): Promise<void> {
    if (this.closed) return;
    const life = ++this.life;
    this.heard = performance.now();
    if (this.timer) clearTimeout(this.timer);
    this.forget();
    this.o.taken();
    try {
      const jsm = await jetstreamManager(this.o.nc, { checkAPI: false });
      const made = await jsm.consumers.add(this.o.stream, { ack_policy: 'none', deliver_policy: 'by_start_sequence', opt_start_seq: this.seq + 1, inactive_threshold: nanos(60_000), mem_storage: true, num_replicas: 1 });
      if (this.closed || life !== this.life) return void jsm.consumers.delete(this.o.stream, made.name).catch(() => false);
      this.consumer = made.name;
      this.consumerSeq = 0;
      this.ask('one');
    } catch (error) {
      if (this.closed || life !== this.life) return;
      this.o.fault(`${this.o.stream}: ${(error as Error).message}`);
      this.timer = setTimeout(() => void this.begin(), AGAIN);
    }
  }

  private forget(): void {
    const gone = this.consumer;
    this.consumer = null;
    if (gone !== null) void jetstreamManager(this.o.nc, { checkAPI: false }).then((jsm) => jsm.consumers.delete(this.o.stream, gone)).catch(() => false);
  }

  private ask(what: 'one' | 'all'): void {
    if (this.o.nc.isClosed()) return;
    this.asked = what;
    this.got = 0;
    const body = what === 'one' ? { batch: 1, expires: nanos(EXPIRES), idle_heartbeat: nanos(HEARTBEAT) } : { batch: MOST, max_bytes: MOST_BYTES, no_wait: true };
    this.o.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${this.o.stream}.${this.consumer}`, JSON.stringify(body), { reply: this.reply(++this.asks) });
  }

  private reply(ask: number): string {
    return `${this.root}.${ask}`;
  }

  private on(msg: Msg): void {
    if (this.closed || this.consumer === null) return;
    this.heard = performance.now();
    const code = msg.headers?.code ?? 0;
    if (msg.headers && code !== 0) {
      if (msg.subject === this.reply(this.asks)) this.told(code, msg.headers.description);
      return;
    }
    const { consumer, seq, consumerSeq, at } = readAckReply(msg.reply!);
    if (consumer !== this.consumer) return;
    if (consumerSeq !== this.consumerSeq + 1) return void this.begin();
    this.consumerSeq = consumerSeq;
    this.got++;
    if (seq > this.seq) {
      this.seq = seq;
      this.o.take({ stream: this.o.stream, seq, subject: msg.subject, data: msg.data, at });
    }
    if (this.asked === 'one') this.timer = setTimeout(() => this.ask('all'), this.o.wait());
    else if (this.got === MOST) this.more();
  }

  /** What the server says instead of a message. */
  private told(code: number, description: string): void {
    if (code === 100) return;
    if (code === 409 && /max ?bytes|batch completed/i.test(description)) return this.more();
    if (code !== 404 && code !== 408) return this.lost(`${code} ${description}`);
    if (this.asked === 'all') this.o.taken();
    this.ask('one');
  }

  /** There is more than one request takes: it is on its way while this is written. */
  private more(): void {
    this.ask('all');
    this.o.taken();
  }

  private lost(why: string): void {
    this.o.fault(`${this.o.stream}: ${why}`);
    this.consumer = null;
    this.life++;
    if (this.timer) clearTimeout(this.timer);
    this.o.taken();
    this.timer = setTimeout(() => void this.begin(), AGAIN);
  }

  /** After a reconnect the server has forgotten what was asked of it. */
  private async watchLink(): Promise<void> {
    for await (const { type } of this.o.nc.status()) {
      if (this.closed) return;
      if (type === 'reconnect') void this.begin();
    }
  }
}
