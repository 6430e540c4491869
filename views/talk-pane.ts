import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, chip, clock, menu, opener, tag, zoneHint } from './parts.ts';
import { replyState, type ReplyLine } from './reply-line.ts';

export type TalkItem = { item: string; platformId: string; author: string; content: string; direction: 'inbound' | 'outbound'; postedMs: number; detectedMs: number };
export type TalkModel = {
  id: string;
  type: 'comment' | 'message';
  name: string;
  account: string;
  accountName: string;
  platform: string;
  state: string;
  assignee: string | null;
  labels: string[];
  note: string;
  snoozedMs: number | null;
  unread: number;
  acted: boolean;
  items: TalkItem[];
  /** The item that an answer goes to. */
  here: TalkItem | null;
  earlier: string | null;
  latest: string | null;
  replies: ReplyLine[];
  post: { title: string; comments: number; others: TalkItem[] } | null;
  key: string;
  draft: string;
  /** Characters that the platform takes. */
  limit: number;
  mustApprove: boolean;
  why: string | null;
};

/** An item is shown as far as this; the whole of it is on the platform. */
const SHOWN = 2_000;
const MANY = 1_000;

/** The open talk: what is known of it, what was said, and the box for the next answer. */
export function talkPane(x: Ctx, o: TalkModel | null, more: { back: string; mayAct: boolean; mayErase: boolean }): Value {
  if (!o) return html`<div class="empty quiet"><p class="empty-title">${x.t('inbox.pick')}</p><p>${x.t('inbox.pick-next')}</p></div>`;
  const answered = new Set(o.items.map((i) => i.platformId));
  return html`<article class="thread" id=${`thread-${o.id}`} data-thread=${o.id} data-unread-key=${o.unread > 0 ? (o.here?.item ?? '') : ''}>
    <header><a class="button plain back" href=${more.back}>← ${x.t('nav.inbox')}</a><div class="grow"><h2>${o.name}</h2><p class="sub">${x.t(o.type === 'comment' ? 'inbox.comment-to' : 'inbox.message-to', { account: o.accountName })} ${chip(x.word('platform', o.platform))} ${tag(x, o.state, 'conversation')}${o.snoozedMs ? html` ${x.t('talks.snoozed-until')} ${clock(x, o.snoozedMs)}` : null} ${o.assignee ? chip(`@${o.assignee}`) : null} ${o.labels.map((l) => chip(l, 'warn'))}</p></div>
      ${more.mayAct ? actions(x, o) : null}${more.mayErase ? menu(x, `menu-talk-${o.id}`, [html`<a class="button plain" href=${`/settings/data/export?format=jsonl&account=${o.account}`} download="">${x.t('data.export-account')}</a>`, opener(`/settings/data/erase?talk=${o.id}`, x.t('data.erase-person'))]) : null}</header>
    <div class="talk">${o.post ? post(x, o.post) : null}${o.earlier ? html`<a class="button plain earlier" href=${o.earlier}>↑ ${x.t('talks.earlier')}</a>` : null}
      ${o.replies.filter((r) => !answered.has(r.targetId)).map((r) => replyState(x, r))}
      ${o.items.map((i) => [bubble(x, i, i.item === o.here?.item), o.replies.filter((r) => r.targetId === i.platformId).map((r) => replyState(x, r))])}
      ${o.latest ? html`<a class="button plain earlier" href=${o.latest}>↓ ${x.t('talks.later')}</a>` : null}</div>
    ${more.mayAct ? [note(x, o), composer(x, o)] : null}</article>`;
}

const actions = (x: Ctx, o: TalkModel): Html => html`<div class="talk-actions row" role="toolbar" aria-label=${x.t('actions')}>
    <button type="button" class="button plain" data-talk-act="assign" title=${`${x.t('talks.assign')} (A)`}>${x.t('talks.assign')}</button><button type="button" class="button plain" data-talk-act="label" title=${`${x.t('talks.labels')} (L)`}>${x.t('talks.labels')}</button>
    <button type="button" class="button plain" data-talk-act="snooze" title=${`${x.t('talks.snooze')} (S)`}>${x.t('talks.snooze')}</button><button type="button" class="button plain" data-talk-act="unread" title=${`${x.t('talks.unread')} (U)`}>${x.t('talks.unread')}</button>
    ${o.state === 'closed' ? html`<button type="button" class="button" data-talk-act="open">${x.t('talks.reopen')}</button>` : html`<button type="button" class="button" data-talk-act="close" title=${`${x.t('talks.close')} (E)`}>${x.t('talks.close')}</button>`}</div>`;

