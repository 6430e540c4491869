import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kinds } from '../../actors/kinds.ts';
import { taskFields } from '../../actors/task.ts';
import { alertMetrics } from '../../runtime/master/alert-metrics.ts';
import type { Liveness } from '../../runtime/master/liveness.ts';
import { Projection } from '../../runtime/read-model/projection.ts';
import { countActors, listActors, unfinishedActors } from '../../runtime/read-model/queries/actors.ts';
import { hubSeries, hubTotals, lastFailures } from '../../runtime/read-model/queries/hub.ts';
import { queueLanes, whyWaiting } from '../../runtime/read-model/queries/queues.ts';
import { countTasks, listTasks, taskCounts, taskGroups } from '../../runtime/read-model/queries/tasks.ts';
import { forgetOld } from '../../runtime/read-model/retention.ts';
import { openForWriting, type Db } from '../../runtime/read-model/store.ts';
import { STREAM } from '../../transport/subjects.ts';
import { Story } from '../machines/story.ts';

const PLACE = { worker: 'w1', incarnation: 'i1', account: null, platform: null, epoch: null, proxy: null, agent: null };
const OUTCOME = { result: null, object: null, artefacts: [], agent: null, ms: 5 };
const HOUR = 3_600_000;
let dir: string;
let db: Db;
let view: Projection;
let seq = 0;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-work-'));
  ({ db } = openForWriting(join(dir, 'view.db')));
  view = new Projection(db, 16);
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

type Life = { at: number; waited?: number; lost?: boolean; end?: 'completed' | 'failed' | 'cancelled'; title?: string; after?: string[]; type?: string; group?: string };
const TIMES = ['createdAt', 'assignedAt', 'startedAt', 'finishedAt'];

/** A task made at a time; every turn is shown to the view as one of its own, or with `together` all as one batch. */
function task(id: string, { at, waited, lost, end, ...more }: Life, together = false): void {
  const s = new Story('task', kinds.get('task')!.commands['create']!.input!({ ...taskFields.parse({ title: `task ${id}`, type: 'scrape', retries: 0, ...more }), seq: seq + 1 }, { id, by: 'user:a' }));
  const show = (newest = true) => {
    const entry = structuredClone(s.entry) as any;
    entry.at += at - 1_000_000;
    for (const name of TIMES) if (entry.after.context[name] !== null) entry.after.context[name] += at - 1_000_000;
    view.apply({ stream: STREAM.journal, seq: ++seq, subject: `troupe.journal.task.${id}`, data: Buffer.from(JSON.stringify(entry)), at }, newest);
  };
  const step = (ms: number, what: () => void) => {
    show(!together);
    s.wait(ms);
    what();
  };
  if (waited !== undefined) step(waited, () => s.done('place', PLACE));
  if (lost) {
    step(1_000, () => s.fail('work', 'lost'));
    step(500, () => s.done('place', PLACE));
  }
  if (end === 'completed') step(1_000, () => s.done('work', OUTCOME));
  if (end === 'failed') step(1_000, () => s.fail('work', 'refused'));
  if (end === 'cancelled') step(1_000, () => s.send('CANCEL', { by: 'user:a' }));
  show();
}

