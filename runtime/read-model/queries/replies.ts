import { all, count, json, one, where, type Db } from './read-model.ts';
import { used } from './accounts.ts';

export type ReplyRow = {
  id: string;
  account: string;
  accountName: string;
  platform: string;
  type: 'comment' | 'message';
  targetId: string;
  target: Record<string, string>;
  /** What was answered, where it is still known. */
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
  /** Epoch seconds. */
  executedAt: number | null;
  conversation: string | null;
  /** When it is to go out; while it is held, until when it can be taken back. */
  sendMs: number | null;
  decidedBy: string | null;
  decidedMs: number | null;
  retryOf: string | null;
  replacedBy: string | null;
  rule: string | null;
  evidence: { picture: string | null; saw: string | null } | null;
  createdAt: number;
  createdMs: number;
  updatedMs: number;
};

const FROM = `SELECT r.*, a.account_name,
  CASE r.reply_type WHEN 'comment' THEN (SELECT content FROM comments c WHERE c.account_id = r.account_id AND c.platform_comment_id = r.target_id)
    ELSE (SELECT content FROM direct_messages d WHERE d.account_id = r.account_id AND d.platform_message_id = r.target_id) END target_text,
  CASE r.reply_type WHEN 'comment' THEN (SELECT author_name FROM comments c WHERE c.account_id = r.account_id AND c.platform_comment_id = r.target_id)
    ELSE (SELECT sender_name FROM direct_messages d WHERE d.account_id = r.account_id AND d.platform_message_id = r.target_id) END target_author
  FROM replies r LEFT JOIN accounts a ON a.id = r.account_id`;

export type ReplyAsk = { account?: string | undefined; status?: string | undefined; before?: number | undefined; limit: number; offset?: number | undefined };

/** Newest first. `before` is the `createdMs` of the last one seen. */
export function listReplies(db: Db, ask: ReplyAsk): ReplyRow[] {
  const rule = where([ask.account && 'r.account_id = $account', ask.status && 'r.status = $status', ask.before !== undefined && 'r.created_ms < $before']);
  return all(db, `${FROM} WHERE ${rule} ORDER BY r.created_ms DESC, r.id LIMIT $limit OFFSET $offset`, { ...used(rule, ask), limit: ask.limit, offset: ask.offset ?? 0 }).map(toReply);
}

export const countReplies = (db: Db, ask: Omit<ReplyAsk, 'limit'> = {}): number => {
  const rule = where([ask.account && 'r.account_id = $account', ask.status && 'r.status = $status']);
  return count(db, `SELECT COUNT(*) n FROM replies r WHERE ${rule}`, used(rule, ask));
};

export const countRepliesByStatus = (db: Db): Record<string, number> =>
  Object.fromEntries(all<{ status: string; n: number }>(db, 'SELECT status, COUNT(*) n FROM replies GROUP BY status').map((r) => [r.status, r.n]));

export const repliesTo = (db: Db, account: string, target: string): ReplyRow[] =>
  all(db, `${FROM} WHERE r.account_id = $account AND r.target_id = $target ORDER BY r.created_ms`, { account, target }).map(toReply);

/** The answers within a talk, the oldest first. */
export const repliesOf = (db: Db, conversation: string): ReplyRow[] => all(db, `${FROM} WHERE r.conversation_id = $conversation ORDER BY r.created_ms DESC LIMIT 60`, { conversation }).map(toReply).reverse();

/** The attempt that was made after this one, if there is one. */
export const laterAttempt = (db: Db, id: string): string | null => one<{ id: string }>(db, 'SELECT id FROM replies WHERE retry_of = $id LIMIT 1', { id })?.id ?? null;

export const findReply = (db: Db, id: string): ReplyRow | null => {
  const row = one(db, `${FROM} WHERE r.id = $id`, { id });
  return row && toReply(row);
};

function toReply(r: Record<string, any>): ReplyRow {
  return {
    id: r.id,
    account: r.account_id,
    accountName: r.account_name ?? r.account_id,
    platform: r.platform,
    type: r.reply_type,
    targetId: r.target_id,
    target: json(r.target, {}),
    targetText: r.target_text,
    targetAuthor: r.target_author,
    content: r.content,
    by: r.by,
    status: r.status,
    attempt: r.attempt,
    maxAttempts: r.max_attempts,
    retryMs: r.retry_ms,
    remoteId: r.platform_reply_id,
    error: r.error_message,
    looked: r.looked,
    submittedMs: r.submitted_ms,
    executedAt: r.executed_at,
    conversation: r.conversation_id,
    sendMs: r.send_ms,
    decidedBy: r.decided_by,
    decidedMs: r.decided_ms,
    retryOf: r.retry_of,
    replacedBy: r.replaced_by,
    rule: r.rule_id,
    evidence: json(r.evidence, null),
    createdAt: r.created_at,
    createdMs: r.created_ms,
    updatedMs: r.updated_ms,
  };
}
