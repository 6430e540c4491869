import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { ID } from '../../../transport/subjects.ts';
import { inboxPage, type InboxLine } from '../../../views/inbox.ts';
import { talksPage } from '../../../views/talks.ts';
import { accountNames, findAccount } from '../../read-model/queries/accounts.ts';
import { assignees, conversationOf, countConversations, findConversation, knownLabels, listConversations, unreadOf } from '../../read-model/queries/conversations.ts';
import { findThread, isInboxKey, listInbox, type InboxItem } from '../../read-model/queries/inbox.ts';
import { limitFor, LONGEST_REPLY } from '../../reply-length.ts';
import { found, type Call } from '../call.ts';
import { context, doneWithUndo, showPage } from '../page.ts';
import { sendReply } from '../reply-service.ts';
import { page, type Route } from '../routes.ts';
import { keepDraft, listFilters } from '../talks/desk.ts';
import { readMinute } from '../talks/local-time.ts';
import { askOf, filterOf, replyLine, talkLine, talkModel } from '../talks/talk-model.ts';

const PAGE = 40;
/** So long can a reply be taken back that was just sent from the page. */
export const HOLD_MS = 5_000;

const replying = z.object({
  item: z.string(),
  c: z.string().optional(),
  text: z.string().max(LONGEST_REPLY, `must be ${LONGEST_REPLY} characters at most`).refine((t) => t.trim().length > 0, 'must not be empty'),
  key: z.string().regex(/^[0-9a-f]{8,64}$/),
  send_at: z.string().optional(),
  approve: z.string().optional(),
});

export const inboxPages = (): Route[] => [
  page('get', '/inbox', 'read', (call) => (call.query('view') === 'items' ? items(call) : talks(call))),
  page('post', '/inbox/read', 'operate', async (call) => {
    const { item, c } = await call.form(z.object({ item: z.string().optional(), c: z.string().optional() }));
    if (c) await markTalk(call, c);
    else await markItem(call, item ?? '');
    return new Response(null, { status: 204 });
  }),
  page('post', '/replies', 'operate', async (call) => {
    const { item, c, text, key, send_at, approve } = await call.form(replying);
    const thread = found(findThread(call.d.db, item), 'this comment or message');
    const sendAt = readMinute(send_at, 'send_at');
    const sent = await sendReply(call, { account: thread.item.account, type: thread.item.type, targetId: thread.item.platformId, text, key, sendAt, approve: approve === '1', ...(sendAt === undefined ? { holdMs: HOLD_MS } : {}) });
    await markItem(call, item);
    if (c && ID.test(c)) await keepDraft(call.d.desk, call.who.name, c, '', call.d.now());
    if (sent.state === 'awaiting_approval') return doneWithUndo(call, 'done.reply-approval', {}, `/replies/${sent.id}/cancel`);
    if (sent.state === 'scheduled') return doneWithUndo(call, 'done.reply-scheduled', {}, `/replies/${sent.id}/cancel`);
    return sent.state === 'held' ? doneWithUndo(call, 'done.reply-held', {}, `/replies/${sent.id}/cancel`, { held: { ms: HOLD_MS } }) : doneWithUndo(call, 'done.reply', {}, null);
  }),
];

