import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { kinds } from '../../../actors/kinds.ts';
import { ID } from '../../../transport/subjects.ts';
import { taskDialog, stepRow, type TaskFormModel } from '../../../views/task-form.ts';
import { taskPage } from '../../../views/task.ts';
import { isOver, LANES, matchingDialog, TASK_STATES, TASK_TYPES, taskActions, tasksPage, type TaskCard, type TasksFilter } from '../../../views/tasks.ts';
import type { Ctx } from '../../../views/context.ts';
import { findActor } from '../../read-model/queries/actors.ts';
import { countTaskLogs, countTasks, findTask, listTasks, taskAttempts, taskCounts, taskGroups, taskLogs, type TaskAsk, type TaskRow } from '../../read-model/queries/tasks.ts';
import { checked, readForm } from '../body.ts';
import { found, type Call } from '../call.ts';
import { chartNode } from '../chart-node.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { around } from '../work/around.ts';
import { createTask } from '../work/create-task.ts';
import { readPage } from '../work/paging.ts';
import { formTask } from '../work/form-task.ts';
import { EMPTY, valuesOf } from '../work/task-form-model.ts';
import { beginBatch, batchRoutes } from './batch.ts';
import { readEdits } from '../work/read-edits.ts';

const LINES = 400;
/** What one click may act on; the rest is a second click. */
const MOST = 10_000;
const STATES: readonly string[] = ['open', 'dead', ...TASK_STATES];

/** Tasks: what there is, one of them, a new one, many at once. */
export const taskPages = (): Route[] => [
  page('get', '/tasks', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const filter = readFilter((name) => call.query(name) ?? '');
    const total = countTasks(db, ask(filter));
    const at = readPage(call, total);
    const counts = taskCounts(db);
    return showPage(call, x, {
      title: x.t('nav.tasks'), topics: ['task', 'inbox', 'reply', 'notification'],
      main: tasksPage(x, { tasks: listTasks(db, { ...ask(filter), limit: at.size, offset: (at.page - 1) * at.size }).map(taskCard), filter, groups: taskGroups(db), counts, ...at, total, mayAct: x.scope !== 'read' }),
    });
  }),
  ...batchRoutes({
    base: '/tasks', kind: 'task', actions: taskActions,
    item(call, x, verb, id) {
      const t = findTask(call.d.db, id);
      return t && { id, name: `#${t.seq} ${t.title}`, state: t.status, group: 'task', why: whyNot(x, t, verb) };
    },
  }),
  page('get', '/tasks/matching', 'operate', (call) => {
    const x = context(call);
    const filter = readFilter((name) => call.query(name) ?? '');
    const action = actionOf(x, call.query('action') ?? '');
    const fit = fitting(call, filter, action.verb, MOST + 1);
    return showPiece(matchingDialog(x, { action, filter, total: countTasks(call.d.db, ask(filter)), fit: fit.length > MOST ? countFitting(call, filter, action.verb) : fit.length, examples: fit.slice(0, 6).map((t) => ({ seq: t.seq, title: t.title })), most: MOST }));
  }),
  page('post', '/tasks/matching', 'operate', async (call) => {
    const x = context(call);
    const form = await readForm(call.c);
    const action = actionOf(x, form['action'] ?? '');
    const fit = fitting(call, readFilter((name) => form[name] ?? ''), action.verb, MOST);
    if (fit.length === 0) throw new Problem(409, 'conflict', 'no task that matches is left to act on: close this and look again');
    return beginBatch(call, x, { base: '/tasks', kind: 'task' }, action, fit.map((t) => ({ id: t.id, name: `#${t.seq} ${t.title}` })), action.verb === 'retry' ? readEdits(form) : {});
  }),
  page('get', '/tasks/step', 'operate', (call) => {
    const given = Object.fromEntries(new URL(call.c.req.url).searchParams);
    const n = /^[a-z0-9]{1,20}$/.exec(given['n'] ?? '')?.[0] ?? randomBytes(4).toString('hex');
    const args = Object.fromEntries(Object.entries(given).flatMap(([k, v]) => (k.startsWith(`step-${n}-arg-`) ? [[k.slice(`step-${n}-arg-`.length), v]] : [])));
    return showPiece(stepRow(context(call), around(call).tools, n, { tool: given[`step-${n}-tool`] ?? '', note: '', args }));
  }),
  page('get', '/tasks/new', 'operate', (call) => {
    const x = context(call);
    const agent = call.query('agent') ?? '';
    return showPiece(taskDialog(x, { ...around(call), action: '/tasks', heading: x.t('task.new'), submit: x.t('task.start'), lead: null, values: { ...EMPTY, agent } } satisfies TaskFormModel));
  }),
  page('post', '/tasks', 'operate', async (call) => {
    const made = await createTask(call, formTask(call, await readForm(call.c)));
    return done(call, 'done.task-made', { title: made.title });
  }),
  page('get', '/tasks/:id', 'read', (call) => {
    const x = context(call);
    return showPage(call, x, { title: `#${one(call).seq}`, topics: [`task/${one(call).id}`, `tasklog/${one(call).id}`, 'inbox', 'reply', 'notification'], main: taskPage(x, model(call, x, one(call))) });
  }),
  page('post', '/tasks/:id/cancel', 'operate', async (call) => {
    const t = one(call);
    await call.command({ kind: 'task', id: t.id }, 'cancel');
    return done(call, 'done.cancel');
  }),
  page('get', '/tasks/:id/replay', 'operate', (call) => {
    const x = context(call);
    const t = one(call);
    return showPiece(taskDialog(x, { ...around(call), action: `/tasks/${t.id}/replay`, heading: x.t('task.edit-replay'), submit: x.t('task.retry'), lead: x.t('task.replay-lead'), values: valuesOf({ ...t, retries: t.maxAttempts - 1, after: [] }) }));
  }),
  page('post', '/tasks/:id/replay', 'operate', async (call) => {
    const t = one(call);
    const edited = formTask(call, await readForm(call.c));
    await call.command({ kind: 'task', id: t.id }, 'retry', edited);
    return done(call, 'done.task-made', { title: String(edited['title']) });
  }),
];

