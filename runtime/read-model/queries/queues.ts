import { all, type Db } from './read-model.ts';

/** One queue is a lane of a group. Times are epoch milliseconds; `why` counts what its tasks wait for. */
export type QueueLane = { group: string; lane: string; depth: number; running: number; oldestMs: number | null; doneLastMinute: number; failedLastMinute: number; paused: boolean };
export type PauseRow = { scope: string; name: string; by: string; reason: string; sinceMs: number };

const ORDER = ['high', 'normal', 'low'];

/** Every queue with something in it, or that finished something in the last minute; groups by name, lanes high to low. */
export function queueLanes(db: Db, now: number): QueueLane[] {
  const open = all<{ g: string; lane: string; depth: number; running: number; oldest: number | null }>(db, `SELECT group_name g, lane, SUM(status IN ('pending', 'retrying', 'waiting')) depth, SUM(status IN ('assigned', 'running')) running, MIN(CASE WHEN status IN ('pending', 'retrying') THEN created_ms END) oldest FROM tasks WHERE finished_ms IS NULL GROUP BY 1, 2`);
  const done = all<{ g: string; lane: string; done: number; failed: number }>(db, `SELECT group_name g, lane, SUM(status = 'completed') done, SUM(status IN ('failed', 'timed_out')) failed FROM tasks WHERE finished_ms >= $since GROUP BY 1, 2`, { since: now - 60_000 });
  const lanes = new Map<string, QueueLane>();
  const laneOf = (group: string, lane: string): QueueLane => {
    const key = `${group}\n${lane}`;
    const known = lanes.get(key) ?? { group, lane, depth: 0, running: 0, oldestMs: null, doneLastMinute: 0, failedLastMinute: 0, paused: false };
    lanes.set(key, known);
    return known;
  };
  for (const r of open) Object.assign(laneOf(r.g, r.lane), { depth: r.depth, running: r.running, oldestMs: r.oldest });
  for (const r of done) Object.assign(laneOf(r.g, r.lane), { doneLastMinute: r.done, failedLastMinute: r.failed });
  const pauses = listPauses(db);
  const held = (scope: string, name: string) => pauses.some((p) => p.scope === scope && p.name === name);
  for (const q of lanes.values()) q.paused = pauses.some((p) => p.scope === 'fleet') || held('group', q.group) || held('queue', `${q.group}.${q.lane}`);
  return [...lanes.values()].sort((a, b) => a.group.localeCompare(b.group) || ORDER.indexOf(a.lane) - ORDER.indexOf(b.lane));
}

/** What the tasks of each group wait for, the most frequent first. */
export const whyWaiting = (db: Db): { group: string; why: string; n: number }[] =>
  all(db, `SELECT group_name "group", why, COUNT(*) n FROM tasks WHERE finished_ms IS NULL AND why IS NOT NULL AND status IN ('pending', 'waiting') GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 200`);

/** Oldest first. */
export const listPauses = (db: Db): PauseRow[] => all<Record<string, any>>(db, 'SELECT * FROM pauses ORDER BY since_ms').map((r) => ({ scope: r['scope'], name: r['name'], by: r['by'], reason: r['reason'], sinceMs: r['since_ms'] }));
