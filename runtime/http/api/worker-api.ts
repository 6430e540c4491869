import { z } from 'zod';
import { workerConfig, workerPatch } from '../../../actors/worker.ts';
import { errorsByMinute, findWorker, findWorkerByConfig, listLogs, listWorkers, type WorkerRow } from '../../read-model/queries/workers.ts';
import { checked } from '../body.ts';
import { found, type Call } from '../call.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { id, moment, paging, pathId, readQuery } from './query.ts';
import { answer, isCamel, listHeaders, mount, readBody } from './respond.ts';
import { withIso } from './shape.ts';
import { worker as bound } from '../../../actors/worker.ts';

const TAG = 'workers';
const configId = z.string().regex(/^([0-9]{1,9}|[a-z0-9][a-z0-9-]{0,62})$/, 'must be the number or the worker_id of a configuration');
const newId = id.refine((v) => !['overview', 'batch', 'new'].includes(v), 'must not be overview, batch or new');
const creating = workerConfig.safeExtend({ worker_id: newId });
const patching = workerPatch.safeExtend({ worker_id: z.string().optional() });
const stopping = (bound.commands['stop']!.schema);
const restarting = (bound.commands['restart']!.schema);
const batch = z.strictObject({ action: z.enum(['start', 'stop', 'restart', 'drain']), worker_ids: z.array(id).min(1), options: z.record(z.string(), z.unknown()).default({}) });

