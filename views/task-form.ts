import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { check, choice, dialog, field } from './parts.ts';
import { TASK_TYPES } from './tasks.ts';

/** A tool as its schema describes it; `fields` are its arguments in order. */
export type ToolChoice = { name: string; title: string; fields: ToolField[] };
export type ToolField = { name: string; type: 'text' | 'long' | 'number' | 'boolean' | 'choice' | 'json'; required: boolean; hint: string; options: string[]; fallback: string; /** Shown at once; the others behind one more click. */ main: boolean };
export type StepValue = { tool: string; note: string; args: Record<string, string> };

export type TaskFormModel = {
  /** Where it goes, and what the dialog is called. */
  action: string;
  heading: string;
  submit: string;
  /** Said above the form. */
  lead: string | null;
  tools: ToolChoice[];
  groups: string[];
  workers: string[];
  agents: { id: string; name: string }[];
  accounts: { id: string; name: string }[];
  values: TaskValues;
};
export type TaskValues = {
  title: string;
  description: string;
  type: string;
  url: string;
  command: string;
  steps: StepValue[];
  group: string;
  priority: number;
  account: string;
  worker: string;
  agent: string;
  cpu: string;
  memoryMb: string;
  gpu: boolean;
  timeoutSeconds: number;
  retries: number;
  after: string;
  forwardTo: string;
  forwardAfterSeconds: string;
};

export function taskDialog(x: Ctx, m: TaskFormModel): Html {
  return dialog(x, m.heading, html`<form class="task-form" hx-post=${m.action} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  ${m.lead ? html`<p class="muted">${m.lead}</p>` : null}${taskFields(x, m)}
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${m.submit}</button></footer></form>`, 'wide-dialog');
}

/** The fields of a task, for a new one, a template and a schedule. */
export function taskFields(x: Ctx, m: Pick<TaskFormModel, 'tools' | 'groups' | 'workers' | 'agents' | 'accounts' | 'values'>): Html {
  const v = m.values;
  const any: [string, string] = ['', x.t('task.any')];
  return html`<div class="grid">${field({ name: 'title', label: x.t('task.title'), value: v.title, required: true })}${choice('type', x.t('task.type'), v.type, TASK_TYPES.map((t) => [t, x.word('task-type', t)]))}</div>
  <div class="page-work">${field({ name: 'url', label: x.t('task.url'), value: v.url, type: 'text', placeholder: 'https://', hint: x.t('task.url-hint') })}
    <fieldset class="step-box"><legend>${x.t('task.steps')}</legend><ol id="steps" data-steps="">${v.steps.map((s, i) => stepRow(x, m.tools, String(i + 1), s))}</ol>
      <button type="button" class="button" hx-get="/tasks/step" hx-target="#steps" hx-swap="beforeend">${x.t('task.step-add')}</button></fieldset></div>
  <div class="shell-work"><label class="field"><span>${x.t('task.command')}</span><textarea class="mono" name="command" rows="4" spellcheck="false">${v.command}</textarea><small>${x.t('task.command-hint')}</small></label></div>
  <div class="grid">${choice('group', x.t('workers.group'), v.group, [...new Set(['default', ...m.groups, ...(v.group ? [v.group] : [])])].map((g) => [g, g]))}
    ${field({ name: 'priority', label: x.t('task.priority'), value: v.priority, type: 'number', min: 1, max: 10, required: true, hint: x.t('task.priority-hint') })}
    ${field({ name: 'timeout_seconds', label: x.t('task.timeout'), value: v.timeoutSeconds, type: 'number', min: 1, max: 86_400, required: true })}
    ${field({ name: 'retries', label: x.t('task.retries'), value: v.retries, type: 'number', min: 0, max: 3, required: true })}</div>
  <details class="fold" id="task-more"><summary>${x.t('task.more')}</summary><div class="grid">
    ${choice('account', x.t('task.account'), v.account, [['', x.t('task.no-account')], ...m.accounts.map((a): [string, string] => [a.id, a.name])], x.t('task.account-hint'))}
    ${choice('agent', x.t('nav.agents'), v.agent, [any, ...m.agents.map((a): [string, string] => [a.id, a.name])])}
    ${choice('worker', x.t('nav.workers'), v.worker, [any, ...m.workers.map((w): [string, string] => [w, w])])}
    ${field({ name: 'after', label: x.t('task.after'), value: v.after, hint: x.t('task.after-hint') })}
    ${field({ name: 'cpu', label: x.t('task.min-cpu'), value: v.cpu, type: 'number', min: 0, max: 256, step: 0.5 })}
    ${field({ name: 'memory_mb', label: x.t('task.min-memory'), value: v.memoryMb, type: 'number', min: 0, max: 1_048_576 })}
    ${choice('forward_to', x.t('task.forward-to'), v.forwardTo, [['', x.t('task.no-forward')], ...m.groups.map((g): [string, string] => [g, g])], x.t('task.forward-hint'))}
    ${field({ name: 'forward_after_seconds', label: x.t('task.forward-after'), value: v.forwardAfterSeconds, type: 'number', min: 1, max: 86_400 })}
    <div class="checks">${check('gpu', x.t('task.gpu'), v.gpu)}</div>
    <label class="field wide"><span>${x.t('workers.description')}</span><textarea name="description" rows="2">${v.description}</textarea></label></div></details>`;
}

