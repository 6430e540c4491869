import { html, type Html, type Value } from './html.ts';
import type { Ctx } from './context.ts';
import { ago, button, chip, countdown, tag } from './parts.ts';
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
  createdMs: number;
  updatedMs: number;
};

/** One reply as a bubble under what it answers. */
export const replyState = (x: Ctx, r: ReplyLine): Html =>
  html`<div class=${`bubble outbound reply ${r.status}`} id=${`reply-state-${r.id}`}><p>${r.content}</p><small>${tag(x, r.status, 'reply')} ${ago(x, r.updatedMs)} ${waiting(x, r)}</small>${why(x, r)}${decisions(x, r)}</div>`;

/** Why it is not there yet: a fault is told as one, waiting is not. */
export function why(x: Ctx, r: ReplyLine): Value {
  if (!r.error || r.status === 'posted') return null;
  if (r.status === 'queued') return html`<small class="sub">${x.t('replies.waits')} ${reason(x, r.error)}</small>`;
  return html`<small class="bad-text">${reason(x, r.error)}</small>`;
}

/** When the next try comes, or where the try stands. */
export function waiting(x: Ctx, r: ReplyLine): Value {
  if (r.status === 'queued' && r.retryMs && r.retryMs > x.now) return html`${x.t('replies.retry-in')} ${countdown(x, r.retryMs)} · ${x.t('replies.attempt', { n: r.attempt, max: r.maxAttempts })}`;
  return r.attempt > 1 ? html`${x.t('replies.attempt', { n: r.attempt, max: r.maxAttempts })}` : null;
}

/** What a person can do about it now. */
export function decisions(x: Ctx, r: ReplyLine): Value {
  if (r.status === 'needs_human') {
    return html`<div class="decisions">
      ${button({ url: `/replies/${r.id}/check`, label: x.t('replies.check') })}
      ${button({ url: `/replies/${r.id}/mark-posted`, label: x.t('replies.mark-posted'), confirm: x.t('replies.mark-posted-sure') })}
      ${button({ url: `/replies/${r.id}/resend`, label: x.t('replies.resend'), confirm: x.t('replies.resend-sure') })}
      ${button({ url: `/replies/${r.id}/discard`, label: x.t('replies.discard'), tone: 'danger', confirm: x.t('replies.discard-sure') })}</div>`;
  }
  if (r.status === 'unknown') return html`<div class="decisions">${button({ url: `/replies/${r.id}/check`, label: x.t('replies.check') })}</div>`;
  if (r.status === 'queued' || r.status === 'claimed') return html`<div class="decisions">${button({ url: `/replies/${r.id}/cancel`, label: x.t('replies.cancel') })}</div>`;
  return null;
}

/** Where a reply goes, in one line. */
export const target = (x: Ctx, r: ReplyLine): Html =>
  html`${chip(x.word('type', r.type), 'note')} ${chip(r.accountName)} <span class="cut">${r.targetAuthor ? `${r.targetAuthor}: ` : ''}${r.targetText ?? x.t('replies.target-gone')}</span>`;