export const workerApi = (): Route[] => [
  ...mount('post', '/worker-configs', 'operate', { tag: TAG, summary: 'Create a worker', body: creating, answer: 'the configuration', status: 201 }, async (call) => {
    const { worker_id, ...config } = await readBody(call, creating);
    const done = await call.command({ kind: 'worker', id: worker_id }, 'create', config);
    const stored = findWorker(call.d.db, worker_id);
    return answer(call, { success: true, ...(stored ? configRow(call, stored) : { worker_id, ...mask(call, config) }), state: done.state }, 201, { Location: `/api/v1/worker-configs/${worker_id}` });
  }),
  ...mount('get', '/worker-configs', 'read', { tag: TAG, summary: 'All configurations, as a bare array', query: z.object(paging(500)), answer: 'an array' }, (call) => {
    const { limit, offset } = readQuery(call, z.object(paging(500)));
    const all = listWorkers(call.d.db);
    const rows = all.slice(offset, offset + limit);
    return answer(call, rows.map((w) => configRow(call, w)), 200, listHeaders(call, all.length, { limit, offset, given: rows.length }));
  }),
  ...mount('get', '/worker-configs/:id', 'read', { tag: TAG, summary: 'One configuration, by number or worker_id', answer: 'the configuration' }, (call) => answer(call, configRow(call, byConfig(call)))),
  ...(['patch', 'put'] as const).flatMap((method) =>
    mount(method, '/worker-configs/:id', 'operate', { tag: TAG, summary: 'Change a configuration; fields that are not given stay', body: patching, answer: 'the configuration' }, async (call) => {
      const row = byConfig(call);
      const { worker_id, ...patch } = await readBody(call, patching);
      if (worker_id !== undefined && worker_id !== row.id) throw new Problem(422, 'invalid', 'worker_id: is fixed once created', { field: 'worker_id' });
      await call.command({ kind: 'worker', id: row.id }, 'update', patch);
      return answer(call, { success: true, ...configRow(call, row), ...mask(call, patch) });
    })),
  ...mount('delete', '/worker-configs/:id', 'operate', { tag: TAG, summary: 'Remove a configuration; its worker must be stopped', answer: '{success}' }, async (call) => {
    const row = byConfig(call);
    await call.command({ kind: 'worker', id: row.id }, 'remove');
    return answer(call, { success: true, worker_id: row.id });
  }),
  ...mount('get', '/workers/overview', 'read', { tag: TAG, summary: 'The fleet in numbers', answer: 'totals' }, (call) => answer(call, overview(call))),
  ...mount('post', '/workers/batch', 'operate', { tag: TAG, summary: 'One action for many workers, 500 at most', body: batch, answer: 'a result for each' }, async (call) => {
    const { action, worker_ids, options } = await readBody(call, batch);
    if (worker_ids.length > 500) throw new Problem(413, 'too_large', 'worker_ids: 500 at most', { field: 'worker_ids' });
    const results = [];
    for (const one of new Set(worker_ids)) {
      const given = action === 'stop' ? checked(stopping, options) : action === 'restart' ? checked(restarting, options) : {};
      const done = await call.d.command({ kind: 'worker', id: one }, action, given, call.about());
      results.push(done.ok ? { worker_id: one, success: true, status: phase(done) } : { worker_id: one, success: false, error: (done as { message: string }).message, code: (done as { code: string }).code });
    }
    return answer(call, { success: results.every((r) => r.success), results });
  }),
  ...mount('get', '/workers', 'read', { tag: TAG, summary: 'Workers with their state', query: z.object({ group: id.optional(), status: z.string().max(20).optional(), ...paging(500) }), answer: '{success, workers}' }, (call) => {
    const { group, status, limit, offset } = readQuery(call, z.object({ group: id.optional(), status: z.string().max(20).optional(), ...paging(500) }));
    const all = listWorkers(call.d.db, { group, status });
    const rows = all.slice(offset, offset + limit);
    return answer(call, { success: true, workers: rows.map((w) => workerRow(call, w)) }, 200, listHeaders(call, all.length, { limit, offset, given: rows.length }));
  }),
  ...mount('get', '/workers/:id', 'read', { tag: TAG, summary: 'One worker', answer: '{success, worker}' }, (call) => answer(call, { success: true, worker: workerRow(call, one(call)) })),
  ...mount('get', '/workers/:id/status', 'read', { tag: TAG, summary: 'State, uptime in seconds, CPU in %, memory in MB', answer: 'the status' }, (call) => answer(call, status(call, one(call)))),
  ...mount('get', '/workers/:id/logs', 'read', { tag: TAG, summary: 'Log lines, oldest first; format=text gives plain text', query: logQuery, answer: '{success, logs}' }, (call) => logs(call)),
  ...mount('get', '/workers/:id/metrics', 'read', { tag: TAG, summary: 'Series of the last hour at most: CPU in %, memory in MB, tasks at once, errors a minute', query: z.object({ period: z.string().optional() }), answer: '{period, series}' }, (call) => metrics(call)),
  ...mount('get', '/workers/:id/health', 'read', { tag: TAG, summary: 'Is it well', answer: '{healthy, checks}' }, (call) => answer(call, health(call, one(call)))),
  ...lifecycle('start', z.strictObject({}), 'Start'),
  ...lifecycle('stop', stopping, 'Stop: TERM, wait `timeout` ms, KILL; graceful:false kills at once'),
  ...lifecycle('restart', restarting, 'Stop, wait a second, start'),
  ...lifecycle('drain', z.strictObject({}), 'Take no new work, finish what runs, stop'),
  ...lifecycle('retry', z.strictObject({}), 'Start again now instead of after the backoff'),
];

const logQuery = z.object({ level: z.string().regex(/^(debug|info|warn|error)(,(debug|info|warn|error))*$/, 'must be of debug, info, warn, error').optional(), limit: paging(100).limit, tail: paging(100).limit.unwrap().optional(), since: moment.optional(), format: z.enum(['json', 'text']).default('json') });

function lifecycle(verb: string, schema: z.ZodType, summary: string): Route[] {
  return mount('post', [`/workers/:id/${verb}`, `/workers/:id/lifecycle/${verb}`], 'operate', { tag: TAG, summary, body: schema, answer: '{success, worker_id, status, process_id}' }, async (call) => {
    const worker = pathId(call);
    const given = await readBody(call, schema);
    const done = await call.command({ kind: 'worker', id: worker }, verb, given);
    return answer(call, { success: true, worker_id: worker, status: phase(done), process_id: findWorker(call.d.db, worker)?.pid ?? null });
  });
}

