import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, chip, countdown, empty, menu, opener, region, tag } from './parts.ts';
import { talkPane, type TalkModel } from './talk-pane.ts';

export type TalkLine = { id: string; type: 'comment' | 'message'; name: string; account: string; accountName: string; platform: string; text: string; direction: 'inbound' | 'outbound'; postTitle: string | null; state: string; assignee: string | null; labels: string[]; unread: number; lastMs: number; snoozedMs: number | null };
export type TalkFilter = { state: string; account: string; platform: string; type: string; assignee: string; label: string; unread: boolean; search: string; after: string };
export type TalksModel = {
  filter: TalkFilter;
  /** So many in each state, a thousand at the most. */
  counts: Record<'open' | 'mine' | 'waiting' | 'snoozed' | 'closed', number>;
  saved: { id: string; name: string; query: string }[];
  accounts: { id: string; name: string }[];
  platforms: string[];
  assignees: string[];
  labels: string[];
  lines: TalkLine[];
  next: string | null;
  open: TalkModel | null;
  mayAct: boolean;
};

const MANY = 1_000;

/** The inbox by talks: tabs and filters, the list, and the open one. */
export function talksPage(x: Ctx, m: TalksModel): Html {
  const f = m.filter;
  const narrowed = [f.account, f.platform, f.type, f.assignee, f.label].filter(Boolean).length;
  return html`<div class="page-head"><h1>${x.t('nav.inbox')}</h1>
    <form class="filters" role="search" hx-get="/inbox" hx-target="#inbox" hx-select="#inbox" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit">
      ${f.state === 'open' ? null : html`<input type="hidden" name="state" value=${f.state}>`}
      <input type="search" name="q" value=${f.search} placeholder=${x.t('inbox.search')} aria-label=${x.t('inbox.search')} data-search="">
      <label class="check"><input type="checkbox" name="unread" value="1" ?checked=${f.unread}><span>${x.t('inbox.unread')}</span></label>
      <details class="menu talk-filters"><summary class="button plain">${x.t('talks.more-filters')}${narrowed > 0 ? html` <b class="badge">${narrowed}</b>` : null}</summary><div class="menu-list">
        ${select('account', x.t('nav.accounts'), f.account, [['', x.t('inbox.all-accounts')], ...m.accounts.map((a): [string, string] => [a.id, a.name])])}
        ${select('platform', x.t('talks.platform'), f.platform, [['', x.t('talks.all-platforms')], ...m.platforms.map((p): [string, string] => [p, x.word('platform', p)])])}
        ${select('type', x.t('inbox.type'), f.type, [['', x.t('inbox.all-types')], ...['comment', 'message'].map((t): [string, string] => [t, x.word('type', t)])])}
        ${select('assignee', x.t('talks.assignee'), f.assignee, [['', x.t('talks.anyone')], ['none', x.t('talks.nobody')], ...m.assignees.map((a): [string, string] => [a, a])])}
        ${select('label', x.t('talks.label'), f.label, [['', x.t('talks.all-labels')], ...m.labels.map((l): [string, string] => [l, l])])}
        <a class="button plain" href="/inbox">${x.t('filter.clear')}</a></div></details>
    </form>
    ${menu(x, 'inbox-menu', [html`<a class="button plain" href="/inbox?view=items">${x.t('talks.items')}</a>`, html`<a class="button plain" href="/canned">${x.t('nav.canned')}</a>`, html`<a class="button plain" href="/rules">${x.t('nav.rules')}</a>`])}</div>
  ${region(x, 'inbox', ['inbox', 'reply', 'conversation'], html`${tabs(x, m)}<div class=${`inbox ${m.open ? 'open' : ''}`}><div class="inbox-list" id="inbox-list">${list(x, m)}</div><div class="inbox-pane" id="inbox-pane">${talkPane(x, m.open, { back: query(m, {}), mayAct: m.mayAct, mayErase: x.scope === 'admin' })}</div></div>`, 'fill')}`;
}

const select = (name: string, label: string, value: string, options: [string, string][]): Html =>
  html`<select name=${name} aria-label=${label}>${options.map(([v, text]) => html`<option value=${v} ?selected=${v === value}>${text}</option>`)}</select>`;

const params = (f: TalkFilter): Record<string, string> => ({ state: f.state, q: f.search, account: f.account, platform: f.platform, type: f.type, assignee: f.assignee, label: f.label, unread: f.unread ? '1' : '' });

/** What stands behind `/inbox?` for a filter; the state goes along always, so that a link means what it says. */
export const filterQuery = (f: TalkFilter, more: Record<string, string> = {}): string => new URLSearchParams(Object.entries({ ...params(f), ...more }).filter(([, v]) => v !== '')).toString();

const query = (m: TalksModel, more: Record<string, string>): string => `/inbox?${filterQuery(m.filter, { after: m.filter.after, ...more })}`;

