import { countTasks, listTasks, type TaskAsk } from '../../read-model/queries/tasks.ts';
import type { Call } from '../call.ts';
import { each } from '../fleet/each.ts';

export type TaskAction = 'cancel' | 'retry' | 'purge';
export type TaskBatch = { action: TaskAction; dryRun: boolean; edits?: Record<string, unknown> | undefined } & ({ ids: string[] } | { filter: TaskAsk });
export type TaskBatchResult = { id: string; seq: number | null; ok: boolean; task: string | null; error: string | null; code: string | null };

/** So many at once; for more, ask again. */
export const MOST_TASKS = 10_000;
const OPEN = new Set(['waiting', 'pending', 'assigned', 'running', 'retrying']);

/** Whether the action does anything to a task in this state. */
export const fits = (action: TaskAction, status: string): boolean => (action === 'cancel') === OPEN.has(status);

/** How many match, and to how many of them the action does something. */
export function countBatch(call: Call, action: TaskAction, filter: TaskAsk): { total: number; fit: number } {
  const total = countTasks(call.d.db, filter);
  const states = action === 'cancel' ? 'open' : 'completed,failed,timed_out,cancelled';
  return { total, fit: filter.status ? listTasks(call.d.db, { ...filter, limit: MOST_TASKS }).filter((t) => fits(action, t.status)).length : countTasks(call.d.db, { ...filter, status: states }) };
}

/** One action for many tasks, named or all that match; what it does nothing to is left out of a filter, and refused by name. */
export async function batchTasks(call: Call, batch: TaskBatch): Promise<TaskBatchResult[]> {
  const rows = 'ids' in batch ? listTasks(call.d.db, { ids: batch.ids, limit: MOST_TASKS }) : listTasks(call.d.db, { ...batch.filter, limit: MOST_TASKS }).filter((t) => fits(batch.action, t.status));
  const known = new Map(rows.map((r) => [r.id, r]));
  const ids = 'ids' in batch ? [...new Set(batch.ids)] : rows.map((r) => r.id);
  return each(ids, async (id): Promise<TaskBatchResult> => {
    const row = known.get(id);
    const not = (code: string, error: string): TaskBatchResult => ({ id, seq: row?.seq ?? null, ok: false, task: null, error, code });
    if (!row) return not('not_found', `there is no task ${id}`);
    if (!fits(batch.action, row.status)) return not('conflict', batch.action === 'cancel' ? `task ${row.seq} is ${row.status}: there is nothing to cancel` : `task ${row.seq} is ${row.status}: cancel it first`);
    if (batch.dryRun) return { id, seq: row.seq, ok: true, task: null, error: null, code: null };
    const done = await call.d.command({ kind: 'task', id }, batch.action, batch.action === 'retry' ? (batch.edits ?? {}) : {}, call.about());
    return done.ok ? { id, seq: row.seq, ok: true, task: typeof done['task'] === 'string' ? done['task'] : null, error: null, code: null } : not((done as { code: string }).code, (done as { message: string }).message);
  });
}
