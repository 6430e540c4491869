import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { button, chip, dialog, empty, field, opener } from './parts.ts';
import { talkTabs } from './talk-tabs.ts';

export type CannedLine = { id: string; title: string; text: string; group: string };

/** What is said often, ready to be inserted. */
export function cannedPage(x: Ctx, m: { answers: CannedLine[]; mayAct: boolean }): Html {
  const add = m.mayAct ? opener('/canned/new', x.t('canned.new'), 'main') : null;
  return html`<div class="page-head"><h1>${x.t('nav.canned')}</h1>${talkTabs(x, '/canned')}<div class="toolbar">${add}</div></div>
    <section id="canned" class="region" data-topics="none" hx-get=${x.url} hx-select="#canned" hx-swap="outerMorph" hx-trigger="live">${m.answers.length === 0 ? empty(x.t('canned.none'), x.t('canned.none-next'), add) : html`<div class="table-box"><table class="cards"><thead><tr><th>${x.t('canned.title')}</th><th>${x.t('canned.text')}</th><th class="end">${x.t('actions')}</th></tr></thead>
    <tbody>${m.answers.map((a) => html`<tr id=${`canned-row-${a.id}`} data-row=""><td data-label=${x.t('canned.title')}><b>${a.title}</b> ${a.group ? chip(a.group) : null}<div class="sub"><code>${a.id}</code></div></td><td data-label=${x.t('canned.text')}><div class="canned-text">${a.text}</div></td><td class="end actions" data-label=${x.t('actions')}>${m.mayAct ? [opener(`/canned/${a.id}/edit`, x.t('canned.edit-button')), ' ', button({ url: `/canned/${a.id}/remove`, label: x.t('canned.remove'), tone: 'danger', confirm: x.t('canned.remove-sure', { title: a.title }) })] : null}</td></tr>`)}</tbody></table></div>`}</section>`;
}

export const cannedDialog = (x: Ctx, m: { answer: CannedLine | null; variables: readonly string[]; groups: string[] }): Html => dialog(x, x.t(m.answer ? 'canned.edit' : 'canned.new'), html`<form hx-post=${m.answer ? `/canned/${m.answer.id}` : '/canned'} hx-swap="none" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
    ${field({ name: 'title', label: x.t('canned.title'), value: m.answer?.title ?? '', required: true })}
    <label class="field"><span>${x.t('canned.text')}</span><textarea name="text" rows="5" required maxlength="2000">${m.answer?.text ?? ''}</textarea><small>${x.t('canned.text-hint', { vars: m.variables.map((v) => `{{${v}}}`).join(' ') })}</small></label>
    <label class="field"><span>${x.t('canned.group')}</span><input name="group" value=${m.answer?.group ?? ''} list="canned-groups" maxlength="40" autocomplete="off"><small>${x.t('canned.group-hint')}</small></label><datalist id="canned-groups">${m.groups.map((g) => html`<option value=${g}></option>`)}</datalist>
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`);
