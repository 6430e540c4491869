import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { dialog, tag } from './parts.ts';
import { reason } from './reason.ts';

export type BatchAction = { verb: string; label: string };
export type BatchItem = { id: string; name: string; state: string; group: 'state' | 'activity' | 'task' | 'agent'; /** Why it is left out, or null. */ why: string | null };
export type BatchPreview = { base: string; action: BatchAction; items: BatchItem[]; /** What everyone must know before. */ note: string | null };
export type BatchResult = { action: BatchAction; items: { id: string; name: string; error: string | null }[] };

/** The box that picks one row. */
export const pick = (x: Ctx, id: string, name: string): Html => html`<input type="checkbox" class="pick" name=${`pick-${id}`} value="1" data-pick="" autocomplete="off" aria-label=${x.t('batch.pick', { name })}>`;

/** Stands over a list whose rows can be picked; its buttons show when one is. `list` is the list's own id. */
export const batchBar = (x: Ctx, list: string, base: string, actions: BatchAction[]): Html => html`<div class="batch row"><label class="check"><input type="checkbox" data-pick-all="" autocomplete="off"><span>${x.t('batch.all')}</span></label>
    <div class="batch-actions row"><span class="muted"><b data-picked="">0</b> ${x.t('batch.picked')}</span>${actions.map((a) => html`<button type="button" class="button" hx-get=${`${base}/batch?action=${a.verb}`} hx-include=${`#${list} [data-pick]:checked`} hx-target="#dialog" hx-swap="innerHTML">${a.label}</button>`)}</div></div>`;

/** What would happen to each, before it does. */
export function batchPreview(x: Ctx, m: BatchPreview): Html {
  const fit = m.items.filter((i) => i.why === null);
  return dialog(x, x.t('batch.title', { what: m.action.label, n: fit.length, all: m.items.length }), html`<form hx-post=${`${m.base}/batch`} hx-target="#dialog" hx-swap="innerHTML" hx-status:4xx="swap:none" hx-disable="find button.main">
    <p class="form-error" role="alert" hidden></p><input type="hidden" name="action" value=${m.action.verb}>
    <ul class="batch-list">${m.items.map((i) => html`<li id=${`batch-${i.id}`} class=${i.why ? 'left-out' : ''}>${i.why ? null : html`<input type="hidden" name=${`pick-${i.id}`} value="1">`}<b>${i.name}</b>${tag(x, i.state, i.group)}${i.why ? html`<span class="sub">${i.why}</span>` : null}</li>`)}</ul>
    ${m.note && fit.length > 0 ? html`<p class="note-text">${m.note}</p>` : null}
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button>${confirm(x, m.action, fit.length)}</footer></form>`);
}

const confirm = (x: Ctx, action: BatchAction, n: number): Value =>
  n > 0 ? html`<button class="button main">${x.t('batch.go', { what: action.label, n })}</button>` : html`<span class="off"><button class="button main" disabled title=${x.t('batch.nobody')}>${action.label}</button><small class="why">${x.t('batch.nobody')}</small></span>`;

/** What did happen to each. */
export const batchResult = (x: Ctx, m: BatchResult): Html => dialog(x, x.t('batch.done', { what: m.action.label, ok: m.items.filter((i) => !i.error).length, all: m.items.length }), html`
    <ul class="batch-list">${m.items.map((i) => html`<li id=${`batch-${i.id}`}><i class=${i.error ? 'bad-text' : 'good-text'} aria-label=${x.t(i.error ? 'batch.failed' : 'batch.ok')}>${i.error ? '✕' : '✓'}</i><b>${i.name}</b>${i.error ? html`<span class="sub bad-text">${reason(x, i.error)}</span>` : null}</li>`)}</ul>
    <footer><button type="button" class="button main" data-close="">${x.t('close')}</button></footer>`);
