import { waitBound } from '../project-task-curves.ts';
import { GIVEN_OUT } from './given-out.ts';
import { all, count, one, type Db } from './read-model.ts';

export type HubPeriod = '1h' | '24h' | '30d';
export type Point = { timestamp: number; value: number };
/** `timestamp` and `every`, from one point to the next, in seconds. Throughput: tasks finished a minute; waiting: tasks made a minute; dispatch: median in ms; error_rate in %; cpu_usage in % of one core and memory_usage in MB, of all workers together. */
export type HubSeries = { period: HubPeriod; step: '10s' | '1m' | '10m'; every: number; series: Record<'throughput' | 'dispatch' | 'error_rate' | 'waiting' | 'cpu_usage' | 'memory_usage', Point[]> };

const STEPS: Record<HubPeriod, { step: '10s' | '1m' | '10m'; seconds: number; bucket: number }> = {
  // Counted by the minute at least: ten seconds of few tasks say nothing.
  '1h': { step: '1m', seconds: 3600, bucket: 60 },
  '24h': { step: '10m', seconds: 86_400, bucket: 600 },
  '30d': { step: '10m', seconds: 30 * 86_400, bucket: 21_600 },
};

/** Curves of all work, and of what workers said of themselves. */
export function hubSeries(db: Db, period: HubPeriod, now: number): HubSeries {
  const { step, seconds, bucket } = STEPS[period];
  const ask = { step, bucket, since: Math.floor(now / 1000) - seconds };
  // Numbers are bound as real ones: without the cast each row would have a time of its own.
  const at = 'at / CAST($bucket AS INTEGER)';
  const counts = all<Counted>(db, `SELECT ${at} AS at, SUM(made) made, SUM(done) done, SUM(failed) failed FROM task_counts WHERE step = $step AND at > $since GROUP BY 1 ORDER BY 1`, ask);
  const waits = all<Wait>(db, `SELECT ${at} AS at, class, SUM(n) n FROM task_waits WHERE step = $step AND at > $since GROUP BY 1, 2 ORDER BY 1, 2`, ask);
  const used = all<{ at: number; cpu: number; memory: number }>(db, `SELECT ${at} AS at, SUM(cpu) / COUNT(DISTINCT at) cpu, SUM(memory_mb) / COUNT(DISTINCT at) memory FROM metrics WHERE step = $step AND at > $since GROUP BY 1 ORDER BY 1`, ask);
  const point = (begin: number, value: number): Point => ({ timestamp: begin * bucket, value });
  const rates = (of: (c: Counted) => number) => everyStep(counts, bucket, now / 1000).map(({ at: begin, row, seconds: passed }) => point(begin, (row ? of(row) : 0) / (passed / 60)));
  return {
    period, step, every: bucket,
    series: {
      throughput: rates((c) => c.done + c.failed),
      error_rate: counts.filter((c) => c.done + c.failed > 0).map((c) => point(c.at, (100 * c.failed) / (c.done + c.failed))),
      waiting: rates((c) => c.made),
      dispatch: medians(waits).map((m) => point(m.at, m.wait)),
      cpu_usage: used.map((u) => point(u.at, u.cpu)),
      memory_usage: used.map((u) => point(u.at, u.memory)),
    },
  };
}

type Counted = { at: number; made: number; done: number; failed: number };

/** Every step from the first on that has anything, with what has passed of it; the one under way from its second quarter on. */
function everyStep(rows: Counted[], bucket: number, now: number): { at: number; row: Counted | undefined; seconds: number }[] {
  const of = new Map(rows.map((r) => [r.at, r]));
  const steps = [];
  for (let at = rows[0]?.at ?? Infinity; at * bucket < now; at++) {
    const seconds = Math.min(bucket, now - at * bucket);
    if (seconds >= bucket / 4) steps.push({ at, row: of.get(at), seconds });
  }
  return steps;
}

type Wait = { at: number; class: number; n: number };

/** Rows come sorted by time and then by class. */
function medians(rows: Wait[]): { at: number; wait: number }[] {
  const groups = new Map<number, Wait[]>();
  for (const r of rows) {
    const known = groups.get(r.at);
    if (known) known.push(r);
    else groups.set(r.at, [r]);
  }
  return [...groups].map(([at, waits]) => {
    let left = waits.reduce((n, w) => n + w.n, 0) / 2;
    return { at, wait: waitBound(waits.find((w) => (left -= w.n) <= 0)!.class) };
  });
}

export type HubTotals = { completedToday: number; failedToday: number; perMinute: number; dispatch: { p50: number | null; p99: number | null } };

/** Of the last day, the last minute, and the last thousand dispatches of the last hour. */
export function hubTotals(db: Db, now: number): HubTotals {
  const ended = one<{ done: number | null; failed: number | null }>(db, `SELECT SUM(done) done, SUM(failed) failed FROM task_counts WHERE step = '1m' AND at > $since`, { since: Math.floor(now / 1000) - 86_400 });
  const waits = all<{ wait: number }>(db, `SELECT assigned_ms - created_ms AS wait FROM tasks WHERE assigned_ms > $since AND ${GIVEN_OUT} ORDER BY assigned_ms DESC LIMIT 1000`, { since: now - 3_600_000 }).map((r) => r.wait).sort((a, b) => a - b);
  const at = (q: number): number | null => waits[Math.min(waits.length - 1, Math.floor(waits.length * q))] ?? null;
  return { completedToday: ended?.done ?? 0, failedToday: ended?.failed ?? 0, perMinute: count(db, `SELECT COUNT(*) n FROM tasks INDEXED BY idx_tasks_finished WHERE finished_ms > $since AND status = 'completed'`, { since: now - 60_000 }), dispatch: { p50: at(0.5), p99: at(0.99) } };
}

export type Failure = { id: string; seq: number; title: string; error: string | null; atMs: number; alike: number };

const LOOKED_AT = 200;

/** What failed last. The same of the same title is one line, with how many of the last 200 it stands for. */
export function lastFailures(db: Db, limit: number): Failure[] {
  const lines = new Map<string, Failure>();
  for (const one of all<Omit<Failure, 'alike'>>(db, `SELECT id, seq, title, error_message AS error, finished_ms AS atMs FROM tasks INDEXED BY idx_tasks_failed WHERE status IN ('failed', 'timed_out') ORDER BY finished_ms DESC LIMIT ${LOOKED_AT}`)) {
    const key = JSON.stringify([one.title, one.error]);
    const line = lines.get(key);
    if (line) line.alike++;
    else lines.set(key, { ...one, alike: 1 });
  }
  return [...lines.values()].slice(0, limit);
}
