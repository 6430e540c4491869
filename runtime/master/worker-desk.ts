import type { Msg } from '@nats-io/nats-core';
import type { Binding } from '../../actors/binding.ts';
import { statePaths } from '../../actors/entry.ts';
import { workerDefaults, workerFields } from '../../actors/worker.ts';
import { proxyOf, type AccountContext } from '../../machines/account.ts';
import type { WorkerContext } from '../../machines/worker.ts';
import { NoAnswer, PublishRefused, type Mux } from '../../transport/mux.ts';
import { found, goodbye, heartbeat, leave, picturePut, registration, results, secretGet, vaultGet, vaultPut, type Answer, type Found, type Heartbeat, type Results } from '../../transport/protocol.ts';
import { BUCKET, parseAddress, PREFIX, STREAM, subjects, type Address } from '../../transport/subjects.ts';
import { crashPoint } from '../crash-point.ts';
import { pictureName } from '../picture-name.ts';
import type { Db } from '../read-model/store.ts';
import type { Engine } from './engine.ts';
import type { Liveness } from './liveness.ts';
import { ownerOf, type Vault } from './vault.ts';

const no = (code: string, message: string): Answer => ({ ok: false, code, message });
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47]);
const JPEG = Buffer.from([0xff, 0xd8, 0xff]);

export type Ask = { worker: string; verb: string; body: unknown };
/** So many reports in a row over the limit make it a fact, not a peak. */
const OVER_FOR = 3;
/** How long the view may be behind what a round is compared with, ms. */
const SEEN_WITHIN = 3_000;
const SEEN_EVERY = 20;

export type DeskOptions = { heard?(beat: Heartbeat): void; /** Every master hears what every worker does. */ reported?(beat: Heartbeat): void; /** A worker has ended what it had under this token. */ ended?(token: string, worker: string): void; mux: Mux; engine: Engine; db: Db; /** The newest message of a stream that the view holds. */ position(stream: string): number; liveness: Liveness; vault: Vault; bindings: ReadonlyMap<string, Binding>; log: (level: 'info' | 'warn', message: string) => void };

/** What workers ask of the masters on `troupe.ask.<worker>.<verb>`, and their heartbeats. The subject proves who asks. */
export class WorkerDesk {
  private readonly o: DeskOptions;
  private readonly knownComment;
  private readonly knownMessage;
  private readonly leases;
  private readonly over = new Map<string, number>();

  constructor(options: DeskOptions) {
    this.o = options;
    this.knownComment = options.db.prepare('SELECT 1 FROM comments WHERE account_id = ? AND platform_comment_id = ?').pluck();
    this.knownMessage = options.db.prepare('SELECT 1 FROM direct_messages WHERE account_id = ? AND platform_message_id = ?').pluck();
    this.leases = options.db.prepare('SELECT id AS account, lease_epoch AS epoch FROM accounts WHERE assigned_worker_id = ? AND lease_incarnation = ?');
  }

  start(): void {
    const { nc } = this.o.mux;
    nc.subscribe(`${PREFIX}.ask.*.*`, { queue: 'troupe', callback: (error, msg) => void (error || this.asked(msg)) });
    nc.subscribe(`${PREFIX}.hb.*`, { callback: (error, msg) => void (error || this.heard(msg)) });
  }

  private async heard(msg: Msg): Promise<void> {
    const worker = msg.subject.split('.')[2]!;
    const parsed = heartbeat.safeParse(safeJson(msg));
    if (!parsed.success || parsed.data.worker !== worker) return;
    const beat = parsed.data;
    const fresh = this.o.liveness.beat(beat);
    if (fresh) this.o.reported?.(beat);
    // An older process of the same name is told that it is not known; whatever is only repeated is not answered.
    if ((!fresh && this.o.liveness.incarnation(worker) === beat.incarnation) || !msg.reply || !this.o.engine.host.owns(`worker/${worker}`)) return;
    const head = await this.o.engine.host.head(`worker/${worker}`).catch(() => null);
    const context = head && (head.entry.after as { context: WorkerContext }).context;
    const linked = head !== null && /link\.(connected|suspect)/.test(statePaths((head.entry.after as { value: unknown }).value));
    const known = linked && context?.registration?.incarnation === beat.incarnation;
    const config = known && context && beat.config !== undefined && beat.config < context.configVersion ? { version: context.configVersion, maxAccounts: context.config.max_accounts, maxAgents: context.config.max_agents ?? workerDefaults.max_agents } : undefined;
    msg.respond(JSON.stringify({ known, leases: known ? await this.leasesOf(worker, beat) : [], ...(config ? { config } : {}) }));
    if (known && context && fresh) this.watch(beat, context);
  }

