import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { batchBar, batchRunning, pick, type BatchAction, type RunningBatch } from './batch.ts';
import { accountTabs } from './account-tabs.ts';
import { ago, button, clock, check, chip, choice, empty, field, menu, opener, region, tag } from './parts.ts';
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
  tags: string[];
  archived: boolean;
  /** By its own choice; `status` null where it is gone. */
  proxy: { id: string; name: string; status: string | null } | null;
  unread: number;
};

export type AccountsFilter = { search: string; status: string; tag: string; group: string; proxy: string; archived: boolean };
export type Choices = { tags: string[]; groups: string[]; proxies: { id: string; name: string; status: string }[] };
export type AccountsModel = { accounts: AccountCard[]; filter: AccountsFilter; choices: Choices; /** The filter as the query of an address. */ query: string; mayAct: boolean; /** All there are, and those that fit. */ total: number; fitting: number; page: number; size: number; batches: RunningBatch[] };

export function accountsPage(x: Ctx, m: AccountsModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.accounts')}</h1>
    <form class="filters" role="search" hx-get="/accounts" hx-target="#accounts" hx-select="#accounts" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit">
      <input type="search" name="q" value=${m.filter.search} placeholder=${x.t('accounts.search')} aria-label=${x.t('accounts.search')} data-search="">
      <select name="status" aria-label=${x.t('filter.status')}><option value="">${x.t('filter.any-status')}</option>${['logged_in', 'logging_in', 'not_logged_in', 'login_failed', 'expired'].map((s) => html`<option value=${s} ?selected=${s === m.filter.status}>${x.word('state', s)}</option>`)}</select>
      ${pickOne('tag', x.t('account.any-tag'), m.filter.tag, m.choices.tags.map((t) => [t, t]))}${pickOne('group', x.t('account.any-group'), m.filter.group, m.choices.groups.map((g) => [g, g]))}${pickOne('proxy', x.t('account.any-proxy'), m.filter.proxy, m.choices.proxies.map((p) => [p.id, p.name]))}
      <label class="check"><input type="checkbox" name="archived" value="1" ?checked=${m.filter.archived}><span>${x.t('account.archived')}</span></label>
    </form>
    <div class="toolbar">${menu(x, 'menu-accounts', [m.mayAct ? opener('/accounts/import', x.t('account.import')) : null, html`<a class="button plain" href=${`/accounts/export?format=csv${m.query}`} download="">${x.t('account.export-csv')}</a>`, html`<a class="button plain" href=${`/accounts/export?format=json${m.query}`} download="">${x.t('account.export-json')}</a>`])}${opener('/accounts/new', x.t('accounts.new'), 'main')}</div></div>${accountTabs(x)}
  ${region(x, 'accounts', ['account', 'monitor', 'login', 'proxy', 'inbox'], list(x, m))}`;
}

const pickOne = (name: string, any: string, value: string, options: [string, string][]): Html | null => (options.length === 0 && value === '' ? null : html`<select name=${name} aria-label=${any}><option value="">${any}</option>${options.map(([v, text]) => html`<option value=${v} ?selected=${v === value}>${text}</option>`)}</select>`);

const NONE: Choices = { tags: [], groups: [], proxies: [] };

/** What can be done to many at once; `choices` are for those that ask for something. */
export const accountActions = (x: Ctx, choices: Choices = NONE): BatchAction[] => [
  ...(['pause', 'resume', 'crawl'] as const).map((verb) => ({ verb, label: x.t(`accounts.${verb}`) })),
  { verb: 'check', label: x.t('account.check') },
  { verb: 'tags', label: x.t('account.set-tags'), fields: html`<div class="grid">${choice('how', x.t('account.tags-how'), 'add', [['add', x.t('account.tags-add')], ['drop', x.t('account.tags-drop')], ['set', x.t('account.tags-set')]])}${field({ name: 'tags', label: x.t('account.tags'), hint: x.t('account.tags-hint') })}</div>` },
  { verb: 'group', label: x.t('account.set-group'), fields: html`<div class="grid">${field({ name: 'group', label: x.t('accounts.group'), hint: x.t('accounts.group-hint') })}</div>` },
  { verb: 'proxy', label: x.t('account.set-proxy'), fields: html`<div class="grid">${proxyChoice(x, choices.proxies, '')}</div>${check('confirm', x.t('account.proxy-confirm-many'), false)}` },
  { verb: 'archive', label: x.t('account.archive') },
  { verb: 'unarchive', label: x.t('account.unarchive') },
  { verb: 'remove', label: x.t('remove') },
];

/** No proxy, or one of those that are there. */
export const proxyChoice = (x: Ctx, proxies: Choices['proxies'], value: string): Html => choice('proxyId', x.t('accounts.proxy'), value, [['', x.t('account.proxy-none')], ...proxies.map((p): [string, string] => [p.id, `${p.name} · ${x.word('proxy', p.status)}`])]);

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
  const url = (page: number) => `/accounts?page=${page}${m.query}`;
  return html`<nav class="pager" aria-label=${x.t('pages')}><span class="muted">${x.t('total', { n: m.fitting })}</span><span class="grow"></span>${m.page > 1 ? html`<a class="button plain" href=${url(m.page - 1)}>←</a>` : null}<span>${m.page} / ${pages}</span>${m.page < pages ? html`<a class="button plain" href=${url(m.page + 1)}>→</a>` : null}</nav>`;
}

function row(x: Ctx, a: AccountCard): Html {
  return html`<tr id=${`account-${a.id}`} data-row="">
    <td data-label=${x.t('accounts.name')}><div class="lead">${pick(x, a.id, a.name)}<a href=${`/accounts/${a.id}`} data-open=""><b>${a.name}</b></a>${a.unread > 0 ? html`<a class="badge" href=${`/inbox?account=${a.id}&unread=1`} title=${x.t('inbox.unread')}>${a.unread}</a>` : null}</div><div class="sub">${chip(x.word('platform', a.platform))} ${a.nickname ? html`<span>${a.nickname}</span>` : null} <code>${a.accountId ?? a.id}</code></div>${a.tags.length > 0 || a.archived ? html`<div class="chips">${a.archived ? chip(x.t('account.archived'), 'note') : null}${a.tags.map((t) => html`<a class="chip" href=${`/accounts?tag=${encodeURIComponent(t)}`}>${t}</a>`)}</div>` : null}</td>
    <td data-label=${x.t('accounts.session')}>${tag(x, a.loginStatus)}${a.reason && a.loginStatus !== 'logged_in' ? html`<div class="sub bad-text">${reason(x, a.reason)}</div>` : null}${a.loginStatus === 'logged_in' && a.validUntilMs ? html`<div class="sub">${daysLeft(x, a.validUntilMs)}</div>` : null}</td>
    <td data-label=${x.t('accounts.monitor')}>${monitor(x, a)}</td>
    <td data-label=${x.t('accounts.worker')}>${a.worker ? html`<a href=${`/workers/${a.worker}`}>${a.worker}</a>` : html`<span class="muted">${x.t('accounts.no-worker')}</span>`}${a.group && a.group !== 'default' ? html`<div class="chips">${chip(a.group)}</div>` : null}${a.pinned ? html`<div class="sub">${x.t('accounts.pinned', { worker: a.pinned })}</div>` : null}${a.proxy ? html`<div class="sub">${x.t('accounts.proxy')} <a href=${`/proxies/${a.proxy.id}`}>${a.proxy.name}</a>${a.proxy.status === 'failing' || a.proxy.status === 'disabled' ? html` ${tag(x, a.proxy.status, 'proxy')}` : null}</div>` : null}</td>
    <td class="end actions" data-label=${x.t('actions')}>${mainAction(x, a)} ${menu(x, `menu-${a.id}`, [
      button({ url: `/accounts/${a.id}/crawl`, label: x.t('accounts.crawl'), why: a.activity === 'monitoring' ? null : x.t('accounts.crawl-why') }),
      a.activity === 'paused' ? button({ url: `/accounts/${a.id}/resume`, label: x.t('accounts.resume') }) : button({ url: `/accounts/${a.id}/pause`, label: x.t('accounts.pause') }),
      opener(`/accounts/${a.id}/assign`, x.t('accounts.assign')),
      opener(`/accounts/${a.id}/edit`, x.t('edit')),
      a.loginStatus === 'logged_in' ? button({ url: `/accounts/${a.id}/login`, target: '#dialog', label: x.t('accounts.login-again') }) : null,
      opener(`/accounts/${a.id}/proxy`, x.t('account.change-proxy')),
      archiveButton(x, a),
      button({ url: `/accounts/${a.id}/remove`, label: x.t('remove'), tone: 'danger', confirm: x.t('accounts.remove-sure', { name: a.name }) }),
    ])}</td></tr>`;
}

export const archiveButton = (x: Ctx, a: Pick<AccountCard, 'id' | 'name' | 'archived'>): Html => (a.archived ? button({ url: `/accounts/${a.id}/unarchive`, label: x.t('account.unarchive') }) : button({ url: `/accounts/${a.id}/archive`, label: x.t('account.archive'), confirm: x.t('account.archive-sure', { name: a.name }) }));

/** How long the session lasts by what is known of it. */
export function daysLeft(x: Ctx, until: number): Html {
  const left = until - x.now;
  const days = Math.floor(left / 86_400_000);
  const text = left <= 0 ? x.t('account.over') : days >= 1 ? x.t('account.days-left', { n: days }) : x.t('account.hours-left', { n: Math.max(1, Math.round(left / 3_600_000)) });
  return html`<time class=${left <= 86_400_000 ? 'note-text' : ''} datetime=${new Date(until).toISOString()} title=${clock(x, until)}>${text}</time>`;
}

export function mainAction(x: Ctx, a: AccountCard): Html {
  if (a.archived) return button({ url: `/accounts/${a.id}/unarchive`, label: x.t('account.unarchive') });
  if (a.loginStatus === 'logging_in') return opener(`/logins/${a.login}`, x.t('accounts.show-login'), 'main', a.login ? null : x.t('accounts.login-starting'));
  if (a.loginStatus === 'logged_in') return html`<a class="button plain" href=${`/inbox?account=${a.id}`}>${x.t('nav.inbox')}</a>`;
  return button({ url: `/accounts/${a.id}/login`, target: '#dialog', label: x.t('accounts.login'), tone: 'main' });
}

export function monitor(x: Ctx, a: AccountCard): Html {
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
