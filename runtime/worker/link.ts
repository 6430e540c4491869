import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { nextUser } from '../agent/passwords.ts';
import { answer, type FxAnswer, type FxAnswers, type Results } from '../../transport/protocol.ts';
import { gatherWrites } from '../../transport/gather-writes.ts';
import { Mux } from '../../transport/mux.ts';
import { putResult } from '../../transport/results.ts';
import { subjects } from '../../transport/subjects.ts';
import { WorkerFault } from './fault.ts';
import type { WorkerLog } from './worker-log.ts';

export type LinkOptions = { worker: string; servers: string | string[]; user?: string; pass?: string; /** Its login as it is now: read anew for each attempt, since a key may be replaced under it. */ login?: (() => { user: string; pass: string }) | undefined; log: WorkerLog };

/** The worker's one connection to the masters. Reconnects for ever. */
export class Link {
  readonly #worker: string;
  readonly #nc: NatsConnection;
  readonly #mux: Mux;
  readonly #log: WorkerLog;
  readonly #stopped = new AbortController();
  #connected = true;

  private constructor(worker: string, nc: NatsConnection, log: WorkerLog) {
    this.#worker = worker;
    this.#nc = nc;
    this.#mux = new Mux(nc, worker);
    this.#log = log;
    void this.#watch();
  }

  /** Waits until a server takes the login; says now and then why it still waits. */
  static async open({ worker, servers, user = worker, pass = '', login = () => ({ user, pass }), log }: LinkOptions): Promise<Link> {
    // While two pre-shared keys are good, holders of the next one have a name of their own.
    let tries = 0;
    let mine = login();
    const credentials = () => {
      try {
        mine = login();
      } catch {
        // Its file is gone: what was good may still be.
      }
      return tries++ % 2 === 0 ? mine : { ...mine, user: nextUser(mine.user) };
    };
    const waiting = setInterval(() => log('warn', 'lifecycle', `still waiting for NATS at ${servers}: is it up, and is the password of ${user} right?`), 10_000);
    try {
      const nc = await connect({
        servers, authenticator: credentials, name: `troupe ${worker}`, inboxPrefix: `_INBOX_${worker}`, maxReconnectAttempts: -1, waitOnFirstConnect: true,
        reconnectTimeWait: 500, reconnectJitter: 500, pingInterval: 5000, maxPingOut: 2, ignoreAuthErrorAbort: true, noAsyncTraces: true,
      });
      gatherWrites(nc);
      // Whatever was taken last is tried first.
      const settle = () => void (tries = (tries + 1) % 2);
      settle();
      void (async () => {
        for await (const s of nc.status()) if (s.type === 'reconnect') settle();
      })();
      return new Link(worker, nc, log);
    } finally {
      clearInterval(waiting);
    }
  }