/** One step: a tool and its arguments. `n` ties its fields together; the order is that of the form. */
export function stepRow(x: Ctx, tools: ToolChoice[], n: string, s: StepValue): Html {
  const tool = tools.find((t) => t.name === s.tool) ?? tools[0];
  return html`<li class="card step" data-step=""><div class="row"><select name=${`step-${n}-tool`} aria-label=${x.t('task.tool')} hx-get=${`/tasks/step?n=${n}`} hx-include="closest li" hx-target="closest li" hx-swap="outerHTML" hx-trigger="change">${tools.map((t) => html`<option value=${t.name} ?selected=${t.name === tool?.name}>${t.name}</option>`)}</select><span class="sub grow">${tool?.title ?? ''}</span>
    <button type="button" class="button plain icon" data-step-up="" aria-label=${x.t('task.step-up')} title=${x.t('task.step-up')}>↑</button><button type="button" class="button plain icon" data-step-down="" aria-label=${x.t('task.step-down')} title=${x.t('task.step-down')}>↓</button><button type="button" class="button plain icon" data-step-drop="" aria-label=${x.t('remove')} title=${x.t('remove')}>✕</button></div>
    ${tool ? fields(x, n, tool, s) : null}</li>`;
}

/** What a step mostly needs, and the rest where it is set or asked for. */
function fields(x: Ctx, n: string, tool: ToolChoice, s: StepValue): Value {
  const shown = (f: ToolField) => f.main || Boolean(s.args[f.name]);
  const draw = (list: ToolField[]) => html`<div class="grid">${list.map((f) => argument(x, n, f, s.args[f.name] ?? ''))}</div>`;
  const rest = tool.fields.filter((f) => !shown(f));
  return html`${tool.fields.some(shown) ? draw(tool.fields.filter(shown)) : null}${rest.length > 0 ? html`<details class="fold" id=${`step-${n}-more`}><summary>${x.t('task.step-more', { n: rest.length })}</summary>${draw(rest)}</details>` : null}`;
}

function argument(x: Ctx, n: string, f: ToolField, value: string): Value {
  const name = `step-${n}-arg-${f.name}`;
  const label = html`<span>${f.name}${f.required ? ' *' : null}</span>`;
  const hint = f.hint ? html`<small>${f.hint}</small>` : null;
  switch (f.type) {
    case 'boolean':
    case 'choice':
      return html`<label class="field">${label}<select name=${name}><option value="">${f.fallback ? x.t('task.default-is', { value: f.fallback }) : '—'}</option>${(f.type === 'boolean' ? ['true', 'false'] : f.options).map((o) => html`<option value=${o} ?selected=${o === value}>${o}</option>`)}</select>${hint}</label>`;
    case 'long':
    case 'json':
      return html`<label class="field wide">${label}<textarea class="mono" name=${name} rows="3" spellcheck="false">${value}</textarea>${hint}</label>`;
    default:
      // A number may also be a hole of a template.
      return html`<label class="field">${label}<input name=${name} value=${value} placeholder=${f.fallback || null} inputmode=${f.type === 'number' ? 'decimal' : null} autocomplete="off">${hint}</label>`;
  }
}
