import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, chip, empty, region } from './parts.ts';
import { replyState, type ReplyLine } from './reply-line.ts';

export type InboxLine = { item: string; type: 'comment' | 'message'; account: string; accountName: string; platform: string; content: string; author: string; postTitle: string | null; direction: 'inbound' | 'outbound'; read: boolean; postedMs: number; detectedMs: number };
export type InboxModel = {
  filter: { account: string; type: string; unread: boolean; search: string; after: string };
  accounts: { id: string; name: string }[];
  items: InboxLine[];
  next: string | null;
  anything: boolean;
  open: { line: InboxLine; before: InboxLine[]; replies: ReplyLine[]; key: string; maxLength: number; talk: string | null; why: string | null } | null;
};

export function inboxPage(x: Ctx, m: InboxModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.inbox')}</h1><a class="button plain" href="/inbox">${x.t('talks.as-talks')}</a>
    <form class="filters" role="search" hx-get="/inbox" hx-target="#inbox" hx-select="#inbox" hx-swap="outerMorph" hx-push-url="true" hx-trigger="input delay:250ms, submit">
      <input type="hidden" name="view" value="items"><input type="search" name="q" value=${m.filter.search} placeholder=${x.t('inbox.search')} aria-label=${x.t('inbox.search')} data-search="">
      <select name="account" aria-label=${x.t('nav.accounts')}><option value="">${x.t('inbox.all-accounts')}</option>${m.accounts.map((a) => html`<option value=${a.id} ?selected=${a.id === m.filter.account}>${a.name}</option>`)}</select>
      <select name="type" aria-label=${x.t('inbox.type')}><option value="">${x.t('inbox.all-types')}</option>${['comment', 'message'].map((t) => html`<option value=${t} ?selected=${t === m.filter.type}>${x.word('type', t)}</option>`)}</select>
      <label class="check"><input type="checkbox" name="unread" value="1" ?checked=${m.filter.unread}><span>${x.t('inbox.unread')}</span></label>
    </form></div>
  ${region(x, 'inbox', ['inbox', 'reply'], html`<div class=${`inbox ${m.open ? 'open' : ''}`}><div class="inbox-list" id="inbox-list">${list(x, m)}</div><div class="inbox-pane" id="inbox-pane">${pane(x, m)}</div></div>`, 'fill')}`;
}

const query = (m: InboxModel, more: Record<string, string>): string => {
  const all = { view: 'items', q: m.filter.search, account: m.filter.account, type: m.filter.type, unread: m.filter.unread ? '1' : '', after: m.filter.after, ...more };
  const text = new URLSearchParams(Object.entries(all).filter(([, v]) => v !== '')).toString();
  return `/inbox?${text}`;
};

function list(x: Ctx, m: InboxModel): Value {
  if (m.items.length === 0) {
    return m.anything
      ? empty(x.t('inbox.nothing-fits'), x.t('inbox.nothing-fits-next'), html`<a class="button plain" href="/inbox?view=items">${x.t('filter.clear')}</a>`)
      : empty(x.t('inbox.none'), x.t('inbox.none-next'), html`<a class="button main" href="/accounts">${x.t('nav.accounts')}</a>`);
  }
  return html`<ol class="lines">${m.items.map((i) => line(x, m, i))}</ol><nav class="pager" aria-label=${x.t('pages')}>${m.filter.after ? html`<a class="button plain" href=${query(m, { after: '' })}>${x.t('inbox.newest')}</a>` : null}${m.next ? html`<a class="button plain" href=${query(m, { after: m.next })}>${x.t('inbox.older')}</a>` : html`<span class="muted small">${x.t('inbox.end')}</span>`}</nav>`;
}

function line(x: Ctx, m: InboxModel, i: InboxLine): Html {
  const url = query(m, { item: i.item });
  const here = m.open?.line.item === i.item;
  return html`<li id=${`line-${i.item}`}><a class=${`line ${i.read ? '' : 'unread'}`} href=${url} hx-get=${url} hx-target="#inbox" hx-select="#inbox" hx-swap="outerMorph" hx-push-url="true" aria-current=${here ? 'true' : null} data-row="" data-open="">
    <span class="line-top"><b>${i.author}</b>${i.read ? null : html`<i class="new" title=${x.t('inbox.unread')}></i>`}<span class="grow"></span>${ago(x, i.postedMs || i.detectedMs)}</span>
    <span class="line-text">${i.content}</span>
    <span class="line-end">${chip(x.word('type', i.type), 'note')}${chip(i.accountName)}${i.postTitle ? html`<span class="cut">${i.postTitle}</span>` : null}</span></a></li>`;
}

function pane(x: Ctx, m: InboxModel): Value {
  const o = m.open;
  if (!o) return html`<div class="empty quiet"><p class="empty-title">${x.t('inbox.pick')}</p><p>${x.t('inbox.pick-next')}</p></div>`;
  const { line: i } = o;
  return html`<article class="thread" id=${`thread-${i.item}`}>
    <header><a class="button plain back" href=${query(m, {})}>← ${x.t('nav.inbox')}</a><div><h2>${i.author}</h2><p class="sub">${x.t(i.type === 'comment' ? 'inbox.comment-to' : 'inbox.message-to', { account: i.accountName })}${i.postTitle ? [' · ', i.postTitle] : null}</p></div>${o.talk ? html`<span class="grow"></span><a class="button plain" href=${`/inbox?state=all&c=${o.talk}`}>${x.t('talks.as-talks')}</a>` : null}</header>
    <div class="talk">${o.before.map((b) => bubble(x, b, false))}${bubble(x, i, true)}${o.replies.map((r) => replyState(x, r))}</div>
    ${i.read ? null : html`<form hidden hx-post="/inbox/read" hx-trigger="load delay:500ms" hx-swap="none"><input type="hidden" name="item" value=${i.item}></form>`}
    <form class="reply-box" id=${`reply-${i.item}`} hx-post="/replies" hx-swap="none" hx-disable="find button" hx-morph-skip="" data-reset="">
      <input type="hidden" name="item" value=${i.item}><input type="hidden" name="key" value=${o.key}><p class="form-error" role="alert" hidden></p>
      <label><span class="hidden">${x.t('inbox.reply')}</span><textarea name="text" rows="3" required maxlength=${o.maxLength} ?disabled=${o.why !== null} placeholder=${x.t('inbox.reply-to', { name: i.author })} data-reply=""></textarea></label>
      <div class="reply-end">${o.why ? html`<span class="grow"></span><span class="off"><button class="button main" disabled title=${o.why}>${x.t('inbox.send')}</button><small class="why">${o.why}</small></span>` : html`<span class="muted small">${x.t('inbox.reply-hint', { account: i.accountName })}</span><span class="grow"></span><button class="button main">${x.t('inbox.send')}</button>`}</div>
    </form></article>`;
}

const bubble = (x: Ctx, i: InboxLine, here: boolean): Html =>
  html`<div class=${`bubble ${i.direction} ${here ? 'here' : ''}`}><p>${i.content}</p><small>${here ? null : html`${i.author} · `}${ago(x, i.postedMs || i.detectedMs)}</small></div>`;
