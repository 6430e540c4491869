import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { chip, choice, dialog, empty, opener, region, tag } from './parts.ts';

export type PlatformRow = {
  id: string;
  label: string;
  ok: boolean;
  reason: string | null;
  own: boolean;
  methods: string[];
  can: { comments: boolean; messages: boolean; replyComment: boolean; replyMessage: boolean; maxLength: number; verifyReliable: boolean } | null;
  accounts: number;
  /** Connected workers that have it, of all connected ones. */
  workers: number;
  ofWorkers: number;
};

const ABILITIES = ['comments', 'messages', 'replyComment', 'replyMessage'] as const;

/** The platforms: what each can, who uses it, and what is wrong with one. */
export function platformsPage(x: Ctx, m: { platforms: PlatformRow[]; mayAct: boolean }): Html {
  return html`<div class="page-head"><h1>${x.t('nav.platforms')}</h1><span class="grow"></span><p class="muted small">${x.t('platforms.new')}</p></div>
  ${region(x, 'platforms', ['platform', 'account', 'worker'], m.platforms.length === 0 ? empty(x.t('platforms.none'), x.t('platforms.none-next')) : html`<div class="table-box"><table class="cards"><thead><tr><th>${x.t('platforms.name')}</th><th>${x.t('state')}</th><th>${x.t('platforms.methods')}</th><th>${x.t('platforms.abilities')}</th><th>${x.t('platforms.accounts')}</th><th>${x.t('platforms.workers')}</th><th class="end">${x.t('actions')}</th></tr></thead><tbody>${m.platforms.map((p) => row(x, p, m.mayAct))}</tbody></table></div>`)}`;
}

function row(x: Ctx, p: PlatformRow, mayAct: boolean): Html {
  const { can } = p;
  return html`<tr id=${`platform-${p.id}`} data-row=""><td data-label=${x.t('platforms.name')} class="platform-name"><b>${p.label}</b><div class="sub"><code>${p.id}</code>${p.own ? null : html` ${chip(x.t('platforms.plugin'), 'note')}`}</div></td>
  <td data-label=${x.t('state')} class="platform-state">${stateTag(x, p)}${p.reason ? html`<div class="sub bad-text">${p.reason}</div><div class="sub">${p.ok ? x.t('platforms.old-works') : x.t('platforms.mend', { id: p.id })}</div>` : null}</td>
  <td data-label=${x.t('platforms.methods')}>${p.methods.length === 0 ? none() : html`<div class="chips">${p.methods.map((id) => chip(x.word('method', id)))}</div>`}</td>
  <td data-label=${x.t('platforms.abilities')} class="platform-can">${can ? html`<div class="chips">${ABILITIES.filter((a) => can[a]).map((a) => chip(x.word('ability', a)))}</div><div class="sub">${x.t('platforms.length', { n: can.maxLength })} · ${can.verifyReliable ? x.t('platforms.sure') : x.t('platforms.unsure')}</div>` : none()}</td>
  <td data-label=${x.t('platforms.accounts')}>${p.accounts > 0 ? p.accounts : html`<span class="muted" title=${x.t('platforms.nobody')}>0</span>`}</td>
  <td data-label=${x.t('platforms.workers')}>${p.workers}<small class="muted"> / ${p.ofWorkers}</small></td>
  <td class="end actions" data-label=${x.t('actions')}>${mayAct && p.ok ? opener(`/platforms/${p.id}/test`, x.t('platforms.test'), 'plain') : null}</td></tr>`;
}

const none = (): Html => html`<span class="muted">—</span>`;

/** Usable, not usable, or an older version in use: never by colour alone. */
const stateTag = (x: Ctx, p: Pick<PlatformRow, 'ok' | 'reason'>): Html => tag(x, !p.ok ? 'failed' : p.reason ? 'stale' : 'ok', 'platform-state');

export type SelectorRow = { name: string; fallbacks: { selector: string; error: string | null; matches: Record<string, number> }[] };
export type TestModel = {
  id: string;
  label: string;
  accounts: { id: string; name: string }[];
  account: string | null;
  result: { pages: { name: string; url: string; error: string | null }[]; rows: SelectorRow[] } | null;
};

