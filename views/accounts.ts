import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { batchBar, batchRunning, pick, type BatchAction, type RunningBatch } from './batch.ts';
import { ago, button, chip, empty, menu, opener, region, tag } from './parts.ts';
import { reason } from './reason.ts';

export type AccountCard = {
  id: string;
  platform: string;
  name: string;
  nickname: string | null;
  accountId: string | null;
  loginStatus: string;
  activity: string | null;
  reason: string | null;
  login: string | null;
  worker: string | null;
  pinned: string | null;
  leaseState: string;
  group: string | null;
  monitorInterval: number;
  monitorState: string | null;
  nextRoundMs: number | null;
  lastRound: { at: number; comments: number; messages: number; error: string | null } | null;
  lastLoginMs: number | null;
  validUntilMs: number | null;
  unread: number;
};

export type AccountsModel = { accounts: AccountCard[]; search: string; status: string; /** All there are, and those that fit. */ total: number; fitting: number; page: number; size: number; batches: RunningBatch[] };

export function accountsPage(x: Ctx, m: AccountsModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.accounts')}</h1>
    <form class="filters" role="search" hx-get="/accounts" hx-target="#accounts" hx-select="#accounts" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit">
      <input type="search" name="q" value=${m.search} placeholder=${x.t('accounts.search')} aria-label=${x.t('accounts.search')} data-search="">
      <select name="status" aria-label=${x.t('filter.status')}><option value="">${x.t('filter.any-status')}</option>${['logged_in', 'logging_in', 'not_logged_in', 'login_failed', 'expired'].map((s) => html`<option value=${s} ?selected=${s === m.status}>${x.word('state', s)}</option>`)}</select>
    </form>
    ${opener('/accounts/new', x.t('accounts.new'), 'main')}</div>
  ${region(x, 'accounts', ['account', 'monitor', 'login', 'inbox'], list(x, m))}`;
}

export const accountActions = (x: Ctx): BatchAction[] => (['pause', 'resume', 'crawl'] as const).map((verb) => ({ verb, label: x.t(`accounts.${verb}`) }));

function list(x: Ctx, m: AccountsModel): Html {
  if (m.total === 0) return empty(x.t('accounts.none'), x.t('accounts.none-next'), opener('/accounts/new', x.t('accounts.new'), 'main'));
  if (m.accounts.length === 0) return empty(x.t('filter.none'), x.t('filter.none-next'), html`<a class="button" href="/accounts">${x.t('filter.clear')}</a>`);
  return html`${batchRunning(x, '/accounts', m.batches)}${batchBar(x, 'accounts', '/accounts', accountActions(x))}<div class="table-box"><table class="cards">
    <thead><tr><th>${x.t('accounts.name')}</th><th>${x.t('accounts.session')}</th><th>${x.t('accounts.monitor')}</th><th>${x.t('accounts.worker')}</th><th class="end">${x.t('actions')}</th></tr></thead>
    <tbody>${m.accounts.map((a) => row(x, a))}</tbody></table></div>${pager(x, m)}`;
}

function pager(x: Ctx, m: AccountsModel): Html | null {
  const pages = Math.ceil(m.fitting / m.size);
  if (pages < 2) return null;
  const url = (page: number) => `/accounts?${new URLSearchParams({ ...(m.search ? { q: m.search } : {}), ...(m.status ? { status: m.status } : {}), page: String(page) }).toString()}`;
  return html`<nav class="pager" aria-label=${x.t('pages')}><span class="muted">${x.t('total', { n: m.fitting })}</span><span class="grow"></span>${m.page > 1 ? html`<a class="button plain" href=${url(m.page - 1)}>←</a>` : null}<span>${m.page} / ${pages}</span>${m.page < pages ? html`<a class="button plain" href=${url(m.page + 1)}>→</a>` : null}</nav>`;
}

function row(x: Ctx, a: AccountCard): Html {
  return html`<tr id=${`account-${a.id}`} data-row="">
    <td data-label=${x.t('accounts.name')}><div class="lead">${pick(x, a.id, a.name)}<a href=${`/actors/account/${a.id}`} data-open=""><b>${a.name}</b></a>${a.unread > 0 ? html`<a class="badge" href=${`/inbox?account=${a.id}&unread=1`} title=${x.t('inbox.unread')}>${a.unread}</a>` : null}</div><div class="sub">${chip(x.word('platform', a.platform))} ${a.nickname ? html`<span>${a.nickname}</span>` : null} <code>${a.accountId ?? a.id}</code></div></td>
    <td data-label=${x.t('accounts.session')}>${tag(x, a.loginStatus)}${a.reason && a.loginStatus !== 'logged_in' ? html`<div class="sub bad-text">${reason(x, a.reason)}</div>` : null}${a.loginStatus === 'logged_in' && a.validUntilMs ? html`<div class="sub">${x.t('accounts.valid-until')} ${ago(x, a.validUntilMs)}</div>` : null}</td>
    <td data-label=${x.t('accounts.monitor')}>${monitor(x, a)}</td>
    <td data-label=${x.t('accounts.worker')}>${a.worker ? html`<a href=${`/workers/${a.worker}`}>${a.worker}</a>` : html`<span class="muted">${x.t('accounts.no-worker')}</span>`}${a.group && a.group !== 'default' ? html`<div class="chips">${chip(a.group)}</div>` : null}${a.pinned ? html`<div class="sub">${x.t('accounts.pinned', { worker: a.pinned })}</div>` : null}</td>
    <td class="end actions" data-label=${x.t('actions')}>${main(x, a)} ${menu(x, `menu-${a.id}`, [
      button({ url: `/accounts/${a.id}/crawl`, label: x.t('accounts.crawl'), why: a.activity === 'monitoring' ? null : x.t('accounts.crawl-why') }),
      a.activity === 'paused' ? button({ url: `/accounts/${a.id}/resume`, label: x.t('accounts.resume') }) : button({ url: `/accounts/${a.id}/pause`, label: x.t('accounts.pause') }),
      opener(`/accounts/${a.id}/assign`, x.t('accounts.assign')),
      opener(`/accounts/${a.id}/edit`, x.t('edit')),
      a.loginStatus === 'logged_in' ? button({ url: `/accounts/${a.id}/login`, target: '#dialog', label: x.t('accounts.login-again') }) : null,
      html`<a class="button plain" href=${`/actors/account/${a.id}`}>${x.t('actors.look')}</a>`,
      button({ url: `/accounts/${a.id}/remove`, label: x.t('remove'), tone: 'danger', confirm: x.t('accounts.remove-sure', { name: a.name }) }),
    ])}</td></tr>`;
}

function main(x: Ctx, a: AccountCard): Html {
  if (a.loginStatus === 'logging_in') return opener(`/logins/${a.login}`, x.t('accounts.show-login'), 'main', a.login ? null : x.t('accounts.login-starting'));
  if (a.loginStatus === 'logged_in') return html`<a class="button plain" href=${`/inbox?account=${a.id}`}>${x.t('nav.inbox')}</a>`;
  return button({ url: `/accounts/${a.id}/login`, target: '#dialog', label: x.t('accounts.login'), tone: 'main' });
}

function monitor(x: Ctx, a: AccountCard): Html {
  if (a.activity === null) return html`<span class="muted">—</span>`;
  const state = a.activity === 'monitoring' && a.monitorState ? a.monitorState : a.activity;
  return html`${tag(x, state, 'activity')}<div class="sub">${
    a.lastRound?.error
      ? html`<span class="bad-text">${reason(x, a.lastRound.error)}</span>`
      : a.lastRound
        ? html`${x.t('accounts.last-round', { comments: a.lastRound.comments, messages: a.lastRound.messages })} · ${ago(x, a.lastRound.at)}`
        : x.t('accounts.every', { s: a.monitorInterval })
  }</div>`;
}