  /** What a report says that the chart wants to know: too much memory for too long, a version that it has taken on. */
  private watch(beat: Heartbeat, c: WorkerContext): void {
    const actor = `worker/${beat.worker}`;
    this.o.heard?.(beat);
    const usedMb = Math.round(beat.rssBytes / 1_048_576);
    const times = usedMb > c.config.max_memory_mb ? (this.over.get(beat.worker) ?? 0) + 1 : 0;
    this.over.set(beat.worker, times);
    if (times > 0 && times % OVER_FOR === 0) void this.put(actor, { is: 'event', event: { type: 'OVER_MEMORY', usedMb, limitMb: c.config.max_memory_mb }, cause: { id: `memory:${beat.incarnation}:${beat.seq}` } });
    if (beat.config !== undefined && c.runs && beat.config > c.runs.applied) void this.put(actor, { is: 'event', event: { type: 'APPLIED', version: beat.config }, cause: { id: `applied:${beat.incarnation}:${beat.config}` } });
  }

  /** From the view, and from the journal for what the worker says it holds: the view may be a moment behind. */
  private async leasesOf(worker: string, beat: { incarnation: string; accounts: { account: string; epoch: number }[] }): Promise<{ account: string; epoch: number }[]> {
    const rows = this.leases.all(worker, beat.incarnation) as { account: string; epoch: number }[];
    const checked = await Promise.all(rows.map(async (r) => ((await this.lease(r.account))?.epoch === r.epoch ? r : null)));
    return checked.filter((r) => r !== null);
  }

  private async lease(account: string): Promise<AccountContext['lease']> {
    const head = await this.o.engine.host.head(`account/${account}`);
    return head && (head.entry.after as { status: string }).status === 'active' ? (head.entry.after as { context: AccountContext }).context.lease : null;
  }

  private async asked(msg: Msg): Promise<void> {
    const [, , worker, verb] = msg.subject.split('.') as [string, string, string, string];
    if (verb === 'results') return void msg.respond(JSON.stringify(await this.results(worker, safeJson(msg)).catch((error: Error) => no('invalid', error.message))));
    msg.respond(JSON.stringify(await this.route({ worker, verb, body: safeJson(msg) })));
  }

  /** Answered by the master that owns the actor it is about; waits while the partition changes hands. */
  private async route(ask: Ask): Promise<Answer> {
    const { engine, mux } = this.o;
    const reply = (ask.body as { reply?: unknown } | null)?.reply;
    const actor = ask.verb === 'leave' && typeof reply === 'string' ? `reply/${reply}` : `worker/${ask.worker}`;
    if (!parseAddress(actor)) return no('invalid', `${actor} is no address`);
    for (let i = 0; i < 20; i++) {
      if (engine.host.owns(actor)) return this.here(ask);
      const answer = await mux.json<Answer>(subjects.own(engine.partition(actor)), { ask }, { timeout: 4_000 }).catch(() => null);
      if (answer) return answer;
      await new Promise((r) => setTimeout(r, 200));
    }
    return no('unavailable', 'no master owns it right now; ask again');
  }

  /** An ask for an actor of this master. */
  async here({ worker, verb, body }: Ask): Promise<Answer> {
    const verbs: Record<string, (worker: string, body: unknown) => Promise<Answer>> = {
      register: (w, b) => this.register(w, b),
      goodbye: (w, b) => this.goodbye(w, b),
      leave: (w, b) => this.leave(w, b),
      results: (w, b) => this.results(w, b),
      found: (w, b) => this.found(w, b),
      'vault-get': (w, b) => this.vaultGet(w, b),
      'vault-put': (w, b) => this.vaultPut(w, b),
      secret: (w, b) => this.secret(w, b),
      picture: (w, b) => this.picture(w, b),
    };
    if (!Object.hasOwn(verbs, verb)) return no('not_found', `there is no ${verb}`);
    return verbs[verb]!(worker, body).catch((error: Error) => no(error.name === 'ZodError' ? 'invalid' : 'unavailable', error.message));
  }

