import type { Statement } from 'better-sqlite3';
import type { Answer } from '../../transport/protocol.ts';
import type { Address } from '../../transport/subjects.ts';
import { gateOf } from '../../actors/gate.ts';
import { RESERVED_WORKER_IDS, workerConfig, workerDefaults } from '../../actors/worker.ts';
import { nextId, type ReplyContext } from '../../machines/reply.ts';
import type { WorkerConfig } from '../../machines/worker.ts';
import type { AccountContext, OwnProxy } from '../../machines/account.ts';
import { statePaths } from '../../actors/entry.ts';
import { lengthOf, limitFor, type LengthOf } from '../reply-length.ts';
import { cordonOf, cordonWords } from '../read-model/queries/cordons.ts';
import type { Db } from '../read-model/store.ts';
import type { Request } from './commands.ts';
import type { Engine } from './engine.ts';

type Refusal = Extract<Answer, { ok: false }>;
const no = (code: string, message: string, field?: string): Refusal => ({ ok: false, code, message, ...(field ? { field } : {}) });

/** What no chart can know by itself: whether the thing that a command names is there. May complete the payload. */
export async function allow(db: Db, engine: Engine, { to, verb, payload }: Request, number: () => Promise<number>, length: LengthOf = () => null): Promise<Refusal | null> {
  if (to.kind === 'task' && verb === 'create') return taskAllowed(db, engine, to, payload as TaskPayload, number);
  if (to.kind === 'agent' && verb === 'create') return namedThings(engine, payload as { worker?: string | null; account?: string | null }, '');
  if (to.kind === 'gate' && !gateOf(to.id)) return no('invalid', `${to.id} holds nothing: gates are fleet, group-NAME, platform-NAME, account-NAME, queue-GROUP--LANE and kind-TYPE`, 'id');
  if (to.kind === 'worker' && verb === 'create' && RESERVED_WORKER_IDS.includes(to.id)) return no('invalid', `${to.id} names a page of its own; choose another id`, 'worker_id');
  if (to.kind === 'worker' && verb === 'create' && (to.id === 'join' || to.id.startsWith('agent-') || to.id.endsWith('-'))) return no('invalid', `${to.id}: must not be join, begin with agent- or end with a hyphen`, 'worker_id');
  if (to.kind === 'worker' && (verb === 'create' || verb === 'update')) return workerAllowed(db, engine, to, verb, payload as Partial<WorkerConfig>);
  if (to.kind === 'worker' && STARTS.has(verb)) {
    const machine = cordonOf(db, to.id);
    if (machine && (await isDown(engine, to))) return no('conflict', cordonWords(machine));
  }
  if (to.kind === 'machine' && verb === 'remove') {
    const using = db.prepare('SELECT worker_id FROM worker_configs WHERE machine = ? LIMIT 1').pluck().get(to.id) as string | undefined;
    if (using) return no('conflict', `${to.id} is the machine of worker ${using}: move or remove that worker first`);
  }
  if (to.kind === 'key' && verb === 'remove') {
    const using = db.prepare("SELECT worker_id FROM worker_configs WHERE json_extract(config, '$.ssh_key_id') = ? LIMIT 1").pluck().get(to.id) as string | undefined;
    if (using) return no('conflict', `worker ${using} uses this key: give it another first`);
  }
  if (to.kind === 'account' && (verb === 'assign' || verb === 'move')) {
    const { worker = null, to: target = null } = payload as { worker?: string | null; to?: string | null };
    const field = verb === 'assign' ? 'worker' : 'to';
    const named = worker ?? target;
    if (named !== null && !db.prepare('SELECT 1 FROM workers WHERE id = ?').get(named)) return no('not_found', `there is no worker ${named}`, field);
    const machine = named === null ? null : cordonOf(db, named);
    if (machine) return no('conflict', `${named} is on machine ${machine}, which is cordoned and gets no new accounts: uncordon it, or choose another worker`, field);
  }
  if (to.kind === 'notifier' && (verb === 'create' || verb === 'update')) {
    const { sink } = payload as { sink?: string };
    if (sink !== undefined && !db.prepare('SELECT 1 FROM sinks WHERE id = ?').get(sink)) return no('not_found', `sink: there is no webhook or mailbox ${sink}: add one under Alerts`, 'sink');
  }
  if (to.kind === 'sink' && verb === 'remove') {
    const using = db.prepare('SELECT name FROM notifiers WHERE sink_id = ? LIMIT 1').pluck().get(to.id) as string | undefined;
    if (using !== undefined) return no('conflict', `the notification rule ${using} sends here: give it another place first`);
  }
  if (to.kind === 'account' && (verb === 'create' || verb === 'update')) return proxyAllowed(db, engine, to, verb, payload as ProxyPayload);
  if (to.kind === 'proxy' && verb === 'remove') return proxyRemovable(db, to, payload as { confirm?: boolean });
  if (to.kind === 'reply' && verb === 'create') return replyAllowed(db, engine, to, payload as ReplyPayload, length);
  if (to.kind === 'reply' && (verb === 'change' || verb === 'approve')) return changeAllowed(engine, to, payload as { text?: string }, length);
  if (to.kind === 'reply' && verb === 'resend') return resendAllowed(engine, to);
  return null;
}

