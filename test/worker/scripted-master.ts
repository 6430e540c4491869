import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { natsLogin } from '../../runtime/nats-login.ts';
import { STREAM, parseInbox, subjects, VERB } from '../../transport/subjects.ts';
import type { RunningServer } from '../setup/running-server.ts';
import { until } from './until.ts';
import { pictureName } from '../../runtime/picture-name.ts';

type Json = Record<string, unknown>;
export type Inboxed = { kind: string; id: string; verb: string; worker: string | null; body: Json };

/** A master that answers workers as a test tells it, over a real server. Leases are what `leases` says. */
export class ScriptedMaster {
  readonly nc: NatsConnection;
  readonly leases = new Map<string, number>();
  readonly vault = new Map<string, string>();
  readonly found: Json[] = [];
  readonly registrations: Json[] = [];
  readonly leaves: Json[] = [];
  readonly pictures = new Map<string, Buffer>();
  readonly secrets = new Map<string, string>();
  readonly inbox: Inboxed[] = [];
  readonly heartbeats: Json[] = [];
  /** Set to refuse or swallow what a worker asks. */
  onLeave: (body: Json) => Json | null = () => ({ ok: true });
  deaf = false;
  /** A newer configuration, told with the answer to a heartbeat. */
  config: Json | null = null;
  known = true;

  private constructor(nc: NatsConnection) {
    this.nc = nc;
  }

  static async start(server: RunningServer): Promise<ScriptedMaster> {
    const nc = await connect(natsLogin(server.config, 'master'));
    await (await jetstreamManager(nc)).streams.add({ name: STREAM.inbox, subjects: ['troupe.in.>'] });
    const master = new ScriptedMaster(nc);
    nc.subscribe('troupe.hb.*', { callback: (_, msg) => master.#beat(msg.json<Json>(), (answer) => msg.respond(JSON.stringify(answer))) });
    nc.subscribe('troupe.ask.*.*', { callback: (_, msg) => {
      const answer = master.#answer(msg.subject.split('.')[3] ?? '', msg.json<Json>());
      if (answer) msg.respond(JSON.stringify(answer));
    } });
    nc.subscribe('troupe.in.>', { callback: (_, msg) => {
      const at = parseInbox(msg.subject);
      if (at) master.inbox.push({ ...at.to, verb: at.token, worker: at.worker, body: msg.json<Json>() });
    } });
    await nc.flush();
    return master;
  }

  #beat(body: Json, respond: (answer: object) => void): void {
    if (this.deaf) return;
    this.heartbeats.push(body);
    respond({ known: this.known, leases: [...this.leases].map(([account, epoch]) => ({ account, epoch })), ...(this.config && { config: this.config }) });
  }

  #answer(verb: string, body: Json): Json | null {
    if (this.deaf) return null;
    const key = `${body.account}/${body.field}`;
    switch (verb) {
      case 'register':
        this.registrations.push(body);
        this.known = true;
        return { ok: true };
      case 'leave':
        this.leaves.push(body);
        return this.onLeave(body);
      case 'found':
        this.found.push(body);
        return { ok: true, comments: (body.comments as unknown[]).length, messages: (body.messages as unknown[]).length };
      case 'vault-get':
        return { ok: true, value: this.vault.get(key) ?? null };
      case 'vault-put':
        this.vault.set(key, body.value as string);
        return { ok: true };
      case 'secret':
        return { ok: true, value: this.secrets.get(body.ref as string) ?? null };
      case 'picture': {
        const name = pictureName(body.token as string, body.txn as string);
        this.pictures.set(name, Buffer.from(body.base64 as string, 'base64'));
        return { ok: true, name };
      }
      default:
        return { ok: false, code: 'unknown_verb', message: verb };
    }
  }

  async fx(worker: string, body: Json): Promise<{ taken: boolean; reason?: string }> {
    return (await this.nc.request(subjects.fx(worker), JSON.stringify(body), { timeout: 5000 })).json();
  }

  async run(worker: string, src: string, token: string, input: Json, more: Json = {}): Promise<{ taken: boolean; reason?: string }> {
    return this.fx(worker, { op: 'run', token, actor: { kind: 'thing', id: 'one' }, src, input, ...more });
  }

  /** The result of an effect: its output, or its fault. */
  async result(token: string, limitMs = 60_000): Promise<{ output?: Json; error?: { kind: string; message: string; sent: string } }> {
    const hit = await until(`the result of ${token}`, () => this.inbox.find((m) => m.body.token === token && (m.verb === VERB.done || m.verb === VERB.error)), limitMs);
    return hit.body as { output?: Json; error?: { kind: string; message: string; sent: string } };
  }

  /** The n-th event of a type that an effect has told, counted from 0. */
  async event(token: string, type: string, nth = 0, limitMs = 40_000): Promise<Json> {
    const of = () => this.inbox.filter((m) => m.body.token === token && m.verb === VERB.event && (m.body.event as Json).type === type);
    return until(`event ${type} of ${token}`, () => of()[nth]?.body.event as Json | undefined, limitMs);
  }

  async stop(): Promise<void> {
    await this.nc.close();
  }
}
