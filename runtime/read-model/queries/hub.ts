import { all, count, one, type Db } from './read-model.ts';

export type HubPeriod = '1h' | '24h' | '30d';
export type Point = { timestamp: number; value: number };
/** `timestamp` in epoch seconds. Throughput: tasks finished a minute; dispatch: median in ms; error_rate in %; cpu_usage in % of one core and memory_usage in MB, of all workers together. */
export type HubSeries = { period: HubPeriod; step: '10s' | '1m' | '10m'; series: Record<'throughput' | 'dispatch' | 'error_rate' | 'waiting' | 'cpu_usage' | 'memory_usage', Point[]> };

const STEPS: Record<HubPeriod, { step: '10s' | '1m' | '10m'; seconds: number; bucket: number }> = {
  // Counted by the minute at least: ten seconds of few tasks say nothing.
  '1h': { step: '1m', seconds: 3600, bucket: 60 },
  '24h': { step: '10m', seconds: 86_400, bucket: 600 },
  '30d': { step: '10m', seconds: 30 * 86_400, bucket: 21_600 },
};

/** Curves of all work, from the rows of tasks and what workers said of themselves. */
export function hubSeries(db: Db, period: HubPeriod, now: number): HubSeries {
  const { seconds, bucket } = STEPS[period];
  const since = now - seconds * 1000;
  const ms = bucket * 1000;
  const ended = all<{ at: number; n: number; failed: number }>(db, `SELECT finished_ms / $ms AS at, COUNT(*) n, SUM(status IN ('failed', 'timed_out')) failed FROM tasks WHERE finished_ms > $since AND status <> 'cancelled' GROUP BY 1 ORDER BY 1`, { ms, since });
  const made = all<{ at: number; n: number }>(db, 'SELECT created_ms / $ms AS at, COUNT(*) n FROM tasks WHERE created_ms > $since GROUP BY 1 ORDER BY 1', { ms, since });
  const waits = all<{ at: number; wait: number }>(db, `SELECT assigned_ms / $ms AS at, assigned_ms - created_ms AS wait FROM tasks WHERE assigned_ms > $since AND after = '[]' AND attempt = 1 ORDER BY 1, 2`, { ms, since });
  const used = all<{ at: number; cpu: number; memory: number }>(db, `SELECT at / $bucket AS at, SUM(cpu) / COUNT(DISTINCT at) cpu, SUM(memory_mb) / COUNT(DISTINCT at) memory FROM metrics WHERE step = $step AND at > $sinceS GROUP BY 1 ORDER BY 1`, { bucket, step: period === '1h' ? '1m' : '10m', sinceS: Math.floor(since / 1000) });
  const point = (at: number, value: number): Point => ({ timestamp: at * bucket, value });
  return {
    period, step: period === '30d' ? '10m' : STEPS[period].step,
    series: {
      throughput: ended.map((e) => point(e.at, e.n / (bucket / 60))),
      error_rate: ended.map((e) => point(e.at, (100 * e.failed) / e.n)),
      waiting: made.map((m) => point(m.at, m.n)),
      dispatch: medians(waits).map((m) => point(m.at, m.wait)),
      cpu_usage: used.map((u) => point(u.at, u.cpu)),
      memory_usage: used.map((u) => point(u.at, u.memory)),
    },
  };
}

/** Rows come sorted by time and then by wait. */
function medians(rows: { at: number; wait: number }[]): { at: number; wait: number }[] {
  const groups = new Map<number, number[]>();
  for (const r of rows) {
    const known = groups.get(r.at);
    if (known) known.push(r.wait);
    else groups.set(r.at, [r.wait]);
  }
  return [...groups].map(([at, waits]) => ({ at, wait: waits[Math.floor(waits.length / 2)]! }));
}

export type HubTotals = { completedToday: number; failedToday: number; perMinute: number; dispatch: { p50: number | null; p99: number | null } };

/** Of the last day, the last minute, and the last thousand dispatches of the last hour. */
export function hubTotals(db: Db, now: number): HubTotals {
  const ended = one<{ done: number | null; failed: number | null }>(db, `SELECT SUM(status = 'completed') done, SUM(status IN ('failed', 'timed_out')) failed FROM tasks WHERE finished_ms > $since`, { since: now - 86_400_000 });
  const waits = all<{ wait: number }>(db, `SELECT assigned_ms - created_ms AS wait FROM tasks WHERE assigned_ms > $since AND after = '[]' AND attempt = 1 ORDER BY assigned_ms DESC LIMIT 1000`, { since: now - 3_600_000 }).map((r) => r.wait).sort((a, b) => a - b);
  const at = (q: number): number | null => waits[Math.min(waits.length - 1, Math.floor(waits.length * q))] ?? null;
  return { completedToday: ended?.done ?? 0, failedToday: ended?.failed ?? 0, perMinute: count(db, `SELECT COUNT(*) n FROM tasks WHERE finished_ms > $since AND status = 'completed'`, { since: now - 60_000 }), dispatch: { p50: at(0.5), p99: at(0.99) } };
}

export const lastFailures = (db: Db, limit: number): { id: string; seq: number; title: string; error: string | null; atMs: number }[] =>
  all(db, `SELECT id, seq, title, error_message AS error, finished_ms AS atMs FROM tasks WHERE status IN ('failed', 'timed_out') ORDER BY finished_ms DESC LIMIT $limit`, { limit });
