import { z } from 'zod';
import { PAUSE_SCOPES } from '../../../views/queues.ts';
import { agentCounts } from '../../read-model/queries/agents.ts';
import { hubSeries, hubTotals } from '../../read-model/queries/hub.ts';
import { listPauses, queueLanes } from '../../read-model/queries/queues.ts';
import { taskCounts } from '../../read-model/queries/tasks.ts';
import { workerSummary } from '../../read-model/queries/workers.ts';
import type { Call } from '../call.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { gateId } from '../work/gate-id.ts';
import { readQuery } from './query.ts';
import { answer, mount, readBody } from './respond.ts';

const TAG = 'tasks';
const period = z.object({ period: z.enum(['1h', '24h', '30d']).default('1h') });
const pausing = z.strictObject({ scope: z.enum(PAUSE_SCOPES), name: z.string().max(100).default(''), reason: z.string().max(300).default('') });

/** Work as numbers: totals, curves, queues, pauses. */
export const hubApi = (): Route[] => [
  ...mount('get', '/stats', 'read', { tag: TAG, summary: 'Totals of workers, agents and tasks', answer: '{success, workers, agents, tasks, dispatch_ms}' }, (call) => {
    const { db } = call.d;
    const workers = workerSummary(db);
    const { byStatus } = taskCounts(db);
    const totals = hubTotals(db, call.d.now());
    return answer(call, {
      success: true, workers: { total: workers.configs, running: workers.byStatus['running'] ?? 0 }, agents: agentCounts(db),
      tasks: { by_state: byStatus, completed_last_day: totals.completedToday, failed_last_day: totals.failedToday, completed_last_minute: totals.perMinute }, dispatch_ms: totals.dispatch,
    });
  }),
  ...mount('get', '/hub/series', 'read', { tag: TAG, summary: 'Curves of throughput, dispatch, errors, CPU and memory', query: period, answer: '{period, step, series, limits}' }, (call) => answer(call, { ...hubSeries(call.d.db, readQuery(call, period).period, call.d.now()), limits: {} })),
  ...mount('get', '/queues', 'read', { tag: TAG, summary: 'Depth, rate and age of each queue: one lane of one group', answer: '{success, queues}' }, (call) => answer(call, {
    success: true, queues: queueLanes(call.d.db, call.d.now()).map((q) => ({ group_name: q.group, lane: q.lane, depth: q.depth, running: q.running, oldest_at: q.oldestMs === null ? null : new Date(q.oldestMs).toISOString(), done_last_minute: q.doneLastMinute, failed_last_minute: q.failedLastMinute, paused: q.paused })),
  })),
  ...mount('get', '/pauses', 'read', { tag: TAG, summary: 'What is held, by whom, since when', answer: '{success, pauses}' }, (call) => answer(call, { success: true, pauses: listPauses(call.d.db).map((p) => ({ scope: p.scope, name: p.name, by: p.by, reason: p.reason, since: new Date(p.sinceMs).toISOString() })) })),
  ...mount('post', '/pauses', 'operate', { tag: TAG, summary: 'Hold a fleet, group, platform, account, queue (group.lane) or kind of task; what runs goes on to its end', body: pausing, answer: '{success}', status: 201 }, async (call) => {
    const p = await readBody(call, pausing);
    await call.command({ kind: 'gate', id: idOf(p.scope, p.name) }, 'pause', { reason: p.reason });
    return answer(call, { success: true, ...p }, 201);
  }),
  ...mount('delete', '/pauses/:scope/:name', 'operate', { tag: TAG, summary: 'Let it go on; the fleet is /pauses/fleet/fleet', answer: '{success}' }, async (call: Call) => {
    await call.command({ kind: 'gate', id: idOf(call.param('scope'), call.param('name')) }, 'resume');
    return answer(call, { success: true });
  }),
];

function idOf(scope: string, name: string): string {
  const id = gateId(scope, name);
  if (id === null) throw new Problem(422, 'invalid', scope === 'queue' ? 'name: a queue is group.lane, like default.low' : 'name: must be 1 to 51 of a-z, 0-9 and hyphens', { field: 'name' });
  return id;
}
