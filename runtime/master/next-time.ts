import { Cron } from 'croner';
import type { ScheduleWhen } from '../../machines/schedule.ts';

/** The first time after `after`, epoch milliseconds, or null when there is none any more. Throws where the cron line can't be read. */
export function nextTime(when: ScheduleWhen, after: number, anchor: number): number | null {
  if ('at' in when) return when.at > after ? when.at : null;
  if ('everyMs' in when) return anchor + (Math.floor(Math.max(0, after - anchor) / when.everyMs) + 1) * when.everyMs;
  return cron(when).nextRun(new Date(after))?.getTime() ?? null;
}

/** The next `n` times, for a person to look at. */
export function nextTimes(when: ScheduleWhen, after: number, anchor: number, n: number): number[] {
  const times: number[] = [];
  for (let at: number | null = after; times.length < n && (at = nextTime(when, at, anchor)) !== null; ) times.push(at);
  return times;
}

function cron({ cron: line, timezone }: { cron: string; timezone: string }): Cron {
  try {
    return new Cron(line, { timezone, paused: true });
  } catch (error) {
    throw new Error(`${JSON.stringify(line)} is no cron line: ${(error as Error).message.replace(/^CronPattern: /, '')}`);
  }
}
