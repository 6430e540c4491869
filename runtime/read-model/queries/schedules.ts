import type { ScheduleContext } from '../../../machines/schedule.ts';
import { all, one, type Db } from './read-model.ts';

/** A schedule as its last entry has it. `status`: planning, waiting, firing, paused, error, ended. */
export type ScheduleRow = ScheduleContext & { status: string };

const toSchedule = (r: { id: string; state: string; entry: string }): ScheduleRow => ({ ...(JSON.parse(r.entry) as { after: { context: ScheduleContext } }).after.context, id: r.id, status: r.state });

export const listSchedules = (db: Db): ScheduleRow[] => all<{ id: string; state: string; entry: string }>(db, `SELECT id, state, entry FROM actors WHERE kind = 'schedule' AND status = 'active' ORDER BY created_ms DESC`).map(toSchedule);

export const findSchedule = (db: Db, id: string): ScheduleRow | null => {
  const row = one<{ id: string; state: string; entry: string }>(db, `SELECT id, state, entry FROM actors WHERE kind = 'schedule' AND id = $id AND status = 'active'`, { id });
  return row && toSchedule(row);
};
