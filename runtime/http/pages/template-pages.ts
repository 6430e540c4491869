import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ID } from '../../../transport/subjects.ts';
import { paramRow, pickTemplateDialog, templateDialog, templatesPage, useTemplateDialog, type ParamLine, type TemplateCard, type TemplateFormModel, type UseModel } from '../../../views/task-templates.ts';
import type { TaskTemplate, TemplateParam } from '../../tasks/task-template.ts';
import { expandTemplate, taskTemplate, TemplateFault, templateFromTask } from '../../tasks/task-template.ts';
import { dropTaskTemplate, findTaskTemplate, listTaskTemplates, saveTaskTemplate } from '../../tasks/template-store.ts';
import { checked, readForm } from '../body.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { around } from '../work/around.ts';
import { createTask } from '../work/create-task.ts';
import { EMPTY, readTaskForm, valuesOf } from '../work/task-form-model.ts';
import { findTask, tasksOfTemplates } from '../../read-model/queries/tasks.ts';

const NO_PARAM: ParamLine = { name: '', label: '', type: 'text', required: false, default: '', options: '', hint: '' };

/** Tasks with parameters, to be used by a form. */
export const templatePages = (): Route[] => [
  page('get', '/task-templates', 'read', async (call) => {
    const x = context(call);
    return showPage(call, x, { title: x.t('nav.task-templates'), topics: ['task', 'settings', 'inbox', 'reply', 'notification'], main: templatesPage(x, { templates: await cards(call), mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/task-templates/pick', 'operate', async (call) => showPiece(pickTemplateDialog(context(call), await cards(call)))),
  page('get', '/task-templates/param', 'operate', (call) => showPiece(paramRow(context(call), randomBytes(4).toString('hex'), NO_PARAM))),
  page('get', '/task-templates/new', 'operate', (call) => {
    const x = context(call);
    return showPiece(templateDialog(x, { ...around(call), ...form(x.t('template.new'), x.t('save'), '/task-templates', '', true, { params: [], description: '', task: { title: '' } } as unknown as TaskTemplate) }));
  }),
  page('get', '/task-templates/from/:id', 'operate', (call) => {
    const x = context(call);
    const t = found(findTask(call.d.db, call.param('id')), `task ${call.param('id')}`);
    const template = templateFromTask({ title: t.title, description: t.description, type: t.type, priority: t.priority, group: t.group, payload: t.payload, requirements: t.requirements, timeoutMs: t.timeoutMs, retries: t.maxAttempts - 1 });
    return showPiece(templateDialog(x, { ...around(call), ...form(x.t('template.new'), x.t('save'), '/task-templates', '', true, template) }));
  }),
  page('post', '/task-templates', 'operate', async (call) => {
    const given = await readForm(call.c);
    const name = nameOf(given['name'] ?? '');
    if (await findTaskTemplate(call.d.settings, name)) throw new Problem(409, 'duplicate', `name: there is a template ${name} already`, { field: 'name' });
    await saveTaskTemplate(call.d.settings, name, readTemplate(call, given));
    return done(call, 'done.created', { name });
  }),
  page('get', '/task-templates/:id/edit', 'operate', async (call) => {
    const x = context(call);
    const { name, template } = await one(call);
    return showPiece(templateDialog(x, { ...around(call), ...form(x.t('template.edit', { name }), x.t('save'), `/task-templates/${name}`, name, false, template) }));
  }),
  page('post', '/task-templates/:id', 'operate', async (call) => {
    const { name } = await one(call);
    await saveTaskTemplate(call.d.settings, name, readTemplate(call, await readForm(call.c)));
    return done(call, 'done.saved');
  }),
  page('post', '/task-templates/:id/remove', 'operate', async (call) => {
    const { name } = await one(call);
    await dropTaskTemplate(call.d.settings, name);
    return done(call, 'done.removed', { name });
  }),
  page('get', '/task-templates/:id/use', 'operate', async (call) => {
    const x = context(call);
    const { name, template } = await one(call);
    return showPiece(useTemplateDialog(x, { name, description: template.description, params: paramLines(template), values: {}, action: `/task-templates/${name}/use`, submit: x.t('task.start') }));
  }),
  page('post', '/task-templates/:id/use', 'operate', async (call) => {
    const { name, template } = await one(call);
    const made = await createTask(call, { ...filled(template, await readForm(call.c)), template: name });
    return done(call, 'done.task-made', { title: made.title });
  }),
  page('get', '/task-templates/:id', 'read', (call) => call.c.redirect(`/task-templates#template-${encodeURIComponent(call.param('id'))}`, 303)),
];

const nameOf = (text: string): string => checked(z.object({ name: z.string().trim().regex(ID, 'must be 1 to 63 of a-z, 0-9 and hyphens') }), { name: text }).name;

async function one(call: Call): Promise<{ name: string; template: TaskTemplate }> {
  const name = call.param('id');
  const template = ID.test(name) ? await findTaskTemplate(call.d.settings, name) : null;
  return { name, template: found(template, `template ${name}`) };
}

async function cards(call: Call): Promise<TemplateCard[]> {
  const used = tasksOfTemplates(call.d.db);
  return (await listTaskTemplates(call.d.settings)).map((t) => {
    const task = t.task as { title: string; type?: string; payload?: { actions?: unknown[] } };
    return { name: t.name, title: task.title, description: t.description, type: task.type ?? 'automation', steps: task.payload?.actions?.length ?? 0, params: t.params.map((p) => ({ name: p.name, required: p.required })), used: used.get(t.name) ?? 0 };
  });
}

export const paramLines = (t: TaskTemplate): UseModel['params'] => t.params.map((p) => ({ ...lineOf(p), min: p.min ?? null, max: p.max ?? null }));
const lineOf = (p: TemplateParam): ParamLine => ({ name: p.name, label: p.label, type: p.type, required: p.required, default: p.default === undefined ? '' : String(p.default), options: p.options.join('\n'), hint: p.hint });

/** The task of a template with the values of a form's `param-…` fields. Throws 422 that names the field. */
export function filled(template: TaskTemplate, given: Readonly<Record<string, string>>): Record<string, unknown> {
  const values: Record<string, unknown> = Object.fromEntries(Object.entries(given).flatMap(([k, v]) => (k.startsWith('param-') ? [[k.slice(6), v]] : [])));
  // A box that is not ticked sends nothing; its default would tick it again.
  for (const p of template.params) if (p.type === 'boolean' && !(p.name in values)) values[p.name] = false;
  try {
    return expandTemplate(template, values);
  } catch (error) {
    if (error instanceof TemplateFault) throw new Problem(422, 'invalid', error.message, { field: `param-${error.field}` });
    throw error;
  }
}

const form = (heading: string, submit: string, action: string, name: string, isNew: boolean, t: TaskTemplate): Omit<TemplateFormModel, keyof ReturnType<typeof around>> => ({
  heading, submit, action, name, isNew, about: t.description, params: t.params.map(lineOf), values: { ...EMPTY, ...valuesOf(t.task) },
});

function readTemplate(call: Call, given: Readonly<Record<string, string>>): TaskTemplate {
  const lines = new Map<string, Record<string, string>>();
  for (const [field, value] of Object.entries(given)) {
    const at = /^p-([a-z0-9]{1,20})-(name|label|type|default|options|hint|required)$/.exec(field);
    if (at) lines.set(at[1]!, { ...lines.get(at[1]!), [at[2]!]: value.trim() });
  }
  const params = [...lines.values()].filter((l) => l['name']).map((l) => ({ name: l['name'], label: l['label'], type: l['type'], required: l['required'] === '1', hint: l['hint'], options: (l['options'] ?? '').split(',').map((o) => o.trim()).filter(Boolean), ...(l['default'] ? { default: l['default'] } : {}) }));
  return checked(taskTemplate, { description: given['about'] ?? '', params, task: readTaskForm(given, around(call).tools) });
}
