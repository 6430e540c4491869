import { all, count, json, one, where, type Db } from './read-model.ts';
import { likeOf, used } from './accounts.ts';

export type AgentRow = {
  id: string;
  name: string;
  worker: string | null;
  /** The worker that it may not leave. */
  pinned: string | null;
  account: string | null;
  /** opening, idle, busy, error, closed, offline */
  status: string;
  why: string | null;
  group: string;
  url: string | null;
  title: string | null;
  viewport: { width: number; height: number } | null;
  task: string | null;
  taskTitle: string | null;
  error: string | null;
  restarts: number;
  retryMs: number | null;
  by: string;
  createdMs: number;
  updatedMs: number;
};

/** Closed ones are listed only when they are asked for; `status` may name several, with commas. */
export type AgentAsk = { search?: string | undefined; status?: string | undefined; worker?: string | undefined; group?: string | undefined };

const FROM = 'agents a LEFT JOIN tasks t ON t.id = a.task_id';
const rules = (ask: AgentAsk): string =>
  where([
    ask.status ? 'a.status IN (SELECT value FROM json_each($statuses))' : `a.status <> 'closed'`,
    ask.worker && 'a.worker_id = $worker',
    ask.group && 'a.group_name = $group',
    ask.search && `(a.id LIKE $like ESCAPE '\\' OR a.name LIKE $like ESCAPE '\\' OR a.url LIKE $like ESCAPE '\\' OR a.title LIKE $like ESCAPE '\\')`,
  ]);
const params = (rule: string, ask: AgentAsk) => used(rule, { ...ask, statuses: JSON.stringify(ask.status?.split(',') ?? []), like: likeOf(ask.search ?? '') });

/** In the order of their making. */
export function listAgents(db: Db, ask: AgentAsk & { limit?: number | undefined; offset?: number | undefined } = {}): AgentRow[] {
  const rule = rules(ask);
  return all(db, `SELECT a.*, t.title task_title FROM ${FROM} WHERE ${rule} ORDER BY a.created_ms, a.id LIMIT $limit OFFSET $offset`, { ...params(rule, ask), limit: ask.limit ?? 500, offset: ask.offset ?? 0 }).map(toAgent);
}

export function countAgents(db: Db, ask: AgentAsk = {}): number {
  const rule = rules(ask);
  return count(db, `SELECT COUNT(*) n FROM agents a WHERE ${rule}`, params(rule, ask));
}

export const findAgent = (db: Db, id: string): AgentRow | null => {
  const row = one(db, `SELECT a.*, t.title task_title FROM ${FROM} WHERE a.id = $id`, { id });
  return row && toAgent(row);
};

/** How many there are of each state. */
export const agentCounts = (db: Db): Record<string, number> => Object.fromEntries(all<{ status: string; n: number }>(db, 'SELECT status, COUNT(*) n FROM agents GROUP BY 1').map((r) => [r.status, r.n]));

export type AgentHistoryRow = { atMs: number; /** created, opened, task, free, crashed, error, offline, restarted, closed */ what: string; task: string | null; taskTitle: string | null; detail: string | null };

/** Newest first. */
export const agentHistory = (db: Db, agent: string, limit = 100): AgentHistoryRow[] =>
  all<Record<string, any>>(db, 'SELECT h.*, t.title task_title FROM agent_history h LEFT JOIN tasks t ON t.id = h.task_id WHERE h.agent_id = $agent ORDER BY h.idx DESC LIMIT $limit', { agent, limit }).map((r) => ({ atMs: r['at_ms'], what: r['what'], task: r['task_id'], taskTitle: r['task_title'], detail: r['detail'] }));

const toAgent = (r: Record<string, any>): AgentRow => ({
  id: r['id'],
  name: r['name'],
  worker: r['worker_id'],
  pinned: r['pinned_worker_id'],
  account: r['account_id'],
  status: r['status'],
  why: r['why'],
  group: r['group_name'],
  url: r['url'],
  title: r['title'],
  viewport: json(r['viewport'], null),
  task: r['task_id'],
  taskTitle: r['task_title'],
  error: r['error'],
  restarts: r['restarts'],
  retryMs: r['retry_ms'],
  by: r['created_by'],
  createdMs: r['created_ms'],
  updatedMs: r['updated_ms'],
});
