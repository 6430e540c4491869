import { createHash } from 'node:crypto';
import { findAccount } from '../read-model/queries/accounts.ts';
import { one } from '../read-model/queries/read-model.ts';
import { laterAttempt, type ReplyRow } from '../read-model/queries/replies.ts';
import { lengthOf, limitFor } from '../reply-length.ts';
import { found, type Call } from './call.ts';
import { Problem, refusal } from './problem.ts';

/** `sendAt` is epoch milliseconds; within `holdMs` it can be taken back; `approve` waits for somebody's yes. */
export type ReplyAsk = { account: string; type: 'comment' | 'message'; targetId: string; text: string; key: string; sendAt?: number | undefined; holdMs?: number | undefined; approve?: boolean | undefined; retryOf?: string | undefined };

/** Starts a reply. The same key gives the same reply: once is once, however often it is sent. */
export async function sendReply(call: Call, ask: ReplyAsk): Promise<{ id: string; repeated: boolean; state: string }> {
  const { db } = call.d;
  const account = found(findAccount(db, ask.account), `account ${ask.account}`);
  const most = limitFor(call.d.length, account.platform, account.limits.maxLength);
  if (lengthOf(ask.text) > most) throw new Problem(422, 'invalid', `text: has ${lengthOf(ask.text)} characters, ${account.platform} takes ${most}: make it shorter`, { field: 'text' });
  if (ask.sendAt !== undefined && ask.sendAt <= call.d.now()) throw new Problem(422, 'invalid', 'send_at: must lie ahead', { field: 'send_at' });
  const id = `r${createHash('sha256').update(`${call.by}\n${ask.key}`).digest('hex').slice(0, 24)}`;
  const to = targetOf(db, ask);
  const more = { ...(ask.sendAt === undefined ? {} : { sendAt: ask.sendAt }), ...(ask.holdMs ? { holdMs: ask.holdMs } : {}), ...(ask.approve ? { approve: true } : {}), ...(ask.retryOf ? { retryOf: ask.retryOf } : {}) };
  const answer = await call.d.command({ kind: 'reply', id }, 'create', { account: account.id, platform: account.platform, to, text: ask.text, ...more }, call.about(`create-${id}`));
  if (answer.ok) {
    if (!('repeated' in answer)) return { id, repeated: false, state: String(answer['state']) };
  } else if (answer.code !== 'duplicate') {
    throw refusal(answer as Extract<typeof answer, { ok: false }>);
  }
  const known = await call.command({ kind: 'reply', id }, 'inspect');
  const c = known.context as { account: string; text: string; to: unknown };
  if (c.account !== ask.account || c.text !== ask.text || JSON.stringify(c.to) !== JSON.stringify(to)) {
    throw new Problem(422, 'key_reused', 'Idempotency-Key: this key was used for another reply; take a new one', { field: 'Idempotency-Key' });
  }
  return { id, repeated: true, state: String(known.state) };
}

const AGAIN = new Set(['failed', 'cancelled', 'rejected']);

/** Another attempt with an id of its own. One that is on its way, or was sent again already, is refused: an answer never says ok for nothing. */
export async function sendAgain(call: Call, reply: ReplyRow): Promise<{ id: string; state: string }> {
  if (!AGAIN.has(reply.status)) {
    const done = await call.command({ kind: 'reply', id: reply.id }, 'resend');
    return { id: String(done['reply']), state: String(done['state']) };
  }
  const later = laterAttempt(call.d.db, reply.id);
  if (later) throw new Problem(409, 'conflict', `reply/${reply.id} was sent again already, as reply/${later}`);
  const sent = await sendReply(call, { account: reply.account, type: reply.type, targetId: reply.targetId, text: reply.content, key: `again:${reply.id}`, retryOf: reply.id });
  if (sent.repeated) throw new Problem(409, 'conflict', `reply/${reply.id} was sent again already, as reply/${sent.id}`);
  return { id: sent.id, state: sent.state };
}

/** Where it goes, by what was found; 404 for a comment or message that this account never saw. */
function targetOf(db: Call['d']['db'], { account, type, targetId }: ReplyAsk): Record<string, string> {
  if (type === 'comment') {
    const row = found(one<{ post_id: string }>(db, 'SELECT post_id FROM comments WHERE account_id = $account AND platform_comment_id = $targetId', { account, targetId }), `comment ${targetId} of account ${account}`);
    return { type, comment: targetId, post: row.post_id };
  }
  const row = found(one<{ sender_id: string }>(db, 'SELECT sender_id FROM direct_messages WHERE account_id = $account AND platform_message_id = $targetId', { account, targetId }), `message ${targetId} of account ${account}`);
  return { type, message: targetId, sender: row.sender_id };
}
