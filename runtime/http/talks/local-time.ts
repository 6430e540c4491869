import { Problem } from '../problem.ts';

/** As a `datetime-local` field has it, in the server's own time zone. */
export const localMinute = (ms: number): string => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);

/** What stands in such a field; undefined for an empty one, 422 for anything else. */
export function readMinute(value: string | undefined, field: string): number | undefined {
  if (value === undefined || value === '') return undefined;
  const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(at)) throw new Problem(422, 'invalid', `${field}: must be a day and a time`, { field });
  return at;
}

/** Nine in the morning, so many days on; 0 to 6 from Sunday for the next such day. */
export function morning(now: number, when: { days: number } | { weekday: number }): number {
  const at = new Date(now);
  at.setHours(9, 0, 0, 0);
  at.setDate(at.getDate() + ('days' in when ? when.days : ((when.weekday - at.getDay() + 6) % 7) + 1));
  return at.getTime();
}
