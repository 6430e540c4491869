import { z } from 'zod';
import { all, count, where } from '../../read-model/queries/read-model.ts';
import { used } from '../../read-model/queries/accounts.ts';
import { conversationsOf } from '../../read-model/queries/conversations.ts';
import { countNotifications, listNotifications } from '../../read-model/queries/notifications.ts';
import { countReplies, findReply, listReplies, type ReplyRow } from '../../read-model/queries/replies.ts';
import { found, type Call } from '../call.ts';
import { REPLY_ACTIONS } from '../pages/reply-pages.ts';
import { Problem } from '../problem.ts';
import { sendAgain, sendReply } from '../reply-service.ts';
import type { Route } from '../routes.ts';
import { flag, id, moment, paging, pathId, readQuery } from './query.ts';
import { answer, listHeaders, mount, readBody } from './respond.ts';
import { withIso } from './shape.ts';

const found_ = { account_id: id.optional(), unread: flag.optional(), since: moment.optional() };
const commentQuery = z.object({ ...found_, ...paging(20) });
const messageQuery = z.object({ ...found_, direction: z.enum(['inbound', 'outbound']).optional(), ...paging(20) });
const notificationQuery = z.object({ type: z.enum(['comment', 'direct_message', 'system', 'account_status']).optional(), account_id: id.optional(), unread: flag.optional(), ...paging(50) });
const replyQuery = z.object({ account_id: id.optional(), status: z.enum(['awaiting_approval', 'held', 'scheduled', 'queued', 'claimed', 'submitting', 'confirming', 'posted', 'unknown', 'needs_human', 'failed', 'cancelled', 'rejected', 'replaced']).optional(), ...paging(50) });
const target = z.string().min(1).max(200);
const later = z.union([z.string(), z.number().transform(String)]).pipe(moment);
const replying = z.strictObject({ send_at: later.optional(), approve: z.boolean().optional(), account_id: id, reply_type: z.enum(['comment', 'message']).optional(), comment_id: target.optional(), message_id: target.optional(), content: z.string().max(5000, 'must be 5000 characters at most').refine((t) => t.trim().length > 0, 'must not be empty') })
  .refine((r) => (r.comment_id === undefined) !== (r.message_id === undefined), { path: ['comment_id'], message: 'give either comment_id or message_id' })
  .refine((r) => r.reply_type === undefined || (r.reply_type === 'comment') === (r.comment_id !== undefined), { path: ['reply_type'], message: 'does not fit the target' });
const changing = z.strictObject({ content: z.string().max(5000, 'must be 5000 characters at most').refine((t) => t.trim().length > 0, 'must not be empty').optional(), send_at: later.optional() }).refine((c) => c.content !== undefined || c.send_at !== undefined, { path: ['content'], message: 'give content or send_at' });
const marking = z.strictObject({ account_id: id, comments: z.array(target).max(500).default([]), messages: z.array(target).max(500).default([]) });

