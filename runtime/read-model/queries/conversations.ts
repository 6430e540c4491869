import { used } from './accounts.ts';
import { itemsOf, matchesOf, type InboxItem } from './inbox.ts';
import { all, count, json, one, where, type Db } from './read-model.ts';
import { repliesOf, type ReplyRow } from './replies.ts';

export const STATES = ['open', 'waiting', 'snoozed', 'closed'] as const;
export type ConversationState = (typeof STATES)[number];

export type ConversationRow = {
  seq: number;
  id: string;
  account: string;
  accountName: string;
  platform: string;
  type: 'comment' | 'message';
  peer: string;
  peerName: string;
  post: string | null;
  postTitle: string | null;
  lastMs: number;
  lastInMs: number;
  lastText: string;
  lastDirection: 'inbound' | 'outbound';
  items: number;
  unread: number;
  /** Whether it has an actor yet. */
  acted: boolean;
  state: ConversationState;
  assignee: string | null;
  labels: string[];
  note: string;
  snoozedMs: number | null;
};

export type ConversationAsk = {
  account?: string | undefined;
  platform?: string | undefined;
  type?: 'comment' | 'message' | undefined;
  state?: ConversationState | undefined;
  /** A user's name, or `none` for those that nobody has. */
  assignee?: string | undefined;
  label?: string | undefined;
  unread?: boolean | undefined;
  search?: string | undefined;
  /** Where the last page ended: what `next` gave. */
  after?: string | undefined;
  limit: number;
};
export type ConversationPage = { rows: ConversationRow[]; next: string | null };

const COLUMNS = 'v.*, a.account_name, a.platform';
const FROM = 'conversations v LEFT JOIN accounts a ON a.id = v.account_id';
const MOST_COUNTED = 1_000;
/** Matches of a search that one page looks at. */
const MOST_LOOKED_AT = 10_000;

const rules = (ask: Omit<ConversationAsk, 'limit'>): (string | false | undefined)[] => [
  ask.account && 'v.account_id = $account',
  ask.platform && 'v.account_id IN (SELECT id FROM accounts WHERE platform = $platform)',
  ask.type && 'v.type = $type',
  ask.state && 'v.state = $state',
  ask.assignee === 'none' ? 'v.assignee IS NULL' : ask.assignee && 'v.assignee = $assignee',
  ask.label && 'v.id IN (SELECT conversation_id FROM conversation_labels WHERE label = $label)',
  ask.unread && 'v.unread > 0',
];

/** The text of the question, so that a test can see which indexes it walks. */
export function conversationSql(ask: Omit<ConversationAsk, 'limit' | 'search'>): string {
  // Nothing but the key says where the page begins: as quick on page 1000 as on the first.
  return `SELECT ${COLUMNS} FROM ${FROM} WHERE ${where([...rules(ask), ask.after !== undefined && 'v.last_ms <= $ms AND (v.last_ms < $ms OR v.seq < $seq)'])} ORDER BY v.last_ms DESC, v.seq DESC LIMIT $limit`;
}

/** The last to move first. */
export function listConversations(db: Db, ask: ConversationAsk): ConversationPage {
  if (ask.search?.trim()) return searched(db, ask, ask.search.trim());
  const [ms, seq] = (ask.after ?? '0.0').split('.').map(Number) as [number, number];
  const sql = conversationSql(ask);
  const rows = all(db, sql, { ...used(sql, { ...ask, ms, seq }), limit: ask.limit + 1 }).map(toConversation);
  const shown = rows.slice(0, ask.limit);
  const last = shown.at(-1);
  return { rows: shown, next: rows.length > ask.limit && last ? `${last.lastMs}.${last.seq}` : null };
}

export const isConversationKey = (text: string): boolean => /^(\d{1,15}\.\d{1,15}|s\d{1,15})$/.test(text);

/** Talks by what stands in them: walks the matches from the newest, so the first page costs the same however many there are. */
function searched(db: Db, ask: ConversationAsk, search: string): ConversationPage {
  const rule = where(rules(ask));
  const of = `SELECT ${COLUMNS} FROM ${FROM} WHERE v.id = $id AND ${rule}`;
  const params = used(rule, ask);
  const seen = new Set<string>();
  const rows: ConversationRow[] = [];
  let looked = 0;
  for (const { k, item } of matchesOf(db, search, ask.after)) {
    // What other filters leave out can be much: the next page goes on from here.
    if (++looked > MOST_LOOKED_AT) return { rows, next: `s${k + 1}` };
    const id = conversationOf(db, item);
    if (!id || seen.has(id)) continue;
    seen.add(id);
    const row = one(db, of, { ...params, id });
    if (row) rows.push(toConversation(row));
    if (rows.length === ask.limit) return { rows, next: `s${k}` };
  }
  return { rows, next: null };
}

/** The talk of an item of the inbox, by `c12` or `m12`. */
export function conversationOf(db: Db, item: string): string | null {
  if (!/^[cm]\d{1,15}$/.test(item)) return null;
  const table = item[0] === 'c' ? 'comments' : 'direct_messages';
  return one<{ id: string | null }>(db, `SELECT conversation_id id FROM ${table} WHERE id = $id`, { id: Number(item.slice(1)) })?.id ?? null;
}

export const findConversation = (db: Db, id: string): ConversationRow | null => {
  const row = one(db, `SELECT ${COLUMNS} FROM ${FROM} WHERE v.id = $id`, { id });
  return row && toConversation(row);
};

