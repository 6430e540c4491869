import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, button, chip, choice, clock, countdown, dialog, empty, field, region, tag, who } from './parts.ts';

export type KeepLine = { name: string; value: number | null; most: number; optional: boolean };
export type ErasureLine = { id: string; platform: string; status: string; erased: { comments: number; messages: number; accounts: number } | null; error: string | null; nextMs: number | null; by: string; createdMs: number };
export type DataModel = { keep: KeepLine[]; accounts: { id: string; name: string }[]; erasures: ErasureLine[] };
export type OldLine = { name: string; rows: number; oldestMs: number | null };

/** What is kept for how long, what can be taken along, and whose data was deleted. */
export function dataPage(x: Ctx, m: DataModel): Html {
  return html`<div class="page-head"><h1>${x.t('data.title')}</h1><div class="toolbar"><a class="button plain" href="/settings">← ${x.t('nav.settings')}</a></div></div>
  <div class="columns even"><div><h2 class="group">${x.t('data.keep')}</h2>
    <form class="card" id="keep-form" hx-post="/settings/data/keep" hx-swap="none" hx-disable="find button"><p class="form-error" role="alert" hidden></p><p class="sub">${x.t('data.keep-lead')}</p><div class="grid">${m.keep.map((k) => field({ name: k.name, label: x.word('keep', k.name), value: k.value, type: 'number', min: 1, max: k.most, required: !k.optional, hint: k.optional ? x.t('data.talk-hint') : null }))}</div>
      <div id="keep-look" aria-live="polite"></div>
      <footer><button type="button" class="button" hx-post="/settings/data/look" hx-include="#keep-form" hx-target="#keep-look" hx-swap="innerHTML" hx-status:4xx="swap:none">${x.t('data.look')}</button><button class="button main">${x.t('save')}</button></footer></form></div>
  <div><h2 class="group">${x.t('data.export')}</h2>
    <form class="card" method="get" action="/settings/data/export"><p class="sub">${x.t('data.export-lead')}</p><div class="grid">${choice('format', x.t('data.format'), 'csv', [['csv', 'CSV'], ['jsonl', 'JSON Lines']])}${choice('account', x.t('data.account'), '', [['', x.t('data.all-accounts')], ...m.accounts.map((a): [string, string] => [a.id, a.name])])}
      ${field({ name: 'from', label: x.t('data.from'), type: 'date' })}${field({ name: 'until', label: x.t('data.until'), type: 'date', hint: x.t('data.until-hint') })}</div><footer><button class="button main">${x.t('data.download')}</button></footer></form>
    <h2 class="group">${x.t('data.erasures')}</h2><p class="muted">${x.t('data.erasures-lead')}</p>
    ${region(x, 'erasures', ['erasure'], m.erasures.length === 0 ? empty(x.t('data.no-erasures'), x.t('data.no-erasures-next')) : html`<ul class="pending">${m.erasures.map((e) => erasure(x, e))}</ul>`)}</div></div>`;
}

const erasure = (x: Ctx, e: ErasureLine): Html => html`<li id=${`erasure-${e.id}`}>${tag(x, e.status, 'erasure')} ${chip(x.word('platform', e.platform))} <span class="grow">${e.erased ? x.t('data.erased', { comments: e.erased.comments, messages: e.erased.messages, accounts: e.erased.accounts }) : e.error ? html`<span class="bad-text">${e.error}</span>` : null}${e.status === 'waiting' && e.nextMs ? html` ${countdown(x, e.nextMs)}` : null}</span><span class="sub" title=${clock(x, e.createdMs)}>${who(e.by)} · ${ago(x, e.createdMs)}</span>${e.status === 'waiting' ? button({ url: `/settings/data/erasures/${e.id}/retry`, label: x.t('data.retry') }) : null}</li>`;

/** What would go by these settings. */
export const oldLines = (x: Ctx, lines: OldLine[]): Html => {
  const all = lines.reduce((n, l) => n + l.rows, 0);
  return html`<p role="status"><b>${all === 0 ? x.t('data.nothing-goes') : x.t('data.goes', { n: all })}</b></p>${all === 0 ? null : html`<table class="plain"><tbody>${lines.filter((l) => l.rows > 0).map((l) => html`<tr><td>${x.word('old', l.name)}</td><td class="num">${l.rows}</td><td class="muted">${l.oldestMs === null ? '' : x.t('data.since', { time: clock(x, l.oldestMs) })}</td></tr>`)}</tbody></table>`}`;
};

export type EraseModel = { talk: string; name: string; platform: string; accounts: number; comments: number; messages: number; replies: number };

/** Before somebody's data is deleted: how much there is, and what stays for a while. */
export const eraseDialog = (x: Ctx, m: EraseModel): Html => dialog(x, x.t('data.erase-title', { name: m.name }), html`<form hx-post="/settings/data/erase" hx-swap="none" hx-disable="find button.main" data-dialog-form=""><p class="form-error" role="alert" hidden></p><input type="hidden" name="talk" value=${m.talk}>
  <p>${x.t('data.erase-what', { name: m.name, platform: x.word('platform', m.platform), comments: m.comments, messages: m.messages, replies: m.replies, accounts: m.accounts })}</p>
  <p class="note-text">${x.t('data.erase-stays')}</p>
  <label class="check"><input type="checkbox" name="sure" value="1" required><span>${x.t('data.erase-sure')}</span></label>
  <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main danger">${x.t('data.erase')}</button></footer></form>`);

export const toData = (x: Ctx): Value => html`<a class="button plain" href="/settings/data">${x.t('data.title')}</a>`;
