import { z } from 'zod';

const days = (most: number) => z.number().int('must be whole days').min(1, 'must be a day at least').max(most, `must be ${most} days at most`);

/** How many days the view shows what is over. `talkDays` null: comments and messages stay as long as their stream keeps them, a year. */
export const keepDays = z.object({
  sessionDays: days(365).default(7),
  notificationDays: days(365).default(30),
  logDays: days(365).default(14),
  ruleLogDays: days(365).default(30),
  taskDays: days(90).default(7),
  talkDays: days(3650).nullable().default(null),
});
export type KeepDays = z.infer<typeof keepDays>;

/** What is set for the fleet, else what is usual. */
export function readKeepDays(stored: unknown): KeepDays {
  const read = keepDays.safeParse(stored ?? {});
  return read.success ? read.data : keepDays.parse({});
}

/** Some of them, each only where it is given. */
export const someKeepDays = Object.fromEntries(Object.entries(keepDays.shape).map(([k, v]) => [k, v.unwrap().optional()])) as { [K in keyof KeepDays]: z.ZodOptional<ReturnType<(typeof keepDays.shape)[K]['unwrap']>> };
