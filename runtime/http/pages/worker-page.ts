import { z } from 'zod';
import { outputDialog } from '../../../views/worker-logs.ts';
import { workerPage, type WorkerModel } from '../../../views/worker.ts';
import { moveForm } from '../../../views/move-form.ts';
import type { Ctx } from '../../../views/context.ts';
import { findAccount, listAccounts } from '../../read-model/queries/accounts.ts';
import { findActor } from '../../read-model/queries/actors.ts';
import { findWorker, listWorkers, type WorkerRow } from '../../read-model/queries/workers.ts';
import { found, type Call } from '../call.ts';
import { revertWorker, versionsOf } from '../fleet/config-service.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { chartOf, present } from './actor-pages.ts';
import { workerCard } from './worker-card.ts';
import { logModel } from './worker-pages.ts';

const VERSIONS = 20;
const LINES = 500;

export const oneWorkerPages = (): Route[] => [
  page('get', '/workers/:id', 'read', async (call) => {
    const x = context(call);
    const w = one(call);
    return showPage(call, x, { title: w.name, topics: [`worker/${w.id}`, 'account', `log/${w.id}`, 'inbox', 'reply', 'notification'], main: workerPage(x, await model(call, x, w)), plots: true });
  }),
  page('post', '/workers/:id/revert', 'operate', async (call) => {
    const { version } = await call.form(z.object({ version: z.string().regex(/^\d{1,9}$/, 'must be a version').transform(Number) }));
    const { changes } = await revertWorker(call, one(call), version);
    return done(call, changes.length > 0 ? 'done.reverted' : 'done.reverted-same', { n: version });
  }),
  page('get', '/workers/:id/output', 'read', async (call) => {
    const w = one(call);
    const { lines } = await call.command({ kind: 'worker', id: w.id }, 'output', { tail: LINES });
    return showPiece(outputDialog(context(call), { name: w.name, lines: (lines as string[] | undefined) ?? [] }));
  }),
  page('get', '/accounts/:id/move', 'operate', (call) => {
    const a = found(findAccount(call.d.db, call.param('id')), `account ${call.param('id')}`);
    const workers = listWorkers(call.d.db, { status: 'running', group: a.group ?? 'default' }).filter((w) => w.id !== a.worker && w.link === 'connected' && w.capabilities.includes(a.platform) && w.assigned < w.maxAccounts);
    return showPiece(moveForm(context(call), { account: a.id, name: a.name, epoch: a.epoch, from: a.worker ?? '—', workers: workers.map((w) => ({ id: w.id, label: `${w.name} · ${w.assigned}/${w.maxAccounts}` })) }));
  }),
  page('post', '/accounts/:id/move', 'operate', async (call) => {
    const f = await call.form(z.object({ worker: z.string().default(''), epoch: z.string().regex(/^\d{1,9}$/, 'must be a number').transform(Number) }));
    await call.command({ kind: 'account', id: call.param('id') }, 'move', { epoch: f.epoch, to: f.worker || null });
    return done(call, 'done.moved');
  }),
];

const one = (call: Call): WorkerRow => found(findWorker(call.d.db, call.param('id')), `worker ${call.param('id')}`);

async function model(call: Call, x: Ctx, w: WorkerRow): Promise<WorkerModel> {
  const row = findActor(call.d.db, 'worker', w.id);
  const now = row && (await present(call, row));
  return {
    card: workerCard(call, x, w), description: w.description, labels: w.labels, strict: w.config.group_strict, program: { worker: w.workerVersion, node: w.nodeVersion, chromium: w.chromiumVersion },
    accounts: listAccounts(call.d.db, { worker: w.id }).map((a) => ({ id: a.id, name: a.name, state: a.leaseState === 'held' ? a.loginStatus : a.leaseState, moved: a.movedReason, pinned: a.pinned !== null })),
    limits: w.limits, restarts: w.restarts, lastExit: w.lastExit && (w.lastExit.signal ? `killed by ${w.lastExit.signal}` : w.lastExit.code === null ? 'gone' : `exit ${w.lastExit.code}`),
    versions: versionsOf(call, w.id, VERSIONS), pending: now ? { effects: now.pending.effects, timers: now.pending.timers } : { effects: [], timers: [] },
    logs: logModel(call, w), chart: chartOf('worker'), active: now?.active ?? [], allowed: now?.allowed ?? [],
  };
}
