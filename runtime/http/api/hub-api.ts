import { z } from 'zod';
import { agentCounts } from '../../read-model/queries/agents.ts';
import { hubSeries, hubTotals } from '../../read-model/queries/hub.ts';
import { taskCounts } from '../../read-model/queries/tasks.ts';
import { workerSummary } from '../../read-model/queries/workers.ts';
import type { Route } from '../routes.ts';
import { readQuery } from './query.ts';
import { answer, mount } from './respond.ts';

const TAG = 'tasks';
const period = z.object({ period: z.enum(['1h', '24h', '30d']).default('1h') });

/** Work as numbers: totals and curves. */
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
];
