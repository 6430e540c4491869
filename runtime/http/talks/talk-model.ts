import { randomBytes } from 'node:crypto';
import type { ReplyLine } from '../../../views/reply-line.ts';
import type { TalkItem, TalkModel } from '../../../views/talk-pane.ts';
import { filterQuery, type TalkFilter, type TalkLine } from '../../../views/talks.ts';
import { findAccount } from '../../read-model/queries/accounts.ts';
import { findTalk, isConversationKey, STATES, type ConversationRow, type ConversationState } from '../../read-model/queries/conversations.ts';
import type { InboxItem } from '../../read-model/queries/inbox.ts';
import type { ReplyRow } from '../../read-model/queries/replies.ts';
import { limitFor } from '../../reply-length.ts';
import type { Call } from '../call.ts';
import { findDraft } from './desk.ts';

/** What the address asks for. Without a state it is what is open; a search and what is unread look everywhere. */
export function filterOf(call: Call): TalkFilter {
  const type = call.query('type');
  const search = (call.query('q') ?? '').slice(0, 100);
  const unread = call.query('unread') === '1';
  const asked = call.query('state') ?? (search.trim() || unread ? 'all' : 'open');
  const after = call.query('after');
  return {
    state: (STATES as readonly string[]).includes(asked) ? asked : 'all', search, unread, type: type === 'comment' || type === 'message' ? type : '',
    account: call.query('account') ?? '', platform: call.query('platform') ?? '', assignee: call.query('assignee') ?? '', label: call.query('label') ?? '', after: after && isConversationKey(after) ? after : '',
  };
}

/** The same as a question to the view. */
export const askOf = (f: TalkFilter) => ({
  account: f.account || undefined, platform: f.platform || undefined, type: (f.type || undefined) as 'comment' | undefined, state: (f.state === 'all' ? undefined : f.state) as ConversationState | undefined,
  assignee: f.assignee || undefined, label: f.label || undefined, unread: f.unread || undefined, search: f.search.trim() || undefined, after: f.after || undefined,
});

/** The open talk with all that its pane shows; `item` is the one that an answer goes to, else the last that came in. */
export async function talkModel(call: Call, f: TalkFilter, id: string, ask: { item?: string | undefined; before?: number | undefined }, x: { t(key: 'talks.no-inbound' | 'inbox.why-removed'): string }): Promise<TalkModel | null> {
  const { d } = call;
  const talk = findTalk(d.db, id, ask.before);
  if (!talk) return null;
  const { row } = talk;
  const account = findAccount(d.db, row.account);
  const posted = new Set(talk.replies.flatMap((r) => (r.status === 'posted' && r.remoteId ? [r.remoteId] : [])));
  // What we posted comes back with the next round: it is shown once, as the reply that it is.
  const items = talk.items.filter((i) => i.direction === 'inbound' || !posted.has(i.platformId));
  const inbound = items.filter((i) => i.direction === 'inbound');
  const here = inbound.find((i) => i.item === ask.item) ?? inbound.at(-1) ?? null;
  const link = (more: Record<string, string>) => `/inbox?${filterQuery(f, { c: id, ...more })}`;
  return {
    id, type: row.type, name: row.peerName, account: row.account, accountName: row.accountName, platform: row.platform, state: row.state, assignee: row.assignee, labels: row.labels, note: row.note, snoozedMs: row.snoozedMs, unread: row.unread, acted: row.acted,
    items: items.map(talkItem), here: here && talkItem(here), earlier: talk.more === null ? null : link({ before: String(talk.more) }), latest: ask.before === undefined ? null : link({}),
    replies: talk.replies.map(replyLine), post: talk.post && { title: talk.post.title, comments: talk.post.comments, others: talk.post.others.map(talkItem) },
    key: randomBytes(12).toString('hex'), draft: await findDraft(d.desk, call.who.name, id), limit: limitFor(d.length, row.platform, account?.limits.maxLength),
    mustApprove: account?.approve ?? false, why: account === null ? x.t('inbox.why-removed') : here === null ? x.t('talks.no-inbound') : null,
  };
}

export const talkLine = (r: ConversationRow): TalkLine => ({ id: r.id, type: r.type, name: r.peerName, account: r.account, accountName: r.accountName, platform: r.platform, text: r.lastText, direction: r.lastDirection, postTitle: r.postTitle, state: r.state, assignee: r.assignee, labels: r.labels, unread: r.unread, lastMs: r.lastMs, snoozedMs: r.snoozedMs });

const talkItem = (i: InboxItem): TalkItem => ({ item: i.item, platformId: i.platformId, author: i.author, content: i.content, direction: i.direction, postedMs: i.postedMs, detectedMs: i.detectedMs });

export const replyLine = (r: ReplyRow): ReplyLine => ({
  id: r.id, account: r.account, accountName: r.accountName, type: r.type, targetText: r.targetText, targetAuthor: r.targetAuthor, content: r.content, by: r.by, status: r.status, attempt: r.attempt, maxAttempts: r.maxAttempts, retryMs: r.retryMs, remoteId: r.remoteId, error: r.error, looked: r.looked, submittedMs: r.submittedMs,
  targetId: r.targetId, conversation: r.conversation, sendMs: r.sendMs, decidedBy: r.decidedBy, retryOf: r.retryOf, replacedBy: r.replacedBy, rule: r.rule, evidence: r.evidence, createdMs: r.createdMs, updatedMs: r.updatedMs,
});
