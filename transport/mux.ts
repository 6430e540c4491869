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

type Waiting = { resolve: (m: Msg) => void; reject: (e: Error) => void; deadline: number; subject: string; connection: number };

/** All requests of a connection over one reply subscription: an order of magnitude cheaper than one each. */
export class Mux {
  readonly nc: NatsConnection;
  private readonly root: string;
  private readonly waiting = new Map<string, Waiting>();
  private readonly sub: Subscription;
  private readonly sweep: NodeJS.Timeout;
  private next = 0;
  /** Counts how often the connection was lost. */
  private connection = 0;

  constructor(nc: NatsConnection, user: string) {
    this.nc = nc;
    this.root = createInbox(inboxPrefix(user));
    this.sub = nc.subscribe(`${this.root}.*`, { callback: (error, msg) => void (error || this.take(msg)) });
    this.sweep = setInterval(() => this.expire(), 250);
    this.sweep.unref();
    void this.countLosses();
  }

  request(subject: string, payload: Uint8Array | string = '', options: { timeout?: number; headers?: MsgHdrs } = {}): Promise<Msg> {
    const id = (this.next++).toString(36);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, deadline: performance.now() + (options.timeout ?? 5_000), subject, connection: this.connection });
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
  async publish(subject: string, payload: Uint8Array | string, set?: Record<string, string>, timeout?: number): Promise<PubAck> {
    const answer = await this.request(subject, payload, { headers: set && withHeaders(set), timeout });
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

  private async countLosses(): Promise<void> {
    for await (const { type } of this.nc.status()) if (type === 'disconnect') this.connection++;
  }

  private expire(): void {
    const now = performance.now();
    for (const [id, w] of this.waiting) {
      if (w.deadline > now) continue;
      this.waiting.delete(id);
      const cutOff = w.connection !== this.connection;
      w.reject(new NoAnswer(w.subject, cutOff ? 'the connection was lost before an answer' : 'no answer in time', cutOff));
    }
  }
}

export function withHeaders(set: Record<string, string>): MsgHdrs {
  const h = headers();
  for (const [k, v] of Object.entries(set)) h.set(k, v);
  return h;
}
