import { forgetItems } from './forget-items.ts';
import { keepDays, type KeepDays } from './keep-days.ts';
import type { Db } from './store.ts';

const DAY_S = 86_400;
const OVER = "('success', 'failed', 'expired', 'cancelled')";

/** What the view forgets of itself; the streams keep it longer. A login that is still under way stays, however old. */
const RULES = [
  { table: 'notifications', keep: 'notificationDays', old: 'created_at < ?', since: 'created_at' },
  { table: 'worker_logs', keep: 'logDays', old: 'timestamp < ?', since: 'timestamp' },
  { table: 'rule_log', keep: 'ruleLogDays', old: 'at_ms / 1000 < ?', since: 'at_ms / 1000' },
  { table: 'login_sessions', keep: 'sessionDays', old: `created_at < ? AND status IN ${OVER}`, since: 'created_at' },
] as const;
/** Seconds that each step of the time series is kept. */
const STEPS = { '10s': 3_600, '1m': DAY_S, '10m': 30 * DAY_S } as const;

/** Tasks that ended go with all that is known of them, so many in one transaction; items likewise. */
const AT_ONCE = 2_000;
const OF_TASKS = ['task_attempts WHERE task_id', 'task_logs WHERE task_id', "actors WHERE kind = 'task' AND id", "turns WHERE kind = 'task' AND id", 'tasks WHERE id'];
/** A purge is remembered for as long as the stream that says it. */
const PURGES_MS = 8 * DAY_S * 1000;

/** Deletes what is too old, a table in one transaction; answers how many rows of each went. `now` is epoch milliseconds. */
export function forgetOld(db: Db, now: number, keep: KeepDays = keepDays.parse({})): Record<string, number> {
  return { ...forgetRows(db, now, keep), tasks: forgetTasks(db, now - keep.taskDays * DAY_S * 1000), items: forgetTalk(db, now, keep), tasks_purged: db.prepare('DELETE FROM tasks_purged WHERE at_ms < ?').run(now - PURGES_MS).changes };
}

/** What `forgetOld` would delete now: how many rows, and from when the oldest is, epoch milliseconds. Changes nothing. */
export function countOld(db: Db, now: number, keep: KeepDays): Record<string, { rows: number; oldestMs: number | null }> {
  const count = (sql: string, ...args: unknown[]) => {
    const { n, oldest } = db.prepare(sql).get(...args) as { n: number; oldest: number | null };
    return { rows: n, oldestMs: oldest === null ? null : Math.round(oldest * 1000) };
  };
  const rows = Object.fromEntries(RULES.map(({ table, keep: of, old, since }) => [table, count(`SELECT COUNT(*) n, MIN(${since}) oldest FROM ${table} WHERE ${old}`, before(now, keep[of]))]));
  const items = keep.talkDays === null ? { rows: 0, oldestMs: null } : count('SELECT COUNT(*) n, MIN(detected_at) oldest FROM (SELECT detected_at FROM comments WHERE detected_at < @before UNION ALL SELECT detected_at FROM direct_messages WHERE detected_at < @before)', { before: before(now, keep.talkDays) });
  return { ...rows, tasks: count('SELECT COUNT(*) n, MIN(finished_ms) / 1000.0 oldest FROM tasks WHERE finished_ms < ?', now - keep.taskDays * DAY_S * 1000), items };
}

const before = (now: number, days: number): number => Math.floor(now / 1000) - days * DAY_S;

function forgetTasks(db: Db, at: number): number {
  const old = db.prepare('SELECT id FROM tasks WHERE finished_ms < ? ORDER BY finished_ms LIMIT ?').pluck();
  const drops = OF_TASKS.map((rule) => db.prepare(`DELETE FROM ${rule} IN (SELECT value FROM json_each(?))`));
  for (let gone = 0; ; ) {
    const ids = old.all(at, AT_ONCE) as string[];
    if (ids.length === 0) return gone;
    gone += ids.length;
    db.transaction(() => drops.forEach((d) => d.run(JSON.stringify(ids))))();
  }
}

function forgetTalk(db: Db, now: number, { talkDays }: KeepDays): number {
  if (talkDays === null) return 0;
  const old = (table: string) => db.prepare(`SELECT id FROM ${table} WHERE detected_at < ? LIMIT ${AT_ONCE}`).pluck().all(before(now, talkDays)) as number[];
  for (let gone = 0; ; ) {
    const items = { comments: old('comments'), messages: old('direct_messages') };
    if (items.comments.length + items.messages.length === 0) return gone;
    gone += db.transaction(() => forgetItems(db, items))();
  }
}

function forgetRows(db: Db, now: number, keep: KeepDays): Record<string, number> {
  return db.transaction(() => {
    let metrics = 0;
    for (const [step, seconds] of Object.entries(STEPS)) for (const table of ['metrics', 'task_counts', 'task_waits']) metrics += db.prepare(`DELETE FROM ${table} WHERE step = ? AND at < ?`).run(step, Math.floor(now / 1000) - seconds).changes;
    const rows = Object.fromEntries(RULES.map(({ table, keep: of, old }) => [table, db.prepare(`DELETE FROM ${table} WHERE ${old}`).run(before(now, keep[of])).changes]));
    return { ...rows, metrics };
  })();
}
