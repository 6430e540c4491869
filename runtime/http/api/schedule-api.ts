import { z } from 'zod';
import { ID } from '../../../transport/subjects.ts';
import { scheduleConfig, schedulePatch } from '../../../actors/schedule.ts';
import type { ScheduleWhen } from '../../../machines/schedule.ts';
import { nextTimes } from '../../master/next-time.ts';
import { findSchedule, listSchedules, type ScheduleRow } from '../../read-model/queries/schedules.ts';
import { expandTemplate, taskTemplate, TemplateFault } from '../../tasks/task-template.ts';
import { dropTaskTemplate, findTaskTemplate, listTaskTemplates, saveTaskTemplate } from '../../tasks/template-store.ts';
import { checked, readJson } from '../body.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import { Problem } from '../problem.ts';
import type { Route } from '../routes.ts';
import { checkedTask, createTask } from '../work/create-task.ts';
import { id, pathId } from './query.ts';
import { answer, mount, readBody } from './respond.ts';

const TAG = 'tasks';
const creating = scheduleConfig.safeExtend({ id: id.optional() });
const using = z.strictObject({ params: z.record(z.string(), z.unknown()).default({}), priority: z.number().int().min(1).max(10).optional(), group: id.optional(), key: z.string().min(1).max(200).optional() });

/** Schedules and templates of tasks. */
export const scheduleApi = (): Route[] => [
  ...mount('get', '/schedules', 'read', { tag: TAG, summary: 'Schedules, the newest first', answer: '{success, schedules}' }, (call) => answer(call, { success: true, schedules: listSchedules(call.d.db).map(row) })),
  ...mount('post', '/schedules', 'operate', { tag: TAG, summary: 'Make tasks by the clock: `when` is {cron, timezone}, {everyMs} or {at}; `makes` is {task} or {template, params}', body: creating, answer: '{success, schedule}', status: 201 }, async (call) => {
    const { id: given, ...config } = await readBody(call, creating);
    check(call, config);
    const name = given ?? freshId('s');
    const done = await call.command({ kind: 'schedule', id: name }, 'create', config);
    return answer(call, { success: true, schedule: { id: name, status: done.state, ...config } }, 201, { Location: `/api/v1/schedules/${name}` });
  }),
  ...mount('get', '/schedules/:id', 'read', { tag: TAG, summary: 'One schedule with its next times and what it made', answer: '{success, schedule}' }, (call) => {
    const s = one(call);
    return answer(call, { success: true, schedule: { ...row(s), next_times: s.nextAt === null ? [] : [s.nextAt, ...nextTimes(s.config.when, s.nextAt, s.createdAt, 4)].map((t) => new Date(t).toISOString()) } });
  }),
  ...(['patch', 'put'] as const).flatMap((method) => mount(method, '/schedules/:id', 'operate', { tag: TAG, summary: 'Change a schedule; fields that are not given stay', body: schedulePatch, answer: '{success, schedule}' }, async (call) => {
    const s = one(call);
    const patch = await readBody(call, schedulePatch);
    check(call, { when: patch.when ?? s.config.when, makes: patch.makes ?? s.config.makes });
    const done = await call.command({ kind: 'schedule', id: s.id }, 'update', patch);
    return answer(call, { success: true, schedule: { ...row(s), ...patch, status: done.state } });
  })),
  ...(['pause', 'resume', 'now'] as const).flatMap((verb) => mount('post', `/schedules/:id/${verb}`, 'operate', { tag: TAG, summary: verb === 'now' ? 'Make its task now, once more' : verb === 'pause' ? 'Make no tasks until it is resumed' : 'Go on', answer: '{success, status}' }, async (call) => {
    const done = await call.command({ kind: 'schedule', id: one(call).id }, verb);
    return answer(call, { success: true, status: done.state });
  })),
  ...mount('delete', '/schedules/:id', 'operate', { tag: TAG, summary: 'Make no tasks any more; those that it made stay', answer: '{success}' }, async (call) => {
    await call.command({ kind: 'schedule', id: one(call).id }, 'remove');
    return answer(call, { success: true });
  }),
  ...mount('get', '/task-templates', 'read', { tag: TAG, summary: 'Templates of tasks', answer: '{success, templates}' }, async (call) => answer(call, { success: true, templates: await listTaskTemplates(call.d.settings) })),
  ...mount('get', '/task-templates/:id', 'read', { tag: TAG, summary: 'One template', answer: '{success, template}' }, async (call) => answer(call, { success: true, template: await template(call) })),
  ...mount('put', '/task-templates/:id', 'operate', { tag: TAG, summary: 'Save a template; `{{name}}` in any text of its task is a parameter', body: taskTemplate, answer: '{success, template}' }, async (call) => {
    const name = nameOf(call);
    // Keys of a task are its own: nothing in it is renamed.
    const given = checked(taskTemplate, await readJson(call.c));
    await saveTaskTemplate(call.d.settings, name, given);
    return answer(call, { success: true, template: { name, ...given } });
  }),
  ...mount('delete', '/task-templates/:id', 'operate', { tag: TAG, summary: 'Remove a template', answer: '{success}' }, async (call) => {
    const { name } = await template(call);
    await dropTaskTemplate(call.d.settings, name);
    return answer(call, { success: true });
  }),
  ...mount('post', '/task-templates/:id/use', 'operate', { tag: TAG, summary: 'Make a task of a template', body: using, answer: '{success, task}', status: 201 }, async (call) => {
    const t = await template(call);
    const { params, ...over } = await readBody(call, using);
    const made = await createTask(call, { ...expanded(t, params), ...over, template: t.name });
    return answer(call, { success: true, task: made }, 201, { Location: `/api/v1/tasks/${made.id}` });
  }),
];

const one = (call: Call): ScheduleRow => found(findSchedule(call.d.db, pathId(call)), `schedule ${call.param('id')}`);

function nameOf(call: Call): string {
  const name = call.param('id');
  if (!ID.test(name)) throw new Problem(422, 'invalid', 'id: must be 1 to 63 of a-z, 0-9 and hyphens', { field: 'id' });
  return name;
}

async function template(call: Call) {
  const name = nameOf(call);
  return { name, ...found(await findTaskTemplate(call.d.settings, name), `template ${name}`) };
}

function expanded(t: Awaited<ReturnType<typeof template>>, params: Record<string, unknown>): Record<string, unknown> {
  try {
    return expandTemplate(t, params);
  } catch (error) {
    if (error instanceof TemplateFault) throw new Problem(422, 'invalid', `params.${error.message}`, { field: `params.${error.field}` });
    throw error;
  }
}

/** What the chart would only find out at its time. */
function check(call: Call, { when, makes }: { when: ScheduleWhen; makes: { task: Record<string, unknown> } | { template: string; params: Record<string, unknown> } }): void {
  try {
    nextTimes(when, call.d.now(), call.d.now(), 1);
  } catch (error) {
    throw new Problem(422, 'invalid', `when.cron: ${(error as Error).message}`, { field: 'when.cron' });
  }
  if ('task' in makes) checkedTask({ title: 'scheduled', ...makes.task });
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const row = (s: ScheduleRow): Record<string, unknown> => ({ id: s.id, status: s.status, ...s.config, next_at: iso(s.nextAt), error: s.error, created_by: s.by, created_at: iso(s.createdAt), fired: s.fired.map((f) => ({ at: iso(f.at), task: f.task, skipped: f.skipped, error: f.error })) });
