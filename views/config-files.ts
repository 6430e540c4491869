import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { button, chip, dialog, empty, field, opener } from './parts.ts';

export type FieldChange = { field: string; from: string | null; to: string | null };
export type ImportLine = { worker: string; action: string; field: string | null; reason: string | null; changes: FieldChange[]; error?: string | null };
export type ImportModel = { text: string; format: string; items: ImportLine[] | null; done: boolean };

const TONE: Record<string, 'note' | 'warn' | 'plain'> = { create: 'note', update: 'note', invalid: 'warn' };

/** A file of configurations: first what it would do, then the deed. */
export function importDialog(x: Ctx, m: ImportModel): Html {
  const fit = m.items?.every((i) => i.action !== 'invalid') ?? false;
  const work = m.items?.filter((i) => i.action === 'create' || i.action === 'update').length ?? 0;
  return dialog(x, x.t('workers.import'), html`<form hx-post="/fleet/import" hx-target="#dialog" hx-swap="innerHTML" hx-status:4xx="swap:none" hx-disable="find button">
    <p class="form-error" role="alert" hidden></p>
    ${m.items ? result(x, m.items) : html`<p class="muted">${x.t('import.lead')}</p>`}
    ${m.done ? null : html`<div class="stack"><label class="field"><span>${x.t('import.file')}</span><input type="file" accept=".yaml,.yml,.json" data-into="file"></label>
      <label class="field"><span>${x.t('import.text')}</span><textarea name="file" id="f-file" rows="10" spellcheck="false" class="mono" required placeholder="workers:">${m.text}</textarea></label></div>`}
    <footer><button type="button" class="button plain" data-close="">${m.done ? x.t('close') : x.t('cancel')}</button>${m.done ? null : html`<button class=${fit && work > 0 ? 'button' : 'button main'} name="do" value="look">${x.t('import.look')}</button>${fit && work > 0 ? html`<button class="button main" name="do" value="go">${x.t('import.go', { n: work })}</button>` : null}`}</footer></form>`, 'wide-dialog');
}

function result(x: Ctx, items: ImportLine[]): Html {
  if (items.length === 0) return html`<p class="muted">${x.t('import.empty')}</p>`;
  return html`<ul class="batch-list import-list">${items.map((i) => html`<li id=${`import-${i.worker}`}><b>${i.worker}</b>${i.error ? chip(x.t('progress.failed'), 'warn') : chip(x.word('import', i.action), TONE[i.action] ?? 'plain')}${i.reason || i.error ? html`<span class="sub bad-text">${i.field ? `${i.field}: ` : null}${i.error ?? i.reason}</span>` : null}${i.action === 'update' ? changeList(x, i.changes) : null}</li>`)}</ul>`;
}

/** Field by field, what was and what is. */
export const changeList = (x: Ctx, changes: FieldChange[]): Value =>
  changes.length === 0 ? null : html`<dl class="changes">${changes.map((c) => html`<dt><code>${c.field}</code></dt><dd>${c.from === null ? html`<span class="muted">${x.t('diff.nothing')}</span>` : html`<del>${c.from}</del>`} → ${c.to === null ? html`<span class="muted">${x.t('diff.nothing')}</span>` : html`<ins>${c.to}</ins>`}</dd>`)}</dl>`;

export type TemplateLine = { name: string; type: string; group: string; maxAccounts: number; memoryMb: number };

export const templatesDialog = (x: Ctx, templates: TemplateLine[]): Html => dialog(x, x.t('workers.templates'), html`${
  templates.length === 0
    ? empty(x.t('templates.none'), x.t('templates.none-next'))
    : html`<ul class="pending">${templates.map((t) => html`<li id=${`template-${t.name}`}><b>${t.name}</b><span class="sub">${x.word('deployment', t.type)} · ${t.group} · ${x.t('templates.size', { accounts: t.maxAccounts, memory: t.memoryMb })}</span><span class="grow"></span>${opener(`/workers/new?template=${t.name}`, x.t('templates.use'), 'main')}${button({ url: `/fleet/templates/${t.name}/remove`, label: x.t('remove'), tone: 'danger', target: '#dialog', confirm: x.t('templates.remove-sure', { name: t.name }) })}</li>`)}</ul>`
}<footer><button type="button" class="button plain" data-close="">${x.t('close')}</button></footer>`, 'wide-dialog');

export const saveTemplateDialog = (x: Ctx, m: { worker: string; suggested: string }): Html => dialog(x, x.t('workers.save-template'), html`<form hx-post=${`/fleet/templates/from/${m.worker}`} hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
  ${field({ name: 'name', label: x.t('templates.name'), value: m.suggested, required: true, hint: x.t('templates.name-hint') })}
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`);