/** The process state out of a turn's answer: `active.process.starting.spawning,…` is `starting`. */
const phase = (done: { [key: string]: unknown }): string => /active\.process\.([a-z]+)/.exec(String(done['state']))?.[1] ?? String(done['state']);

const one = (call: Call): WorkerRow => found(findWorker(call.d.db, pathId(call)), `worker ${call.param('id')}`);
function byConfig(call: Call): WorkerRow {
  const asked = checked(z.object({ id: configId }), { id: call.param('id') }).id;
  return found((/^\d+$/.test(asked) ? findWorkerByConfig(call.d.db, Number(asked)) : null) ?? findWorker(call.d.db, asked), `configuration ${asked}`);
}

/** Values of variables may be secrets: only an admin reads them. */
function mask<T extends Record<string, unknown>>(call: Call, config: T): T {
  const env = config['env_variables'];
  if (call.who.scope === 'admin' || env === undefined) return config;
  return { ...config, env_variables: Object.fromEntries(Object.keys(env as object).map((k) => [k, '•••'])) };
}

const configRow = (call: Call, w: WorkerRow): Record<string, unknown> => withIso(mask(call, {
  id: w.configId, worker_id: w.id, name: w.name, description: w.description, deployment_type: w.deploymentType, host: w.host, port: w.port, max_accounts: w.maxAccounts, max_memory_mb: w.maxMemoryMb, cpu_cores: w.cpuCores,
  env_variables: w.env, command_args: w.args, working_directory: w.workingDirectory, proxy_id: null, browser_config: w.browser, group_name: w.group, auto_start: w.autoStart, auto_restart: w.autoRestart,
  restart_delay_ms: w.restartDelayMs, max_restart_attempts: w.maxRestartAttempts, enabled: w.enabled, version: w.version, status: w.status, created_at: w.createdAt, updated_at: w.updatedAt,
}));

function workerRow(call: Call, w: WorkerRow): Record<string, unknown> {
  const s = status(call, w);
  const online = w.link === 'connected' || w.link === 'suspect';
  const row = withIso({
    id: w.id, worker_id: w.id, name: w.name, host: w.host, port: w.port, group_name: w.group, deployment_type: w.deploymentType, place: w.deploymentType === 'local' ? 'local' : 'remote', status: w.status, link_status: w.link, online,
    cause: w.cause, capabilities: w.capabilities, max_accounts: w.maxAccounts, assigned_accounts: w.assigned, last_heartbeat: s['last_heartbeat'], started_at: w.startedAt, version: w.workerVersion, cpu_usage: s['cpu_usage'], memory_usage_mb: s['memory_usage_mb'],
    restart_count: w.restartCount, last_error: w.lastError, metadata: { capabilities: w.capabilities, maxAccounts: w.maxAccounts }, created_at: w.createdAt, updated_at: w.updatedAt,
  });
  // The cluster's clients know one state: online or offline.
  return isCamel(call) ? { ...row, process_status: w.status, status: online ? 'online' : 'offline', url: `http://${w.host}:${w.port}`, max_agents: w.maxAccounts, registered_at: w.startedAt } : row;
}

function status(call: Call, w: WorkerRow): Record<string, unknown> {
  const f = call.d.figures.latest(w.id);
  const seen = call.d.figures.lastSeen(w.id);
  return withIso({
    success: true, worker_id: w.id, status: w.status, link_status: w.link, cause: w.cause, process_id: w.pid, started_at: w.startedAt, stopped_at: w.stoppedAt, last_heartbeat: seen && Math.floor(seen / 1000),
    uptime: w.status === 'running' && w.startedAt ? Math.max(0, Math.floor(call.d.now() / 1000) - w.startedAt) : 0, cpu_usage: f ? round(f.cpuPercent) : null, memory_usage_mb: f?.memoryMb ?? null,
    assigned_accounts: w.assigned, active_tasks: f ? f.crawl + f.reply + f.login : 0, error_count: w.errorCount, last_error: w.lastError, restart_count: w.restartCount, last_restart_at: w.lastRestartAt,
    next_retry_at: w.nextRetryMs && Math.floor(w.nextRetryMs / 1000), worker_version: w.workerVersion, node_version: w.nodeVersion, chromium_version: w.chromiumVersion,
  });
}

