import { findAccount } from '../../read-model/queries/accounts.ts';
import { findAgent } from '../../read-model/queries/agents.ts';
import { findTask } from '../../read-model/queries/tasks.ts';
import { findWorker } from '../../read-model/queries/workers.ts';
import type { Call } from '../call.ts';
import { Problem } from '../problem.ts';
import { around } from './around.ts';
import { checkedTask } from './create-task.ts';
import { readTaskForm } from './task-form-model.ts';

const FIELDS: Record<string, string> = { 'payload.url': 'url', 'payload.command': 'command', timeoutMs: 'timeout_seconds', 'requirements.account': 'account', 'requirements.worker': 'worker', 'requirements.agent': 'agent', 'requirements.forwardAfterMs': 'forward_after_seconds' };

/** A form's task, whole and checked: what it names is there, and numbers of tasks have become ids. Throws 422 that names the form's own field. */
export function formTask(call: Call, form: Readonly<Record<string, string>>): Record<string, unknown> {
  const task = readTaskForm(form, around(call).tools);
  const { db } = call.d;
  const needs = task['requirements'] as { account?: string; worker?: string; agent?: string };
  const there = (field: string, id: string | undefined, row: unknown): void => {
    if (id !== undefined && !row) throw new Problem(422, 'invalid', `${field}: there is no ${field} ${id.slice(0, 60)}`, { field });
  };
  there('account', needs.account, needs.account && findAccount(db, needs.account));
  there('worker', needs.worker, needs.worker && findWorker(db, needs.worker));
  there('agent', needs.agent, needs.agent && findAgent(db, needs.agent));
  const after = (task['after'] as string[] | undefined)?.map((name) => {
    const found = findTask(db, name);
    if (!found) throw new Problem(422, 'invalid', `after: there is no task ${name.slice(0, 60)}`, { field: 'after' });
    return found.id;
  });
  const whole = { ...task, ...(after ? { after } : {}) };
  try {
    checkedTask(whole);
  } catch (error) {
    const field = error instanceof Problem && error.field;
    if (typeof field === 'string' && FIELDS[field]) throw new Problem(422, 'invalid', (error as Problem).message.replace(field, FIELDS[field]), { field: FIELDS[field] });
    throw error;
  }
  return whole;
}
