import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, button, chip, clock, countdown, opener, tag, who } from './parts.ts';
import { reason } from './reason.ts';

export type ReplyLine = {
  id: string;
  account: string;
  accountName: string;
  type: 'comment' | 'message';
  targetText: string | null;
  targetAuthor: string | null;
  content: string;
  by: string;
  status: string;
  attempt: number;
  maxAttempts: number;
  retryMs: number | null;
  remoteId: string | null;
  /** Why it failed or is in doubt; while it is queued, why it waits. */
  error: string | null;
  /** How often the platform was asked after a doubt and did not show it. */
  looked: number;
  submittedMs: number | null;
  targetId: string;
  conversation: string | null;
  /** When it is to go out; while it is held, until when it can be taken back. */
  sendMs: number | null;
  decidedBy: string | null;
  retryOf: string | null;
  replacedBy: string | null;
  rule: string | null;
  evidence: { picture: string | null; saw: string | null } | null;
  createdMs: number;
  updatedMs: number;
};

/** One reply as a bubble under what it answers. */
export const replyState = (x: Ctx, r: ReplyLine): Html =>
  html`<div class=${`bubble outbound reply ${r.status}`} id=${`reply-state-${r.id}`}><p>${r.content}</p><small>${tag(x, r.status, 'reply')} ${ago(x, r.updatedMs)} ${waiting(x, r)} ${origin(x, r)}</small>${why(x, r)}${decisions(x, r)}</div>`;

/** Why it is not there yet: a fault is told as one, waiting is not. */
export function why(x: Ctx, r: ReplyLine): Value {
  if (!r.error || r.status === 'posted') return null;
  if (r.status === 'queued') return html`<small class="sub">${x.t('replies.waits')} ${reason(x, r.error)}</small>`;
  return html`<small class="bad-text">${reason(x, r.error)}</small>`;
}

/** When the next try comes, or where the try stands. */
export function waiting(x: Ctx, r: ReplyLine): Value {
  if (r.status === 'held' && r.sendMs) return html`${x.t('replies.goes-in')} ${countdown(x, r.sendMs)}`;
  if ((r.status === 'scheduled' || r.status === 'awaiting_approval') && r.sendMs) return html`${x.t('replies.goes-at')} ${clock(x, r.sendMs)}`;
  if (r.status === 'queued' && r.retryMs && r.retryMs > x.now) return html`${x.t('replies.retry-in')} ${countdown(x, r.retryMs)} · ${x.t('replies.attempt', { n: r.attempt, max: r.maxAttempts })}`;
  return r.attempt > 1 ? html`${x.t('replies.attempt', { n: r.attempt, max: r.maxAttempts })}` : null;
}

/** Who wrote it, where that is no person, and the attempts around it. */
export const origin = (x: Ctx, r: ReplyLine): Value => [
  r.rule ? html`<a href=${`/rules/${r.rule}`}>${x.t('replies.by-rule')}</a> ` : null,
  r.decidedBy ? html`<span>${x.t(r.status === 'rejected' ? 'replies.rejected-by' : 'replies.approved-by', { who: who(r.decidedBy) })}</span> ` : null,
  r.retryOf ? html`<a href=${`/actors/reply/${r.retryOf}`}>${x.t('replies.retry-of')}</a> ` : null,
  r.replacedBy ? html`<a href=${`/actors/reply/${r.replacedBy}`}>${x.t('replies.replaced-by')}</a>` : null,
];

/** What a person can do about it now. */
export function decisions(x: Ctx, r: ReplyLine): Value {
  if (x.scope === 'read') return null;
  if (r.status === 'needs_human') {
    return html`<div class="decisions">
      ${button({ url: `/replies/${r.id}/mark-posted`, label: x.t('replies.there'), confirm: x.t('replies.mark-posted-sure') })}
      ${button({ url: `/replies/${r.id}/resend`, label: x.t('replies.resend'), confirm: x.t('replies.resend-sure') })}
      ${button({ url: `/replies/${r.id}/discard`, label: x.t('replies.give-up'), tone: 'danger', confirm: x.t('replies.discard-sure') })}
      ${button({ url: `/replies/${r.id}/check`, label: x.t('replies.check') })}</div>`;
  }
  if (r.status === 'awaiting_approval') return html`<div class="decisions">${button({ url: `/replies/${r.id}/approve`, label: x.t('replies.approve'), tone: 'main' })}${button({ url: `/replies/${r.id}/reject`, label: x.t('replies.reject'), tone: 'danger', confirm: x.t('replies.reject-sure') })}${opener(`/replies/${r.id}/change`, x.t('replies.change'))}</div>`;
  if (r.status === 'scheduled') return html`<div class="decisions">${opener(`/replies/${r.id}/change`, x.t('replies.change'))}${button({ url: `/replies/${r.id}/send-now`, label: x.t('replies.send-now') })}${button({ url: `/replies/${r.id}/cancel`, label: x.t('replies.cancel') })}</div>`;
  if (r.status === 'held') return html`<div class="decisions">${button({ url: `/replies/${r.id}/cancel`, label: x.t('replies.take-back') })}</div>`;
  if (r.status === 'failed' || r.status === 'rejected') return html`<div class="decisions">${button({ url: `/replies/${r.id}/resend`, label: x.t('replies.resend') })}</div>`;
  if (r.status === 'unknown') return html`<div class="decisions">${button({ url: `/replies/${r.id}/check`, label: x.t('replies.check') })}</div>`;
  if (r.status === 'queued' || r.status === 'claimed') return html`<div class="decisions">${button({ url: `/replies/${r.id}/cancel`, label: x.t('replies.cancel') })}</div>`;
  return null;
}

/** Where a reply goes, in one line. */
export const target = (x: Ctx, r: ReplyLine): Html =>
  html`${chip(x.word('type', r.type), 'note')} ${chip(r.accountName)} <span class="cut">${r.targetAuthor ? `${r.targetAuthor}: ` : ''}${r.targetText ?? x.t('replies.target-gone')}</span>`;
