import { z } from 'zod';
import { worker as bound } from '../../../actors/worker.ts';
import { texts } from '../../../views/context.ts';
import { en } from '../../../views/texts/en.ts';
import { countWorkers, errorsByMinute, findWorker, listLogs, listWorkers, workerSummary, type WorkerRow } from '../../read-model/queries/workers.ts';
import { checked } from '../body.ts';
import { found, type Call } from '../call.ts';
import { each } from '../fleet/each.ts';
import { rebalance } from '../fleet/rebalance.ts';
import { usageOf } from '../fleet/usage.ts';
import { VERBS, whyNot } from '../fleet/verbs.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { flag, id, moment, paging, pathId, readQuery } from './query.ts';
import { answer, isCamel, listHeaders, mount, readBody } from './respond.ts';
import { withIso } from './shape.ts';

const TAG = 'workers';
const stopping = (bound.commands['stop']!.schema);
const restarting = (bound.commands['restart']!.schema);
const batch = z.strictObject({ action: z.enum(VERBS), worker_ids: z.array(id).min(1), options: z.record(z.string(), z.unknown()).default({}), dry_run: z.boolean().default(false) });
const balancing = z.strictObject({ dry_run: z.boolean().default(false), group: id.optional() });
const listing = z.object({ group: id.optional(), status: z.string().regex(/^[a-z]+(,[a-z]+)*$/, 'must be states with commas').optional(), type: z.enum(['local', 'remote', 'docker', 'k8s', 'agent']).optional(), machine: id.optional(), search: z.string().max(100).optional(), ...paging(500) });

export const workerApi = (): Route[] => [
  ...mount('get', '/workers/overview', 'read', { tag: TAG, summary: 'The fleet in numbers', answer: 'totals' }, (call) => answer(call, overview(call))),
  ...mount('post', '/workers/batch', 'operate', { tag: TAG, summary: 'One action for many workers, 500 at most; dry_run only says what would happen to each', body: batch, answer: '{success, dry_run, results: [{worker_id, success, status, error, code}]}' }, async (call) => {
    const { action, worker_ids, options, dry_run } = await readBody(call, batch);
    if (worker_ids.length > 500) throw new Problem(413, 'too_large', 'worker_ids: 500 at most', { field: 'worker_ids' });
    const given = action === 'stop' ? checked(stopping, options) : action === 'restart' ? checked(restarting, options) : {};
    const results = await each([...new Set(worker_ids)], async (one) => {
      const row = findWorker(call.d.db, one);
      if (dry_run) {
        const why = row ? whyNot(row, action) : 'gone';
        return { worker_id: one, success: why === null, status: row?.status ?? null, ...(why === null ? {} : { code: why === 'gone' ? 'not_found' : 'conflict', error: why === 'gone' ? `there is no worker ${one}` : inEnglish.word('cannot', why) }) };
      }
      const done = await call.d.command({ kind: 'worker', id: one }, action, given, call.about());
      return done.ok ? { worker_id: one, success: true, status: phase(done) } : { worker_id: one, success: false, status: row?.status ?? null, error: (done as { message: string }).message, code: (done as { code: string }).code };
    });
    return answer(call, { success: results.every((r) => r.success), dry_run, action, results });
  }),
  ...mount('post', '/workers/rebalance', 'operate', { tag: TAG, summary: 'Even the load out, of all or of one group; dry_run only plans', body: balancing, answer: '{success, dry_run, moves: [{account_id, from, to, success, error}]}' }, async (call) => {
    const { dry_run, group } = await readBody(call, balancing);
    const moves = await rebalance(call, { dryRun: dry_run, group });
    return answer(call, { success: moves.every((m) => m.error === null), dry_run, moves: moves.map((m) => ({ account_id: m.account, account_name: m.name, from: m.from, to: m.to, success: m.error === null, ...(m.error ? { error: m.error } : {}) })) });
  }),
  ...mount('get', '/workers', 'read', { tag: TAG, summary: 'Workers with their state; `group` is any that they serve', query: listing, answer: '{success, workers}' }, (call) => {
    const q = readQuery(call, listing);
    const rows = listWorkers(call.d.db, q);
    return answer(call, { success: true, workers: rows.map((w) => workerRow(call, w)) }, 200, listHeaders(call, countWorkers(call.d.db, q), { limit: q.limit, offset: q.offset, given: rows.length }));
  }),
  ...mount('get', '/workers/:id', 'read', { tag: TAG, summary: 'One worker', answer: '{success, worker}' }, (call) => answer(call, { success: true, worker: workerRow(call, one(call)) })),
  ...mount('get', '/workers/:id/status', 'read', { tag: TAG, summary: 'State, uptime in seconds, CPU in %, memory in MB', answer: 'the status' }, (call) => answer(call, status(call, one(call)))),
  ...mount('get', '/workers/:id/logs', 'read', { tag: TAG, summary: 'Log lines, oldest first; format=text gives a file of plain text', query: logQuery, answer: '{success, logs}' }, (call) => logs(call)),
  ...mount('get', '/workers/:id/output', 'read', { tag: TAG, summary: 'What its process printed, as its driver has it', query: outputQuery, answer: '{success, lines}' }, async (call) => {
    const { tail } = readQuery(call, outputQuery);
    const w = one(call);
    const { lines, why } = await call.command({ kind: 'worker', id: w.id }, 'output', { tail });
    return answer(call, { success: true, worker_id: w.id, lines: lines ?? [], ...(why ? { why } : {}) });
  }),
  ...mount('get', '/workers/:id/metrics', 'read', { tag: TAG, summary: 'Series of a period like 10m, 24h, 30d: CPU in %, memory in MB, tasks at once, accounts, browsers, errors a minute', query: z.object({ period: z.string().default('1h') }), answer: '{period, series}' }, (call) => metrics(call)),
  ...mount('get', '/workers/:id/health', 'read', { tag: TAG, summary: 'Is it well', answer: '{healthy, checks}' }, (call) => answer(call, health(call, one(call)))),
  ...lifecycle('start', z.strictObject({}), 'Start'),
  ...lifecycle('stop', stopping, 'Stop: TERM, wait `timeout` ms, KILL; graceful:false kills at once'),
  ...lifecycle('restart', restarting, 'Stop, wait a second, start'),
  ...lifecycle('drain', z.strictObject({}), 'Take no new work, finish what runs, stop'),
  ...lifecycle('kill', z.strictObject({}), 'End at once, whatever it is doing'),
  ...lifecycle('prepare', z.strictObject({}), 'Bring the program to the machine of an SSH worker, then start'),
  ...lifecycle('retry', z.strictObject({}), 'Start again now instead of after the backoff'),
];

