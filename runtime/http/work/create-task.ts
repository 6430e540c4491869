import { randomBytes } from 'node:crypto';
import { taskFields, type TaskFields } from '../../../actors/task.ts';
import type { TaskRow } from '../../read-model/queries/tasks.ts';
import { checked } from '../body.ts';
import type { Call } from '../call.ts';
export const checkedTask = (input: unknown): Record<string, unknown> => checked(taskFields, input) as Record<string, unknown>;
export async function createTask(call: Call, input: unknown): Promise<{ id: string; seq: number; title: string; repeated: boolean }> {
  const t = checked(taskFields, input) as TaskFields;
  const id = `t${randomBytes(5).toString('hex')}`;
  await call.command({ kind: 'task', id }, 'create', t);
  return { id, seq: 1, title: t.title, repeated: false };
}
export const replayTask = (call: Call, of: TaskRow, input: Record<string, unknown>) => createTask(call, { ...input, replayOf: of.id });
