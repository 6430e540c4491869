import { workerDefaults } from '../../../actors/worker.ts';
import type { WorkerConfig } from '../../../machines/worker.ts';
import { all, count, json, one, where, type Db } from './read-model.ts';
import { likeOf, used } from './accounts.ts';
import { CORDON } from './cordons.ts';

export type WorkerRow = {
  configId: number;
  id: string;
  name: string;
  description: string;
  deploymentType: string;
  host: string;
  port: number;
  maxAccounts: number;
  maxMemoryMb: number;
  cpuCores: number;
  env: Record<string, string>;
  args: string[];
  workingDirectory: string | null;
  browser: { headless?: boolean; mode?: 'profile' | 'context' };
  group: string;
  autoStart: boolean;
  autoRestart: boolean;
  restartDelayMs: number;
  maxRestartAttempts: number;
  enabled: boolean;
  version: number;
  /** All of the configuration, with what nobody has set; sealed values are references and go nowhere. */
  config: WorkerConfig;
  /** Every group that it serves. */
  groups: string[];
  labels: Record<string, string>;
  /** stopped, starting, running, draining, stopping, crashed, error */
  status: string;
  cause: string | null;
  /** The process state in full, like `running.supervised.silent`; null when it is not known. */
  phase: string | null;
  pid: number | null;
  container: string | null;
  pod: string | null;
  /** Epoch seconds. */
  startedAt: number | null;
  stoppedAt: number | null;
  errorCount: number;
  lastError: string | null;
  restartCount: number;
  lastRestartAt: number | null;
  nextRetryMs: number | null;
  /** The versions of the configuration that its process was started with, and has taken on since. */
  runs: { started: number; applied: number } | null;
  /** The last restarts, newest first; epoch milliseconds. */
  restarts: { at: number; cause: string }[];
  lastExit: { code: number | null; signal: string | null; at: number } | null;
  workerVersion: string | null;
  nodeVersion: string | null;
  chromiumVersion: string | null;
  /** connected, disconnected, suspect, offline */
  link: string;
  incarnation: string | null;
  capabilities: string[];
  assigned: number;
  /** scope, cgroup, watched: who keeps its process to its limits; null when that is not known. */
  limits: string | null;
  /** Its machine, when that is cordoned. */
  cordoned: string | null;
  /** Started by someone else: it can be watched, not stopped. */
  elsewhere: boolean;
  createdAt: number;
  updatedAt: number;
};

const COLUMNS = `c.id config_id, c.worker_id, c.name, c.description, c.deployment_type, c.host, c.port, c.max_accounts, c.max_memory_mb, c.cpu_cores,
  c.env_variables, c.command_args, c.working_directory, c.browser_config, c.group_name, c.auto_start, c.auto_restart, c.restart_delay_ms, c.max_restart_attempts,
  c.enabled, c.version config_version, c.config, c.machine, c.created_at, c.updated_at,
  r.status, r.cause, r.process_id, r.container_id, r.pod_name, r.started_at, r.stopped_at, r.error_count, r.last_error, r.restart_count, r.last_restart_at, r.next_retry_ms, r.worker_version, r.node_version, r.chromium_version,
  r.runs_started, r.runs_applied, r.restarts, r.last_exit, r.handle, w.status link, w.incarnation, w.capabilities, w.groups, w.labels, x.state, ${CORDON} cordoned`;
const JOINS = 'worker_configs c LEFT JOIN worker_runtime r ON r.worker_id = c.worker_id LEFT JOIN workers w ON w.id = c.worker_id';
const ACTOR = `LEFT JOIN actors x ON x.kind = 'worker' AND x.id = c.worker_id`;

export type WorkerAsk = { group?: string | undefined; status?: string | undefined; type?: string | undefined; machine?: string | undefined; search?: string | undefined };

const IN_GROUP = `(c.group_name = $group AND NOT EXISTS (SELECT 1 FROM json_each(w.groups)) OR EXISTS (SELECT 1 FROM json_each(w.groups) g WHERE g.value = $group))`;
const rules = (ask: WorkerAsk): string =>
  where([
    ask.group && IN_GROUP,
    ask.status && `COALESCE(r.status, 'stopped') IN (SELECT value FROM json_each($statuses))`,
    ask.type && 'c.deployment_type = $type',
    ask.machine && 'c.machine = $machine',
    ask.search && `(c.worker_id LIKE $like ESCAPE '\\' OR c.name LIKE $like ESCAPE '\\' OR c.host LIKE $like ESCAPE '\\')`,
  ]);
const params = (rule: string, ask: WorkerAsk) => used(rule, { ...ask, statuses: JSON.stringify(ask.status?.split(',') ?? []), like: likeOf(ask.search ?? '') });