  /**
   * Asks the master and returns its `ok` answer; asks again until `budgetMs` is over while nobody answers.
   * Throws WorkerFault `refused` with the master's words, or `network`.
   */
  async ask(verb: string, body: object, budgetMs = 15_000, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const until = performance.now() + budgetMs;
    for (;;) {
      signal?.throwIfAborted();
      const left = until - performance.now();
      try {
        const reply = answer.parse((await this.#nc.request(subjects.ask(this.#worker, verb), JSON.stringify(body), { timeout: Math.max(100, Math.min(5000, left)) })).json());
        if (reply.ok) return reply;
        throw new WorkerFault('refused', `the master refused ${verb}: ${reply.message} (${reply.code})`);
      } catch (error) {
        if (error instanceof WorkerFault) throw error;
        if (performance.now() + 500 >= until) throw new WorkerFault('network', `no master answered ${verb} within ${budgetMs} ms: ${(error as Error).message}`);
        await sleep(500);
      }
    }
  }

  /** True while a server has it. */
  get connected(): boolean {
    return this.#connected;
  }

  /** One heartbeat; null when nobody confirms it in time. */
  async beat(body: object, timeout: number): Promise<unknown> {
    try {
      return (await this.#nc.request(subjects.hb(this.#worker), JSON.stringify(body), { timeout })).json();
    } catch {
      return null;
    }
  }

  /** Publishes into a stream until the server has stored it, over any number of reconnects. Gives up only when the link is closed. */
  async store(subject: string, body: object, msgID: string): Promise<void> {
    for (let wait = 200; !this.#stopped.signal.aborted; wait = Math.min(wait * 2, 5000)) {
      try {
        await this.#mux.publish(subject, JSON.stringify(body), { 'Nats-Msg-Id': msgID }, { timeout: 5000, retryable: true });
        return;
      } catch (error) {
        this.#log('debug', 'system', 'a result is not stored yet', { subject, msgID, error: (error as Error).message });
        await sleep(wait, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      }
    }
  }

  /** Puts bytes into the object store of results, under a name that nobody else has. Throws WorkerFault `network` when it can't be stored. */
  async keep(name: string, bytes: Uint8Array, type: string): Promise<void> {
    await putResult(this.#nc, name, bytes, type).catch((error: Error) => {
      throw new WorkerFault('network', `${name} could not be stored: ${error.message}`);
    });
  }

  /** Answers requests on a subject of this worker's own; many at once. */
  serve(subject: string, handle: (data: Uint8Array) => Promise<Uint8Array | string>): void {
    this.#nc.subscribe(subject, {
      callback: (error, msg) => {
        if (error) return this.#log('error', 'system', `the subscription to ${subject} failed`, { error: error.message });
        void handle(msg.data).then((answer) => msg.respond(answer)).catch((failure: Error) => this.#log('error', 'system', 'a request could not be answered', { subject, error: failure.message }));
      },
    });
  }

  /** Publishes bytes; nothing is waited for. */
  publish(subject: string, bytes: Uint8Array): void {
    if (!this.#nc.isClosed()) this.#nc.publish(subject, bytes);
  }

  /** Which of these results have reached their actors; those that haven't are for `store`. */
  async results(items: Results['items']): Promise<ReadonlySet<string>> {
    try {
      const reply = answer.parse((await this.#nc.request(subjects.ask(this.#worker, 'results'), JSON.stringify({ items }), { timeout: 3_000 })).json());
      return new Set(reply.ok ? (reply['settled'] as string[]) : []);
    } catch {
      return new Set();
    }
  }

  /** Sends a log row; none is waited for. */
  tell(subject: string, body: object): void {
    try {
      this.#nc.publish(subject, JSON.stringify(body));
    } catch {
      // Closed or closing: the row is on standard output all the same.
    }
  }

  /** Answers every request on the worker's own effect subject. */
  onEffect(handle: (data: unknown) => Promise<FxAnswer | FxAnswers>): void {
    this.#nc.subscribe(subjects.fx(this.#worker), {
      callback: (error, msg) => {
        if (error) return this.#log('error', 'system', 'the subscription to effects failed', { error: error.message });
        void (async () => {
          const data: unknown = JSON.parse(msg.string());
          msg.respond(JSON.stringify(await handle(data)));
        })().catch((failure: Error) => {
          this.#log('error', 'system', 'a request for an effect could not be taken', { error: failure.message });
          msg.respond(JSON.stringify({ taken: false, reason: failure.message.slice(0, 300) } satisfies FxAnswer));
        });
      },
    });
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await Promise.race([this.#nc.drain().catch(() => undefined), sleep(2000)]);
    this.#mux.close();
    await this.#nc.close();
  }

  async #watch(): Promise<void> {
    for await (const s of this.#nc.status()) {
      if (s.type === 'disconnect' || s.type === 'reconnect') this.#connected = s.type === 'reconnect';
      if (s.type === 'disconnect' || s.type === 'reconnect') this.#log('warn', 'lifecycle', s.type === 'reconnect' ? 'connected to NATS again' : 'the connection to NATS is lost');
      if (s.type === 'error') this.#log('error', 'system', 'NATS says no', { error: String(s.error) });
    }
  }
}
