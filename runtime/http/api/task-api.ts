import { z } from 'zod';
import { taskAttempts, countTasks, findTask, listTasks, taskCounts, taskLogs, type TaskRow } from '../../read-model/queries/tasks.ts';
import { expandTemplate, TemplateFault } from '../../tasks/task-template.ts';
import { findTaskTemplate } from '../../tasks/template-store.ts';
import { checked, readJson } from '../body.ts';
import { found, type Call } from '../call.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { createTask } from '../work/create-task.ts';
import { batchTasks, countBatch, MOST_TASKS } from '../work/task-batch.ts';
import { flag, id, paging, readQuery } from './query.ts';
import { answer, listHeaders, mount, readBody } from './respond.ts';
import { taskInput } from './task-input.ts';
import { statesOf, taskBody } from './task-rows.ts';
import { toSnake } from './shape.ts';

const TAG = 'tasks';
const states = z.string().regex(/^[a-z_]+(,[a-z_]+)*$/, 'must be states with commas').transform(statesOf);
const filters = { status: states.optional(), state: states.optional(), group: id.optional(), lane: z.enum(['high', 'normal', 'low']).optional(), type: z.enum(['scrape', 'test', 'automation', 'shell']).optional(), worker: id.optional(), agent: id.optional(), search: z.string().max(100).optional() };
const listing = z.object({ ...filters, ids: z.string().max(20_000).transform((v) => v.split(',')).optional(), ...paging(100) });
const logQuery = z.object({ format: z.enum(['text', 'json']).default('json'), after: z.string().regex(/^\d{1,15}$/).transform(Number).optional(), ...paging(500) });
const making = z.looseObject({ template: id.optional(), params: z.record(z.string(), z.unknown()).optional() });
const batch = z
  .strictObject({ action: z.enum(['cancel', 'retry', 'purge']), task_ids: z.array(z.string().max(63)).min(1).max(MOST_TASKS).optional(), ids: z.array(z.string().max(63)).min(1).max(MOST_TASKS).optional(), filter: z.strictObject(filters).optional(), edits: z.record(z.string(), z.unknown()).optional(), dry_run: z.boolean().default(false) })
  .refine((b) => [b.task_ids, b.ids, b.filter].filter((x) => x !== undefined).length === 1, { path: ['ids'], message: 'give either ids or filter' })
  .refine((b) => b.edits === undefined || b.action === 'retry', { path: ['edits'], message: 'only what is run again can be edited' });
const reporting = z.looseObject({ worker_id: id, attempt: z.number().int().optional(), status: z.enum(['completed', 'failed']).default('completed'), result: z.unknown().optional(), error: z.union([z.string(), z.object({ message: z.string() })]).nullish() });

