import { hubPage } from '../../../views/hub.ts';
import { agentCounts } from '../../read-model/queries/agents.ts';
import { hubTotals, lastFailures } from '../../read-model/queries/hub.ts';
import { listPauses, whyWaiting } from '../../read-model/queries/queues.ts';
import { taskCounts } from '../../read-model/queries/tasks.ts';
import { workerSummary } from '../../read-model/queries/workers.ts';
import { openAlerts } from '../../read-model/queries/alerts.ts';
import { context, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';

/** All work in one look. */
export const hubPages = (): Route[] => [
  page('get', '/agent-hub', 'read', (call) => call.c.redirect('/hub', 303)),
  page('get', '/hub', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const now = call.d.now();
    const workers = workerSummary(db);
    const agents = agentCounts(db);
    const tasks = taskCounts(db);
    const totals = hubTotals(db, now);
    return showPage(call, x, {
      title: x.t('nav.hub'), plots: true, topics: ['task', 'agent', 'worker', 'alert', 'gate', 'heartbeat', 'inbox', 'reply', 'notification'],
      main: hubPage(x, {
        workers: { running: workers.byStatus['running'] ?? 0, all: workers.configs }, agents: { live: (agents['idle'] ?? 0) + (agents['busy'] ?? 0), busy: agents['busy'] ?? 0 }, dispatch: totals.dispatch,
        tasks: { waiting: tasks.waiting, running: tasks.running, completedToday: totals.completedToday, failedToday: totals.failedToday, perMinute: totals.perMinute },
        alerts: openAlerts(db).slice(0, 8).map((a) => ({ id: a.id, name: a.name, status: a.status, sinceMs: a.sinceMs ?? a.updatedMs, text: a.text })), failures: lastFailures(db, 8), waiting: whyWaiting(db).slice(0, 8), paused: listPauses(db).length,
      }),
    });
  }),
];
