import { all, count, json, one, where, type Db } from './read-model.ts';
import { likeOf, used } from './accounts.ts';

export type TaskPayloadRow = { url?: string; actions?: { tool: string; args: Record<string, unknown>; note?: string }[]; command?: string; env?: Record<string, string>; cwd?: string; keep?: boolean };
export type TaskRequirementsRow = { account?: string; worker?: string; agent?: string; labels?: Record<string, string>; min?: { cpu?: number; memoryMb?: number; gpu?: boolean | number }; forwardTo?: string[]; forwardAfterMs?: number };
export type TaskRow = {
  id: string;
  seq: number;
  title: string;
  description: string;
  type: string;
  priority: number;
  /** high, normal, low */
  lane: string;
  group: string;
  payload: TaskPayloadRow;
  requirements: TaskRequirementsRow;
  timeoutMs: number;
  /** waiting, pending, assigned, running, retrying, completed, failed, cancelled, timed_out */
  status: string;
  /** 0 to 1, null where nothing is known. */
  progress: number | null;
  why: string | null;
  worker: string | null;
  agent: string | null;
  account: string | null;
  attempt: number;
  maxAttempts: number;
  retryMs: number | null;
  /** Undefined while there is none. */
  result: unknown;
  /** The name in the object store of a result too large for the row. */
  object: string | null;
  artefacts: { name: string; type: string; object: string; bytes: number }[];
  errorKind: string | null;
  error: string | null;
  template: string | null;
  schedule: string | null;
  replayOf: string | null;
  replayedBy: string | null;
  after: string[];
  atMs: number | null;
  key: string | null;
  by: string;
  createdMs: number;
  assignedMs: number | null;
  startedMs: number | null;
  finishedMs: number | null;
  updatedMs: number;
};

/** `status`: open, dead, or a state of the chart; several with commas. */
export type TaskAsk = { search?: string | undefined; status?: string | undefined; group?: string | undefined; lane?: string | undefined; type?: string | undefined; agent?: string | undefined; worker?: string | undefined; ids?: string[] | undefined };

const OPEN = ['waiting', 'pending', 'assigned', 'running', 'retrying'];
const DEAD = ['failed', 'timed_out'];
const statesOf = (status: string): string[] => status.split(',').flatMap((s) => (s === 'open' ? OPEN : s === 'dead' ? DEAD : [s]));

const rules = (ask: TaskAsk): string =>
  where([
    ask.status && 'status IN (SELECT value FROM json_each($statuses))',
    // What was run again is off the list of what failed for good.
    ask.status === 'dead' && 'replayed_by IS NULL',
    ask.group && 'group_name = $group',
    ask.lane && 'lane = $lane',
    ask.type && 'type = $type',
    ask.agent && 'agent_id = $agent',
    ask.worker && 'worker_id = $worker',
    ask.ids && 'id IN (SELECT value FROM json_each($ids))',
    ask.search && `(title LIKE $like ESCAPE '\\' OR id = $search OR CAST(seq AS TEXT) = $search OR description LIKE $like ESCAPE '\\')`,
  ]);