export const taskApi = (): Route[] => [
  ...mount('post', '/tasks/batch', 'operate', { tag: TAG, summary: `One action for many tasks, named or all that match, ${MOST_TASKS} at most; dry_run only counts and names them`, body: batch, answer: '{success, dry_run, matching, fit, results: [{task_id, seq, success, task, error, code}]}' }, async (call) => {
    const b = await readBody(call, batch);
    const ids = b.ids ?? b.task_ids;
    const filter = b.filter && { ...b.filter, status: b.filter.state ?? b.filter.status };
    const counted = filter ? countBatch(call, b.action, filter) : { total: ids!.length, fit: ids!.length };
    const edits = b.edits && taskInput(call, b.edits);
    const results = await batchTasks(call, { action: b.action, dryRun: b.dry_run, edits, ...(filter ? { filter } : { ids: ids!.map((i) => findTask(call.d.db, i)?.id ?? i) }) });
    return answer(call, { success: results.every((r) => r.ok), dry_run: b.dry_run, action: b.action, matching: counted.total, fit: results.filter((r) => r.ok).length, results: results.map((r) => ({ task_id: r.id, seq: r.seq, success: r.ok, ...(r.task ? { task: r.task } : {}), ...(r.error ? { error: r.error, code: r.code } : {}) })) });
  }),
  ...mount('get', '/tasks', 'read', { tag: TAG, summary: 'Tasks, newest first. `status` is one of the seeds’ four, or a state of the chart; `open` and `dead` are lists of them', query: listing, answer: '{success, tasks, counts}' }, (call) => {
    const { state, ...q } = readQuery(call, listing);
    const ask = { ...q, status: state ?? q.status, ids: q.ids?.map((i) => findTask(call.d.db, i)?.id ?? i) };
    const rows = listTasks(call.d.db, ask);
    return answer(call, { success: true, tasks: rows.map(taskBody), counts: taskCounts(call.d.db).byStatus }, 200, listHeaders(call, countTasks(call.d.db, ask), { limit: q.limit, offset: q.offset, given: rows.length }));
  }),
  ...mount('post', '/tasks', 'operate', { tag: TAG, summary: 'Make a task, of its own fields or of a template with `params`. The same `key` (or header Idempotency-Key) gives the same task', body: making, answer: '{success, task_id, seq, task}', status: 201, also: { 200: 'this key was used before: the task is that one' } }, async (call) => {
    const input = await inputOf(call, await readJson(call.c));
    const made = await createTask(call, input);
    const row = findTask(call.d.db, made.id);
    return answer(call, { success: true, task_id: made.id, id: made.id, seq: made.seq, title: made.title, status: row ? taskBody(row)['status'] : 'pending', repeated: made.repeated, ...(row ? { task: taskBody(row) } : {}) }, made.repeated ? 200 : 201, { Location: `/api/v1/tasks/${made.id}` });
  }),
  ...mount('get', '/tasks/:id', 'read', { tag: TAG, summary: 'One task by its id or number, with its attempts; download=result gives the result alone', query: z.object({ download: z.enum(['result']).optional() }), answer: '{success, task}' }, async (call) => {
    const { download } = readQuery(call, z.object({ download: z.enum(['result']).optional() }));
    const t = one(call);
    if (download) return file(t.object ? await object(call, t.object) : new TextEncoder().encode(JSON.stringify(t.result ?? null, null, 2)), 'application/json; charset=utf-8', `task-${t.seq}-result.json`);
    const attempts = taskAttempts(call.d.db, t.id).map((a) => ({ attempt: a.attempt, worker_id: a.worker, agent_id: a.agent, started_at: Math.floor(a.startedMs / 1000), ended_at: a.endedMs && Math.floor(a.endedMs / 1000), outcome: a.outcome, error: a.error }));
    return answer(call, { success: true, task: { ...taskBody(t), attempts }, ...taskBody(t) });
  }),
  ...mount('delete', '/tasks/:id', 'operate', { tag: TAG, summary: 'Cancel it; 409 when it has ended. purge=true removes one that has ended', query: z.object({ purge: flag.optional() }), answer: '{success, state}' }, (call) => act(call, readQuery(call, z.object({ purge: flag.optional() })).purge ? 'purge' : 'cancel')),
  ...mount('post', '/tasks/:id/cancel', 'operate', { tag: TAG, summary: 'Cancel it, whatever it does', answer: '{success, state}' }, (call) => act(call, 'cancel')),
  ...mount('post', '/tasks/:id/retry', 'operate', { tag: TAG, summary: 'Run one that has ended again, as a new task; fields in the body replace those of the old one', body: z.looseObject({}), answer: '{success, task_id}', status: 201 }, async (call) => {
    const t = one(call);
    const { task, number } = await call.command({ kind: 'task', id: t.id }, 'retry', taskInput(call, await readJson(call.c)), call.c.req.header('idempotency-key'));
    return answer(call, { success: true, task_id: task, task, seq: number ?? null, replay_of: t.id }, 201, { Location: `/api/v1/tasks/${String(task)}` });
  }),
  ...mount('post', '/tasks/:id/result', 'operate', { tag: TAG, summary: 'Report how it went, in the place of the worker that has it; 409 when another one has', body: reporting, answer: '{success, state}' }, async (call) => {
    const t = one(call);
    const r = await readBody(call, reporting);
    const message = typeof r.error === 'string' ? r.error : (r.error?.message ?? 'it failed');
    const done = await call.command({ kind: 'task', id: t.id }, 'result', { worker: r.worker_id, attempt: r.attempt ?? null, ...(r.status === 'failed' ? { error: message.slice(0, 500) } : { result: r.result ?? null }) });
    return answer(call, { success: true, task_id: t.id, state: done.state });
  }),
  ...mount('get', '/tasks/:id/logs', 'read', { tag: TAG, summary: 'Its log, oldest first; `after` is the id of the last row seen; format=text gives a file', query: logQuery, answer: '{success, logs}' }, (call) => {
    const q = readQuery(call, logQuery);
    const t = one(call);
    const rows = taskLogs(call.d.db, t.id, { limit: q.format === 'text' ? 100_000 : q.limit, after: q.after });
    if (q.format === 'text') return file(new TextEncoder().encode(rows.map((l) => `${new Date(l.atMs).toISOString()} ${l.level} ${l.step === null ? '' : `[${l.step}] `}${JSON.stringify(l.text).slice(1, -1)}\n`).join('')), 'text/plain; charset=utf-8', `task-${t.seq}.log`);
    return answer(call, { success: true, logs: rows.map((l) => ({ id: l.id, timestamp: Math.floor(l.atMs / 1000), timestamp_ms: l.atMs, level: l.level, message: l.text, step: l.step, attempt: l.attempt })) });
  }),
  ...mount('get', '/tasks/:id/artefacts/:name', 'read', { tag: TAG, summary: 'A file that it made', answer: 'the file' }, async (call) => {
    const t = one(call);
    const a = found(t.artefacts.find((x) => x.name === call.param('name')) ?? null, `artefact ${call.param('name').slice(0, 100)} of task ${t.seq}`);
    return file(await object(call, a.object), SAFE.test(a.type) ? a.type : 'application/octet-stream', a.name);
  }),
];