const post = (x: Ctx, p: NonNullable<TalkModel['post']>): Html => html`<details class="fold talk-post" id="talk-post"><summary><b>${x.t('talks.post')}</b> <span class="cut">${p.title || '—'}</span> <span class="muted">${p.comments >= MANY ? x.t('talks.post-comments-many', { n: MANY - 1 }) : x.t('talks.post-comments', { n: p.comments })}</span></summary>
    ${p.others.length === 0 ? null : html`<p class="sub">${x.t('talks.post-others')}</p>${p.others.map((i) => bubble(x, i, false, true))}`}</details>`;

const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

const bubble = (x: Ctx, i: TalkItem, here: boolean, named = false): Html =>
  html`<div class=${`bubble ${i.direction} ${here ? 'here' : ''}`} id=${`bubble-${i.item}`}><p>${cut(i.content)}</p><small>${named ? html`${i.author} · ` : null}${ago(x, i.postedMs || i.detectedMs)}</small></div>`;

const note = (x: Ctx, o: TalkModel): Html => html`<details class="fold talk-note" id=${`note-${o.id}`}><summary>${x.t('talks.note')}${o.note ? html` <span class="cut muted">${o.note}</span>` : null}</summary>
    <form class="row" hx-post="/inbox/act" hx-swap="none"><p class="form-error" role="alert" hidden></p><input type="hidden" name="do" value="note"><input type="hidden" name="ids" value=${o.id}><label class="grow"><span class="hidden">${x.t('talks.note')}</span><textarea name="note" rows="2" maxlength="2000" placeholder=${x.t('talks.note-hint')}>${o.note}</textarea></label><button class="button">${x.t('talks.note-save')}</button>
    ${o.acted ? html`<a class="button plain" href=${`/actors/conversation/${o.id}`}>${x.t('talks.history')}</a>` : null}</form></details>`;

/** The draft is kept on the server as it is typed; `hx-morph-skip` leaves the box alone while the talk is drawn anew. */
function composer(x: Ctx, o: TalkModel): Html {
  return html`<form class="reply-box" id=${`reply-${o.id}`} hx-post="/replies" hx-swap="none" hx-disable="find button" hx-morph-skip="" data-reset="">
      <input type="hidden" name="item" value=${o.here?.item ?? ''} data-reply-item=""><input type="hidden" name="c" value=${o.id}><input type="hidden" name="key" value=${o.key}><p class="form-error" role="alert" hidden></p>
      <div class="canned-pop" id="canned-pop" hidden></div>
      <label><span class="hidden">${x.t('inbox.reply')}</span><textarea name="text" rows="3" required maxlength="5000" ?disabled=${o.why !== null} placeholder=${x.t('inbox.reply-to', { name: o.name })} data-reply="" data-draft=${o.id} data-limit=${o.limit} data-too-long=${x.t('talks.too-long', { platform: x.word('platform', o.platform), max: o.limit })} aria-describedby=${`reply-hint-${o.id}`}>${o.draft}</textarea></label>
      ${o.why ? html`<div class="reply-end"><span class="grow"></span><span class="off"><button class="button main" disabled title=${o.why}>${x.t('inbox.send')}</button><small class="why">${o.why}</small></span></div>` : html`<div class="reply-end"><button type="button" class="button plain" data-canned="" title=${`${x.t('talks.answers')} (/)`}>${x.t('talks.answers')}</button>
        <details class="menu send-later" id=${`later-${o.id}`}><summary class="button plain">${x.t('talks.send-later')}</summary><div class="menu-list"><label class="field"><span>${x.t('talks.send-at')}</span><input type="datetime-local" name="send_at">${zoneHint(x)}</label>${o.mustApprove ? null : html`<label class="check"><input type="checkbox" name="approve" value="1"><span>${x.t('talks.ask-approval')}</span></label>`}</div></details>
        <span class="muted small" id=${`reply-hint-${o.id}`}>${o.mustApprove ? x.t('talks.must-approve') : x.t('inbox.reply-hint', { account: o.accountName })}</span><span class="grow"></span><span class="muted small" data-count="" aria-live="polite"></span><button class="button main">${x.t('inbox.send')}</button></div>`}
    </form>`;
}
