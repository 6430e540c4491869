import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { button, check, chip, choice, dialog, empty, field, menu, opener, region } from './parts.ts';
import { taskFields, type TaskFormModel } from './task-form.ts';
import { workTabs } from './work-tabs.ts';

export type ParamLine = { name: string; label: string; type: string; required: boolean; default: string; options: string; hint: string };
export type TemplateCard = { name: string; title: string; description: string; type: string; steps: number; params: { name: string; required: boolean }[]; used: number };
export const PARAM_TYPES = ['text', 'number', 'boolean', 'choice', 'url', 'lines'] as const;

export function templatesPage(x: Ctx, m: { templates: TemplateCard[]; mayAct: boolean }): Html {
  return html`<div class="page-head"><h1>${x.t('nav.task-templates')}</h1><div class="toolbar">${m.mayAct ? opener('/task-templates/new', x.t('template.new'), 'main') : null}</div></div>${workTabs(x)}
  ${region(x, 'task-templates', ['settings'], m.templates.length === 0 ? empty(x.t('template.none'), x.t('template.none-next'), m.mayAct ? opener('/task-templates/new', x.t('template.new'), 'main') : null) : html`<div class="groups">${m.templates.map((t) => card(x, t, m.mayAct))}</div>`)}`;
}

const card = (x: Ctx, t: TemplateCard, mayAct: boolean): Html => html`<article class="card" id=${`template-${t.name}`} data-row=""><header class="row"><h2>${t.name}</h2>${chip(x.word('task-type', t.type))}<span class="grow"></span>${mayAct ? html`${opener(`/task-templates/${t.name}/use`, x.t('template.use'), 'main')} ${menu(x, `menu-${t.name}`, [opener(`/task-templates/${t.name}/edit`, x.t('edit')), opener(`/schedules/new?template=${t.name}`, x.t('schedule.new')), button({ url: `/task-templates/${t.name}/remove`, label: x.t('remove'), tone: 'danger', confirm: x.t('template.remove-sure', { name: t.name }) })])}` : null}</header>
  <p><b>${t.title}</b></p>${t.description ? html`<p class="sub">${t.description}</p>` : null}
  <div class="chips">${t.steps > 0 ? chip(x.t('template.steps', { n: t.steps })) : null}${t.params.map((p) => chip(p.required ? `${p.name} *` : p.name, 'note'))}${t.used > 0 ? chip(x.t('template.used', { n: t.used })) : null}</div></article>`;

/** Chooses a template to make a task from. */
export const pickTemplateDialog = (x: Ctx, templates: TemplateCard[]): Html =>
  dialog(x, x.t('task.from-template'), templates.length === 0 ? empty(x.t('template.none'), x.t('template.none-next'), opener('/task-templates/new', x.t('template.new'), 'main')) : html`<ul class="todo">${templates.map((t) => html`<li class="card"><div class="grow"><b>${t.name}</b><div class="sub">${t.description || t.title}</div></div>${opener(`/task-templates/${t.name}/use`, x.t('template.use'), 'main')}</li>`)}</ul>`);

export type UseModel = { name: string; description: string; params: (ParamLine & { min: number | null; max: number | null })[]; values: Record<string, string>; action: string; submit: string };

/** The parameters of a template as a form. */
export function useTemplateDialog(x: Ctx, m: UseModel): Html {
  return dialog(x, m.name, html`<form hx-post=${m.action} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>${m.description ? html`<p class="muted">${m.description}</p>` : null}
  ${paramFields(x, m)}<footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${m.submit}</button></footer></form>`);
}

export const paramFields = (x: Ctx, m: Pick<UseModel, 'params' | 'values'>): Value => (m.params.length === 0 ? html`<p class="muted">${x.t('template.no-params')}</p>` : html`<div class="one-column">${m.params.map((p) => param(x, p, m.values[p.name] ?? p.default))}</div>`);

function param(x: Ctx, p: UseModel['params'][number], value: string): Html {
  const name = `param-${p.name}`;
  const label = `${p.label || p.name}${p.required ? ' *' : ''}`;
  switch (p.type) {
    case 'choice':
      return choice(name, label, value, [...(p.required ? [] : [['', '—'] as [string, string]]), ...p.options.split('\n').filter(Boolean).map((o): [string, string] => [o, o])], p.hint || null);
    case 'boolean':
      return check(name, label, value === 'true');
    case 'lines':
      return html`<label class="field"><span>${label}</span><textarea name=${name} rows="4" ?required=${p.required}>${value}</textarea>${p.hint ? html`<small>${p.hint}</small>` : null}</label>`;
    default:
      return field({ name, label, value, type: p.type === 'number' ? 'number' : p.type === 'url' ? 'url' : 'text', required: p.required, hint: p.hint || null, ...(p.type === 'number' ? { step: 0.001, ...(p.min === null ? {} : { min: p.min }), ...(p.max === null ? {} : { max: p.max }) } : {}) });
  }
}

export type TemplateFormModel = Omit<TaskFormModel, 'lead'> & { name: string; isNew: boolean; about: string; params: ParamLine[] };

/** A template: its name, its parameters, and the task with `{{holes}}`. */
export function templateDialog(x: Ctx, m: TemplateFormModel): Html {
  return dialog(x, m.heading, html`<form class="task-form" hx-post=${m.action} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  <div class="grid">${field({ name: 'name', label: x.t('template.name'), value: m.name, required: true, readonly: !m.isNew, hint: m.isNew ? x.t('template.name-hint') : null })}${field({ name: 'about', label: x.t('workers.description'), value: m.about })}</div>
  <fieldset class="step-box"><legend>${x.t('template.params')}</legend><p class="sub">${x.t('template.params-hint', { hole: '{{name}}' })}</p><ol id="params" data-steps="">${m.params.map((p, i) => paramRow(x, String(i + 1), p))}</ol><button type="button" class="button" hx-get="/task-templates/param" hx-target="#params" hx-swap="beforeend">${x.t('template.param-add')}</button></fieldset>
  ${taskFields(x, m)}
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${m.submit}</button></footer></form>`, 'wide-dialog');
}

export function paramRow(x: Ctx, n: string, p: ParamLine): Html {
  const f = (name: keyof ParamLine, label: string, value: string) => html`<label class="field"><span>${label}</span><input name=${`p-${n}-${name}`} value=${value} autocomplete="off"></label>`;
  return html`<li class="card step" data-step=""><div class="grid three">${f('name', x.t('template.param-name'), p.name)}<label class="field"><span>${x.t('task.type')}</span><select name=${`p-${n}-type`}>${PARAM_TYPES.map((t) => html`<option value=${t} ?selected=${t === p.type}>${x.word('param', t)}</option>`)}</select></label>${f('default', x.t('template.param-default'), p.default)}${f('label', x.t('template.param-label'), p.label)}${f('options', x.t('template.param-options'), p.options.split('\n').join(', '))}${f('hint', x.t('template.param-hint'), p.hint)}</div>
  <div class="row"><label class="check"><input type="checkbox" name=${`p-${n}-required`} value="1" ?checked=${p.required}><span>${x.t('template.param-required')}</span></label><span class="grow"></span><button type="button" class="button plain icon" data-step-up="" aria-label=${x.t('task.step-up')}>↑</button><button type="button" class="button plain icon" data-step-down="" aria-label=${x.t('task.step-down')}>↓</button><button type="button" class="button plain icon" data-step-drop="" aria-label=${x.t('remove')}>✕</button></div></li>`;
}