/** What a browser may show; anything else is a download. */
const SAFE = /^(image\/(png|jpeg|webp)|application\/(json|pdf)|text\/plain)(;|$)/;

async function inputOf(call: Call, body: unknown): Promise<Record<string, unknown>> {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new Problem(422, 'invalid', 'body: must be an object');
  const key = call.c.req.header('idempotency-key');
  const { params, ...rest } = checked(making, toSnake(body)) as Record<string, unknown>;
  const given: Record<string, unknown> = { ...taskInput(call, rest), ...(key === undefined ? {} : { key }) };
  const name = given['template'];
  if (typeof name !== 'string') {
    if (params !== undefined) throw new Problem(422, 'invalid', 'params: are for a template; name it', { field: 'params' });
    return given;
  }
  const template = found(await findTaskTemplate(call.d.settings, name), `template ${name.slice(0, 63)}`);
  try {
    return { ...expandTemplate(template, (params ?? {}) as Record<string, unknown>), ...given };
  } catch (error) {
    if (error instanceof TemplateFault) throw new Problem(422, 'invalid', error.message, { field: `params.${error.field}` });
    throw error;
  }
}

async function act(call: Call, verb: 'cancel' | 'purge'): Promise<Response> {
  const t = one(call);
  const done = await call.command({ kind: 'task', id: t.id }, verb);
  return answer(call, { success: true, task_id: t.id, state: done.state });
}

const one = (call: Call): TaskRow => found(findTask(call.d.db, call.param('id').slice(0, 63)), `task ${call.param('id').slice(0, 63)}`);
const object = async (call: Call, name: string): Promise<Uint8Array> => found(await call.d.result(name), 'what it stored (results are kept for 7 days)');
const file = (bytes: Uint8Array, type: string, name: string): Response => new Response(Uint8Array.from(bytes), { headers: { 'Content-Type': type, 'Content-Disposition': `${/^image\//.test(type) ? 'inline' : 'attachment'}; filename="${name.replace(/[^\w.-]/g, '_')}"` } });