const STARTS = new Set(['start', 'restart', 'retry', 'prepare']);

/** Its process is not there and comes back by nothing but a person: what runs, or is being restarted, is kept running on a cordoned machine too. */
async function isDown(engine: Engine, to: Address): Promise<boolean> {
  const head = await engine.host.head(`worker/${to.id}`);
  return head !== null && /active\.process\.(stopped|error)/.test(statePaths((head.entry.after as { value: unknown }).value));
}

/** A change is judged by the whole that it makes; machines and keys must be there. */
async function workerAllowed(db: Db, engine: Engine, to: Address, verb: string, payload: Partial<WorkerConfig>): Promise<Refusal | null> {
  let whole: object = payload;
  if (verb === 'update') {
    const head = await engine.host.head(`worker/${to.id}`);
    if (!head || (head.entry.after as { status: string }).status !== 'active') return null;
    const { worker_id: _, ...config } = { ...workerDefaults, ...(head.entry.after as { context: { config: WorkerConfig } }).context.config };
    whole = { ...config, ...payload, secret_env: {} };
    // One that was started by hand keeps what it has until it is given a way to be started.
    const touched = Object.keys(payload).some((k) => /^(deployment_type|machine|ssh_|docker_|k8s_|env_variables|secret_env|allow_loader)/.test(k));
    const read = touched ? workerConfig.safeParse(whole) : { success: true as const };
    if (!read.success) {
      const issue = read.error.issues[0]!;
      const field = issue.path.join('.');
      return no('invalid', `${field}: ${issue.message}`, field);
    }
  }
  const c = whole as WorkerConfig;
  if (c.deployment_type === 'agent' && !db.prepare("SELECT 1 FROM machines WHERE id = ? AND is_a = 'agent'").get(c.machine)) return no('not_found', `machine: no agent of ${c.machine} has joined: start troupe agent there`, 'machine');
  if (payload.proxy_id && !db.prepare('SELECT 1 FROM proxies WHERE id = ?').get(payload.proxy_id)) return no('not_found', `proxy_id: there is no proxy ${payload.proxy_id}`, 'proxy_id');
  if (c.ssh_key_id && !db.prepare('SELECT 1 FROM ssh_keys WHERE id = ?').get(c.ssh_key_id)) return no('not_found', `ssh_key_id: there is no key ${c.ssh_key_id} in the key store`, 'ssh_key_id');
  return null;
}

type TaskPayload = { after: string[]; requirements: { worker?: string; agent?: string; account?: string }; seq?: number; purged?: boolean };

/** What a task names must be there; its running number is put in. */
async function taskAllowed(db: Db, engine: Engine, to: Address, payload: TaskPayload, number: () => Promise<number>): Promise<Refusal | null> {
  const { known, purged } = ofTask(db).get(to.id, to.id) as { known: number; purged: number };
  if (known) return no('duplicate', `task/${to.id} exists already`, 'id');
  if (purged) payload.purged = true;
  const refused = await namedThings(engine, payload.requirements, 'requirements.');
  if (refused) return refused;
  for (const id of payload.after) {
    if (id === to.id) return no('invalid', 'after: a task can not run after itself', 'after');
    if (!db.prepare('SELECT 1 FROM tasks WHERE id = ?').get(id) && !(await engine.host.head(`task/${id}`))) return no('not_found', `after: there is no task ${id}`, 'after');
  }
  payload.seq = await number();
  return null;
}

/** Asked for every task: prepared once for each view. */
const prepared = new WeakMap<Db, Statement<[string, string]>>();
function ofTask(db: Db): Statement<[string, string]> {
  const known = prepared.get(db) ?? db.prepare<[string, string]>('SELECT EXISTS (SELECT 1 FROM tasks WHERE id = ?) AS known, EXISTS (SELECT 1 FROM tasks_purged WHERE task_id = ?) AS purged');
  prepared.set(db, known);
  return known;
}

async function namedThings(engine: Engine, { worker, agent, account }: { worker?: string | null; agent?: string | null; account?: string | null }, path: string): Promise<Refusal | null> {
  const there = async (actor: string) => ((await engine.host.head(actor))?.entry.after as { status: string } | undefined)?.status === 'active';
  if (worker && !(await there(`worker/${worker}`))) return no('not_found', `there is no worker ${worker}`, `${path}worker`);
  if (account && !(await there(`account/${account}`))) return no('not_found', `there is no account ${account}`, `${path}account`);
  if (agent && !(await there(`agent/${agent}`))) return no('not_found', `there is no open agent ${agent}`, `${path}agent`);
  return null;
}

type ProxyPayload = { proxyId?: string | null; proxy?: (OwnProxy & { password?: string }) | null; confirm?: boolean };

