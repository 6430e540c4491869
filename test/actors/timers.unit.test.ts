import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Timers } from '../../actors/timers.ts';

describe('timers', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  const run = () => {
    const fired: string[] = [];
    return { fired, timers: new Timers(Date.now, (_, token) => fired.push(`${token}@${Date.now()}`)) };
  };

  it('fire at their deadline, in order, once', () => {
    const { fired, timers } = run();
    for (const due of [50, 10, 30, 10, 70]) timers.arm('a/a', `t${due}-${fired.length}${timers.size}`, due);
    vi.advanceTimersByTime(100);
    expect(fired.map((f) => f.split('@')[1])).toEqual(['10', '10', '30', '50', '70']);
    vi.advanceTimersByTime(1000);
    expect(fired).toHaveLength(5);
  });

  it('do not fire when they were disarmed or their actor went elsewhere', () => {
    const { fired, timers } = run();
    timers.arm('a/a', 'one', 10);
    timers.arm('a/b', 'two', 20);
    timers.arm('a/c', 'three', 30);
    timers.disarm('one');
    timers.drop((actor) => actor === 'a/b');
    vi.advanceTimersByTime(100);
    expect(fired).toEqual(['three@30']);
  });

  it('that are overdue fire at once', () => {
    vi.setSystemTime(1000);
    const { fired, timers } = run();
    timers.arm('a/a', 'late', 5);
    vi.advanceTimersByTime(1);
    expect(fired).toHaveLength(1);
  });

  it('of 60 days are chained beyond the 2^31 ms of a timeout', () => {
    const { fired, timers } = run();
    const due = 60 * 24 * 3600 * 1000;
    timers.arm('a/a', 'far', due);
    vi.advanceTimersByTime(due - 1);
    expect(fired).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(fired).toEqual([`far@${due}`]);
  });

  it('armed again with the same deadline stay one', () => {
    const { fired, timers } = run();
    timers.arm('a/a', 'x', 10);
    timers.arm('a/a', 'x', 10);
    vi.advanceTimersByTime(20);
    expect(fired).toEqual(['x@10']);
  });
});