const params = (rule: string, ask: TaskAsk) => used(rule, { ...ask, search: ask.search?.replace(/^#/, ''), statuses: JSON.stringify(statesOf(ask.status ?? '')), ids: JSON.stringify(ask.ids ?? []), like: likeOf(ask.search ?? '') });

/** Newest first. */
export function listTasks(db: Db, ask: TaskAsk & { limit?: number | undefined; offset?: number | undefined } = {}): TaskRow[] {
  const rule = rules(ask);
  return all(db, `SELECT * FROM tasks WHERE ${rule} ORDER BY seq DESC LIMIT $limit OFFSET $offset`, { ...params(rule, ask), limit: ask.limit ?? 100, offset: ask.offset ?? 0 }).map(toTask);
}

export function countTasks(db: Db, ask: TaskAsk = {}): number {
  const rule = rules(ask);
  return count(db, `SELECT COUNT(*) n FROM tasks WHERE ${rule}`, params(rule, ask));
}

/** By id, or by its number as text. */
export function findTask(db: Db, id: string): TaskRow | null {
  const row = one(db, 'SELECT * FROM tasks WHERE id = $id', { id }) ?? (/^#?\d{1,15}$/.test(id) ? one(db, 'SELECT * FROM tasks WHERE seq = $seq', { seq: Number(id.replace('#', '')) }) : null);
  return row && toTask(row);
}

export const findTaskByKey = (db: Db, key: string): TaskRow | null => {
  const row = one(db, 'SELECT * FROM tasks WHERE key = $key ORDER BY seq DESC LIMIT 1', { key });
  return row && toTask(row);
};

export type TaskCounts = { waiting: number; running: number; completed: number; failed: number; byStatus: Record<string, number> };

/** `waiting`: what has not begun; `failed`: what failed for good and was not run again. */
export function taskCounts(db: Db): TaskCounts {
  const rows = all<{ status: string; again: number; n: number }>(db, 'SELECT status, again, n FROM task_states WHERE n > 0');
  const sum = (pick: (r: (typeof rows)[number]) => boolean) => rows.filter(pick).reduce((n, r) => n + r.n, 0);
  const of = (...states: string[]) => sum((r) => states.includes(r.status));
  return { waiting: of('waiting', 'pending', 'retrying'), running: of('assigned', 'running'), completed: of('completed'), failed: sum((r) => DEAD.includes(r.status) && !r.again), byStatus: Object.fromEntries([...new Set(rows.map((r) => r.status))].map((s) => [s, of(s)])) };
}

export type TaskAttemptRow = { attempt: number; worker: string | null; agent: string | null; startedMs: number; endedMs: number | null; outcome: string | null; error: string | null };

/** Oldest first. */
export const taskAttempts = (db: Db, task: string): TaskAttemptRow[] =>
  all<Record<string, any>>(db, 'SELECT * FROM task_attempts WHERE task_id = $task ORDER BY n', { task }).map((r) => ({ attempt: r['attempt'], worker: r['worker_id'], agent: r['agent_id'], startedMs: r['started_ms'], endedMs: r['ended_ms'], outcome: r['outcome'], error: r['error'] }));

export type TaskLogRow = { id: number; atMs: number; level: string; text: string; step: number | null; attempt: number };

/** The last rows, oldest first; `after` gives those with a higher id, first ones first. */
export const taskLogs = (db: Db, task: string, { limit = 500, after }: { limit?: number; after?: number | undefined } = {}): TaskLogRow[] => {
  const rows = after === undefined ? all<Record<string, any>>(db, 'SELECT * FROM task_logs WHERE task_id = $task ORDER BY id DESC LIMIT $limit', { task, limit }).reverse() : all<Record<string, any>>(db, 'SELECT * FROM task_logs WHERE task_id = $task AND id > $after ORDER BY id LIMIT $limit', { task, limit, after });
  return rows.map((r) => ({ id: r['id'], atMs: r['at_ms'], level: r['level'], text: r['text'], step: r['step'], attempt: r['attempt'] }));
};
export const countTaskLogs = (db: Db, task: string): number => count(db, 'SELECT COUNT(*) n FROM task_logs WHERE task_id = $task', { task });

/** How many tasks each template has made that are still known. */
export const tasksOfTemplates = (db: Db): Map<string, number> =>
  new Map(all<{ template: string; n: number }>(db, 'SELECT template, COUNT(*) n FROM tasks WHERE template IS NOT NULL GROUP BY 1').map((r) => [r.template, r.n]));

/** The groups that tasks are in. */
export const taskGroups = (db: Db): string[] => all<{ name: string }>(db, `WITH RECURSIVE g(name) AS (SELECT MIN(group_name) FROM tasks UNION ALL SELECT (SELECT MIN(group_name) FROM tasks WHERE group_name > g.name) FROM g WHERE g.name IS NOT NULL) SELECT name FROM g WHERE name IS NOT NULL`).map((r) => r.name);

const toTask = (r: Record<string, any>): TaskRow => ({
  id: r['id'],
  seq: r['seq'],
  title: r['title'],
  description: r['description'],
  type: r['type'],
  priority: r['priority'],
  lane: r['lane'],
  group: r['group_name'],
  payload: json(r['payload'], {}),
  requirements: json(r['requirements'], {}),
  timeoutMs: r['timeout_ms'],
  status: r['status'],
  progress: r['progress'],
  why: r['why'],
  worker: r['worker_id'],
  agent: r['agent_id'],
  account: r['account_id'],
  attempt: r['attempt'],
  maxAttempts: r['max_attempts'],
  retryMs: r['retry_ms'],
  result: r['result'] === null ? undefined : JSON.parse(r['result']),
  object: r['object'],
  artefacts: json(r['artefacts'], []),
  errorKind: r['error_kind'],
  error: r['error_message'],
  template: r['template'],
  schedule: r['schedule_id'],
  replayOf: r['replay_of'],
  replayedBy: r['replayed_by'],
  after: json(r['after'], []),
  atMs: r['at_ms'],
  key: r['key'],
  by: r['created_by'],
  createdMs: r['created_ms'],
  assignedMs: r['assigned_ms'],
  startedMs: r['started_ms'],
  finishedMs: r['finished_ms'],
  updatedMs: r['updated_ms'],
});