/** Workers in the order of their making; `status` may name several, with commas. */
export function listWorkers(db: Db, ask: WorkerAsk & { limit?: number | undefined; offset?: number | undefined } = {}): WorkerRow[] {
  const rule = rules(ask);
  const rows = all(db, `SELECT ${COLUMNS} FROM ${JOINS} ${ACTOR} WHERE ${rule} ORDER BY c.id LIMIT $limit OFFSET $offset`, { ...params(rule, ask), limit: ask.limit ?? 10_000, offset: ask.offset ?? 0 });
  const held = assignedByWorker(db);
  return rows.map((r) => toWorker(r, held.get(String(r['worker_id'])) ?? 0));
}

export function countWorkers(db: Db, ask: WorkerAsk = {}): number {
  const rule = rules(ask);
  return count(db, `SELECT COUNT(*) n FROM ${JOINS} WHERE ${rule}`, params(rule, ask));
}

/** How many accounts each worker holds. */
export const assignedByWorker = (db: Db): Map<string, number> =>
  new Map(all<{ id: string; n: number }>(db, `SELECT assigned_worker_id id, COUNT(*) n FROM accounts WHERE assigned_worker_id IS NOT NULL AND status <> 'removed' GROUP BY 1`).map((r) => [r.id, r.n]));

export type WorkerSummary = { configs: number; byStatus: Record<string, number>; capacity: number; assigned: number };

/** The fleet in numbers, without its rows. Capacity is of those that are enabled. */
export function workerSummary(db: Db): WorkerSummary {
  const rows = all<{ status: string; n: number; capacity: number }>(db, `SELECT COALESCE(r.status, 'stopped') status, COUNT(*) n, SUM(CASE WHEN c.enabled = 1 THEN c.max_accounts ELSE 0 END) capacity FROM ${JOINS} GROUP BY 1`);
  const sum = (pick: (r: (typeof rows)[number]) => number) => rows.reduce((n, r) => n + pick(r), 0);
  const assigned = count(db, `SELECT COUNT(*) n FROM accounts a JOIN worker_configs c ON c.worker_id = a.assigned_worker_id WHERE a.status <> 'removed'`);
  return { configs: sum((r) => r.n), byStatus: Object.fromEntries(rows.map((r) => [r.status, r.n])), capacity: sum((r) => r.capacity), assigned };
}

/** The names of all groups that workers serve. */
export const workerGroups = (db: Db): string[] =>
  all<{ name: string }>(db, `SELECT DISTINCT g.value name FROM workers w, json_each(w.groups) g JOIN worker_configs c ON c.worker_id = w.id UNION SELECT group_name FROM worker_configs ORDER BY 1`).map((r) => r.name);

const findBy = (db: Db, rule: string, of: Record<string, unknown>): WorkerRow | null => {
  const row = one(db, `SELECT ${COLUMNS} FROM ${JOINS} ${ACTOR} WHERE ${rule}`, of);
  return row && toWorker(row, count(db, `SELECT COUNT(*) n FROM accounts WHERE assigned_worker_id = $id AND status <> 'removed'`, { id: row['worker_id'] }));
};
export const findWorker = (db: Db, id: string): WorkerRow | null => findBy(db, 'c.worker_id = $id', { id });
export const findWorkerByConfig = (db: Db, id: number): WorkerRow | null => findBy(db, 'c.id = $id', { id });

/** A tile of the map: as little as it shows. */
export type WorkerTile = { id: string; name: string; group: string; status: string; link: string; assigned: number; maxAccounts: number; cause: string | null; nextRetryMs: number | null };

export function workerTiles(db: Db): WorkerTile[] {
  const held = assignedByWorker(db);
  return all<Record<string, any>>(db, `SELECT c.worker_id id, c.name, COALESCE(w.group_name, c.group_name) grp, c.max_accounts, r.status, r.cause, r.next_retry_ms, w.status link FROM ${JOINS} ORDER BY c.id`).map((r) => ({
    id: r['id'], name: r['name'], group: r['grp'], status: r['status'] ?? 'stopped', link: r['link'] ?? 'disconnected', assigned: held.get(r['id']) ?? 0, maxAccounts: r['max_accounts'], cause: r['cause'], nextRetryMs: r['next_retry_ms'],
  }));
}

export type LogRow = { id: number; worker: string; level: string; category: string; message: string; details: unknown; atMs: number };
export type LogAsk = { worker: string; levels?: string[] | undefined; category?: string | undefined; search?: string | undefined; sinceMs?: number | undefined; limit: number };

