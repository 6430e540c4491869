import type { Erased } from '../../../machines/erasure.ts';
import { all, count, json, one, type Db } from './read-model.ts';

export type ErasureRow = { id: string; platform: string; /** erasing, waiting, forgetting, done */ status: string; erased: Erased | null; error: string | null; nextMs: number | null; by: string; createdMs: number; doneMs: number | null };

/** The newest first. */
export const listErasures = (db: Db, limit: number): ErasureRow[] =>
  all<Record<string, any>>(db, 'SELECT * FROM erasures ORDER BY created_ms DESC, id LIMIT $limit', { limit }).map((r) => ({ id: r['id'], platform: r['platform'], status: r['status'], erased: json<Erased | null>(r['erased'], null), error: r['error'], nextMs: r['next_ms'], by: r['by'], createdMs: r['created_ms'], doneMs: r['done_ms'] }));

export type Person = { platform: string; id: string; name: string; accounts: number; comments: number; messages: number; replies: number };

/** Whom a talk is with, and what there is of them with all accounts of the platform. */
export function personOf(db: Db, talk: string): Person | null {
  const row = one<{ peer_id: string; peer_name: string; platform: string | null }>(db, 'SELECT v.peer_id, v.peer_name, a.platform FROM conversations v LEFT JOIN accounts a ON a.id = v.account_id WHERE v.id = $talk', { talk });
  if (!row?.platform) return null;
  return personBy(db, row.platform, row.peer_id, row.peer_name);
}

export function personBy(db: Db, platform: string, id: string, name = id): Person {
  const of = { platform, id };
  const among = '(SELECT id FROM accounts WHERE platform = $platform)';
  const talks = `(SELECT id FROM conversations WHERE peer_id = $id AND account_id IN ${among})`;
  return {
    platform, id, name,
    accounts: count(db, `SELECT COUNT(DISTINCT account_id) n FROM conversations WHERE peer_id = $id AND account_id IN ${among}`, of),
    comments: count(db, `SELECT COUNT(*) n FROM comments WHERE conversation_id IN ${talks}`, of),
    messages: count(db, `SELECT COUNT(*) n FROM direct_messages WHERE conversation_id IN ${talks}`, of),
    replies: count(db, `SELECT COUNT(*) n FROM replies WHERE conversation_id IN ${talks}`, of),
  };
}