const outputQuery = z.object({ tail: paging(200).limit });
const logQuery = z.object({ level: z.string().regex(/^(debug|info|warn|error)(,(debug|info|warn|error))*$/, 'must be of debug, info, warn, error').optional(), category: z.string().regex(/^[a-z][a-z0-9_-]{0,30}$/, 'must be a category like lifecycle, task, system').optional(), q: z.string().max(200).optional(), limit: paging(100).limit, tail: paging(100).limit.unwrap().optional(), since: moment.optional(), format: z.enum(['json', 'text']).default('json') });

function lifecycle(verb: string, schema: z.ZodType, summary: string): Route[] {
  return mount('post', [`/workers/:id/${verb}`, `/workers/:id/lifecycle/${verb}`], 'operate', { tag: TAG, summary, body: schema, answer: '{success, worker_id, status, process_id}' }, async (call) => {
    const worker = pathId(call);
    const given = await readBody(call, schema);
    const done = await call.command({ kind: 'worker', id: worker }, verb, given);
    return answer(call, { success: true, worker_id: worker, status: phase(done), process_id: findWorker(call.d.db, worker)?.pid ?? null });
  });
}

const inEnglish = texts(en);

/** The process state out of a turn's answer: `active.process.starting.spawning,…` is `starting`. */
const phase = (done: { [key: string]: unknown }): string => /active\.process\.([a-z]+)/.exec(String(done['state']))?.[1] ?? String(done['state']);