  /** Each to its actor, here or at the master that owns it; answered once the turns are stored. */
  private async results(worker: string, body: unknown): Promise<Answer> {
    const { items } = results.parse(body);
    const { engine, mux } = this.o;
    const settled: string[] = [];
    const elsewhere = new Map<number, Results['items']>();
    const here: Promise<void>[] = [];
    // Before the results themselves: what comes next is stored with them. A fault may say that there is no room.
    for (const item of items) if (!item.error) this.o.ended?.(item.token, worker);
    for (const item of items) {
      if (!parseAddress(item.actor)) continue;
      if (!engine.host.owns(item.actor)) {
        const partition = engine.partition(item.actor);
        elsewhere.set(partition, [...(elsewhere.get(partition) ?? []), item]);
        continue;
      }
      const cause = { id: item.id, by: `worker:${worker}` };
      here.push(engine.ask(item.actor, item.error ? { is: 'error', token: item.token, error: item.error, cause } : { is: 'done', token: item.token, output: item.output ?? null, cause }).then((outcome) => {
        if (outcome.is !== 'elsewhere') settled.push(item.id);
      }));
    }
    const others = [...elsewhere].map(async ([partition, part]) => {
      const answer = await mux.json<Answer>(subjects.own(partition), { ask: { worker, verb: 'results', body: { items: part } } }, { timeout: 2_500 }).catch(() => null);
      if (answer?.ok) settled.push(...(answer['settled'] as string[]));
    });
    await Promise.all([...here, ...others]);
    return { ok: true, settled };
  }

  private async register(worker: string, body: unknown): Promise<Answer> {
    const parsed = registration.safeParse(body);
    if (!parsed.success || parsed.data.worker !== worker) return no('invalid', `the registration is not readable: ${parsed.error?.issues[0]?.message ?? 'it names another worker'}`);
    const r = parsed.data;
    const { liveness, engine, log } = this.o;
    const other = liveness.incarnation(worker);
    if (other !== null && other !== r.incarnation && other > r.incarnation && liveness.state(worker) !== 'offline') return no('duplicate_worker', `another process registered as ${worker} later; give this one another WORKER_ID`);
    const actor = `worker/${worker}`;
    const event = { type: 'REGISTERED', registration: { incarnation: r.incarnation, host: r.host, pid: r.pid, port: r.port, version: r.version, node: r.node, chromium: r.chromium, capabilities: r.capabilities, maxAccounts: r.maxAccounts, group: r.group, groups: r.groups ?? [], mode: r.mode, ...(r.configVersion ? { configVersion: r.configVersion } : {}), ...(r.maxAgents === undefined ? {} : { maxAgents: r.maxAgents, maxShells: r.maxShells ?? 0, allowShell: r.allowShell ?? false, labels: r.labels ?? {}, tools: r.tools ?? [] }) } };
    for (let i = 0; i < 2; i++) {
      const outcome = await this.put(actor, { is: 'event', event, cause: { id: `register:${r.incarnation}:${Date.now()}` } });
      if (outcome?.is === 'taken' || (outcome?.is === 'dropped' && outcome.why === 'taken')) {
        liveness.registered(worker, r.incarnation);
        log('info', `${worker} registered`);
        return { ok: true };
      }
      if (outcome?.is !== 'dropped' || outcome.why !== 'unknown-actor') return no('unavailable', 'the registration is not stored; ask again');
      const config = workerFields.parse({ name: worker, host: /^[a-zA-Z0-9]/.test(r.host) ? r.host : 'unknown', port: Math.max(1, r.port), deployment_type: 'remote', max_accounts: r.maxAccounts, ...(r.maxAgents === undefined ? {} : { max_agents: r.maxAgents, allow_shell: r.allowShell ?? false }), group_name: r.group, groups: r.groups ?? [], group_strict: r.strict ?? false, auto_start: false });
      await this.put(actor, { is: 'start', input: { id: worker, config: { worker_id: worker, ...config }, at: Date.now() }, cause: { id: `define:${worker}` } });
    }
    return no('unavailable', `${engine.id}: the registration is not stored; ask again`);
  }

