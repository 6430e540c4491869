import { z } from 'zod';
import { statePaths } from '../../actors/entry.ts';
import { taskFields } from '../../actors/task.ts';
import type { TaskContext } from '../../machines/task.ts';
import type { Mux } from '../../transport/mux.ts';
import type { Answer } from '../../transport/protocol.ts';
import { address, PURGED, subjects } from '../../transport/subjects.ts';
import type { Common, Request } from './commands.ts';
import { freshId, type Engine } from './engine.ts';

export type TaskVerbsOptions = { engine(): Engine; mux: Mux; command(request: Request): Promise<Answer> };

const reported = z.strictObject({ worker: z.string().max(63), attempt: z.number().int().nullable().default(null), result: z.unknown().optional(), error: z.string().max(500).optional() });

const no = (code: string, message: string, field?: string): Answer => ({ ok: false, code, message, ...(field ? { field } : {}) });
const OVER = ['completed', 'failed', 'timed_out', 'cancelled'];

/** What is done with a task that has ended: its chart takes no events any more. */
export function taskVerbs({ engine, mux, command }: TaskVerbsOptions): Record<'retry' | 'purge' | 'result', Common> {
  const ended = async (id: string): Promise<TaskContext | Answer> => {
    const head = await engine().host.head(`task/${id}`);
    if (!head) return no('not_found', `there is no task/${id}`, 'id');
    const { status, value, context } = head.entry.after as { status: string; value: unknown; context: TaskContext };
    return status === 'done' && OVER.includes(String(value)) ? context : no('conflict', `task/${id} is not finished: cancel it first`);
  };
  return {
    /** Makes a new task of the same input, or of an edited one; asked twice with one id, made once. */
    async retry(to, payload, request) {
      const found = await ended(to.id);
      if ('ok' in found) return found;
      const c = found;
      const was = { title: c.title, description: c.description, type: c.type, priority: c.priority, group: c.group, payload: c.payload, requirements: c.requirements, timeoutMs: c.timeoutMs, retries: c.maxAttempts - 1, ...(c.template ? { template: c.template } : {}) };
      const edited = taskFields.safeParse({ ...was, ...(payload as object), replayOf: to.id });
      if (!edited.success) {
        const issue = edited.error.issues[0]!;
        const field = issue.code === 'unrecognized_keys' ? (issue as { keys: string[] }).keys[0]! : issue.path.join('.');
        return no('invalid', `${field}: ${issue.message}`, field);
      }
      const id = `r${freshId(`${address(to)}:${request.id}`)}`;
      const made = await command({ ...request, to: { kind: 'task', id }, verb: 'create', payload: edited.data, id: `${request.id}:retry` });
      if (!made.ok && made.code !== 'duplicate') return made;
      return { ...(made.ok ? made : { ok: true, repeated: true }), ok: true, task: id };
    },
    /** Says how a running one went in the place of its worker, whose own word then comes too late. */
    async result(to, payload, request) {
      const given = reported.safeParse(payload);
      if (!given.success) return no('invalid', `${given.error.issues[0]!.path.join('.')}: ${given.error.issues[0]!.message}`, given.error.issues[0]!.path.join('.'));
      const { worker, attempt, result, error } = given.data;
      const head = await engine().host.head(address(to));
      if (!head) return no('not_found', `there is no task/${to.id}`, 'id');
      const { context } = head.entry.after as { context: TaskContext };
      const token = Object.entries(head.entry.pending.effects).find(([, e]) => e.src === 'work')?.[0];
      if (!token) return no('conflict', `task/${to.id} does not run`);
      if (context.place?.worker !== worker || (attempt !== null && attempt !== context.attempt)) return no('conflict', `task/${to.id} is with ${context.place?.worker} in attempt ${context.attempt}: this report comes too late`);
      const cause = { id: request.id, by: request.by };
      const outcome = await engine().ask(address(to), error !== undefined ? { is: 'error', token, error: { kind: 'tool-failed', message: error, sent: 'no' }, cause } : { is: 'done', token, output: { result, object: null, artefacts: [], agent: context.place.agent, ms: 0 }, cause });
      if (outcome.is !== 'taken') return no('conflict', `task/${to.id} takes no report now`);
      engine().dispatcher.abort(token, worker);
      return { ok: true, actor: address(to), state: statePaths((outcome.entry.after as { value: unknown }).value), seq: outcome.seq };
    },
    /** Takes it off every view at once; its journal ends with the others'. */
    async purge(to) {
      const found = await ended(to.id);
      if ('ok' in found) return found;
      await mux.publish(subjects.tasklog(to.id, PURGED), '{}');
      return { ok: true, actor: address(to), state: 'purged' };
    },
  };
}
