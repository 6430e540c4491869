import { RESERVED_WORKER_IDS, workerConfig } from '../../../actors/worker.ts';
import { ID } from '../../../transport/subjects.ts';
import { workerForm } from '../../../views/worker-form.ts';
import { workerLogs, type WorkerLogs } from '../../../views/worker-logs.ts';
import { WORKER_STATES, WORKER_TYPES, workerActions, workersPage, type WorkersFilter } from '../../../views/workers.ts';
import { countWorkers, findWorker, listLogs, listWorkers, logCategories, workerGroups, workerSummary, type WorkerRow } from '../../read-model/queries/workers.ts';
import { checked } from '../body.ts';
import { found, type Call } from '../call.ts';
import { findTemplate } from '../fleet/templates.ts';
import { whyNot, type Verb } from '../fleet/verbs.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { changeWorker, guardShell, versionConfig } from '../fleet/config-service.ts';
import { batchRoutes, runningBatches } from './batch.ts';
import { workerCard } from './worker-card.ts';
import { fillDots, readWorkerForm, workerFormModel } from './worker-form-model.ts';

/** On the way from one state to another. */
const MOVING = new Set(['starting', 'stopping', 'draining']);

export const workerPages = (): Route[] => [
  page('get', '/workers', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const filter = readFilter(call);
    const ask = { group: filter.group || undefined, status: filter.status || undefined, type: filter.type || undefined, search: filter.q || undefined };
    const total = countWorkers(db, ask);
    const size = [10, 20, 50].find((s) => String(s) === call.query('size')) ?? 10;
    const at = Math.min(Math.max(1, Math.ceil(total / size)), Math.max(1, Number(/^\d{1,5}$/.exec(call.query('page') ?? '')?.[0] ?? 1)));
    const s = workerSummary(db);
    return showPage(call, x, {
      title: x.t('nav.workers'),
      topics: ['worker', 'account', 'heartbeat', 'log', 'inbox', 'reply', 'notification'],
      main: workersPage(x, {
        workers: listWorkers(db, { ...ask, limit: size, offset: (at - 1) * size }).map((w) => workerCard(call, x, w)), filter, groups: workerGroups(db), page: at, size, total,
        summary: { configs: s.configs, running: s.byStatus['running'] ?? 0, stopped: s.byStatus['stopped'] ?? 0, capacity: s.capacity, assigned: s.assigned },
        batches: runningBatches(call, x, '/workers', workerActions(x)),
      }),
    });
  }),
  ...batchRoutes({
    base: '/workers', kind: 'worker', actions: workerActions,
    item(call, x, verb, id) {
      const w = findWorker(call.d.db, id);
      const why = w && whyNot(w, verb as Verb);
      return w && { id, name: w.name, state: w.status, group: 'state', why: why && x.word('cannot', why) };
    },
    reached(call, id) {
      const w = findWorker(call.d.db, id);
      if (w && MOVING.has(w.status)) return null;
      return { error: w && (w.status === 'crashed' || w.status === 'error') ? (w.lastError ?? w.cause ?? w.status) : null };
    },
    note(call, x, verb, ids) {
      const n = ids.reduce((sum, id) => sum + (findWorker(call.d.db, id)?.assigned ?? 0), 0);
      return verb === 'start' || n === 0 ? null : x.t(verb === 'restart' ? 'batch.restart-note' : verb === 'kill' ? 'batch.kill-note' : 'batch.stop-note', { n });
    },
  }),
  page('get', '/workers/new', 'operate', async (call) => {
    const template = templateName(call.query('template'));
    const config = template ? found(await findTemplate(call.d.settings, template), `template ${template}`) : {};
    const { id, port } = freeId(listWorkers(call.d.db));
    return showPiece(workerForm(context(call), workerFormModel(call, { ...(template ? config : {}), port }, { id, isNew: true, template: template ?? null, name: '' })));
  }),
  page('post', '/workers', 'operate', async (call) => {
    const { id, config } = await readWorkerForm(call);
    if (!ID.test(id) || RESERVED_WORKER_IDS.includes(id)) throw new Problem(422, 'invalid', `worker_id: must be 1 to 63 of a-z, 0-9 and hyphens, and not ${RESERVED_WORKER_IDS.join(', ')}`, { field: 'worker_id' });
    const template = templateName(call.query('template'));
    const whole = checked(workerConfig, fillDots(config, template ? await findTemplate(call.d.settings, template) : null));
    const shell = guardShell(call, `worker/${id}`, {}, whole);
    await call.command({ kind: 'worker', id }, 'create', whole);
    await shell();
    return done(call, 'done.created', { name: whole.name });
  }),
  page('get', '/workers/:id/edit', 'operate', (call) => {
    const w = one(call);
    const version = /^\d{1,9}$/.exec(call.query('version') ?? '')?.[0];
    const config = version ? versionConfig(call, w, Number(version)) : w.config;
    return showPiece(workerForm(context(call), workerFormModel(call, config, { id: w.id, isNew: false, template: null, name: config.name })));
  }),
  page('post', '/workers/:id', 'operate', async (call) => {
    const w = one(call);
    const { config } = await readWorkerForm(call);
    await changeWorker(call, w, config);
    return done(call, 'done.saved');
  }),
  page('get', '/workers/:id/logs', 'read', (call) => showPiece(workerLogs(context(call), logModel(call, one(call))))),
  ...(['start', 'stop', 'restart', 'drain', 'kill', 'retry', 'prepare'] as const).map((verb) =>
    page('post', `/workers/:id/${verb}`, 'operate', async (call) => {
      await call.command(at(call), verb);
      return done(call, `done.${verb}`, { name: call.param('id') });
    })),
  page('post', '/workers/:id/remove', 'operate', async (call) => {
    await call.command(at(call), 'remove');
    return done(call, 'done.removed');
  }),
];

const at = (call: Call) => ({ kind: 'worker', id: call.param('id') });
const one = (call: Call): WorkerRow => found(findWorker(call.d.db, call.param('id')), `worker ${call.param('id')}`);
const templateName = (text: string | undefined): string | undefined => ID.exec(text ?? '')?.[0];

/** What the list is narrowed to; anything else counts as nothing. */
function readFilter(call: Call): WorkersFilter {
  const among = (name: string, values: readonly string[]) => values.find((v) => v === call.query(name)) ?? '';
  return { q: (call.query('q') ?? '').trim().slice(0, 100), group: ID.exec(call.query('group') ?? '')?.[0] ?? '', status: among('status', WORKER_STATES), type: among('type', WORKER_TYPES) };
}

/** The last lines of a worker that fit the filters of the request. */
export function logModel(call: Call, w: WorkerRow): WorkerLogs {
  const filter = { level: /^(debug|info|warn|error)(,(debug|info|warn|error))*$/.exec(call.query('level') ?? '')?.[0] ?? '', category: /^[a-z][a-z0-9_-]{0,30}$/.exec(call.query('category') ?? '')?.[0] ?? '', q: (call.query('q') ?? '').slice(0, 200) };
  const lines = listLogs(call.d.db, { worker: w.id, levels: filter.level ? filter.level.split(',') : undefined, category: filter.category || undefined, search: filter.q || undefined, limit: 200 });
  return { worker: w.id, name: w.name, filter, categories: logCategories(call.d.db, w.id), lines };
}

function freeId(workers: WorkerRow[]): { id: string; port: number } {
  const taken = new Set(workers.map((w) => w.id));
  let n = workers.length + 1;
  while (taken.has(`worker-${n}`)) n++;
  return { id: `worker-${n}`, port: Math.min(65_535, 4000 + n) };
}