  /** A worker ends in order: nobody needs to wait for its silence. */
  private async goodbye(worker: string, body: unknown): Promise<Answer> {
    const { incarnation } = goodbye.parse(body);
    if (this.o.liveness.incarnation(worker) !== incarnation) return no('stale', `another process of ${worker} has taken its place`);
    await this.put(`worker/${worker}`, { is: 'event', event: { type: 'GOODBYE' }, cause: { id: `goodbye:${incarnation}` } });
    this.o.liveness.exited(worker);
    return { ok: true };
  }

  /** Puts an event to an actor of this master; of another one's, says so by a null. */
  private async put(actor: string, inbound: Parameters<Engine['ask']>[1]) {
    const { engine } = this.o;
    if (!engine.host.owns(actor)) return null;
    return engine.ask(actor, inbound);
  }

  /** The fence before a post: the account's lease is this worker's at this epoch, and `submitting` is stored. */
  private async leave(worker: string, body: unknown): Promise<Answer> {
    const { reply, token, account, epoch } = leave.parse(body);
    const actor = `reply/${reply}`;
    const lease = await this.lease(account);
    if (lease?.worker !== worker || lease.epoch !== epoch) return no('fenced', `account ${account} is not ${worker}'s at epoch ${epoch}`);
    const head = await this.o.engine.host.head(actor);
    const effect = head?.entry.pending.effects[token];
    if (!effect || (effect.input as { worker?: string; account?: string }).worker !== worker || (effect.input as { account?: string }).account !== account) return no('stale', `${token} is not asked for any more`);
    const outcome = await this.o.engine.ask(actor, { is: 'progress', token, event: { type: 'LEAVE', epoch }, cause: { id: `leave:${token}` } });
    if (outcome.is !== 'taken') return no('refused', `the reply is not waiting for leave`);
    crashPoint('after-submitting');
    const state = statePaths((outcome.entry.after as { value: unknown }).value);
    return state === 'posting.submitting' ? { ok: true } : no('refused', `the reply is ${state}`);
  }

  private async found(worker: string, body: unknown): Promise<Answer> {
    const data = found.parse(body);
    const lease = await this.lease(data.account);
    if (lease?.worker !== worker || lease.epoch !== data.epoch) return no('fenced', `account ${data.account} is not ${worker}'s at epoch ${data.epoch}`);
    const comments = await this.store(data, 'comment', data.comments, (id) => this.knownComment.get(data.account, id) !== undefined);
    const messages = await this.store(data, 'message', data.messages, (id) => this.knownMessage.get(data.account, id) !== undefined);
    if (comments === null || messages === null) return no('unavailable', 'what was found before is not in the view yet; ask again');
    return { ok: true, comments, messages };
  }

  /** Stores what is new, each item once: what another worker, or another master, has found a moment ago counts as known. Null where that can't be told yet. */
  private async store(data: Found, what: 'comment' | 'message', items: (Found['comments'][number] | Found['messages'][number])[], known: (id: string) => boolean): Promise<number | null> {
    let left = items.filter((i) => !known(i.id));
    const subject = subjects.data(data.account, what);
    let stored = 0;
    for (let tries = 0; left.length > 0; tries++) {
      const last = await lastOf(this.o.mux, subject);
      if (!(await this.seen(last))) return null;
      left = left.filter((i) => !known(i.id));
      const part = left.slice(0, 500).map((item) => ({ ...item, id: item.id.slice(0, 200), text: item.text.slice(0, 10_000) }));
      if (part.length === 0) break;
      try {
        await this.o.mux.publish(subject, JSON.stringify({ items: part, round: data.round, at: Date.now() }), { 'Nats-Msg-Id': `${data.account}:${data.epoch}:${data.round}:${what}:${part[0]!.id}`, 'Nats-Expected-Last-Subject-Sequence': String(last) });
      } catch (error) {
        // Somebody was faster, or the answer was lost: what stands there now says which.
        if (tries >= 20 || !(error instanceof PublishRefused || error instanceof NoAnswer)) throw error;
        continue;
      }
      stored += part.length;
      left = left.slice(part.length);
    }
    return stored;
  }

  /** Waits until the view holds the data stream up to this message. */
  private async seen(seq: number): Promise<boolean> {
    for (let waited = 0; this.o.position(STREAM.data) < seq; waited += SEEN_EVERY) {
      if (waited > SEEN_WITHIN) return false;
      await new Promise((r) => setTimeout(r, SEEN_EVERY));
    }
    return true;
  }

