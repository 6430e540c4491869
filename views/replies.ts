import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, clock, dialog, empty, region, tag, who, zoneHint } from './parts.ts';
import { decisions, origin, target, waiting, why, type ReplyLine } from './reply-line.ts';
import { reason } from './reason.ts';
import { talkTabs } from './talk-tabs.ts';

export type RepliesModel = { status: string; counts: Record<string, number>; waiting: ReplyLine[]; approvals: ReplyLine[]; rest: ReplyLine[]; older: string | null };

const STATES = ['scheduled', 'held', 'queued', 'claimed', 'submitting', 'confirming', 'posted', 'unknown', 'failed', 'cancelled', 'rejected', 'replaced'];

/** The work list first, what waits for a yes after it, then everything by state. */
export function repliesPage(x: Ctx, m: RepliesModel): Html {
  return html`<div class="page-head"><h1>${x.t('nav.replies')}</h1>${talkTabs(x, '/replies')}</div>${region(x, 'replies', ['reply'], html`
    ${m.waiting.length > 0 ? html`<h2 class="group">${x.t('replies.yours')} <b class="badge">${m.waiting.length}</b></h2><div class="decide">${m.waiting.map((r) => decision(x, r))}</div>` : null}
    ${m.approvals.length > 0 ? html`<h2 class="group">${x.t('replies.approvals')} <b class="badge">${m.approvals.length}</b></h2><div class="decide">${m.approvals.map((r) => approval(x, r))}</div>` : null}
    ${m.waiting.length + m.approvals.length > 0 ? html`<h2 class="group">${x.t('replies.queue')}</h2>` : null}
    <nav class="tabs" aria-label=${x.t('filter.status')}><a href="/replies" aria-current=${m.status ? null : 'page'}>${x.t('filter.all')}</a>${STATES.map((s) => html`<a href=${`/replies?status=${s}`} aria-current=${m.status === s ? 'page' : null}>${x.word('reply', s)} <span class="muted">${m.counts[s] ?? 0}</span></a>`)}</nav>
    ${m.rest.length === 0 ? empty(x.t('replies.none'), x.t('replies.none-next'), html`<a class="button main" href="/inbox">${x.t('nav.inbox')}</a>`) : table(x, m)}`)}`;
}

/** The sending may or may not have reached the platform: what is known, what was seen, and the ways on. */
const decision = (x: Ctx, r: ReplyLine): Html => html`<article class="card decision" id=${`decide-${r.id}`}>
    <p class="sub">${target(x, r)}</p><blockquote>${r.content}</blockquote>
    <p><b>${x.t('replies.what-happened')}</b> ${r.error ? reason(x, r.error) : x.t('replies.no-answer')}</p>
    <dl class="facts"><dt>${x.t('replies.written')}</dt><dd>${clock(x, r.createdMs)} · ${who(r.by)}</dd><dt>${x.t('replies.submitted')}</dt><dd>${r.submittedMs ? clock(x, r.submittedMs) : x.t('replies.never')}</dd><dt>${x.t('replies.asked')}</dt><dd>${r.looked > 0 ? x.t('replies.asked-times', { n: r.looked }) : x.t('replies.asked-result')}</dd></dl>
    ${evidence(x, r)}
    <p><b>${x.t('replies.which')}</b></p>${decisions(x, r)}</article>`;

/** The picture of the page where the answer should stand, and what stood there. */
function evidence(x: Ctx, r: ReplyLine): Value {
  const { picture = null, saw = null } = r.evidence ?? {};
  if (!picture && !saw) return html`<p class="sub">${x.t('replies.saw-nothing')}</p>`;
  return html`<div class="evidence">${picture ? html`<a href=${`/replies/${r.id}/evidence`} target="_blank" rel="noreferrer"><img src=${`/replies/${r.id}/evidence`} alt=${x.t('replies.evidence')} loading="lazy"></a>` : null}${saw ? html`<figure><figcaption class="sub">${x.t('replies.saw')}</figcaption><blockquote>${saw}</blockquote></figure>` : null}</div>`;
}

const approval = (x: Ctx, r: ReplyLine): Html => html`<article class="card decision" id=${`approve-${r.id}`}><p class="sub">${target(x, r)}</p><blockquote>${r.content}</blockquote><p class="sub">${ago(x, r.createdMs)} · ${who(r.by)} ${origin(x, r)} ${waiting(x, r)}</p>${decisions(x, r)}</article>`;

const table = (x: Ctx, m: RepliesModel): Html => html`<div class="table-box"><table class="cards">
    <thead><tr><th>${x.t('replies.reply')}</th><th>${x.t('replies.to')}</th><th>${x.t('state')}</th><th>${x.t('replies.when')}</th><th class="end">${x.t('actions')}</th></tr></thead>
    <tbody>${m.rest.map((r) => html`<tr id=${`reply-row-${r.id}`} data-row=""><td data-label=${x.t('replies.reply')}><a class="text-2" href=${`/actors/reply/${r.id}`} data-open="">${r.content}</a></td><td data-label=${x.t('replies.to')}><div class="text-2">${r.conversation ? html`<a href=${`/inbox?state=all&c=${r.conversation}`}>${target(x, r)}</a>` : target(x, r)}</div></td><td data-label=${x.t('state')}>${tag(x, r.status, 'reply')}<div class="sub">${waiting(x, r)} ${origin(x, r)}${why(x, r)}</div></td><td data-label=${x.t('replies.when')}>${ago(x, r.createdMs)}<div class="sub">${r.rule ? null : who(r.by)}</div></td><td class="end actions" data-label=${x.t('actions')}>${decisions(x, r) ?? html`<a class="button plain" href=${`/actors/reply/${r.id}`}>${x.t('actors.look')}</a>`}</td></tr>`)}</tbody></table></div>
    ${m.older ? html`<nav class="pager"><a class="button plain" href=${m.older}>${x.t('inbox.older')}</a></nav>` : null}`;

/** Other words or another time for a reply that has not gone out. */
export const changeDialog = (x: Ctx, m: { id: string; text: string; sendAt: string | null; limit: number }): Html => dialog(x, x.t('replies.change-title'), html`<form hx-post=${`/replies/${m.id}/change`} hx-swap="none" data-dialog-form=""><p class="form-error" role="alert" hidden></p>
    <label class="field"><span>${x.t('replies.reply')}</span><textarea name="text" rows="4" required maxlength="5000">${m.text}</textarea></label>
    ${m.sendAt === null ? null : html`<label class="field"><span>${x.t('talks.send-at')}</span><input type="datetime-local" name="send_at" value=${m.sendAt} required>${zoneHint(x)}</label>`}
    <footer><button type="button" class="button plain" data-close="">${x.t('cancel')}</button><button class="button main">${x.t('save')}</button></footer></form>`);