export const messageApi = (): Route[] => [
  ...mount('get', '/comments', 'read', { tag: 'messages', summary: 'Comments that were found, newest first', query: commentQuery, answer: '{success, comments}' }, (call) => {
    const q = readQuery(call, commentQuery);
    const rule = where([q.account_id && 'account_id = $account_id', q.unread !== undefined && 'is_read = $read', q.since !== undefined && 'detected_at >= $since']);
    return list(call, 'comments', rule, q);
  }),
  ...mount('get', '/direct-messages', 'read', { tag: 'messages', summary: 'Private messages that were found, newest first', query: messageQuery, answer: '{success, messages}' }, (call) => {
    const q = readQuery(call, messageQuery);
    const rule = where([q.account_id && 'account_id = $account_id', q.unread !== undefined && 'is_read = $read', q.since !== undefined && 'detected_at >= $since', q.direction && 'direction = $direction']);
    return list(call, 'direct_messages', rule, q);
  }),
  ...mount('post', '/messages/read', 'operate', { tag: 'messages', summary: 'Mark as read', body: marking, answer: '{success}' }, async (call) => {
    const { account_id, comments, messages } = await readBody(call, marking);
    const notifications = [...comments.map((c) => `comment-${account_id}-${c}`), ...messages.map((m) => `message-${account_id}-${m}`)];
    await call.d.markRead(account_id, { comments, messages, notifications, conversations: conversationsOf(call.d.db, account_id, comments, messages) }, call.by);
    return answer(call, { success: true });
  }),
  ...mount('get', '/notifications', 'read', { tag: 'messages', summary: 'Notifications, newest first', query: notificationQuery, answer: '{success, notifications}' }, (call) => {
    const q = readQuery(call, notificationQuery);
    const ask = { type: q.type, account: q.account_id, unread: q.unread, limit: q.limit, offset: q.offset };
    const rows = listNotifications(call.d.db, ask);
    const body = rows.map((n) => withIso({ id: n.id, key: n.key, type: n.type, account_id: n.account, related_id: n.relatedId, title: n.title, content: n.content, data: n.data, priority: n.priority, is_sent: n.sent, is_read: n.read, created_at: n.createdAt }));
    return answer(call, { success: true, notifications: body }, 200, listHeaders(call, countNotifications(call.d.db, ask), { ...q, given: rows.length }));
  }),
  ...mount('get', '/replies', 'read', { tag: 'replies', summary: 'Replies, newest first', query: replyQuery, answer: '{success, replies}' }, (call) => {
    const q = readQuery(call, replyQuery);
    const ask = { account: q.account_id, status: q.status, limit: q.limit, offset: q.offset };
    const rows = listReplies(call.d.db, ask);
    return answer(call, { success: true, replies: rows.map(replyRow) }, 200, listHeaders(call, countReplies(call.d.db, ask), { ...q, given: rows.length }));
  }),
  ...mount('get', '/replies/:id', 'read', { tag: 'replies', summary: 'One reply', answer: '{success, reply}' }, (call) => answer(call, { success: true, reply: replyRow(found(findReply(call.d.db, pathId(call)), `reply ${call.param('id')}`)) })),
  ...mount('post', '/replies', 'operate', { tag: 'replies', summary: 'Reply to a comment or message, now or at `send_at`; `approve` waits for a yes. The header Idempotency-Key makes a repeat harmless', body: replying, answer: '{success, reply_id, state}', status: 201, also: { 200: 'this key was used for the very same reply before' } }, async (call) => {
    const key = call.c.req.header('idempotency-key');
    if (key !== undefined && !/^[\x21-\x7e]{1,200}$/.test(key)) throw new Problem(422, 'invalid', 'Idempotency-Key: must be 1 to 200 visible characters', { field: 'Idempotency-Key' });
    const r = await readBody(call, replying);
    const sent = await sendReply(call, { account: r.account_id, type: r.comment_id === undefined ? 'message' : 'comment', targetId: (r.comment_id ?? r.message_id)!, text: r.content, key: key ?? crypto.randomUUID(), sendAt: r.send_at, approve: r.approve });
    return answer(call, { success: true, reply_id: sent.id, repeated: sent.repeated, state: sent.state }, sent.repeated ? 200 : 201, { Location: `/api/v1/replies/${sent.id}` });
  }),
  ...REPLY_ACTIONS.flatMap((verb) => mount('post', `/replies/:id/${verb}`, 'operate', { tag: 'replies', summary: `Decide: ${verb}`, answer: '{success, state}' }, async (call) => {
    const done = await call.command({ kind: 'reply', id: pathId(call) }, verb);
    return answer(call, { success: true, reply_id: call.param('id'), state: done.state });
  })),
  ...mount('post', '/replies/:id/resend', 'operate', { tag: 'replies', summary: 'Send again: another attempt with an id of its own, which is in the answer', answer: '{success, reply_id, retry_of, state}', status: 201 }, async (call) => {
    const reply = found(findReply(call.d.db, pathId(call)), `reply ${call.param('id')}`);
    const sent = await sendAgain(call, reply);
    return answer(call, { success: true, reply_id: sent.id, retry_of: reply.id, state: sent.state }, 201, { Location: `/api/v1/replies/${sent.id}` });
  }),
  ...mount('post', '/replies/:id/change', 'operate', { tag: 'replies', summary: 'Other words, or another time, for a reply that has not gone out', body: changing, answer: '{success, state}' }, async (call) => {
    const { content, send_at } = await readBody(call, changing);
    const done = await call.command({ kind: 'reply', id: pathId(call) }, 'change', { ...(content === undefined ? {} : { text: content }), ...(send_at === undefined ? {} : { sendAt: send_at }) });
    return answer(call, { success: true, reply_id: call.param('id'), state: done.state });
  }),
];

type FoundQuery = { account_id?: string | undefined; unread?: boolean | undefined; since?: number | undefined; direction?: string | undefined; limit: number; offset: number };

function list(call: Call, table: 'comments' | 'direct_messages', rule: string, q: FoundQuery): Response {
  const params = used(rule, { account_id: q.account_id, read: q.unread ? 0 : 1, since: q.since === undefined ? undefined : Math.floor(q.since / 1000), direction: q.direction });
  const rows = all(call.d.db, `SELECT * FROM ${table} WHERE ${rule} ORDER BY id DESC LIMIT $limit OFFSET $offset`, { ...params, limit: q.limit, offset: q.offset });
  const total = count(call.d.db, `SELECT COUNT(*) n FROM ${table} WHERE ${rule}`, params);
  const body = rows.map(({ detected_ms: _, posted_ms, is_read, ...row }) => withIso({ ...row, is_read: is_read === 1, posted_at: Math.floor(Number(posted_ms) / 1000) }));
  return answer(call, { success: true, [table === 'comments' ? 'comments' : 'messages']: body }, 200, listHeaders(call, total, { ...q, given: rows.length }));
}

export const replyRow = (r: ReplyRow): Record<string, unknown> => withIso({
  id: r.id, reply_id: r.id, account_id: r.account, platform: r.platform, reply_type: r.type, target_id: r.targetId, target: r.target, content: r.content, by: r.by, status: r.status, success: r.status === 'posted', attempt: r.attempt, max_attempts: r.maxAttempts,
  platform_reply_id: r.remoteId, error_message: r.error, looked: r.looked, submitted_at: r.submittedMs && Math.floor(r.submittedMs / 1000), conversation_id: r.conversation, send_at: r.sendMs && Math.floor(r.sendMs / 1000), decided_by: r.decidedBy, retry_of: r.retryOf, replaced_by: r.replacedBy, rule_id: r.rule, evidence: r.evidence, executed_at: r.executedAt, created_at: r.createdAt,
});