  private async vaultGet(worker: string, body: unknown): Promise<Answer> {
    const { account, epoch, field } = vaultGet.parse(body);
    const lease = await this.lease(account);
    if (lease?.worker !== worker || lease.epoch !== epoch) return no('fenced', `account ${account} is not ${worker}'s at epoch ${epoch}`);
    const proxy = /^proxy@([a-z0-9][a-z0-9-]{0,62})$/.exec(field)?.[1];
    if (proxy !== undefined) return (await this.goesBy(account, worker, proxy)) ? { ok: true, value: await this.o.vault.get(ownerOf({ kind: 'proxy', id: proxy }), 'password') } : no('forbidden', `account ${account} does not go by proxy ${proxy}`);
    return { ok: true, value: await this.o.vault.get(account, fieldName(field)) };
  }

  /** Its own choice, or the worker's where it has none. */
  private async goesBy(account: string, worker: string, proxy: string): Promise<boolean> {
    const head = await this.o.engine.host.head(`account/${account}`);
    const chosen = head && proxyOf((head.entry.after as { context: AccountContext }).context);
    return chosen ? 'id' in chosen && chosen.id === proxy : this.o.db.prepare('SELECT 1 FROM worker_configs WHERE worker_id = ? AND proxy_id = ?').get(worker, proxy) !== undefined;
  }

  private async vaultPut(worker: string, body: unknown): Promise<Answer> {
    const { account, epoch, field, value } = vaultPut.parse(body);
    const lease = await this.lease(account);
    if (lease?.worker !== worker || lease.epoch !== epoch) return no('fenced', `account ${account} is not ${worker}'s at epoch ${epoch}`);
    await this.o.vault.put(account, fieldName(field), value);
    return { ok: true };
  }

  /** An answer to a challenge, opened for the worker whose login asked for it. */
  private async secret(worker: string, body: unknown): Promise<Answer> {
    const { ref, token } = secretGet.parse(body);
    const to = await this.hers(worker, token);
    if (!to) return no('stale', `${token} is not asked for any more`);
    const [owner, field] = ref.split('.') as [string, string];
    if (owner !== ownerOf(to) || !field) return no('forbidden', 'that secret belongs elsewhere');
    return { ok: true, value: await this.o.vault.get(owner, field) };
  }

  /** The actor that waits for this effect, when this worker was given it. */
  private async hers(worker: string, token: string): Promise<Address | null> {
    const [kind, id] = token.split('/');
    const to = parseAddress(`${kind}/${id}`);
    const effect = to && (await this.o.engine.host.head(`${to.kind}/${to.id}`))?.entry.pending.effects[token];
    return (effect?.input as { worker?: string } | undefined)?.worker === worker ? to : null;
  }

  private async picture(worker: string, body: unknown): Promise<Answer> {
    const { token, txn, base64 } = picturePut.parse(body);
    if (!(await this.hers(worker, token))) return no('stale', `${token} is not asked for any more`);
    const bytes = Buffer.from(base64, 'base64');
    if (!bytes.subarray(0, 4).equals(PNG) && !bytes.subarray(0, 3).equals(JPEG)) return no('invalid', 'a picture must be PNG or JPEG');
    if (bytes.length > 512 * 1024) return no('invalid', 'a picture is 512 KiB at most');
    const name = pictureName(token, txn);
    await this.o.mux.publish(`$KV.${BUCKET.pictures}.${name}`, bytes);
    return { ok: true, name };
  }
}

const fieldName = (field: string): string => {
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(field)) throw new Error(`field ${field.slice(0, 50)} is not a name`);
  return field;
};

function safeJson(msg: Msg): unknown {
  try {
    return msg.json();
  } catch {
    return null;
  }
}

/** The last message of a subject of the data stream, 0 where there is none. */
async function lastOf(mux: Mux, subject: string): Promise<number> {
  const msg = await mux.request(`$JS.API.DIRECT.GET.${STREAM.data}.${subject}`);
  const code = msg.headers?.code ?? 0;
  if (code !== 0 && code !== 404) throw new Error(`the data stream does not say what it holds: ${code}`);
  return code === 404 ? 0 : Number(msg.headers!.get('Nats-Sequence'));
}
