import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Depends } from '../../runtime/master/depends.ts';
import type { Answers } from '../../runtime/master/effects.ts';
import { SCHEMA } from '../../runtime/read-model/schema.ts';

let db: Database.Database;
let depends: Depends;
let ends: string[];

const answers: Answers = { done: (job) => void ends.push(`${job.actor} goes on`), failed: (job, error) => void ends.push(`${job.actor}: ${error.message}`), say: () => {} };
const is = (id: string, seq: number, status: string) => {
  db.prepare("INSERT OR REPLACE INTO tasks (id, seq, title, description, type, priority, lane, group_name, payload, requirements, timeout_ms, shape, status, max_attempts, created_by, created_ms, updated_ms) VALUES (?, ?, 't', '', 'test', 5, 'normal', 'default', '{}', '{}', 1, '', ?, 1, 'x', 0, 0)").run(id, seq, status);
  depends.changed([`task/${id}`]);
};
const wait = (id: string, ...after: string[]) => depends.take({ token: `task/${id}/1/0`, actor: `task/${id}`, input: { task: id, after } }, answers);

beforeEach(() => {
  vi.useFakeTimers();
  db = new Database(':memory:');
  db.exec(SCHEMA);
  ends = [];
  depends = new Depends(db);
});
afterEach(() => {
  depends.stop();
  db.close();
  vi.useRealTimers();
});

it('waits until all before it have completed', () => {
  is('a', 1, 'completed');
  is('b', 2, 'running');
  wait('c', 'a', 'b');
  expect(ends).toEqual([]);
  is('b', 2, 'completed');
  expect(ends).toEqual(['task/c goes on']);
  is('b', 2, 'completed');
  expect(ends).toHaveLength(1);
});

it.each([['failed', 'failed'], ['cancelled', 'was cancelled'], ['timed_out', 'timed out']])('ends when one before it is %s, and says which', (status, words) => {
  is('a', 7, 'running');
  wait('b', 'a');
  is('a', 7, status);
  expect(ends).toEqual([`task/b: task 7, after which it was to run, ${words}`]);
});

it('waits for one that the view does not show yet, and not for ever for one that it has forgotten', async () => {
  wait('b', 'new');
  is('new', 3, 'running');
  await vi.advanceTimersByTimeAsync(30_000);
  expect(ends).toEqual([]);
  is('new', 3, 'completed');
  expect(ends).toEqual(['task/b goes on']);
  wait('c', 'forgotten');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(ends).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(16_000);
  expect(ends.at(-1)).toBe('task/c goes on');
});

it('hears nothing more of one that was called off', () => {
  is('a', 1, 'running');
  wait('b', 'a');
  depends.drop('task/b/1/0');
  is('a', 1, 'completed');
  expect(ends).toEqual([]);
});
