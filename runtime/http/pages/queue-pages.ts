import { z } from 'zod';
import { PAUSE_SCOPES, pauseDialog, queuesPage, type QueueCard } from '../../../views/queues.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { listPauses, queueLanes, whyWaiting, type PauseRow } from '../../read-model/queries/queues.ts';
import { taskGroups } from '../../read-model/queries/tasks.ts';
import { listWorkers, workerGroups } from '../../read-model/queries/workers.ts';
import type { Call } from '../call.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { gateId, gateNameHint } from '../work/gate-id.ts';

const MOST = 500;
const pausing = z.object({ scope: z.enum(PAUSE_SCOPES), name: z.string().trim().max(100).default(''), reason: z.string().trim().max(300).default('') });

/** Queues and what holds them. */
export const queuePages = (): Route[] => [
  page('get', '/queues', 'read', (call) => {
    const x = context(call);
    const pauses = listPauses(call.d.db);
    const queues = cards(call, pauses);
    const lanes = queues.flatMap((q) => q.lanes);
    const oldest = lanes.flatMap((l) => (l.oldestMs === null ? [] : [l.oldestMs]));
    return showPage(call, x, {
      title: x.t('nav.queues'), topics: ['task', 'gate', 'worker', 'inbox', 'reply', 'notification'],
      main: queuesPage(x, { queues, pauses, totals: { depth: sum(lanes.map((l) => l.depth)), running: sum(lanes.map((l) => l.running)), perMinute: sum(lanes.map((l) => l.doneLastMinute)), oldestMs: oldest.length > 0 ? Math.min(...oldest) : null }, mayAct: x.scope !== 'read' }),
    });
  }),
  page('get', '/pauses/new', 'operate', (call) => {
    const scope = (PAUSE_SCOPES as readonly string[]).includes(call.query('scope') ?? '') ? call.query('scope')! : 'group';
    return showPiece(pauseDialog(context(call), { scope, name: call.query('name') ?? '', groups: groups(call), platforms: call.d.platforms(), accounts: listAccounts(call.d.db, { limit: MOST }).map((a) => ({ id: a.id, name: a.name })) }));
  }),
  page('post', '/pauses', 'operate', async (call) => {
    const f = await call.form(pausing);
    await call.command({ kind: 'gate', id: idOf(f.scope, f.name) }, 'pause', { reason: f.reason });
    return done(call, 'done.paused');
  }),
  page('post', '/pauses/:scope/:name/resume', 'operate', async (call) => {
    await call.command({ kind: 'gate', id: idOf(call.param('scope'), call.param('name')) }, 'resume');
    return done(call, 'done.resumed');
  }),
];

function idOf(scope: string, name: string): string {
  const id = gateId(scope, name);
  if (id === null) throw new Problem(422, 'invalid', gateNameHint(scope), { field: 'name' });
  return id;
}

const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);
const groups = (call: Call): string[] => [...new Set(['default', ...workerGroups(call.d.db), ...taskGroups(call.d.db)])].sort();

function cards(call: Call, pauses: PauseRow[]): QueueCard[] {
  const { db } = call.d;
  const lanes = queueLanes(db, call.d.now());
  const why = whyWaiting(db);
  const workers = listWorkers(db, { status: 'running', limit: MOST });
  const paused = (scope: string, name: string) => pauses.find((p) => p.scope === scope && p.name === name) ?? null;
  return [...new Set(lanes.map((l) => l.group))].sort().map((group) => ({
    group, paused: paused('group', group) ?? paused('fleet', 'fleet'), workers: workers.filter((w) => w.groups.includes(group)).length, why: why.filter((w) => w.group === group).slice(0, 3).map((w) => ({ text: w.why, n: w.n })),
    lanes: (['high', 'normal', 'low'] as const).map((lane) => {
      const l = lanes.find((q) => q.group === group && q.lane === lane);
      return { lane, depth: l?.depth ?? 0, running: l?.running ?? 0, oldestMs: l?.oldestMs ?? null, doneLastMinute: l?.doneLastMinute ?? 0, failedLastMinute: l?.failedLastMinute ?? 0, paused: paused('queue', `${group}.${lane}`) !== null };
    }),
  }));
}
