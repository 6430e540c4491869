import type { Db } from './store.ts';

const DAY_S = 86_400;
const OVER = "('success', 'failed', 'expired', 'cancelled')";

/** How long the view shows what is over; the streams keep it longer. A login that is still under way stays, however old. */
const RULES = [
  { table: 'notifications', days: 30, old: 'created_at < ?' },
  { table: 'worker_logs', days: 14, old: 'timestamp < ?' },
  { table: 'rule_log', days: 30, old: 'at_ms / 1000 < ?' },
  { table: 'login_sessions', days: 7, old: `created_at < ? AND status IN ${OVER}` },
] as const;
/** Seconds that each step of the time series is kept. */
const STEPS = { '10s': 3_600, '1m': DAY_S, '10m': 30 * DAY_S } as const;

/** Tasks that ended go with all that is known of them, so many in one transaction. */
const TASKS_AT_ONCE = 2_000;
const OF_TASKS = ['task_attempts WHERE task_id', 'task_logs WHERE task_id', "actors WHERE kind = 'task' AND id", "turns WHERE kind = 'task' AND id", 'tasks WHERE id'];
/** A purge is remembered for as long as the stream that says it. */
const PURGES_MS = 8 * DAY_S * 1000;

/** Deletes what is too old, a table in one transaction; answers how many rows of each went. `now` is epoch milliseconds, `taskDays` how long tasks that have ended are shown. */
export function forgetOld(db: Db, now: number, taskDays = 7): Record<string, number> {
  return { ...forgetRows(db, now), tasks: forgetTasks(db, now - taskDays * DAY_S * 1000), tasks_purged: db.prepare('DELETE FROM tasks_purged WHERE at_ms < ?').run(now - PURGES_MS).changes };
}

function forgetTasks(db: Db, before: number): number {
  const old = db.prepare('SELECT id FROM tasks WHERE finished_ms < ? ORDER BY finished_ms LIMIT ?').pluck();
  const drops = OF_TASKS.map((rule) => db.prepare(`DELETE FROM ${rule} IN (SELECT value FROM json_each(?))`));
  for (let gone = 0; ; ) {
    const ids = old.all(before, TASKS_AT_ONCE) as string[];
    if (ids.length === 0) return gone;
    gone += ids.length;
    db.transaction(() => drops.forEach((d) => d.run(JSON.stringify(ids))))();
  }
}

function forgetRows(db: Db, now: number): Record<string, number> {
  return db.transaction(() => {
    let metrics = 0;
    for (const [step, seconds] of Object.entries(STEPS)) metrics += db.prepare('DELETE FROM metrics WHERE step = ? AND at < ?').run(step, Math.floor(now / 1000) - seconds).changes;
    const rows = Object.fromEntries(RULES.map(({ table, days, old }) => [table, db.prepare(`DELETE FROM ${table} WHERE ${old}`).run(Math.floor(now / 1000) - days * DAY_S).changes]));
    return { ...rows, metrics };
  })();
}
