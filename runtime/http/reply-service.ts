import { createHash } from 'node:crypto';
import { findAccount } from '../read-model/queries/accounts.ts';
import { one } from '../read-model/queries/read-model.ts';
import { found, type Call } from './call.ts';
import { Problem, refusal } from './problem.ts';

export type ReplyAsk = { account: string; type: 'comment' | 'message'; targetId: string; text: string; key: string };

/** Starts a reply. The same key gives the same reply: once is once, however often it is sent. */
export async function sendReply(call: Call, ask: ReplyAsk): Promise<{ id: string; repeated: boolean; state: string }> {
  const { db } = call.d;
  const account = found(findAccount(db, ask.account), `account ${ask.account}`);
  const id = `r${createHash('sha256').update(`${call.by}\n${ask.key}`).digest('hex').slice(0, 24)}`;
  const to = targetOf(db, ask);
  const answer = await call.d.command({ kind: 'reply', id }, 'create', { account: account.id, platform: account.platform, to, text: ask.text }, call.about(`create-${id}`));
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

/** Where it goes, by what was found; 404 for a comment or message that this account never saw. */
function targetOf(db: Call['d']['db'], { account, type, targetId }: ReplyAsk): Record<string, string> {
  if (type === 'comment') {
    const row = found(one<{ post_id: string }>(db, 'SELECT post_id FROM comments WHERE account_id = $account AND platform_comment_id = $targetId', { account, targetId }), `comment ${targetId} of account ${account}`);
    return { type, comment: targetId, post: row.post_id };
  }
  const row = found(one<{ sender_id: string }>(db, 'SELECT sender_id FROM direct_messages WHERE account_id = $account AND platform_message_id = $targetId', { account, targetId }), `message ${targetId} of account ${account}`);
  return { type, message: targetId, sender: row.sender_id };
}
