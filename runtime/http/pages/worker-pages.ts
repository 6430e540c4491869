import { z } from 'zod';
import { workerForm, type WorkerForm } from '../../../views/worker-form.ts';
import { workerLogs } from '../../../views/worker-logs.ts';
import { workerActions, workersPage, type WorkerCard } from '../../../views/workers.ts';
import { findWorker, listLogs, listWorkers, type WorkerRow } from '../../read-model/queries/workers.ts';
import type { Ctx } from '../../../views/context.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { batchRoutes } from './batch.ts';

const number = z.string().regex(/^\d{1,9}(\.\d{1,3})?$/, 'must be a number').transform(Number);
const flag = z.literal('1').optional().transform((v) => v === '1');
const form = z.object({
  worker_id: z.string(), name: z.string(), description: z.string().default(''), deployment_type: z.string(), group_name: z.string().default('default'), host: z.string(), port: number,
  max_accounts: number, max_memory_mb: number, cpu_cores: number, mode: z.enum(['profile', 'context']), headless: flag, auto_start: flag, auto_restart: flag, enabled: flag,
  restart_delay_ms: number, max_restart_attempts: number, env_variables: z.string().default(''),
});

function config({ worker_id: _, mode, headless, env_variables, ...rest }: z.output<typeof form>): Record<string, unknown> {
  return { ...rest, group_name: rest.group_name || 'default', browser_config: { mode, headless }, env_variables: readEnv(env_variables) };
}

/** `NAME=value` lines; a line without `=` is refused by its number. */
function readEnv(text: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    if (raw.trim() === '') continue;
    const at = raw.indexOf('=');
    if (at < 1) throw new Problem(422, 'invalid', `env_variables: line ${i + 1} is not NAME=value`, { field: 'env_variables' });
    const name = raw.slice(0, at).trim();
    if (name in env || name === '__proto__') throw new Problem(422, 'invalid', `env_variables: ${name} is given twice or not allowed`, { field: 'env_variables' });
    env[name] = raw.slice(at + 1);
  }
  return env;
}

export const workerPages = (): Route[] => [
  page('get', '/workers', 'read', (call) => {
    const x = context(call);
    const all = listWorkers(call.d.db);
    const group = call.query('group') ?? '';
    const fitting = group ? all.filter((w) => w.group === group) : all;
    const size = [10, 20, 50].find((s) => String(s) === call.query('size')) ?? 10;
    const pages = Math.max(1, Math.ceil(fitting.length / size));
    const at = Math.min(pages, Math.max(1, Number(/^\d{1,5}$/.exec(call.query('page') ?? '')?.[0] ?? 1)));
    return showPage(call, x, {
      title: x.t('nav.workers'),
      topics: ['worker', 'account', 'heartbeat', 'log', 'inbox', 'reply', 'notification'],
      main: workersPage(x, {
        workers: fitting.slice((at - 1) * size, at * size).map((w) => card(call, w)), group, groups: [...new Set(all.map((w) => w.group))].sort(), page: at, size, total: fitting.length,
        summary: { configs: all.length, running: all.filter((w) => w.status === 'running').length, stopped: all.filter((w) => w.status === 'stopped').length, capacity: all.filter((w) => w.enabled).reduce((n, w) => n + w.maxAccounts, 0), assigned: all.reduce((n, w) => n + w.assigned, 0) },
      }),
    });
  }),
  ...batchRoutes({
    base: '/workers', kind: 'worker', actions: workerActions,
    item(call, x, verb, id) {
      const w = findWorker(call.d.db, id);
      return w && { id, name: w.name, state: w.status, group: 'state', why: batchWhy(x, w, verb) };
    },
    note(call, x, verb, ids) {
      const n = ids.reduce((sum, id) => sum + (findWorker(call.d.db, id)?.assigned ?? 0), 0);
      return verb === 'start' || n === 0 ? null : x.t(verb === 'stop' ? 'batch.stop-note' : 'batch.restart-note', { n });
    },
  }),
  page('get', '/workers/new', 'operate', (call) => showPiece(workerForm(context(call), blank(freeId(listWorkers(call.d.db)))))),
  page('post', '/workers', 'operate', async (call) => {
    const f = await call.form(form);
    if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(f.worker_id) || ['overview', 'batch', 'new'].includes(f.worker_id)) throw new Problem(422, 'invalid', 'worker_id: must be 1 to 63 of a-z, 0-9 and hyphens, and not overview, batch or new', { field: 'worker_id' });
    await call.command({ kind: 'worker', id: f.worker_id }, 'create', config(f));
    return done(call, 'done.created', { name: f.name });
  }),
  page('get', '/workers/:id/edit', 'operate', (call) => showPiece(workerForm(context(call), filled(one(call), call.who.scope === 'admin')))),
  page('post', '/workers/:id', 'operate', async (call) => {
    const f = await call.form(form);
    const { env_variables, ...rest } = config(f);
    // Whoever may not see the values may not write them back masked.
    await call.command(at(call), 'update', call.who.scope === 'admin' ? { ...rest, env_variables } : rest);
    return done(call, 'done.saved');
  }),
  page('get', '/workers/:id/logs', 'read', (call) => {
    const w = one(call);
    const lines = listLogs(call.d.db, { worker: w.id, limit: 200 });
    return showPiece(workerLogs(context(call), { worker: w.id, name: w.name, lines }));
  }),
  ...(['start', 'stop', 'restart', 'drain', 'retry'] as const).map((verb) =>
    page('post', `/workers/:id/${verb}`, 'operate', async (call) => {
      await call.command(at(call), verb);
      return done(call, `done.${verb}`, { name: call.param('id') });
    })),
  page('post', '/workers/:id/kill', 'operate', async (call) => {
    await call.command(at(call), 'stop', { graceful: false });
    return done(call, 'done.kill', { name: call.param('id') });
  }),
  page('post', '/workers/:id/remove', 'operate', async (call) => {
    await call.command(at(call), 'remove');
    return done(call, 'done.removed');
  }),
];