export const findConversations = (db: Db, ids: string[]): ConversationRow[] =>
  all(db, `SELECT ${COLUMNS} FROM json_each($ids) j JOIN conversations v ON v.id = j.value LEFT JOIN accounts a ON a.id = v.account_id`, { ids: JSON.stringify(ids) }).map(toConversation);

/** A thousand at the most: more is said as many. */
export function countConversations(db: Db, ask: Omit<ConversationAsk, 'limit' | 'after' | 'search'>): number {
  const rule = where(rules(ask));
  return count(db, `SELECT COUNT(*) n FROM (SELECT 1 FROM conversations v WHERE ${rule} LIMIT ${MOST_COUNTED})`, used(rule, ask));
}

export const knownLabels = (db: Db): { label: string; n: number }[] => all(db, 'SELECT label, COUNT(*) n FROM conversation_labels GROUP BY label ORDER BY n DESC, label LIMIT 100');
export const assignees = (db: Db): string[] => all<{ name: string }>(db, 'SELECT DISTINCT assignee name FROM conversations WHERE assignee IS NOT NULL ORDER BY assignee LIMIT 100').map((r) => r.name);

export type Talk = { row: ConversationRow; items: InboxItem[]; /** There are earlier items than these. */ more: number | null; replies: ReplyRow[]; post: { id: string; title: string; comments: number; others: InboxItem[] } | null };

const ITEMS = 30;

/** A talk with what was said in it, both ways, the answers to it, and what others wrote under its post. `before` is the number of an item. */
export function findTalk(db: Db, id: string, before?: number): Talk | null {
  const row = findConversation(db, id);
  if (!row) return null;
  const items = itemsOf(db, row.type, 't.conversation_id = $id', { id, before: before ?? Number.MAX_SAFE_INTEGER, limit: ITEMS + 1 });
  const more = items.length > ITEMS;
  const shown = items.slice(0, ITEMS).reverse();
  const post = row.type === 'message' || !row.post ? null : {
    id: row.post,
    title: row.postTitle ?? '',
    comments: count(db, `SELECT COUNT(*) n FROM (SELECT 1 FROM comments WHERE account_id = $account AND post_id = $post LIMIT ${MOST_COUNTED})`, { account: row.account, post: row.post }),
    others: itemsOf(db, 'comment', 't.account_id = $account AND t.post_id = $post AND t.conversation_id <> $id', { account: row.account, post: row.post, id, before: Number.MAX_SAFE_INTEGER, limit: 5 }).reverse(),
  };
  return { row, items: shown, more: more ? Number(shown[0]!.item.slice(1)) : null, replies: repliesOf(db, id), post };
}

/** What nobody has read yet, by the platform's ids. */
export const unreadOf = (db: Db, row: Pick<ConversationRow, 'id' | 'type'>): string[] =>
  row.type === 'comment'
    ? all<{ id: string }>(db, 'SELECT platform_comment_id id FROM comments WHERE conversation_id = $id AND is_read = 0 LIMIT 500', { id: row.id }).map((r) => r.id)
    : all<{ id: string }>(db, 'SELECT platform_message_id id FROM direct_messages WHERE conversation_id = $id AND is_read = 0 LIMIT 500', { id: row.id }).map((r) => r.id);

/** The talks that items of an account belong to, by the platform's ids. */
export const conversationsOf = (db: Db, account: string, comments: string[], messages: string[]): string[] => [
  ...new Set([
    ...all<{ id: string }>(db, 'SELECT conversation_id id FROM json_each($ids) j JOIN comments c ON c.account_id = $account AND c.platform_comment_id = j.value WHERE conversation_id IS NOT NULL', { account, ids: JSON.stringify(comments) }).map((r) => r.id),
    ...all<{ id: string }>(db, 'SELECT conversation_id id FROM json_each($ids) j JOIN direct_messages d ON d.account_id = $account AND d.platform_message_id = j.value WHERE conversation_id IS NOT NULL', { account, ids: JSON.stringify(messages) }).map((r) => r.id),
  ]),
];

/** The newest that came in. */
export const lastInboundOf = (db: Db, row: Pick<ConversationRow, 'id' | 'type'>): string | null =>
  (row.type === 'comment'
    ? one<{ id: string }>(db, 'SELECT platform_comment_id id FROM comments WHERE conversation_id = $id ORDER BY id DESC LIMIT 1', { id: row.id })
    : one<{ id: string }>(db, `SELECT platform_message_id id FROM direct_messages WHERE conversation_id = $id AND direction = 'inbound' ORDER BY id DESC LIMIT 1`, { id: row.id })
  )?.id ?? null;

function toConversation(r: Record<string, any>): ConversationRow {
  return {
    seq: r.seq, id: r.id, account: r.account_id, accountName: r.account_name ?? r.account_id, platform: r.platform ?? '', type: r.type, peer: r.peer_id, peerName: r.peer_name, post: r.post_id, postTitle: r.post_title,
    lastMs: r.last_ms, lastInMs: r.last_in_ms, lastText: r.last_text, lastDirection: r.last_direction, items: r.items, unread: r.unread, acted: r.acted === 1, state: r.state, assignee: r.assignee, labels: json(r.labels, []), note: r.note, snoozedMs: r.snoozed_ms,
  };
}
