import type { Db } from './store.ts';

const DAY_S = 86_400;
const OVER = "('success', 'failed', 'expired', 'cancelled')";

/** How long the view shows what is over; the streams keep it longer. A login that is still under way stays, however old. */
const RULES = [
  { table: 'notifications', days: 30, old: 'created_at < ?' },
  { table: 'worker_logs', days: 14, old: 'timestamp < ?' },
  { table: 'login_sessions', days: 7, old: `created_at < ? AND status IN ${OVER}` },
] as const;
/** Seconds that each step of the time series is kept. */
const STEPS = { '10s': 3_600, '1m': DAY_S, '10m': 30 * DAY_S } as const;

/** Deletes what is too old, in one transaction; answers how many rows of each table went. `now` is epoch milliseconds. */
export function forgetOld(db: Db, now: number): Record<string, number> {
  return db.transaction(() => {
    let metrics = 0;
    for (const [step, seconds] of Object.entries(STEPS)) metrics += db.prepare('DELETE FROM metrics WHERE step = ? AND at < ?').run(step, Math.floor(now / 1000) - seconds).changes;
    const rows = Object.fromEntries(RULES.map(({ table, days, old }) => [table, db.prepare(`DELETE FROM ${table} WHERE ${old}`).run(Math.floor(now / 1000) - days * DAY_S).changes]));
    return { ...rows, metrics };
  })();
}
