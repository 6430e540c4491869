import type { Db } from './store.ts';

/** Comments and messages by their rows' ids. */
export type Items = { comments: readonly number[]; messages: readonly number[] };

/** Takes items off the view, out of its searches and out of the counts of their talks; a talk that is left empty goes too, unless somebody has acted on it. Answers how many went; the caller holds the transaction. */
export function forgetItems(db: Db, { comments, messages }: Items): number {
  const list = (ids: readonly number[]) => JSON.stringify(ids);
  const of = (table: string, ids: readonly number[]) => db.prepare(`SELECT DISTINCT conversation_id FROM ${table} WHERE id IN (SELECT value FROM json_each(?)) AND conversation_id IS NOT NULL`).pluck().all(list(ids)) as string[];
  const talks = JSON.stringify([...of('comments', comments), ...of('direct_messages', messages)]);
  const items = JSON.stringify([...comments.map((id) => `c${id}`), ...messages.map((id) => `m${id}`)]);
  // The index knows no way from an item to its row: one look at all of them serves the whole list.
  const rows = JSON.stringify(db.prepare('SELECT rowid FROM inbox_fts WHERE item IN (SELECT value FROM json_each(?))').pluck().all(items));
  for (const table of ['inbox_grams', 'inbox_fts']) db.prepare(`DELETE FROM ${table} WHERE rowid IN (SELECT value FROM json_each(?))`).run(rows);
  const gone = [['comments', comments], ['direct_messages', messages]].map(([table, ids]) => db.prepare(`DELETE FROM ${table as string} WHERE id IN (SELECT value FROM json_each(?))`).run(list(ids as number[])).changes);
  const left = `(SELECT COUNT(*) FROM comments WHERE conversation_id = conversations.id) + (SELECT COUNT(*) FROM direct_messages WHERE conversation_id = conversations.id)`;
  const unread = `(SELECT COUNT(*) FROM comments WHERE conversation_id = conversations.id AND is_read = 0) + (SELECT COUNT(*) FROM direct_messages WHERE conversation_id = conversations.id AND is_read = 0)`;
  db.prepare(`UPDATE conversations SET items = ${left}, unread = ${unread} WHERE id IN (SELECT value FROM json_each(?))`).run(talks);
  db.prepare('DELETE FROM conversations WHERE items = 0 AND acted = 0 AND id IN (SELECT value FROM json_each(?))').run(talks);
  return gone[0]! + gone[1]!;
}