function overview(call: Call): Record<string, unknown> {
  const all = listWorkers(call.d.db);
  const figures = all.map((w) => call.d.figures.latest(w.id)).filter((f) => f !== null);
  const n = (s: string) => all.filter((w) => w.status === s).length;
  return {
    success: true, total: all.length, running: n('running'), stopped: n('stopped'), error: n('error') + n('crashed'), total_accounts: all.reduce((sum, w) => sum + w.assigned, 0), total_capacity: all.filter((w) => w.enabled).reduce((sum, w) => sum + w.maxAccounts, 0),
    cpu_usage_avg: figures.length ? round(figures.reduce((sum, f) => sum + f.cpuPercent, 0) / figures.length) : 0, memory_usage_total_mb: figures.reduce((sum, f) => sum + f.memoryMb, 0),
  };
}

function health(call: Call, w: WorkerRow): Record<string, unknown> {
  const f = call.d.figures.latest(w.id);
  const check = (ok: boolean, value: unknown, limit: unknown) => ({ status: ok ? 'ok' : 'fail', value, limit });
  const checks = {
    heartbeat: check(f !== null && w.link === 'connected', f ? Math.round((call.d.now() - f.atMs) / 1000) : null, 30),
    memory: check(f !== null && f.memoryMb <= w.maxMemoryMb, f?.memoryMb ?? null, w.maxMemoryMb),
    cpu: check(f !== null && f.cpuPercent <= w.cpuCores * 100, f ? round(f.cpuPercent) : null, w.cpuCores * 100),
    tasks: check(w.assigned <= w.maxAccounts, w.assigned, w.maxAccounts),
  };
  return { healthy: Object.values(checks).every((c) => c.status === 'ok'), worker_id: w.id, checks };
}

function logs(call: Call): Response {
  const q = readQuery(call, logQuery);
  const w = one(call);
  const rows = listLogs(call.d.db, { worker: w.id, levels: q.level?.split(','), sinceMs: q.since, limit: q.tail ?? q.limit });
  if (q.format === 'text') return new Response(rows.map((l) => `${new Date(l.atMs).toISOString()} ${l.level} ${l.category} ${JSON.stringify(l.message).slice(1, -1)}\n`).join(''), { headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
  return answer(call, { success: true, logs: rows.map((l) => ({ id: l.id, worker_id: l.worker, level: l.level, category: l.category, message: l.message, details: l.details, timestamp: Math.floor(l.atMs / 1000), timestamp_ms: l.atMs })) });
}

function metrics(call: Call): Response {
  const { period } = readQuery(call, z.object({ period: z.string().regex(/^(\d{1,4}s|[1-9]\d?m|1h)$/, 'must be a time up to 1h, like 10m').default('1h') }));
  const size = { s: 1000, m: 60_000, h: 3_600_000 }[period.at(-1) as 's'];
  const w = one(call);
  const since = call.d.now() - Math.min(3_600_000, Number(period.slice(0, -1)) * size);
  const points = call.d.figures.series(w.id, since);
  const series = (pick: (f: (typeof points)[number]) => number) => points.map((f) => ({ timestamp: Math.floor(f.atMs / 1000), value: pick(f) }));
  return answer(call, { success: true, worker_id: w.id, period, series: { cpu_usage: series((f) => round(f.cpuPercent)), memory_usage: series((f) => f.memoryMb), task_count: series((f) => f.crawl + f.reply + f.login), error_rate: errorsByMinute(call.d.db, w.id, since) } });
}

const round = (n: number) => Math.round(n * 10) / 10;