function tabs(x: Ctx, m: TalksModel): Html {
  const f = m.filter;
  const bare = (state: string, assignee = '') => filterQuery({ state, assignee, account: '', platform: '', type: '', label: '', unread: false, search: '', after: '' });
  const here = filterQuery({ ...f, after: '' });
  const mine = bare('open', x.user);
  const own = m.saved.some((s) => s.query === here);
  const tab = (q: string, name: string, n: number | null, key: string) => html`<a href=${`/inbox?${q}`} id=${`tab-${key}`} aria-current=${q === here || (key === f.state && !own && q !== mine && here !== mine) ? 'page' : null}>${name}${n === null ? null : html` <span class="muted">${n >= MANY ? '999+' : n}</span>`}</a>`;
  return html`<div class="row talk-tabs"><nav class="tabs" aria-label=${x.t('talks.tabs')}>
    ${tab(bare('open'), x.t('talks.open'), m.counts.open, 'open')}${tab(mine, x.t('talks.mine'), m.counts.mine, 'mine')}${tab(bare('waiting'), x.t('talks.waiting'), m.counts.waiting, 'waiting')}${tab(bare('snoozed'), x.t('talks.snoozed'), m.counts.snoozed, 'snoozed')}${tab(bare('closed'), x.t('talks.closed'), m.counts.closed, 'closed')}${tab(bare('all'), x.t('talks.all'), null, 'all')}
    ${m.saved.map((s) => html`<span class="saved-tab">${tab(s.query, s.name, null, s.id)}<button type="button" class="button plain icon" hx-post=${`/inbox/filters/${s.id}/remove`} hx-swap="none" hx-confirm=${x.t('talks.filter-drop-sure', { name: s.name })} aria-label=${x.t('talks.filter-drop', { name: s.name })} title=${x.t('talks.filter-drop', { name: s.name })}>✕</button></span>`)}</nav>
    ${own || here === bare(f.state) || here === mine ? null : opener(`/inbox/filters/new?query=${encodeURIComponent(here)}`, `＋ ${x.t('talks.save-filter')}`)}</div>`;
}

function list(x: Ctx, m: TalksModel): Value {
  const f = m.filter;
  if (m.lines.length === 0) {
    if (f.account || f.platform || f.type || f.assignee || f.label || f.unread || f.search || f.after) return empty(x.t('inbox.nothing-fits'), x.t('inbox.nothing-fits-next'), html`<a class="button plain" href="/inbox">${x.t('filter.clear')}</a>`);
    if (f.state !== 'all' && Object.values(m.counts).some((n) => n > 0)) return empty(x.t('talks.none-open'), x.t('talks.none-open-next'), html`<a class="button plain" href="/inbox?state=all">${x.t('talks.all')}</a>`);
    return empty(x.t('inbox.none'), x.t('inbox.none-next'), html`<a class="button main" href="/accounts">${x.t('nav.accounts')}</a>`);
  }
  return html`${m.mayAct ? bulk(x) : null}<ol class="lines">${m.lines.map((l) => line(x, m, l))}</ol><nav class="pager" aria-label=${x.t('pages')}>${f.after ? html`<a class="button plain" href=${query(m, { after: '' })}>${x.t('inbox.newest')}</a>` : null}${m.next ? html`<a class="button plain" href=${query(m, { after: m.next })}>${x.t('inbox.older')}</a>` : html`<span class="muted small">${x.t('inbox.end')}</span>`}</nav>`;
}

/** Acts on all that are picked; it shows when one is. */
const bulk = (x: Ctx): Html => html`<div class="talk-bulk row" role="toolbar" aria-label=${x.t('talks.picked')}><label class="check"><input type="checkbox" data-pick-all="" autocomplete="off"><span>${x.t('talks.pick-all')}</span></label>
    <div class="batch-actions row"><span class="muted"><b data-picked="">0</b> ${x.t('talks.picked')}</span>${act('close', x.t('talks.close'))}${act('snooze', x.t('talks.snooze'))}${act('assign', x.t('talks.assign'))}${act('label', x.t('talks.labels'))}${act('read', x.t('talks.read'))}${act('unread', x.t('talks.unread'))}</div></div>`;

const act = (what: string, label: string): Html => html`<button type="button" class="button" data-talk-act=${what} data-talk-picked="">${label}</button>`;

function line(x: Ctx, m: TalksModel, l: TalkLine): Html {
  const url = query(m, { c: l.id });
  const here = m.open?.id === l.id;
  return html`<li id=${`line-${l.id}`} class="talk-line">${m.mayAct ? html`<input type="checkbox" class="pick" name=${`pick-${l.id}`} value=${l.id} data-pick="" autocomplete="off" aria-label=${x.t('talks.pick', { name: l.name })}>` : null}<a class=${`line ${l.unread > 0 ? 'unread' : ''}`} href=${url} hx-get=${url} hx-target="#inbox" hx-select="#inbox" hx-swap="outerMorph" hx-push-url="true" aria-current=${here ? 'true' : null} data-row="" data-open="" data-talk=${l.id} data-unread=${l.unread}>
    <span class="line-top"><b>${l.name}</b>${l.unread > 0 ? html`<i class="badge" title=${x.t('inbox.unread')}>${l.unread > 99 ? '99+' : l.unread}</i>` : null}<span class="grow"></span>${ago(x, l.lastMs)}</span>
    <span class="line-text">${l.direction === 'outbound' ? '↩ ' : ''}${l.text}</span>
    <span class="line-end">${chip(x.word('type', l.type), 'note')}${chip(l.accountName)}${m.filter.state === 'all' || m.filter.search ? tag(x, l.state, 'conversation') : null}${l.snoozedMs ? countdown(x, l.snoozedMs) : null}${l.assignee ? chip(`@${l.assignee}`) : null}${l.labels.slice(0, 3).map((t) => chip(t, 'warn'))}${l.postTitle ? html`<span class="cut">${l.postTitle}</span>` : null}</span></a></li>`;
}
