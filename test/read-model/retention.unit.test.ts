import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepDays, readKeepDays } from '../../runtime/read-model/keep-days.ts';
import { Projection } from '../../runtime/read-model/projection.ts';
import { countOld, forgetOld } from '../../runtime/read-model/retention.ts';
import { openForWriting, type Db } from '../../runtime/read-model/store.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2030, 0, 1);
let dir: string;
let db: Db;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-retention-'));
  ({ db } = openForWriting(join(dir, 'view.db')));
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const ago = (days: number) => Math.floor((NOW - days * DAY) / 1000);
const all = (table: string, column: string) => db.prepare(`SELECT ${column} FROM ${table} ORDER BY 1`).pluck().all();

it('keeps notifications 30 days, worker logs 14, what rules did 30, and logins that are over 7', () => {
  const note = db.prepare("INSERT INTO notifications (key, type, title, content, created_at, created_ms) VALUES (?, 'system', 't', 'c', ?, ?)");
  const line = db.prepare("INSERT INTO worker_logs (worker_id, level, category, message, timestamp, timestamp_ms) VALUES ('w', 'info', 'system', ?, ?, ?)");
  const login = db.prepare('INSERT INTO login_sessions (id, account_id, status, expires_at, created_at) VALUES (?, ?, ?, 0, ?)');
  for (const days of [0, 29.9, 30.1, 90]) note.run(`n${days}`, ago(days), ago(days) * 1000);
  for (const days of [0, 13.9, 14.1]) line.run(`l${days}`, ago(days), ago(days) * 1000);
  for (const [id, status, days] of [['new', 'success', 6.9], ['old', 'success', 7.1], ['dead', 'expired', 8], ['lasting', 'scanning', 8]] as const) login.run(id, 'a', status, ago(days));
  const did = db.prepare("INSERT INTO rule_log (rule_id, item, at_ms, account_id, type, target_id, conversation_id, person, peer_name, text, outcome) VALUES ('r', ?, ?, 'a', 'comment', 't', 'v', 'p', 'n', 'x', 'would')");
  for (const days of [29, 31]) did.run(`c${days}`, ago(days) * 1000);
  const metric = db.prepare('INSERT INTO metrics (step, worker_id, at, cpu, memory_mb, tasks, accounts, browsers) VALUES (?, ?, ?, 0, 0, 0, 0, 0)');
  for (const [step, days] of [['10s', 0.04], ['10s', 0.05], ['1m', 0.9], ['10m', 29]] as const) metric.run(step, 'w', ago(days));

  expect(forgetOld(db, NOW)).toEqual({ notifications: 2, worker_logs: 1, rule_log: 1, login_sessions: 2, metrics: 1, tasks: 0, items: 0, tasks_purged: 0 });
  expect(all('notifications', 'key')).toEqual(['n0', 'n29.9']);
  expect(all('worker_logs', 'message')).toEqual(['l0', 'l13.9']);
  expect(all('login_sessions', 'id')).toEqual(['lasting', 'new']);
  expect(forgetOld(db, NOW)).toEqual({ notifications: 0, worker_logs: 0, rule_log: 0, login_sessions: 0, metrics: 0, tasks: 0, items: 0, tasks_purged: 0 });
});