/** The last lines, oldest first. */
export function listLogs(db: Db, ask: LogAsk): LogRow[] {
  const rule = where(['worker_id = $worker', ask.levels && `level IN (SELECT value FROM json_each($levels))`, ask.category && 'category = $category', ask.search && `message LIKE $like ESCAPE '\\'`, ask.sinceMs !== undefined && 'timestamp_ms >= $sinceMs']);
  const params = used(rule, { ...ask, levels: JSON.stringify(ask.levels ?? []), like: likeOf(ask.search ?? '') });
  return all<Record<string, any>>(db, `SELECT * FROM worker_logs WHERE ${rule} ORDER BY id DESC LIMIT $limit`, { ...params, limit: ask.limit })
    .map((r) => ({ id: r.id, worker: r.worker_id, level: r.level, category: r.category, message: r.message, details: json<unknown>(r.details, null), atMs: r.timestamp_ms }))
    .reverse();
}

/** The categories that its lines have. */
export const logCategories = (db: Db, worker: string): string[] => all<{ category: string }>(db, 'SELECT DISTINCT category FROM (SELECT category FROM worker_logs WHERE worker_id = $worker ORDER BY id DESC LIMIT 2000) ORDER BY 1', { worker }).map((r) => r.category);

/** Errors that a worker logged, by the minute. */
export const errorsByMinute = (db: Db, worker: string, sinceMs: number): { timestamp: number; value: number }[] =>
  all(db, `SELECT timestamp / 60 * 60 AS timestamp, SUM(level = 'error') AS value FROM worker_logs WHERE worker_id = $worker AND timestamp >= $since GROUP BY 1 ORDER BY 1`, { worker, since: Math.floor(sinceMs / 1000) });

function toWorker(r: Record<string, any>, assigned: number): WorkerRow {
  const columns = {
    worker_id: r['worker_id'], name: r['name'], description: r['description'] ?? '', deployment_type: r['deployment_type'], host: r['host'], port: r['port'], max_accounts: r['max_accounts'], max_memory_mb: r['max_memory_mb'], cpu_cores: r['cpu_cores'],
    env_variables: json(r['env_variables'], {}), command_args: json(r['command_args'], []), working_directory: r['working_directory'], browser_config: json(r['browser_config'], {}), group_name: r['group_name'],
    auto_start: r['auto_start'] === 1, auto_restart: r['auto_restart'] === 1, restart_delay_ms: r['restart_delay_ms'], max_restart_attempts: r['max_restart_attempts'], enabled: r['enabled'] === 1,
  };
  const config = { ...workerDefaults, ...json<object>(r['config'], {}), ...columns } as WorkerConfig;
  const phase = /active\.process\.([^,]+)/.exec(r['state'] ?? '')?.[1] ?? null;
  return {
    configId: r['config_id'],
    id: config.worker_id,
    name: config.name,
    description: config.description,
    deploymentType: config.deployment_type,
    host: config.host,
    port: config.port,
    maxAccounts: config.max_accounts,
    maxMemoryMb: config.max_memory_mb,
    cpuCores: config.cpu_cores,
    env: config.env_variables,
    args: config.command_args,
    workingDirectory: config.working_directory,
    browser: config.browser_config,
    group: config.group_name,
    autoStart: config.auto_start,
    autoRestart: config.auto_restart,
    restartDelayMs: config.restart_delay_ms,
    maxRestartAttempts: config.max_restart_attempts,
    enabled: config.enabled,
    version: r['config_version'],
    config,
    groups: groupsOf(r['groups'], config.group_name),
    labels: json(r['labels'], {}),
    status: r['status'] ?? 'stopped',
    cause: r['cause'],
    phase,
    pid: r['process_id'],
    container: r['container_id'],
    pod: r['pod_name'],
    startedAt: r['started_at'],
    stoppedAt: r['stopped_at'],
    errorCount: r['error_count'] ?? 0,
    lastError: r['last_error'],
    restartCount: r['restart_count'] ?? 0,
    lastRestartAt: r['last_restart_at'],
    nextRetryMs: r['next_retry_ms'],
    runs: r['runs_started'] == null ? null : { started: r['runs_started'], applied: r['runs_applied'] ?? r['runs_started'] },
    restarts: json(r['restarts'], []),
    lastExit: json(r['last_exit'], null),
    workerVersion: r['worker_version'],
    nodeVersion: r['node_version'],
    chromiumVersion: r['chromium_version'],
    link: r['link'] ?? 'disconnected',
    incarnation: r['incarnation'],
    capabilities: json(r['capabilities'], []),
    assigned,
    limits: limitsOf(config.deployment_type, r['handle']),
    cordoned: r['cordoned'] ?? null,
    elsewhere: phase?.startsWith('running.elsewhere') ?? false,
    createdAt: r['created_at'],
    updatedAt: r['updated_at'],
  };
}

/** Containers and pods are always kept by the kernel. */
function limitsOf(type: string, handle: unknown): string | null {
  if (!handle) return null;
  if (type === 'docker' || type === 'k8s') return 'cgroup';
  return json<{ limits?: string }>(handle, {}).limits ?? null;
}

const groupsOf = (text: unknown, own: string): string[] => {
  const groups = json<string[]>(text, []);
  return groups.length > 0 ? groups : [own];
};
