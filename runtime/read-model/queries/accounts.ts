import { all, count, json, one, where, type Db } from './read-model.ts';

export type AccountRow = {
  id: string;
  platform: string;
  name: string;
  accountId: string | null;
  userInfo: { id: string; nickname: string; avatar: string | null } | null;
  status: string;
  loginStatus: string;
  activity: string | null;
  reason: string | null;
  loginSession: string | null;
  monitorInterval: number;
  proxy: { protocol: string; server: string; username: string | null } | null;
  limits: { perMinute: number; perHour: number; quiet: [number, number] | null; maxLength: number | null };
  /** Epoch seconds. */
  lastLoginTime: number | null;
  cookiesValidUntil: number | null;
  worker: string | null;
  leaseState: string;
  /** Rises with every change of worker. */
  epoch: number;
  group: string | null;
  previous: string | null;
  movedReason: string | null;
  pinned: string | null;
  monitorState: string | null;
  nextRoundMs: number | null;
  lastRound: { at: number; ms: number; comments: number; messages: number; error: string | null } | null;
  unread: number;
  proxyId: string | null;
  tags: string[];
  archived: boolean;
  /** Minutes; 0: no checks. */
  checkEvery: number;
  lastCheck: { at: number; ok: boolean; why: string | null } | null;
  noticeHours: number;
  approve: boolean;
  remaking: boolean;
  fingerprint: Record<string, unknown> | null;
  createdAt: number;
  updatedAt: number;
};


export type AccountAsk = { platform?: string | undefined; status?: string | undefined; statuses?: string[] | undefined; worker?: string | undefined; /** Looks for a worker and has none. */ finding?: boolean | undefined; search?: string | undefined; /** Pinned to this proxy. */ proxy?: string | undefined; tag?: string | undefined; group?: string | undefined; /** Only those, or (null) those too; otherwise none of them. */ archived?: boolean | null | undefined };

const rules = (ask: AccountAsk) =>
  where([
    `a.status <> 'removed'`,
    ask.platform && 'a.platform = $platform',
    ask.proxy && 'a.proxy_id = $proxy',
    ask.tag && 'EXISTS (SELECT 1 FROM json_each(a.tags) t WHERE t.value = $tag)',
    ask.group && `COALESCE(a.group_name, 'default') = $group`,
    ask.archived === undefined || ask.archived === false ? 'a.archived = 0' : ask.archived && 'a.archived = 1',
    ask.status && 'a.login_status = $status',
    ask.statuses && 'a.login_status IN (SELECT value FROM json_each($statuses))',
    ask.worker && 'a.assigned_worker_id = $worker',
    ask.finding && `a.assigned_worker_id IS NULL AND a.lease_state = 'finding'`,
    ask.search && `(a.account_name LIKE $like ESCAPE '\\' OR a.id LIKE $like ESCAPE '\\' OR a.account_id LIKE $like ESCAPE '\\')`,
  ]);
const params = (rule: string, ask: AccountAsk) => used(rule, { ...ask, statuses: JSON.stringify(ask.statuses ?? []), like: likeOf(ask.search ?? '') });

/** Accounts that were not removed, newest last. */
export function listAccounts(db: Db, ask: AccountAsk & { limit?: number; offset?: number } = {}): AccountRow[] {
  const rule = rules(ask);
  const unread = unreadByAccount(db);
  const sql = `SELECT * FROM accounts a WHERE ${rule} ORDER BY a.created_at, a.id LIMIT $limit OFFSET $offset`;
  return all(db, sql, { ...params(rule, ask), limit: ask.limit ?? 500, offset: ask.offset ?? 0 }).map((r) => toAccount(r, unread));
}

export const countListed = (db: Db, ask: AccountAsk): number => {
  const rule = rules(ask);
  return count(db, `SELECT COUNT(*) n FROM accounts a WHERE ${rule}`, params(rule, ask));
};

export type RoundRow = { index: number; atMs: number; ms: number; comments: number; messages: number; error: string | null; evidence: { picture: string | null; trace: string | null } | null };

/** The last rounds of one account, the newest first. */
export const listRounds = (db: Db, account: string): RoundRow[] =>
  all<Record<string, any>>(db, 'SELECT * FROM account_rounds WHERE account_id = $account ORDER BY idx DESC', { account }).map((r) => ({ index: r.idx, atMs: r.at_ms, ms: r.ms, comments: r.comments, messages: r.messages, error: r.error, evidence: json(r.evidence, null) }));

/** Every tag that an account has. */
export const accountTags = (db: Db): string[] => all<{ tag: string }>(db, `SELECT DISTINCT t.value AS tag FROM accounts a, json_each(a.tags) t WHERE a.status <> 'removed' ORDER BY 1`).map((r) => r.tag);
/** Every group that an account asks for, `default` among them where one does. */
export const accountGroups = (db: Db): string[] => all<{ name: string }>(db, `SELECT DISTINCT COALESCE(group_name, 'default') AS name FROM accounts WHERE status <> 'removed' ORDER BY 1`).map((r) => r.name);