const one = (call: Call): WorkerRow => found(findWorker(call.d.db, pathId(call)), `worker ${call.param('id')}`);
function workerRow(call: Call, w: WorkerRow): Record<string, unknown> {
  const s = status(call, w);
  const online = w.link === 'connected' || w.link === 'suspect';
  const row = withIso({
    id: w.id, worker_id: w.id, name: w.name, host: w.host, port: w.port, group_name: w.group, groups: w.groups, labels: w.labels, deployment_type: w.deploymentType, place: w.deploymentType === 'local' ? 'local' : 'remote', status: w.status, link_status: w.link, online,
    cause: w.cause, capabilities: w.capabilities, max_accounts: w.maxAccounts, assigned_accounts: w.assigned, last_heartbeat: s['last_heartbeat'], started_at: w.startedAt, version: w.workerVersion, cpu_usage: s['cpu_usage'], memory_usage_mb: s['memory_usage_mb'],
    config_version: w.version, runs: w.runs, restart_count: w.restartCount, last_error: w.lastError, metadata: { capabilities: w.capabilities, maxAccounts: w.maxAccounts }, created_at: w.createdAt, updated_at: w.updatedAt,
  });
  // The cluster's clients know one state: online or offline.
  return isCamel(call) ? { ...row, process_status: w.status, status: online ? 'online' : 'offline', url: `http://${w.host}:${w.port}`, max_agents: w.maxAccounts, registered_at: w.startedAt } : row;
}

function status(call: Call, w: WorkerRow): Record<string, unknown> {
  const f = call.d.figures.latest(w.id);
  const seen = call.d.figures.lastSeen(w.id);
  return withIso({
    success: true, worker_id: w.id, status: w.status, link_status: w.link, cause: w.cause, process_id: w.pid, container_id: w.container, pod_name: w.pod, started_at: w.startedAt, stopped_at: w.stoppedAt, last_heartbeat: seen && Math.floor(seen / 1000),
    uptime: w.status === 'running' && w.startedAt ? Math.max(0, Math.floor(call.d.now() / 1000) - w.startedAt) : 0, cpu_usage: f ? round(f.cpuPercent) : null, memory_usage_mb: f?.memoryMb ?? null,
    assigned_accounts: w.assigned, active_tasks: f ? f.crawl + f.reply + f.login : 0, error_count: w.errorCount, last_error: w.lastError, restart_count: w.restartCount, last_restart_at: w.lastRestartAt, restarts: w.restarts.map((r) => ({ at: new Date(r.at).toISOString(), cause: r.cause })), last_exit: w.lastExit && { code: w.lastExit.code, signal: w.lastExit.signal, at: new Date(w.lastExit.at).toISOString() },
    config_version: w.version, runs: w.runs,
    next_retry_at: w.nextRetryMs && Math.floor(w.nextRetryMs / 1000), worker_version: w.workerVersion, node_version: w.nodeVersion, chromium_version: w.chromiumVersion,
  });
}

function overview(call: Call): Record<string, unknown> {
  const s = workerSummary(call.d.db);
  const figures = call.d.figures.all();
  const n = (status: string) => s.byStatus[status] ?? 0;
  return {
    success: true, total: s.configs, running: n('running'), stopped: n('stopped'), draining: n('draining'), error: n('error') + n('crashed'), total_accounts: s.assigned, total_capacity: s.capacity,
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
  const rows = listLogs(call.d.db, { worker: w.id, levels: q.level?.split(','), category: q.category, search: q.q, sinceMs: q.since, limit: q.tail ?? q.limit });
  if (q.format === 'text') return new Response(rows.map((l) => `${new Date(l.atMs).toISOString()} ${l.level} ${l.category} ${JSON.stringify(l.message).slice(1, -1)}\n`).join(''), { headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Disposition': `attachment; filename="${w.id}.log"` } });
  return answer(call, { success: true, logs: rows.map((l) => ({ id: l.id, worker_id: l.worker, level: l.level, category: l.category, message: l.message, details: l.details, timestamp: Math.floor(l.atMs / 1000), timestamp_ms: l.atMs })) });
}

function metrics(call: Call): Response {
  const { period } = readQuery(call, z.object({ period: z.string().default('1h') }));
  const w = one(call);
  const { step, since, rows } = usageOf(call.d, w.id, period);
  const series = (pick: (r: (typeof rows)[number]) => number) => rows.map((r) => ({ timestamp: r.at, value: pick(r) }));
  return answer(call, {
    success: true, worker_id: w.id, period, step, limits: { memory_mb: w.maxMemoryMb, cpu_usage: w.cpuCores * 100, max_accounts: w.maxAccounts },
    series: { cpu_usage: series((r) => r.cpu), memory_usage: series((r) => r.memoryMb), task_count: series((r) => r.tasks), accounts: series((r) => r.accounts), browsers: series((r) => r.browsers), error_rate: errorsByMinute(call.d.db, w.id, since * 1000) },
  });
}

const round = (n: number) => Math.round(n * 10) / 10;