/** Not to be seen while logged in. */
const ELSEWHERE = /^(qr|scanned|login|phone|sms|challenge|slider|loggedOut|passwordTab|smsTab)|None$|Error$/;

/** The self-test of a platform's selectors: which account, then what was found. */
export function selectorTestDialog(x: Ctx, m: TestModel): Html {
  return dialog(x, x.t('platforms.test-title', { name: m.label }), html`${m.result ? result(x, m.result) : html`<p>${x.t('platforms.test-about')}</p>`}
  ${m.accounts.length === 0 ? html`<p class="muted">${x.t('platforms.test-nobody')} <a href="/accounts">${x.t('nav.accounts')}</a></p>` : html`<form hx-post=${`/platforms/${m.id}/test`} hx-target="#dialog" hx-swap="innerHTML" hx-disable="find button"><p class="form-error" role="alert" hidden></p>${choice('account', x.t('platforms.test-account'), m.account ?? '', m.accounts.map((a) => [a.id, a.name]))}<footer><button type="button" class="button plain" data-close="">${x.t('close')}</button><button class="button main">${m.result ? x.t('platforms.test-again') : x.t('platforms.test-go')}</button></footer></form>`}`, m.result ? 'wide-dialog selector-test' : 'selector-test');
}

function result(x: Ctx, r: NonNullable<TestModel['result']>): Html {
  const first = (row: SelectorRow) => row.fallbacks.findIndex((f) => total(f) > 0);
  const seen = r.rows.filter((row) => first(row) >= 0);
  const missing = r.rows.filter((row) => first(row) < 0);
  const bad = missing.filter((row) => !ELSEWHERE.test(row.name));
  const later = seen.filter((row) => first(row) > 0);
  const list = (rows: SelectorRow[]): Value => rows.map((row) => selectorRow(x, row, first(row)));
  const failed = r.pages.filter((p) => p.error);
  return html`<p class=${bad.length > 0 ? 'warn-text' : 'good-text'}>${x.t('platforms.sum', { found: seen.length, later: later.length, missing: bad.length })}</p>
  ${bad.length > 0 ? html`<p class="muted small">${x.t('platforms.sum-next')}</p>` : null}
  ${failed.map((p) => html`<p class="bad-text small">${x.t('platforms.test-failed')}: ${p.name}: ${p.error}</p>`)}
  <p class="small muted found-head">${x.t('platforms.fallbacks')}</p><dl class="found-list" aria-label=${x.t('platforms.selector')}>${list(bad)}${list(later)}${list(seen.filter((row) => first(row) === 0))}</dl>
  ${missing.length > bad.length ? html`<details><summary class="small muted">${x.t('platforms.elsewhere', { n: missing.length - bad.length })}</summary><p class="small"><code>${missing.filter((row) => ELSEWHERE.test(row.name)).map((row) => row.name).join(', ')}</code></p></details>` : null}
  <p class="small muted">${x.t('platforms.page')}: ${r.pages.map((p, i) => html`${i > 0 ? ' · ' : null}<span title=${p.url}>${p.name}</span>`)}</p>`;
}

const total = (f: SelectorRow['fallbacks'][number]): number => Object.values(f.matches).reduce((a, b) => a + b, 0);

function selectorRow(x: Ctx, row: SelectorRow, first: number): Html {
  return html`<div class=${first < 0 ? 'missing' : first > 0 ? 'later' : ''}><dt><b>${row.name}</b></dt><dd><ol class="fallbacks">${row.fallbacks.map((f) => html`<li class=${total(f) > 0 ? 'hit' : ''}><code>${f.selector}</code><span>${f.error ? html`<small class="bad-text">${x.t('platforms.unread', { why: f.error })}</small>` : total(f) === 0 ? html`<small class="muted">${x.t('platforms.nowhere')}</small>` : html`<small>${Object.entries(f.matches).filter(([, n]) => n > 0).map(([page, n], i) => html`${i > 0 ? ', ' : null}${page} × ${n}`)}</small>`}</span></li>`)}</ol></dd></div>`;
}
