import { describe, expect, it } from 'vitest';
import { scheduleConfig } from '../../actors/schedule.ts';
import { nextTime, nextTimes } from '../../runtime/master/next-time.ts';
import { Story } from './story.ts';

const daily = { title: 'Prices', when: { cron: '0 9 * * *', timezone: 'Asia/Shanghai' }, makes: { template: 'prices', params: {} } };
const schedule = (more: object = {}) => new Story('schedule', { id: 'x', by: 'user:a', config: scheduleConfig.parse({ ...daily, ...more }) });
const planned = (more: object = {}, inMs = 60_000) => {
  const s = schedule(more);
  s.done('nextTime', { at: s.now + inMs });
  return s;
};

describe('a schedule', () => {
  it('waits, makes its task, and plans again', () => {
    const s = planned();
    expect(s.state).toBe('waiting');
    s.wait(59_999);
    expect(s.state).toBe('waiting');
    s.wait(1);
    expect(s.state).toBe('firing');
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'fire', input: { schedule: 'x', count: 1, overlap: 'skip', last: null, by: 'user:a' } }]);
    s.done('fire', { task: 'x-1', skipped: null });
    expect(s.state).toBe('planning');
    s.done('nextTime', { at: s.now + 1000 });
    s.wait(1000);
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ input: { count: 2, last: 'x-1' } }]);
    s.done('fire', { task: null, skipped: 'task x-1 before it is not finished' });
    expect(s.context.fired).toMatchObject([{ task: null, skipped: 'task x-1 before it is not finished' }, { task: 'x-1' }]);
  });
  it('makes one for all that was missed, or none where it says so', () => {
    const one = planned();
    one.wakeLate(3_600_000);
    expect(one.state).toBe('firing');
    const none = planned({ missed: 'none' });
    none.wakeLate(3_600_000);
    expect(none.state).toBe('planning');
    expect(none.context.fired).toMatchObject([{ task: null, skipped: 'missed' }]);
    const little = planned({ missed: 'none' });
    little.wakeLate(5_000);
    expect(little.state).toBe('firing');
  });
  it('once ends, and says when its one time failed', () => {
    const s = planned({ when: { at: 5 } });
    s.wait(60_000);
    s.done('fire', { task: 'x-1', skipped: null });
    expect(s.state).toBe('ended');
    s.send('NOW');
    s.fail('fire', 'refused');
    expect(s.state).toBe('error');
    expect(s.context).toMatchObject({ error: 'it was refused', fired: [{ error: 'it was refused' }, { task: 'x-1' }] });
  });
  it('goes on after a task that could not be made', () => {
    const s = planned();
    s.wait(60_000);
    s.fail('fire', 'refused');
    expect(s.state).toBe('planning');
    expect(s.context.fired[0].error).toBe('it was refused');
  });
  it('a cron line that can\'t be read waits for a person, and a change mends it', () => {
    const s = schedule();
    s.fail('nextTime', 'refused');
    expect(s.state).toBe('error');
    s.send('UPDATE', { config: { when: { everyMs: 5000 } } });
    expect(s.state).toBe('planning');
    s.done('nextTime', { at: null });
    expect(s.state).toBe('ended');
  });
  it('pauses and makes one by hand without waking', () => {
    const s = planned();
    s.send('PAUSE');
    expect(s.context.nextAt).toBeNull();
    s.wait(600_000);
    expect(s.state).toBe('paused');
    s.send('NOW');
    s.done('fire', { task: 'x-1', skipped: null });
    expect(s.state).toBe('paused');
    s.send('RESUME');
    expect(s.state).toBe('planning');
    s.send('REMOVE');
    expect(s.state).toBe('removed');
  });
});

describe('the next time', () => {
  const at = Date.UTC(2026, 2, 1, 0, 0, 0);
  it.each([
    [{ cron: '0 9 * * *', timezone: 'Asia/Shanghai' }, Date.UTC(2026, 2, 1, 1)],
    [{ cron: '*/15 * * * *', timezone: 'UTC' }, Date.UTC(2026, 2, 1, 0, 15)],
    [{ cron: '0 0 30 2 *', timezone: 'UTC' }, null],
    [{ everyMs: 7000 }, at + 7000],
    [{ at: at + 1 }, at + 1],
    [{ at: at - 1 }, null],
  ])('of %j', (when, expected) => {
    expect(nextTime(when, at, at)).toBe(expected);
  });
  it('of an interval counts from its anchor, and never drifts', () => {
    expect(nextTimes({ everyMs: 1000 }, at + 1500, at, 3)).toEqual([at + 2000, at + 3000, at + 4000]);
  });
  it('names a cron line that can\'t be read', () => {
    expect(() => nextTime({ cron: '99 9 * * *', timezone: 'UTC' }, at, at)).toThrow('"99 9 * * *" is no cron line');
  });
  it('does not skip or double an hour when clocks change', () => {
    const when = { cron: '30 2 * * *', timezone: 'Europe/Berlin' };
    const days = nextTimes(when, Date.UTC(2026, 2, 27), 0, 4).map((t) => new Date(t).toISOString().slice(0, 10));
    expect(new Set(days).size).toBe(days.length);
    expect(nextTimes(when, Date.UTC(2026, 9, 24), 0, 3)).toHaveLength(3);
  });
});
