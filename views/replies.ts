import { html, type Html } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, clock, empty, region, tag, who } from './parts.ts';
import { decisions, target, waiting, why, type ReplyLine } from './reply-line.ts';
import { reason } from './reason.ts';

export type RepliesModel = { status: string; counts: Record<string, number>; waiting: ReplyLine[]; rest: ReplyLine[]; older: string | null };

const STATES = ['queued', 'claimed', 'submitting', 'confirming', 'posted', 'unknown', 'failed', 'cancelled'];

export function repliesPage(x: Ctx, m: RepliesModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.replies')}</h1></div>${region(x, 'replies', ['reply'], html`
    ${m.waiting.length > 0 ? html`<h2 class="group">${x.t('replies.yours')} <b class="badge">${m.waiting.length}</b></h2><div class="decide">${m.waiting.map((r) => decision(x, r))}</div>` : null}
    <nav class="tabs" aria-label=${x.t('filter.status')}><a href="/replies" aria-current=${m.status ? null : 'page'}>${x.t('filter.all')}</a>${STATES.map((s) => html`<a href=${`/replies?status=${s}`} aria-current=${m.status === s ? 'page' : null}>${x.word('reply', s)} <span class="muted">${m.counts[s] ?? 0}</span></a>`)}</nav>
    ${m.rest.length === 0 ? empty(x.t('replies.none'), x.t('replies.none-next'), html`<a class="button main" href="/inbox">${x.t('nav.inbox')}</a>`) : table(x, m)}`)}`;
}

/** The sending may or may not have reached the platform: what is known, and the four ways on. */
const decision = (x: Ctx, r: ReplyLine): Html => html`<article class="card decision" id=${`decide-${r.id}`}>
    <p class="sub">${target(x, r)}</p><blockquote>${r.content}</blockquote>
    <p><b>${x.t('replies.what-happened')}</b> ${r.error ? reason(x, r.error) : x.t('replies.no-answer')}</p>
    <dl class="facts"><dt>${x.t('replies.written')}</dt><dd>${clock(x, r.createdMs)} · ${who(r.by)}</dd><dt>${x.t('replies.submitted')}</dt><dd>${r.submittedMs ? clock(x, r.submittedMs) : x.t('replies.never')}</dd><dt>${x.t('replies.asked')}</dt><dd>${r.looked > 0 ? x.t('replies.asked-times', { n: r.looked }) : x.t('replies.asked-result')}</dd></dl>
    ${decisions(x, r)}</article>`;

const table = (x: Ctx, m: RepliesModel): Html => html`<div class="table-box"><table class="cards">
    <thead><tr><th>${x.t('replies.reply')}</th><th>${x.t('replies.to')}</th><th>${x.t('state')}</th><th>${x.t('replies.when')}</th><th class="end">${x.t('actions')}</th></tr></thead>
    <tbody>${m.rest.map((r) => html`<tr id=${`reply-row-${r.id}`} data-row=""><td data-label=${x.t('replies.reply')}><a class="text-2" href=${`/actors/reply/${r.id}`} data-open="">${r.content}</a></td><td data-label=${x.t('replies.to')}><div class="text-2">${target(x, r)}</div></td><td data-label=${x.t('state')}>${tag(x, r.status, 'reply')}<div class="sub">${waiting(x, r)}${why(x, r)}</div></td><td data-label=${x.t('replies.when')}>${ago(x, r.createdMs)}<div class="sub">${who(r.by)}</div></td><td class="end actions" data-label=${x.t('actions')}>${decisions(x, r) ?? html`<a class="button plain" href=${`/actors/reply/${r.id}`}>${x.t('actors.look')}</a>`}</td></tr>`)}</tbody></table></div>
    ${m.older ? html`<nav class="pager"><a class="button plain" href=${m.older}>${x.t('inbox.older')}</a></nav>` : null}`;
