import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { dialog, opener, tag } from './parts.ts';
import { reason } from './reason.ts';

export type BatchAction = { verb: string; label: string; /** What it asks for besides. */ fields?: Html };
export type BatchItem = { id: string; name: string; state: string; group: 'state' | 'activity' | 'task' | 'agent'; /** Why it is left out, or null. */ why: string | null };
export type BatchPreview = { base: string; action: BatchAction; items: BatchItem[]; /** What everyone must know before. */ note: string | null };
export type BatchState = 'waiting' | 'sent' | 'done' | 'failed' | 'late';
export type BatchProgress = { base: string; job: string; action: BatchAction; ended: boolean; items: { id: string; name: string; state: BatchState; error: string | null }[] };
/** `over`: so many of `all` are done or have failed. */
export type RunningBatch = { job: string; label: string; over: number; all: number };

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
    ${fit.length > 0 ? m.action.fields : null}
    ${m.note && fit.length > 0 ? html`<p class="note-text">${m.note}</p>` : null}
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button>${confirm(x, m.action, fit.length)}</footer></form>`);
}

const confirm = (x: Ctx, action: BatchAction, n: number): Value =>
  n > 0 ? html`<button class="button main">${x.t('batch.go', { what: action.label, n })}</button>` : html`<span class="off"><button class="button main" disabled title=${x.t('batch.nobody')}>${action.label}</button><small class="why">${x.t('batch.nobody')}</small></span>`;

const MARK: Record<BatchState, [string, string]> = { waiting: ['·', 'muted'], sent: ['⟳', 'muted'], done: ['✓', 'good-text'], failed: ['✕', 'bad-text'], late: ['…', 'muted'] };

const MOST_SHOWN = 60;

/** How far it is, and what became of each; asks again while something is under way. */
export function batchProgress(x: Ctx, m: BatchProgress): Html {
  const over = m.items.filter((i) => i.state !== 'waiting' && i.state !== 'sent').length;
  const text = m.ended ? x.t('batch.done', { what: m.action.label, ok: m.items.filter((i) => i.state === 'done').length, all: m.items.length }) : x.t('batch.running', { n: over, all: m.items.length });
  // Of thousands, those that went wrong stand before those that did not.
  const shown = m.items.length <= MOST_SHOWN ? m.items : [...m.items.filter((i) => i.state === 'failed'), ...m.items.filter((i) => i.state !== 'failed')].slice(0, MOST_SHOWN);
  const inside = html`<p class="row" role="status"><b>${text}</b></p><progress max=${m.items.length} value=${over} aria-label=${text}></progress>
    <ul class="batch-list">${shown.map((i) => html`<li id=${`batch-${i.id}`} data-state=${i.state}><i class=${MARK[i.state][1]} aria-label=${x.word('progress', i.state)}>${MARK[i.state][0]}</i><b>${i.name}</b>${i.error ? html`<span class="sub bad-text">${reason(x, i.error)}</span>` : i.state === 'late' ? html`<span class="sub">${x.word('progress', 'late')}</span>` : null}</li>`)}${m.items.length > shown.length ? html`<li class="muted">${x.t('groups.more', { n: m.items.length - shown.length })}</li>` : null}</ul>`;
  return m.ended ? html`<div id="batch-progress">${inside}</div>` : html`<div id="batch-progress" hx-get=${`${m.base}/batch/${m.job}`} hx-trigger="load delay:700ms" hx-target="this" hx-swap="outerHTML">${inside}</div>`;
}

/** The same in a dialog of its own. It goes on when the dialog is closed. */
export const batchDialog = (x: Ctx, m: BatchProgress): Html => dialog(x, x.t('batch.of', { what: m.action.label, all: m.items.length }), html`${batchProgress(x, m)}<footer><span class="sub grow">${m.ended ? null : x.t('batch.goes-on')}</span><button type="button" class="button main" data-close="">${x.t('close')}</button></footer>`);

/** Stands over the list while something is under way, for whoever closed the dialog or came back. */
export const batchRunning = (x: Ctx, base: string, jobs: RunningBatch[]): Value => (jobs.length === 0 ? null : html`<ul class="running-batches">${jobs.map((j) => html`<li class="card row"><i class="spin" aria-hidden="true"></i><b>${j.label}</b><span class="muted">${x.t('batch.running', { n: j.over, all: j.all })}</span><progress max=${j.all} value=${j.over} aria-label=${j.label}></progress><span class="grow"></span>${opener(`${base}/batch/${j.job}?dialog=1`, x.t('batch.show'))}</li>`)}</ul>`);
