import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { inboxPage, type InboxLine } from '../../../views/inbox.ts';
import type { ReplyLine } from '../../../views/reply-line.ts';
import { accountNames, findAccount } from '../../read-model/queries/accounts.ts';
import { findThread, isInboxKey, listInbox, type InboxItem } from '../../read-model/queries/inbox.ts';
import type { ReplyRow } from '../../read-model/queries/replies.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPage } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { sendReply } from '../reply-service.ts';

const PAGE = 40;
const LONGEST = 5000;

export const inboxPages = (): Route[] => [
  page('get', '/inbox', 'read', (call) => {
    const x = context(call);
    const { db } = call.d;
    const type = call.query('type');
    const after = call.query('after');
    const filter = { account: call.query('account') ?? '', type: type === 'comment' || type === 'message' ? type : '', unread: call.query('unread') === '1', search: (call.query('q') ?? '').slice(0, 100), after: after && isInboxKey(after) ? after : '' };
    const list = listInbox(db, {
      account: filter.account || undefined, type: filter.type ? (filter.type as 'comment') : undefined, unread: filter.unread || undefined, search: filter.search.trim() || undefined, after: filter.after || undefined,
      direction: filter.unread ? 'inbound' : undefined, limit: PAGE,
    });
    const item = call.query('item');
    const thread = item ? findThread(db, item) : null;
    // The open one stays in the list although reading it took it out of the filter.
    const items = thread && filter.unread && !filter.after && !list.items.some((i) => i.item === thread.item.item) ? [...list.items, thread.item].sort((a, b) => b.detectedMs - a.detectedMs) : list.items;
    const filtered = filter.account || filter.type || filter.unread || filter.search || filter.after;
    return showPage(call, x, {
      title: x.t('nav.inbox'),
      topics: ['inbox', 'reply', 'notification'],
      main: inboxPage(x, {
        filter, items: items.map(line), next: list.next, anything: Boolean(filtered),
        accounts: choices(db, filter.account),
        open: thread && {
          line: line(thread.item), before: thread.before.map(line), replies: thread.replies.map(replyLine), key: randomBytes(12).toString('hex'), maxLength: LONGEST,
          why: thread.item.direction === 'outbound' ? x.t('inbox.why-outbound') : findAccount(db, thread.item.account) ? null : x.t('inbox.why-removed'),
        },
      }),
    });
  }),
  page('post', '/inbox/read', 'operate', async (call) => {
    const { item } = await call.form(z.object({ item: z.string() }));
    await markItem(call, item);
    return new Response(null, { status: 204 });
  }),
  page('post', '/replies', 'operate', async (call) => {
    const { item, text, key } = await call.form(z.object({ item: z.string(), text: z.string().max(LONGEST, `must be ${LONGEST} characters at most`).refine((t) => t.trim().length > 0, 'must not be empty'), key: z.string().regex(/^[0-9a-f]{8,64}$/) }));
    const thread = found(findThread(call.d.db, item), 'this comment or message');
    await sendReply(call, { account: thread.item.account, type: thread.item.type, targetId: thread.item.platformId, text, key });
    await markItem(call, item);
    return done(call, 'done.reply');
  }),
];

/** The first hundred, and the one that is chosen. */
function choices(db: Call['d']['db'], chosen: string): { id: string; name: string }[] {
  const list = accountNames(db, 100);
  const one = chosen && !list.some((a) => a.id === chosen) ? findAccount(db, chosen) : null;
  return one ? [...list, { id: one.id, name: one.name }] : list;
}

async function markItem(call: Call, item: string): Promise<void> {
  const { item: i } = found(findThread(call.d.db, item), 'this comment or message');
  if (i.read) return;
  await call.d.markRead(i.account, {
    comments: i.type === 'comment' ? [i.platformId] : [],
    messages: i.type === 'message' ? [i.platformId] : [],
    notifications: [`${i.type}-${i.account}-${i.platformId}`],
  }, call.by);
}

export const line = (i: InboxItem): InboxLine => ({ item: i.item, type: i.type, account: i.account, accountName: i.accountName, platform: i.platform, content: i.content, author: i.author, postTitle: i.postTitle, direction: i.direction, read: i.read, postedMs: i.postedMs, detectedMs: i.detectedMs });
export const replyLine = (r: ReplyRow): ReplyLine => ({ id: r.id, account: r.account, accountName: r.accountName, type: r.type, targetText: r.targetText, targetAuthor: r.targetAuthor, content: r.content, by: r.by, status: r.status, attempt: r.attempt, maxAttempts: r.maxAttempts, retryMs: r.retryMs, remoteId: r.remoteId, error: r.error, looked: r.looked, submittedMs: r.submittedMs, createdMs: r.createdMs, updatedMs: r.updatedMs });
