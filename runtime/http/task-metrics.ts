import { Counter, Histogram, type Registry } from 'prom-client';
import { taskCounts } from '../read-model/queries/tasks.ts';
import { GIVEN_OUT } from '../read-model/queries/given-out.ts';
import { all, type Db } from '../read-model/queries/read-model.ts';

/** Rows of the view may be this much behind their own times. */
const LATE_MS = 30_000;
const ENDED = ['completed', 'failed', 'timed_out', 'cancelled'];
type Row = { id: string; at: number };

/** Each row once, as it comes in by its time; those before this process began are not counted. */
function follow<R extends Row>(db: Db, sql: string, began: number): () => R[] {
  const seen = new Map<string, number>();
  let newest = began;
  return () => {
    const rows = all<R>(db, sql, { since: Math.max(began, newest - LATE_MS) }).filter((r) => !seen.has(`${r.id} ${r.at}`));
    for (const r of rows) {
      seen.set(`${r.id} ${r.at}`, r.at);
      newest = Math.max(newest, r.at);
    }
    for (const [key, at] of seen) if (at < newest - 2 * LATE_MS) seen.delete(key);
    return rows;
  };
}

/** Counters and histograms of tasks, by the seed's names and by our own. They start at nothing with this process, as counters do. */
export function taskMetrics(db: Db, registers: Registry[], now: () => number): void {
  const began = now();
  const ended = follow<Row & { status: string; type: string; ms: number | null; attempt: number }>(db, `SELECT id, finished_ms AS at, status, type, finished_ms - started_ms AS ms, attempt FROM tasks WHERE finished_ms > $since`, began);
  const given = follow<Row & { ms: number }>(db, `SELECT id, assigned_ms AS at, assigned_ms - created_ms AS ms FROM tasks WHERE assigned_ms > $since AND ${GIVEN_OUT}`, began);

  // The first of its kind that is read: it takes in what has come, for all of them.
  const take = new Counter({
    name: 'troupe_tasks_finished_total', help: 'Tasks that have ended, by how', labelNames: ['outcome'], registers,
    collect() {
      for (const r of ended()) {
        take.inc({ outcome: r.status });
        seeds.inc({ status: r.status });
        if (r.attempt > 1) retries.inc(r.attempt - 1);
        if (r.ms === null || r.ms < 0) continue;
        seedDuration.observe(r.ms / 1000);
        duration.observe({ type: r.type, outcome: r.status }, r.ms / 1000);
      }
      for (const r of given()) dispatch.observe(Math.max(0, r.ms) / 1000);
    },
  });
  const seedDuration = new Histogram({ name: 'tasks_duration_seconds', help: 'Time from start to end of a task (use troupe_task_duration_seconds)', buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800], registers });
  const duration = new Histogram({ name: 'troupe_task_duration_seconds', help: 'Time from start to end of a task, by type and how it ended', labelNames: ['type', 'outcome'], buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800], registers });
  const dispatch = new Histogram({ name: 'troupe_task_dispatch_duration_seconds', help: 'Time from the making of a task until it is given to a worker', buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 120], registers });
  const retries = new Counter({ name: 'troupe_task_retries_total', help: 'Attempts beyond the first of tasks that have ended', registers });
  const seeds = new Counter({ name: 'tasks_total', help: 'Tasks that have ended (use troupe_tasks_finished_total)', labelNames: ['status'], registers });
  // A rate needs the zero before the first.
  for (const outcome of ENDED) {
    take.inc({ outcome }, 0);
    seeds.inc({ status: outcome }, 0);
  }
}

/** What waits: by the seed's word, not yet given to a worker. */
export function pendingTasks(db: Db): number {
  const { byStatus } = taskCounts(db);
  return (byStatus['pending'] ?? 0) + (byStatus['retrying'] ?? 0);
}
