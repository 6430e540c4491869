import { all, json, one, where, type Db } from './read-model.ts';
import { used } from './accounts.ts';

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
  /** stopped, starting, running, draining, stopping, crashed, error */
  status: string;
  cause: string | null;
  pid: number | null;
  /** Epoch seconds. */
  startedAt: number | null;
  stoppedAt: number | null;
  errorCount: number;
  lastError: string | null;
  restartCount: number;
  lastRestartAt: number | null;
  nextRetryMs: number | null;
  workerVersion: string | null;
  nodeVersion: string | null;
  chromiumVersion: string | null;
  /** connected, disconnected, suspect, offline */
  link: string;
  incarnation: string | null;
  capabilities: string[];
  assigned: number;
  /** Started by someone else: it can be watched, not stopped. */
  elsewhere: boolean;
  createdAt: number;
  updatedAt: number;
};

const FROM = `SELECT c.id config_id, c.worker_id, c.name, c.description, c.deployment_type, c.host, c.port, c.max_accounts, c.max_memory_mb, c.cpu_cores,
  c.env_variables, c.command_args, c.working_directory, c.browser_config, c.group_name, c.auto_start, c.auto_restart, c.restart_delay_ms, c.max_restart_attempts,
  c.enabled, c.version config_version, c.created_at, c.updated_at,
  r.status, r.cause, r.process_id, r.started_at, r.stopped_at, r.error_count, r.last_error, r.restart_count, r.last_restart_at, r.next_retry_ms, r.worker_version, r.node_version, r.chromium_version,
  w.status link, w.incarnation, w.capabilities,
  (SELECT COUNT(*) FROM accounts a WHERE a.assigned_worker_id = c.worker_id AND a.status <> 'removed') assigned,
  (SELECT state LIKE '%process.running.elsewhere%' FROM actors x WHERE x.kind = 'worker' AND x.id = c.worker_id) elsewhere
  FROM worker_configs c LEFT JOIN worker_runtime r ON r.worker_id = c.worker_id LEFT JOIN workers w ON w.id = c.worker_id`;

export function listWorkers(db: Db, ask: { group?: string | undefined; status?: string | undefined } = {}): WorkerRow[] {
  const rule = where([ask.group && 'c.group_name = $group', ask.status && `COALESCE(r.status, 'stopped') = $status`]);
  return all(db, `${FROM} WHERE ${rule} ORDER BY c.id LIMIT 1000`, used(rule, ask)).map(toWorker);
}

export const findWorker = (db: Db, id: string): WorkerRow | null => {
  const row = one(db, `${FROM} WHERE c.worker_id = $id`, { id });
  return row && toWorker(row);
};
export const findWorkerByConfig = (db: Db, id: number): WorkerRow | null => {
  const row = one(db, `${FROM} WHERE c.id = $id`, { id });
  return row && toWorker(row);
};

export type LogRow = { id: number; worker: string; level: string; category: string; message: string; details: unknown; atMs: number };
export type LogAsk = { worker: string; levels?: string[] | undefined; sinceMs?: number | undefined; limit: number };

/** The last lines, oldest first. */
export function listLogs(db: Db, ask: LogAsk): LogRow[] {
  const rule = where(['worker_id = $worker', ask.levels && `level IN (SELECT value FROM json_each($levels))`, ask.sinceMs !== undefined && 'timestamp_ms >= $sinceMs']);
  const params = used(rule, { ...ask, levels: JSON.stringify(ask.levels ?? []) });
  return all<Record<string, any>>(db, `SELECT * FROM worker_logs WHERE ${rule} ORDER BY id DESC LIMIT $limit`, { ...params, limit: ask.limit })
    .map((r) => ({ id: r.id, worker: r.worker_id, level: r.level, category: r.category, message: r.message, details: json<unknown>(r.details, null), atMs: r.timestamp_ms }))
    .reverse();
}

/** Errors that a worker logged, by the minute. */
export const errorsByMinute = (db: Db, worker: string, sinceMs: number): { timestamp: number; value: number }[] =>
  all(db, `SELECT timestamp / 60 * 60 AS timestamp, SUM(level = 'error') AS value FROM worker_logs WHERE worker_id = $worker AND timestamp >= $since GROUP BY 1 ORDER BY 1`, { worker, since: Math.floor(sinceMs / 1000) });

function toWorker(r: Record<string, any>): WorkerRow {
  return {
    configId: r.config_id,
    id: r.worker_id,
    name: r.name,
    description: r.description ?? '',
    deploymentType: r.deployment_type,
    host: r.host,
    port: r.port,
    maxAccounts: r.max_accounts,
    maxMemoryMb: r.max_memory_mb,
    cpuCores: r.cpu_cores,
    env: json(r.env_variables, {}),
    args: json(r.command_args, []),
    workingDirectory: r.working_directory,
    browser: json(r.browser_config, {}),
    group: r.group_name,
    autoStart: r.auto_start === 1,
    autoRestart: r.auto_restart === 1,
    restartDelayMs: r.restart_delay_ms,
    maxRestartAttempts: r.max_restart_attempts,
    enabled: r.enabled === 1,
    version: r.config_version,
    status: r.status ?? 'stopped',
    cause: r.cause,
    pid: r.process_id,
    startedAt: r.started_at,
    stoppedAt: r.stopped_at,
    errorCount: r.error_count ?? 0,
    lastError: r.last_error,
    restartCount: r.restart_count ?? 0,
    lastRestartAt: r.last_restart_at,
    nextRetryMs: r.next_retry_ms,
    workerVersion: r.worker_version,
    nodeVersion: r.node_version,
    chromiumVersion: r.chromium_version,
    link: r.link ?? 'disconnected',
    incarnation: r.incarnation,
    capabilities: json(r.capabilities, []),
    assigned: r.assigned,
    elsewhere: r.elsewhere === 1,
    createdAt: r.created_at,
    updatedAt: r.updated_at,
  };
}