const one = (call: Call): TaskRow => {
  const id = call.param('id');
  if (!ID.test(id)) throw new Problem(404, 'not_found', 'a task is named in lower-case letters, digits and hyphens');
  return found(findTask(call.d.db, id), `task ${id}`);
};

function readFilter(of: (name: string) => string): TasksFilter {
  const among = (name: string, known: readonly string[]) => (known.includes(of(name)) ? of(name) : '');
  return { q: of('q').slice(0, 200), status: among('status', STATES), group: /^[a-z0-9-]{1,63}$/.exec(of('group'))?.[0] ?? '', type: among('type', TASK_TYPES), lane: among('lane', LANES) };
}

const ask = (f: TasksFilter): TaskAsk => ({ search: f.q || undefined, status: f.status || undefined, group: f.group || undefined, type: f.type || undefined, lane: f.lane || undefined });

const actionOf = (x: Ctx, verb: string) => {
  const known = taskActions(x);
  const name = checked(z.object({ action: z.enum(known.map((a) => a.verb) as [string, ...string[]]) }), { action: verb }).action;
  return known.find((a) => a.verb === name)!;
};

const fits = (t: TaskRow, verb: string): boolean => (verb === 'cancel' ? !isOver(t.status) : isOver(t.status) && !t.replayedBy);
const whyNot = (x: Ctx, t: TaskRow, verb: string): string | null => (fits(t, verb) ? null : x.word('cannot', verb === 'cancel' ? 'task-over' : t.replayedBy ? 'task-replayed' : 'task-open'));

/** The rows that the filter shows and the action can do something with, page by page. */
function fitting(call: Call, filter: TasksFilter, verb: string, most: number): TaskRow[] {
  const rows: TaskRow[] = [];
  for (let offset = 0; rows.length < most; offset += 500) {
    const part = listTasks(call.d.db, { ...ask(filter), limit: 500, offset });
    rows.push(...part.filter((t) => fits(t, verb)));
    if (part.length < 500) break;
  }
  return rows.slice(0, most);
}

const countFitting = (call: Call, filter: TasksFilter, verb: string): number => fitting(call, filter, verb, 100_000).length;

export const taskCard = (t: TaskRow): TaskCard => ({
  id: t.id, seq: t.seq, title: t.title, type: t.type, priority: t.priority, group: t.group, status: t.status, progress: t.progress, why: t.why, worker: t.worker, agent: t.agent, account: t.account,
  attempt: t.attempt, maxAttempts: t.maxAttempts, retryMs: t.retryMs, error: t.error, createdMs: t.createdMs, startedMs: t.startedMs ?? t.assignedMs, finishedMs: t.finishedMs, replayedBy: t.replayedBy,
});

function model(call: Call, x: Ctx, t: TaskRow) {
  const { db } = call.d;
  const { payload } = t;
  const actor = findActor(db, 'task', t.id);
  const logTotal = countTaskLogs(db, t.id);
  const machine = kinds.get('task')!.chart.machine;
  return {
    card: taskCard(t), description: t.description, url: payload.url ?? null, command: payload.command ?? null, steps: (payload.actions ?? []).map((a) => ({ tool: a.tool, args: a.args ?? {}, note: a.note ?? null })),
    requirements: t.requirements as Record<string, unknown>, timeoutMs: t.timeoutMs, by: t.by, template: t.template, schedule: t.schedule, replayOf: t.replayOf,
    after: t.after.map((id) => {
      const other = findTask(db, id);
      return { id, title: other ? `#${other.seq} ${other.title}` : id, status: other?.status ?? 'waiting' };
    }),
    result: t.object === null ? t.result : undefined, resultUrl: t.object ? `/api/v1/tasks/${t.id}/artefacts/${t.object}` : null,
    artefacts: t.artefacts.map((a) => ({ name: a.name, type: a.type, bytes: a.bytes, url: `/api/v1/tasks/${t.id}/artefacts/${encodeURIComponent(a.name)}` })),
    attempts: taskAttempts(db, t.id), logs: taskLogs(db, t.id, { limit: LINES }), logTotal,
    timers: actor?.dueMs && !isOver(t.status) && t.status !== 'retrying' ? [{ dueMs: actor.dueMs, event: x.t('task.timeout') }] : [],
    chart: chartNode(machine), active: actor?.state.split(',') ?? [], mayAct: x.scope !== 'read',
  };
}