/** The inbox by talks. */
async function talks(call: Call): Promise<Response> {
  const x = context(call);
  const { db } = call.d;
  const filter = filterOf(call);
  const item = call.query('item');
  const asked = call.query('c');
  const id = asked && ID.test(asked) ? asked : item ? conversationOf(db, item) : null;
  const before = /^\d{1,15}$/.exec(call.query('before') ?? '')?.[0];
  const list = listConversations(db, { ...askOf(filter), limit: PAGE });
  const open = id === null ? null : await talkModel(call, filter, id, { item, before: before ? Number(before) : undefined }, x);
  // The open one stays in the list although reading it took it out of what is unread.
  const row = open && filter.unread && !filter.after && !list.rows.some((r) => r.id === open.id) ? findConversation(db, open.id) : null;
  const rows = row ? [...list.rows, row].sort((a, b) => b.lastMs - a.lastMs) : list.rows;
  return showPage(call, x, {
    title: x.t('nav.inbox'),
    topics: ['inbox', 'reply', 'conversation', 'notification'],
    talks: true,
    main: talksPage(x, {
      filter, lines: rows.map(talkLine), next: list.next, open, saved: await listFilters(call.d.settings, call.who.name), accounts: choices(db, filter.account), platforms: call.d.platforms(), assignees: assignees(db), labels: knownLabels(db).map((l) => l.label), mayAct: x.scope !== 'read',
      counts: { open: countConversations(db, { state: 'open' }), mine: countConversations(db, { state: 'open', assignee: call.who.name }), waiting: countConversations(db, { state: 'waiting' }), snoozed: countConversations(db, { state: 'snoozed' }), closed: countConversations(db, { state: 'closed' }) },
    }),
  });
}

/** Every comment and message by itself, the newest first. */
function items(call: Call): Response {
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
  const account = thread && findAccount(db, thread.item.account);
  // The open one stays in the list although reading it took it out of the filter.
  const shown = thread && filter.unread && !filter.after && !list.items.some((i) => i.item === thread.item.item) ? [...list.items, thread.item].sort((a, b) => b.detectedMs - a.detectedMs) : list.items;
  const filtered = filter.account || filter.type || filter.unread || filter.search || filter.after;
  return showPage(call, x, {
    title: x.t('nav.inbox'),
    topics: ['inbox', 'reply', 'notification'],
    main: inboxPage(x, {
      filter, items: shown.map(line), next: list.next, anything: Boolean(filtered),
      accounts: choices(db, filter.account),
      open: thread && {
        line: line(thread.item), before: thread.before.map(line), replies: thread.replies.map(replyLine), key: randomBytes(12).toString('hex'), maxLength: limitFor(call.d.length, thread.item.platform, account?.limits.maxLength), talk: conversationOf(db, thread.item.item),
        why: thread.item.direction === 'outbound' ? x.t('inbox.why-outbound') : account ? null : x.t('inbox.why-removed'),
      },
    }),
  });
}

/** The first hundred, and the one that is chosen. */
function choices(db: Call['d']['db'], chosen: string): { id: string; name: string }[] {
  const list = accountNames(db, 100);
  const one = chosen && !list.some((a) => a.id === chosen) ? findAccount(db, chosen) : null;
  return one ? [...list, { id: one.id, name: one.name }] : list;
}

async function markItem(call: Call, item: string): Promise<void> {
  const { item: i } = found(findThread(call.d.db, item), 'this comment or message');
  if (i.read) return;
  const talk = conversationOf(call.d.db, item);
  await call.d.markRead(i.account, {
    comments: i.type === 'comment' ? [i.platformId] : [],
    messages: i.type === 'message' ? [i.platformId] : [],
    notifications: [`${i.type}-${i.account}-${i.platformId}`],
    ...(talk ? { conversations: [talk] } : {}),
  }, call.by);
}

/** Whoever opens a talk has read it. */
async function markTalk(call: Call, id: string): Promise<void> {
  const row = found(findConversation(call.d.db, id), 'this conversation');
  const ids = unreadOf(call.d.db, row);
  if (ids.length === 0) return;
  await call.d.markRead(row.account, { comments: row.type === 'comment' ? ids : [], messages: row.type === 'message' ? ids : [], notifications: ids.map((i) => `${row.type}-${row.account}-${i}`), conversations: [id] }, call.by);
}

export const line = (i: InboxItem): InboxLine => ({ item: i.item, type: i.type, account: i.account, accountName: i.accountName, platform: i.platform, content: i.content, author: i.author, postTitle: i.postTitle, direction: i.direction, read: i.read, postedMs: i.postedMs, detectedMs: i.detectedMs });