/** The proxy of a worker's accounts that have none of their own. */
export const workerProxy = (db: Db, worker: string): string | null => one<{ id: string | null }>(db, 'SELECT proxy_id AS id FROM worker_configs WHERE worker_id = $worker', { worker })?.id ?? null;

/** How many accounts ask for each group. */
export const accountsByGroup = (db: Db): Map<string, number> =>
  new Map(all<{ name: string; n: number }>(db, `SELECT COALESCE(group_name, 'default') name, COUNT(*) n FROM accounts WHERE status = 'active' GROUP BY 1`).map((r) => [r.name, r.n]));

/** The platform of the account that was added last: who adds several often stays with one. */
export const newestPlatform = (db: Db): string | null => one<{ platform: string }>(db, "SELECT platform FROM accounts WHERE status <> 'removed' ORDER BY created_at DESC, id LIMIT 1")?.platform ?? null;

/** Names alone, for choosing one. */
export const accountNames = (db: Db, limit: number): { id: string; name: string }[] =>
  all(db, `SELECT id, account_name AS name FROM accounts WHERE status <> 'removed' ORDER BY created_at, id LIMIT $limit`, { limit });

export const findAccount = (db: Db, id: string): AccountRow | null => {
  const row = one(db, `SELECT * FROM accounts a WHERE a.id = $id AND a.status <> 'removed'`, { id });
  return row && toAccount(row, new Map([[id, unreadOf(db, id)]]));
};

export const countAccounts = (db: Db): { total: number; loggedIn: number; monitoring: number; trouble: number } => {
  const n = (rule: string) => count(db, `SELECT COUNT(*) n FROM accounts WHERE status = 'active' AND ${rule}`);
  return { total: count(db, `SELECT COUNT(*) n FROM accounts WHERE status <> 'removed'`), loggedIn: n(`login_status = 'logged_in'`), monitoring: n(`activity = 'monitoring'`), trouble: n(`login_status IN ('expired', 'login_failed')`) };
};

export const likeOf = (text: string): string => `%${text.replace(/[\\%_]/g, (c) => `\\${c}`)}%`;

/** Only the parameters that the rule names: better-sqlite3 takes more, but a reader should see what is used. */
export const used = (rule: string, params: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(params).filter(([name]) => rule.includes(`$${name}`)));

const unreadOf = (db: Db, id: string): number =>
  count(db, 'SELECT COUNT(*) n FROM comments WHERE account_id = $id AND is_read = 0', { id }) + count(db, `SELECT COUNT(*) n FROM direct_messages WHERE account_id = $id AND is_read = 0 AND direction = 'inbound'`, { id });

// The partial indexes make this a walk over what is unread, however much there is in all.
const unreadByAccount = (db: Db): Map<string, number> => new Map(all<{ id: string; n: number }>(db, `SELECT id, SUM(n) n FROM (
  SELECT account_id id, COUNT(*) n FROM comments INDEXED BY idx_comments_unread WHERE is_read = 0 GROUP BY account_id
  UNION ALL SELECT account_id, COUNT(*) FROM direct_messages INDEXED BY idx_dm_unread WHERE is_read = 0 AND direction = 'inbound' GROUP BY account_id) GROUP BY id`).map((r) => [r.id, r.n]));

function toAccount(r: Record<string, any>, unread: Map<string, number>): AccountRow {
  return {
    id: r.id,
    platform: r.platform,
    name: r.account_name,
    accountId: r.account_id,
    userInfo: json(r.user_info, null),
    status: r.status,
    loginStatus: r.login_status,
    activity: r.activity,
    reason: r.reason,
    loginSession: r.login_session,
    monitorInterval: r.monitor_interval,
    proxy: json(r.proxy, null),
    limits: { perMinute: 6, perHour: 60, quiet: null, maxLength: null, ...json<object>(r.limits, {}) },
    lastLoginTime: r.last_login_time,
    cookiesValidUntil: r.cookies_valid_until,
    worker: r.assigned_worker_id,
    leaseState: r.lease_state,
    epoch: r.lease_epoch,
    group: r.group_name,
    previous: r.previous_worker_id,
    movedReason: r.moved_reason,
    pinned: r.pinned_worker_id,
    monitorState: r.monitor_state,
    nextRoundMs: r.next_round_ms,
    lastRound: json(r.last_round, null),
    unread: unread.get(r.id) ?? 0,
    proxyId: r.proxy_id,
    tags: json(r.tags, []),
    archived: r.archived === 1,
    checkEvery: r.check_every,
    lastCheck: json(r.last_check, null),
    noticeHours: r.notice_hours,
    approve: r.approve === 1,
    remaking: r.remaking === 1,
    fingerprint: json(r.fingerprint, null),
    createdAt: r.created_at,
    updatedAt: r.updated_at,
  };
}
