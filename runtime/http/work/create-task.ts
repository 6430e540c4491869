import { createHash, randomBytes } from 'node:crypto';
import { taskFields, type TaskFields } from '../../../actors/task.ts';
import { isId } from '../../../transport/subjects.ts';
import { findTask } from '../../read-model/queries/tasks.ts';
import { checked } from '../body.ts';
import type { Call } from '../call.ts';
import { Problem, refusal } from '../problem.ts';

export type Made = { id: string; seq: number; title: string; repeated: boolean };

const SHELL = /^shell:\s*/i;

/** A task as `task create` takes it. Its type may be missing: `shell:…` as description makes a shell task, anything else is automation. Throws 422 that names the field. */
export function checkedTask(input: unknown): TaskFields {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) throw new Problem(422, 'invalid', 'task: must be an object');
  const given = input as Record<string, unknown>;
  const { description, payload } = given;
  const shell = typeof description === 'string' && SHELL.test(description) && (given['type'] === undefined || given['type'] === 'shell');
  const command = shell ? { payload: { ...(payload as object), command: (payload as { command?: unknown } | undefined)?.command ?? description.replace(SHELL, '') } } : {};
  const typed = { ...given, type: given['type'] ?? (shell ? 'shell' : 'automation'), ...command };
  return checked(taskFields, { ...typed, title: given['title'] ?? titleOf(typed) });
}

/** Makes a task, for pages, the API and the CLI alike. The same key gives the same task. `after` may name tasks by their numbers. */
export async function createTask(call: Call, input: unknown): Promise<Made> {
  const task = checkedTask(withIds(call, input));
  const id = task.key === undefined ? `t${randomBytes(8).toString('hex')}` : keyId(task.key);
  const answer = await call.d.command({ kind: 'task', id }, 'create', task, call.about(`create-${id}`));
  if (answer.ok && !('repeated' in answer)) return { id, seq: Number(answer['number'] ?? 0), title: task.title, repeated: false };
  if (!answer.ok && (answer as { code: string }).code !== 'duplicate') throw refusal(answer as Extract<typeof answer, { ok: false }>);
  const known = await call.command({ kind: 'task', id }, 'inspect');
  const { seq, title } = known['context'] as { seq: number; title: string };
  return { id, seq, title, repeated: true };
}

/** One key, one task, whoever sends it. */
export const keyId = (key: string): string => `k${createHash('sha256').update(key).digest('hex').slice(0, 24)}`;

/** Numbers of tasks as people see them, turned into ids. */
function withIds(call: Call, input: unknown): unknown {
  const after = (input as { after?: unknown } | null)?.after;
  if (!Array.isArray(after)) return input;
  return { ...(input as object), after: after.map((a) => (typeof a === 'number' || (typeof a === 'string' && (/^#?\d+$/.test(a) || !isId(a))) ? (findTask(call.d.db, String(a))?.id ?? String(a)) : (a as string))) };
}

/** The seed's tasks have no title. */
function titleOf({ type, payload, description }: Record<string, unknown>): string {
  const { url, command } = (payload ?? {}) as { url?: unknown; command?: unknown };
  const what = typeof description === 'string' && description.trim() !== '' && !SHELL.test(description) ? description : typeof command === 'string' ? command : typeof url === 'string' ? url : '';
  return `${what === '' ? String(type) : type === 'shell' ? what : `${String(type)} ${what}`}`.split('\n')[0]!.slice(0, 200);
}