it('keeps tasks that have ended as long as is set, with their attempts, logs and turns; what runs stays', () => {
  const task = db.prepare("INSERT INTO tasks (id, seq, title, description, type, priority, lane, group_name, payload, requirements, timeout_ms, shape, status, max_attempts, created_by, created_ms, finished_ms, updated_ms) VALUES (?, ?, 't', '', 'shell', 5, 'normal', 'default', '{}', '{}', 1, 's', ?, 4, 'b', 0, ?, 0)");
  const rows = ['INSERT INTO task_attempts (task_id, n, attempt, started_ms) VALUES (?, 1, 1, 0)', "INSERT INTO task_logs (task_id, at_ms, level, text, attempt) VALUES (?, 0, 'info', 'x', 1)", "INSERT INTO turns (kind, id, idx, seq, at_ms, event, state) VALUES ('task', ?, 1, 1, 0, '~start', 'pending')", "INSERT INTO actors (kind, id, partition, version, idx, seq, at_ms, status, state, entry, busy, created_ms) VALUES ('task', ?, 0, 'task-v1', 1, 1, 0, 'done', 'completed', '{}', 0, 0)"].map((sql) => db.prepare(sql));
  for (const [id, days] of [['new', 2.9], ['old', 3.1], ['older', 8], ['runs', null]] as const) {
    task.run(id, days === null ? 9 : Math.round(days * 10), days === null ? 'running' : 'completed', days === null ? null : NOW - days * DAY);
    for (const r of rows) r.run(id);
  }
  db.prepare('INSERT INTO tasks_purged (task_id, at_ms) VALUES (?, ?), (?, ?)').run('p1', NOW - 9 * DAY, 'p2', NOW - 7 * DAY);
  expect(forgetOld(db, NOW, { ...keepDays.parse({}), taskDays: 3 })).toMatchObject({ tasks: 2, tasks_purged: 1 });
  for (const [table, column] of [['tasks', 'id'], ['task_attempts', 'task_id'], ['task_logs', 'task_id'], ['turns', 'id'], ['actors', 'id']] as const) expect(all(table, column), table).toEqual(['new', 'runs']);
});

it('counts beforehand exactly what goes, and changes nothing by counting', () => {
  const note = db.prepare("INSERT INTO notifications (key, type, title, content, created_at, created_ms) VALUES (?, 'system', 't', 'c', ?, ?)");
  for (const days of [1, 5, 9, 40]) note.run(`n${days}`, ago(days), ago(days) * 1000);
  const keep = { ...keepDays.parse({}), notificationDays: 4, talkDays: 4 };
  const view = new Projection(db, 16);
  [1, 5, 9].forEach((days, i) => view.apply({ stream: 'TROUPE_DATA', seq: i + 1, subject: 'troupe.data.a.comment', at: 0, data: Buffer.from(JSON.stringify({ at: NOW - days * DAY, items: [{ id: `c${days}`, text: `words of ${days}`, author: { id: 'u', name: 'Li' }, post: { id: `p${days}`, title: 'P' }, at: 1 }] })) }));
  const counted = countOld(db, NOW, keep);
  expect(counted).toMatchObject({ notifications: { rows: 3 + 2, oldestMs: ago(40) * 1000 }, items: { rows: 2, oldestMs: ago(9) * 1000 }, tasks: { rows: 0, oldestMs: null } });
  expect(db.prepare('SELECT COUNT(*) FROM comments').pluck().get()).toBe(3);
  const gone = forgetOld(db, NOW, keep);
  for (const [what, { rows }] of Object.entries(counted)) expect(gone[what], what).toBe(rows);
  expect(countOld(db, NOW, keep)).toMatchObject({ notifications: { rows: 0 }, items: { rows: 0 } });
  // What is left can be found, what is gone can not, also by two letters; its talk is gone with it.
  const find = (table: string, what: string) => db.prepare(`SELECT COUNT(*) FROM ${table} WHERE ${table} MATCH ?`).pluck().get(what);
  expect([find('inbox_fts', '"words of 1"'), find('inbox_fts', '"words of 5"'), all('conversations', 'post_id'), db.prepare('SELECT COUNT(*) FROM inbox_grams').pluck().get()]).toEqual([1, 0, ['p1'], 1]);
});

it('takes settings that can not be read for the usual ones', () => {
  expect(readKeepDays({ notificationDays: 3 })).toMatchObject({ notificationDays: 3, sessionDays: 7, talkDays: null });
  for (const bad of [{ notificationDays: 0 }, { sessionDays: 'x' }, 7, null]) expect(readKeepDays(bad)).toEqual(keepDays.parse({}));
});
