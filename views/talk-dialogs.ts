import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { dialog, field, zoneHint } from './parts.ts';

const form = (x: Ctx, what: string, ids: string, body: Value, submit: string | null): Html => html`<form hx-post="/inbox/act" hx-swap="none" data-dialog-form="" data-talk-form=""><p class="form-error" role="alert" hidden></p><input type="hidden" name="do" value=${what}><input type="hidden" name="ids" value=${ids}>${body}
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button>${submit ? html`<button class="button main">${submit}</button>` : null}</footer></form>`;

/** One button for each colleague: the first is oneself. */
export const assignDialog = (x: Ctx, m: { ids: string; users: string[]; assignee: string | null }): Html => dialog(x, x.t('talks.assign-title'), form(x, 'assign', m.ids, html`<div class="choices">${[x.user, ...m.users.filter((u) => u !== x.user)].map((u, i) => html`<label class="check"><input type="radio" name="to" value=${u} ?checked=${(m.assignee ?? x.user) === u} ?autofocus=${i === 0}><span>${u === x.user ? x.t('talks.assign-me', { name: u }) : u}</span></label>`)}<label class="check"><input type="radio" name="to" value=""><span>${x.t('talks.to-nobody')}</span></label></div>`, x.t('talks.assign')));

/** Three times that are asked for often, and any other. */
export const snoozeDialog = (x: Ctx, m: { ids: string; hour: number; tomorrow: number; week: number; at: string }): Html => dialog(x, x.t('talks.snooze-title'), form(x, 'snooze', m.ids, html`<div class="choices">${([['hour', m.hour, 'talks.snooze-hour'], ['tomorrow', m.tomorrow, 'talks.snooze-tomorrow'], ['week', m.week, 'talks.snooze-week']] as const).map(([name, until, key], i) => html`<label class="check"><input type="radio" name="until" value=${until} ?checked=${i === 0} ?autofocus=${i === 0} data-snooze=${name}><span>${x.t(key)}</span></label>`)}
    <label class="check"><input type="radio" name="until" value="at"><span>${x.t('talks.snooze-at')}</span></label><input type="datetime-local" name="at" value=${m.at} aria-label=${x.t('talks.snooze-at')}></div>${zoneHint(x)}<p class="sub">${x.t('talks.snooze-hint')}</p>`, x.t('talks.snooze')));

/** What is on them can be taken off, what is known can be put on, and new ones come as text. */
export const labelDialog = (x: Ctx, m: { ids: string; on: string[]; known: string[] }): Html => dialog(x, x.t('talks.labels-title'), form(x, 'label', m.ids, html`
    <label class="field"><span>${x.t('talks.labels-add')}</span><input name="add" list="known-labels" autocomplete="off" autofocus><small>${x.t('talks.labels-hint')}</small></label><datalist id="known-labels">${m.known.map((l) => html`<option value=${l}></option>`)}</datalist>
    ${m.on.length === 0 ? null : html`<fieldset class="field"><legend>${x.t('talks.labels-remove')}</legend>${m.on.map((l, i) => html`<label class="check"><input type="checkbox" name=${`remove-${i}`} value=${l}><span>${l}</span></label>`)}</fieldset>`}`, x.t('save')));

export const filterDialog = (x: Ctx, query: string): Html => dialog(x, x.t('talks.save-filter'), html`<form hx-post="/inbox/filters" hx-swap="none" data-dialog-form=""><p class="form-error" role="alert" hidden></p><input type="hidden" name="query" value=${query}>${field({ name: 'name', label: x.t('talks.filter-name'), required: true, hint: x.t('talks.filter-name-hint') })}<footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`);

/** Canned answers for the open talk, filled in, as the composer shows them. */
export const cannedPicker = (x: Ctx, answers: { id: string; title: string; text: string; group: string }[]): Html =>
  answers.length === 0
    ? html`<p class="sub">${x.t('talks.answers-none')} · <a href="/canned">${x.t('talks.answers-manage')}</a></p>`
    : html`<ul role="listbox" aria-label=${x.t('talks.answers')}>${answers.map((a) => html`<li id=${`canned-${a.id}`} role="option" tabindex="-1" data-canned-text=${a.text}><b>${a.title}</b>${a.group ? html` <span class="muted">${a.group}</span>` : null}<span class="sub cut">${a.text}</span></li>`)}</ul><a class="small" href="/canned">${x.t('talks.answers-manage')}</a>`;
