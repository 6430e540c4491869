import { describe, expect, it } from 'vitest';
import { AGEING, TaskQueue, type Shape, type Waiting } from '../../runtime/master/task-queue.ts';

const NOW = 1_000_000_000;
type Q = TaskQueue<null, Waiting>;
const add = (q: Q, seq: number, group = 'g', more: { priority?: number; at?: number; shape?: string } = {}): Shape<null, Waiting> =>
  q.add({ token: `${group}-${seq}`, actor: `task/${group}-${seq}`, priority: more.priority ?? 5, seq, at: more.at ?? NOW }, more.shape ?? 'usual', group, () => null);
/** Takes all in the order in which they come. */
const drain = (q: Q, blocked = new Set<Shape<null, Waiting>>(), most = 1_000_000, now = NOW): string[] => {
  const out: string[] = [];
  for (let next = q.next(now, blocked); next && out.length < most; next = q.next(now, blocked)) {
    q.remove(next.job.token);
    out.push(next.job.token);
  }
  return out;
};

describe('the order of what waits', () => {
  it('is by number inside a lane, whatever came first', () => {
    const q: Q = new TaskQueue();
    for (const seq of [5, 1, 9, 3, 7]) add(q, seq);
    expect(drain(q)).toEqual(['g-1', 'g-3', 'g-5', 'g-7', 'g-9']);
    expect(q.size).toBe(0);
  });
  it('is by priority, and by age: nothing starves under what is more urgent', () => {
    const q: Q = new TaskQueue();
    add(q, 1, 'g', { priority: 1, at: NOW - 9 * AGEING - 1 });
    add(q, 2, 'g', { priority: 1 });
    add(q, 3, 'g', { priority: 10 });
    add(q, 4, 'g', { priority: 5 });
    add(q, 5, 'g', { priority: 8, at: NOW - AGEING });
    expect(drain(q)).toEqual(['g-1', 'g-3', 'g-5', 'g-4', 'g-2']);
    // A flood of high ones that never ends: the low one comes up after nine steps of age.
    add(q, 6, 'g', { priority: 1 });
    let at = NOW;
    for (let seq = 100; ; seq++, at += 1_000) {
      add(q, seq, 'g', { priority: 10, at });
      const next = q.next(at, new Set())!;
      q.remove(next.job.token);
      if (next.job.seq === 6) break;
      expect(at - NOW).toBeLessThan(10 * AGEING);
    }
    expect(at - NOW).toBeGreaterThan(8 * AGEING);
  });
  it('gives each group its turn: a flood in one holds up no other', () => {
    const q: Q = new TaskQueue();
    for (let i = 0; i < 10_000; i++) add(q, i, 'flood', { priority: 10 });
    for (let i = 0; i < 3; i++) add(q, 20_000 + i, 'few', { priority: 1 });
    for (let i = 0; i < 2; i++) add(q, 30_000 + i, 'others');
    const first = drain(q, new Set(), 10).map((t) => t.split('-')[0]);
    expect(first).toEqual(['flood', 'few', 'others', 'flood', 'few', 'others', 'flood', 'few', 'flood', 'flood']);
    // A group that comes later has its turn at once.
    add(q, 40_000, 'late');
    expect(drain(q, new Set(), 2)).toContain('late-40000');
  });
  it('leaves out what can not go, and goes on with the rest of its group', () => {
    const q: Q = new TaskQueue();
    const gpu = add(q, 1, 'g', { shape: 'gpu', priority: 10 });
    add(q, 2);
    add(q, 3);
    expect(drain(q, new Set([gpu]))).toEqual(['g-2', 'g-3']);
    expect(drain(q)).toEqual(['g-1']);
  });
  it('forgets what was cancelled, wherever it stands', () => {
    const q: Q = new TaskQueue();
    for (let i = 0; i < 100; i++) add(q, i);
    for (let i = 0; i < 100; i += 2) expect(q.remove(`g-${i}`)).not.toBeNull();
    expect(q.remove('g-0')).toBeNull();
    expect(q.size).toBe(50);
    expect(drain(q)).toEqual(Array.from({ length: 50 }, (_, i) => `g-${2 * i + 1}`));
  });
  it('keeps groups that empty and fill again in the round', () => {
    const q: Q = new TaskQueue();
    for (let round = 0; round < 5; round++) {
      add(q, 10 * round, 'a');
      add(q, 10 * round + 1, 'b');
      expect(drain(q).map((t) => t.split('-')[0]).sort()).toEqual(['a', 'b']);
    }
  });
  it('20,000 are added and taken in a second at the most', () => {
    const q: Q = new TaskQueue();
    const began = performance.now();
    for (let i = 0; i < 20_000; i++) add(q, (i * 7919) % 20_000, `g${i % 3}`, { priority: 1 + (i % 10), shape: `s${i % 5}` });
    expect(drain(q)).toHaveLength(20_000);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