const at = (call: Call) => ({ kind: 'worker', id: call.param('id') });
const one = (call: Call): WorkerRow => found(findWorker(call.d.db, call.param('id')), `worker ${call.param('id')}`);

/** Why an action would change nothing, or null. */
function batchWhy(x: Ctx, w: WorkerRow, verb: string): string | null {
  const resting = ['stopped', 'crashed', 'error'].includes(w.status);
  if (w.elsewhere) return x.t('workers.elsewhere');
  if (verb === 'stop') return w.status === 'stopped' || w.status === 'stopping' ? x.t('batch.already') : null;
  if (!w.enabled) return x.t('workers.disabled');
  return resting || (verb === 'restart' && w.status === 'running') ? null : x.t(verb === 'start' ? 'batch.already' : 'workers.is-busy');
}

function freeId(workers: WorkerRow[]): { id: string; port: number } {
  let n = workers.length + 1;
  while (workers.some((w) => w.id === `worker-${n}`)) n++;
  return { id: `worker-${n}`, port: 4000 + n };
}

const blank = ({ id, port }: { id: string; port: number }): WorkerForm => ({ isNew: true, id, name: '', description: '', deploymentType: 'local', host: '127.0.0.1', port, group: 'default', maxAccounts: 10, maxMemoryMb: 2048, cpuCores: 2, autoStart: true, autoRestart: true, restartDelayMs: 5000, maxRestartAttempts: 3, enabled: true, env: '', mode: 'profile', headless: true });

const filled = (w: WorkerRow, values: boolean): WorkerForm => ({
  isNew: false, id: w.id, name: w.name, description: w.description, deploymentType: w.deploymentType, host: w.host, port: w.port, group: w.group, maxAccounts: w.maxAccounts, maxMemoryMb: w.maxMemoryMb, cpuCores: w.cpuCores,
  autoStart: w.autoStart, autoRestart: w.autoRestart, restartDelayMs: w.restartDelayMs, maxRestartAttempts: w.maxRestartAttempts, enabled: w.enabled,
  env: Object.entries(w.env).map(([k, v]) => `${k}=${values ? v : '•••'}`).join('\n'), mode: w.browser.mode ?? 'profile', headless: w.browser.headless ?? true,
});

function card(call: Call, w: WorkerRow): WorkerCard {
  const f = call.d.figures.latest(w.id);
  return {
    id: w.id, name: w.name, deploymentType: w.deploymentType, host: w.host, port: w.port, group: w.group, maxAccounts: w.maxAccounts, assigned: w.assigned, enabled: w.enabled, autoStart: w.autoStart, autoRestart: w.autoRestart,
    status: w.status, cause: w.cause, link: w.link, pid: w.status === 'running' ? w.pid : null, elsewhere: w.elsewhere, startedMs: w.startedAt === null ? null : w.startedAt * 1000, restartCount: w.restartCount, nextRetryMs: w.nextRetryMs, lastError: w.lastError,
    figures: f && { cpuPercent: f.cpuPercent, memoryMb: f.memoryMb, browsers: f.browsers, busy: f.crawl + f.reply + f.login, atMs: f.atMs },
  };
}
