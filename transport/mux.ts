import { createInbox, headers, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from '@nats-io/nats-core';
import { inboxPrefix } from './connection.ts';

/** Nobody answered in time, or nobody is there: what was asked may or may not have happened. */
export class NoAnswer extends Error {
  readonly subject: string;
  /** The connection was lost while it waited: the silence says nothing of the server. */
  readonly cutOff: boolean;
  constructor(subject: string, why: string, cutOff = false) {
    super(`${subject}: ${why}`);
    this.name = 'NoAnswer';
    this.subject = subject;
    this.cutOff = cutOff;
  }
}

/** JetStream's refusal of a message, by its error code. */
export class PublishRefused extends Error {
  readonly code: number;
  constructor(code: number, description: string) {
    super(`JetStream refused (${code}): ${description}`);
    this.name = 'PublishRefused';
    this.code = code;
  }
}

export type PubAck = { stream: string; seq: number; duplicate?: boolean; batch?: string; count?: number };

type Waiting = { resolve: (m: Msg) => void; reject: (e: Error) => void; deadline: number; subject: string; connection: number; retryable: boolean };

/** All requests of a connection over one reply subscription: an order of magnitude cheaper than one each. */
export class Mux {
  readonly nc: NatsConnection;
  private readonly root: string;
  private readonly waiting = new Map<string, Waiting>();
  private readonly sub: Subscription;
  private readonly sweep: NodeJS.Timeout;
  private next = 0;
  /** Moves when the connection is lost, and when it is back: the client drops what was published in between. */
  private connection = 0;

  constructor(nc: NatsConnection, user: string) {
    this.nc = nc;
    this.root = createInbox(inboxPrefix(user));
    this.sub = nc.subscribe(`${this.root}.*`, { callback: (error, msg) => void (error || this.take(msg)) });
    this.sweep = setInterval(() => this.expire(), 250);
    this.sweep.unref();
    void this.watchConnection();
  }

  /** With `retryable` it fails as soon as the connection is back after a loss, not at its time-out: whoever asks can ask again at once. */
  request(subject: string, payload: Uint8Array | string = '', options: { timeout?: number; headers?: MsgHdrs; retryable?: boolean } = {}): Promise<Msg> {
    const id = (this.next++).toString(36);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, deadline: performance.now() + (options.timeout ?? 5_000), subject, connection: this.connection, retryable: options.retryable ?? false });
      try {
        this.nc.publish(subject, payload, { reply: `${this.root}.${id}`, headers: options.headers });
      } catch (error) {
        this.waiting.delete(id);
        reject(error as Error);
      }
    });
  }

  async json<T>(subject: string, payload: unknown, options: { timeout?: number; headers?: MsgHdrs } = {}): Promise<T> {
    const answer = await this.request(subject, JSON.stringify(payload), options);
    return JSON.parse(answer.string() || 'null') as T;
  }

  /** A publish that JetStream has stored. Throws PublishRefused, or NoAnswer when that can't be known. */
  async publish(subject: string, payload: Uint8Array | string, set?: Record<string, string>, options: { timeout?: number; retryable?: boolean } = {}): Promise<PubAck> {
    const answer = await this.request(subject, payload, { ...options, headers: set && withHeaders(set) });
    const body = JSON.parse(answer.string() || '{}') as PubAck & { error?: { err_code: number; description: string } };
    if (body.error) throw new PublishRefused(body.error.err_code, body.error.description);
    return body;
  }

  close(): void {
    clearInterval(this.sweep);
    if (!this.nc.isClosed()) this.sub.unsubscribe();
    for (const w of this.waiting.values()) w.reject(new NoAnswer(w.subject, 'the connection is closing'));
    this.waiting.clear();
  }

  private take(msg: Msg): void {
    const id = msg.subject.slice(this.root.length + 1);
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    this.waiting.delete(id);
    if (msg.headers?.code === 503) waiting.reject(new NoAnswer(waiting.subject, 'nobody listens there'));
    else waiting.resolve(msg);
  }

  private async watchConnection(): Promise<void> {
    for await (const { type } of this.nc.status()) {
      if (type === 'disconnect' || type === 'reconnect') this.connection++;
      if (type === 'reconnect') for (const [id, w] of this.waiting) if (w.retryable) this.giveUp(id, w);
    }
  }

  private giveUp(id: string, w: Waiting): void {
    const cutOff = w.connection !== this.connection;
    this.waiting.delete(id);
    w.reject(new NoAnswer(w.subject, cutOff ? 'the connection was lost before an answer' : 'no answer in time', cutOff));
  }

  private expire(): void {
    const now = performance.now();
    for (const [id, w] of this.waiting) if (w.deadline <= now) this.giveUp(id, w);
  }
}

export function withHeaders(set: Record<string, string>): MsgHdrs {
  const h = headers();
  for (const [k, v] of Object.entries(set)) h.set(k, v);
  return h;
}