/** A proxy that is named is there; a session that is logged in changes its way out only when somebody says so. */
async function proxyAllowed(db: Db, engine: Engine, to: Address, verb: string, { proxyId, proxy, confirm }: ProxyPayload): Promise<Refusal | null> {
  if (proxyId && !db.prepare('SELECT 1 FROM proxies WHERE id = ?').get(proxyId)) return no('not_found', `proxyId: there is no proxy ${proxyId}`, 'proxyId');
  if (verb === 'create' || confirm || (proxyId === undefined && proxy === undefined)) return null;
  const head = await engine.host.head(`account/${to.id}`);
  if (!head || (head.entry.after as { status: string }).status !== 'active') return null;
  const { context, value } = head.entry.after as { context: AccountContext; value: unknown };
  if (!statePaths(value).includes('active.session.logged_in')) return null;
  const sameId = proxyId === undefined || proxyId === (context.proxyId ?? null);
  const sameOwn = proxy === undefined || (proxy === null ? context.proxy === null : context.proxy !== null && proxy.password === undefined && proxy.protocol === context.proxy.protocol && proxy.server === context.proxy.server && (proxy.username ?? null) === context.proxy.username);
  return sameId && sameOwn ? null : no('conflict', 'it is logged in, and its platform may ask for a proof when it comes from another address: confirm the change of its proxy', 'confirm');
}

function proxyRemovable(db: Db, to: Address, { confirm }: { confirm?: boolean }): Refusal | null {
  if (confirm) return null;
  const used = (sql: string) => db.prepare(sql).pluck().get(to.id) as number;
  const accounts = used('SELECT count(*) FROM accounts WHERE proxy_id = ?');
  const workers = used('SELECT count(*) FROM worker_configs WHERE proxy_id = ?');
  return accounts + workers === 0 ? null : no('conflict', `${accounts} accounts and ${workers} workers go by it: give them another proxy, or confirm that they go on without one`, 'confirm');
}

/** The next attempt has an id made of the first one's, which somebody may have used: without this it would be lost in silence. */
async function resendAllowed(engine: Engine, to: Address): Promise<Refusal | null> {
  const head = await engine.host.head(`reply/${to.id}`);
  if (!head || (head.entry.after as { status: string }).status !== 'active') return null;
  // An entry of an earlier build is the first attempt.
  const { id, first = id, tries = 1 } = (head.entry.after as { context: Pick<ReplyContext, 'id'> & Partial<ReplyContext> }).context;
  const next = nextId({ first, tries });
  return (await engine.host.head(`reply/${next}`)) ? no('conflict', `reply/${next} exists already, and has the id that the next attempt would get: give this one up and write the answer anew`) : null;
}

type ReplyPayload = { account: string; platform?: string; to: { type: string; comment?: string; message?: string; sender?: string }; text: string; conversation?: string; approve?: boolean };

/** The account must exist and have found what is answered; what the chart needs to know of both is filled in. */
async function replyAllowed(db: Db, engine: Engine, self: Address, payload: ReplyPayload, length: LengthOf): Promise<Refusal | null> {
  const head = await engine.host.head(`account/${payload.account}`);
  if (!head || (head.entry.after as { status: string }).status !== 'active') return no('not_found', `there is no account ${payload.account}`, 'account');
  const account = (head.entry.after as { context: AccountContext }).context;
  payload.platform = account.platform;
  payload.approve = (payload.approve ?? false) || account.approve;
  const { to } = payload;
  const known = (
    to.type === 'comment'
      ? db.prepare('SELECT conversation_id FROM comments WHERE account_id = ? AND platform_comment_id = ?').get(payload.account, to.comment)
      : db.prepare('SELECT conversation_id FROM direct_messages WHERE account_id = ? AND platform_message_id = ?').get(payload.account, to.message)
  ) as { conversation_id: string | null } | undefined;
  if (!known) return no('not_found', `account ${payload.account} has not found this ${to.type}`, `to.${to.type}`);
  if (known.conversation_id !== null) payload.conversation = known.conversation_id;
  const same = db.prepare("SELECT id, status FROM replies WHERE account_id = ? AND target_id = ? AND content = ? AND status NOT IN ('failed', 'cancelled', 'rejected', 'replaced')").get(payload.account, to.comment ?? to.message, payload.text) as { id: string; status: string } | undefined;
  if (same && `reply/${same.id}` !== `${self.kind}/${self.id}`) return no('conflict', `the same words under this ${to.type} are ${same.status} already (reply ${same.id})`, 'text');
  return tooLong(account, payload.text, length);
}

/** Other words are as long as they may be, too. */
async function changeAllowed(engine: Engine, self: Address, { text }: { text?: string }, length: LengthOf): Promise<Refusal | null> {
  if (text === undefined) return null;
  const of = async (actor: string) => ((await engine.host.head(actor))?.entry.after as { context: unknown } | undefined)?.context;
  const reply = (await of(`reply/${self.id}`)) as { account: string } | undefined;
  const account = reply && ((await of(`account/${reply.account}`)) as AccountContext | undefined);
  return account ? tooLong(account, text, length) : null;
}

function tooLong({ platform, limits }: AccountContext, text: string, length: LengthOf): Refusal | null {
  const most = limitFor(length, platform, limits.maxLength);
  return lengthOf(text) > most ? no('invalid', `text: has ${lengthOf(text)} characters, ${platform} takes ${most}: make it shorter`, 'text') : null;
}