describe('the curves of work', () => {
  const NOW = Date.UTC(2030, 0, 2, 12, 0, 30);
  const MINUTE = Date.UTC(2030, 0, 2, 11, 50);

  it.each([false, true])('gather by the minute and by ten, each task once (its turns in one batch: %s)', (together) => {
    for (let i = 0; i < 30; i++) task(`a${i}`, { at: MINUTE + i * 1_000, waited: 8, end: 'completed' }, together);
    for (let i = 0; i < 10; i++) task(`b${i}`, { at: MINUTE + 70_000 + i, waited: i < 4 ? 2 : 4_000, end: i < 5 ? 'failed' : 'completed' }, together);
    task('c', { at: MINUTE + 70_000, waited: 3, end: 'cancelled' }, together);
    task('d', { at: MINUTE + 71_000 }, together);
    // Of what waited for another task nothing is said.
    task('e', { at: MINUTE + 71_000, after: ['d'] }, together);
    task('f', { at: NOW - 20_000 }, together);
    const { step, series } = hubSeries(db, '1h', NOW);
    const s = MINUTE / 1000;
    expect(step).toBe('1m');
    const minutes = (...values: number[]) => values.map((value, i) => ({ timestamp: s + 60 * i, value }));
    // A minute without any is one of none; of the one under way half has passed.
    expect(series.waiting).toEqual(minutes(30, 13, 0, 0, 0, 0, 0, 0, 0, 0, 2));
    expect(series.throughput).toEqual(minutes(30, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    expect(series.error_rate).toEqual([{ timestamp: s, value: 0 }, { timestamp: s + 60, value: 50 }]);
    expect(series.dispatch).toEqual([{ timestamp: s, value: 8 }, { timestamp: s + 60, value: expect.closeTo(4_000, -3) }]);
    const { series: day, every } = hubSeries(db, '24h', NOW);
    expect(every).toBe(600);
    // The first seconds of a step tell nothing yet.
    expect(day.waiting).toEqual([{ timestamp: s, value: 4.3 }]);
    expect(day.throughput).toEqual([{ timestamp: s, value: 4 }]);
    expect(day.error_rate).toEqual([{ timestamp: s, value: 12.5 }]);
    expect(hubSeries(db, '30d', NOW).series.waiting).toEqual([{ timestamp: Date.UTC(2030, 0, 2, 6) / 1000, value: 43 / 360 }]);
    expect(hubTotals(db, NOW)).toMatchObject({ completedToday: 35, failedToday: 5, perMinute: 0, dispatch: { p50: 8, p99: 4_000 } });
    expect(lastFailures(db, 2).map((f) => f.id)).toEqual(['b4', 'b3']);
    expect(hubSeries(db, '1h', NOW + 2 * HOUR).series).toMatchObject({ waiting: [], throughput: [] });
  });

  it('what failed last is told once where it failed alike, with how often', () => {
    for (let i = 0; i < 5; i++) task(`a${i}`, { at: MINUTE + i, waited: 1, end: 'failed', title: 'Prices' });
    task('b', { at: MINUTE + 9, waited: 1, end: 'failed', title: 'Stock' });
    expect(lastFailures(db, 8).map(({ id, title, alike }) => ({ id, title, alike }))).toEqual([{ id: 'b', title: 'Stock', alike: 1 }, { id: 'a4', title: 'Prices', alike: 5 }]);
  });

  it.each([false, true])('a task that is given out twice waited once, as long as for the first (in one batch: %s)', (together) => {
    task('a', { at: MINUTE, waited: 8, lost: true }, together);
    expect(hubSeries(db, '1h', NOW).series.dispatch).toEqual([{ timestamp: MINUTE / 1000, value: 8 }]);
    expect(db.prepare('SELECT SUM(n) FROM task_waits').pluck().get()).toBe(2);
    expect(hubTotals(db, NOW).dispatch).toEqual({ p50: null, p99: null });
  });

  it('outlive the tasks that they are of, and end themselves: minutes after a day, tens of minutes after thirty', () => {
    task('a', { at: NOW - 8 * 24 * HOUR, waited: 8, end: 'completed' });
    task('b', { at: NOW - 31 * 24 * HOUR, waited: 8, end: 'completed' });
    forgetOld(db, NOW);
    expect(listTasks(db)).toEqual([]);
    expect(hubSeries(db, '30d', NOW).series.throughput.filter((p) => p.value > 0)).toHaveLength(1);
    expect(db.prepare("SELECT (SELECT COUNT(*) FROM task_counts) + (SELECT COUNT(*) FROM task_waits)").pluck().get()).toBe(2);
  });
});

describe('how many tasks there are of each state', () => {
  const same = () => {
    const counted = Object.fromEntries(db.prepare('SELECT status, COUNT(*) FROM tasks GROUP BY 1').raw().all() as [string, number][]);
    expect(taskCounts(db).byStatus).toEqual(counted);
    return counted;
  };
  it('is known without counting them: after every turn, a second life under one id, a purge, and when they grow old', () => {
    const at = Date.UTC(2030, 0, 1);
    task('a', { at, waited: 5, end: 'completed' });
    task('b', { at, waited: 5, end: 'failed' });
    task('c', { at, waited: 5 });
    task('d', { at });
    expect(same()).toEqual({ completed: 1, failed: 1, assigned: 1, pending: 1 });
    // The row of an id that begins anew takes the place of the one before.
    task('b', { at: at + 1_000 });
    expect(same()).toEqual({ completed: 1, assigned: 1, pending: 2 });
    view.apply({ stream: STREAM.tasklog, seq: 1, subject: 'troupe.tasklog.a.~purged', data: Buffer.from('{}'), at: at + 5_000 });
    expect(same()).toEqual({ assigned: 1, pending: 2 });
    task('f', { at, waited: 5, end: 'failed' });
    expect(taskCounts(db)).toMatchObject({ waiting: 2, running: 1, failed: 1 });
    db.prepare("UPDATE tasks SET replayed_by = 'g' WHERE id = 'f'").run();
    expect(taskCounts(db)).toMatchObject({ failed: 0 });
    forgetOld(db, at + 30 * 24 * HOUR);
    expect(same()).toEqual({ assigned: 1, pending: 2 });
  });
});

describe('no question reads all of what grows', () => {
  /** The plans of what is asked; each table as the statement names it. */
  function plans(ask: (db: Db) => unknown): string[] {
    const asked: string[] = [];
    const watched = new Proxy(db, { get: (of, name) => (name === 'prepare' ? (sql: string) => (asked.push(sql), of.prepare(sql)) : Reflect.get(of, name, of)) });
    void ask(watched);
    return asked.flatMap((sql) => {
      const explain = db.prepare(`EXPLAIN QUERY PLAN ${sql}`);
      const names = Object.fromEntries([...sql.matchAll(/\$(\w+)/g)].map(([, name]) => [name, 1]));
      const rows = (Object.keys(names).length > 0 ? explain.all(names) : explain.all(...Array.from(sql.matchAll(/\?/g), () => 1))) as { detail: string }[];
      return rows.map((r) => `${r.detail}    ${sql}`);
    });
  }
  /** In the order of an index it ends with its LIMIT; some indexes hold only the few that matter. */
  const readsAll = (plan: string) => /^SCAN (actors|tasks|turns)\b/.test(plan) && !/USING (COVERING )?INDEX (idx_actors_left|idx_actors_parked|idx_tasks_open) /.test(plan) && !/USING (COVERING )?INDEX .* LIMIT /.test(plan);
  const NOW = Date.UTC(2030, 0, 1);
  const metrics = (d: Db) => alertMetrics({ db: d, liveness: { beats: () => [] } as unknown as Liveness, dataDir: dir, now: () => NOW, storageRefused: () => false, machines: () => [] });
  it.each<[string, (d: Db) => unknown]>([
    ['what a partition was left with', (d) => unfinishedActors(d, 3)],
    ['alerts', (d) => Object.values(metrics(d)).map((read) => read())],
    ['the hub', (d) => [hubTotals(d, NOW), lastFailures(d, 8), taskCounts(d), taskGroups(d), hubSeries(d, '1h', NOW), hubSeries(d, '30d', NOW)]],
    ['queues', (d) => [queueLanes(d, NOW), whyWaiting(d)]],
    ['tasks by what they can be picked by', (d) => [{}, { status: 'completed' }, { status: 'open' }, { group: 'g' }, { lane: 'high' }, { type: 'shell' }, { worker: 'w' }, { agent: 'a' }, { ids: ['a'] }].map((ask) => [listTasks(d, ask), Object.keys(ask).length > 0 && countTasks(d, ask)])],
    ['actors', (d) => [listActors(d, { limit: 5 }), listActors(d, { kind: 'task', limit: 5 }), listActors(d, { parked: true, limit: 5 }), countActors(d, { parked: true })]],
  ])('%s', (_, ask) => {
    const found = plans(ask);
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter(readsAll)).toEqual([]);
  });
});
