import { all, count, one, where, type Db } from './read-model.ts';
import { likeOf, used } from './accounts.ts';
import { gramQuery } from '../grams.ts';
import { repliesTo, type ReplyRow } from './replies.ts';

export type InboxItem = {
  /** `c12` for a comment, `m12` for a message. */
  item: string;
  type: 'comment' | 'message';
  account: string;
  accountName: string;
  platform: string;
  platformId: string;
  content: string;
  author: string;
  authorId: string;
  postId: string | null;
  postTitle: string | null;
  direction: 'inbound' | 'outbound';
  read: boolean;
  postedMs: number;
  detectedMs: number;
};

export type InboxAsk = {
  account?: string | undefined;
  type?: 'comment' | 'message' | undefined;
  unread?: boolean | undefined;
  direction?: 'inbound' | 'outbound' | undefined;
  search?: string | undefined;
  /** Where the last page ended: what `InboxPage.next` gave. */
  after?: string | undefined;
  limit: number;
};
export type InboxPage = { items: InboxItem[]; next: string | null };

type Source = { table: string; mark: 'c' | 'm'; columns: string };
const SOURCES: Source[] = [
  { table: 'comments', mark: 'c', columns: `'c' || t.id item, 'comment' type, t.account_id, t.platform_comment_id platform_id, t.content, t.author_name, t.author_id, t.post_id, t.post_title, 'inbound' direction, t.is_read, t.posted_ms, t.detected_ms, t.id rid` },
  { table: 'direct_messages', mark: 'm', columns: `'m' || t.id item, 'message' type, t.account_id, t.platform_message_id platform_id, t.content, t.sender_name author_name, t.sender_id author_id, NULL post_id, NULL post_title, t.direction, t.is_read, t.posted_ms, t.detected_ms, t.id rid` },
];

/** Newest first by when it was found. Pages by key, each table by its own id: as quick on page 1000 as on the first. */
export function listInbox(db: Db, ask: InboxAsk): InboxPage {
  if (ask.search?.trim()) return searched(db, ask, ask.search.trim());
  const limit = ask.limit + 1;
  const [afterC, afterM] = readKey(ask.after);
  const pick = (source: Source, after: number | null): InboxItem[] => {
    if (leftOut(source, ask)) return [];
    const rule = where([...rules(source, ask), after !== null && 't.id < $after']);
    const params = used(rule, { account: ask.account, after, direction: ask.direction });
    return all(db, `SELECT ${source.columns}, a.account_name, a.platform FROM ${source.table} t LEFT JOIN accounts a ON a.id = t.account_id WHERE ${rule} ORDER BY t.id DESC LIMIT $limit`, { ...params, limit }).map(toItem);
  };
  const merged = [...pick(SOURCES[0]!, afterC), ...pick(SOURCES[1]!, afterM)].sort((a, b) => b.detectedMs - a.detectedMs || (a.item < b.item ? 1 : -1));
  const items = merged.slice(0, ask.limit);
  if (merged.length <= ask.limit) return { items, next: null };
  const last = (mark: 'c' | 'm', before: number | null) => items.filter((i) => i.item[0] === mark).reduce((low, i) => Math.min(low, Number(i.item.slice(1))), before ?? Infinity);
  const [c, m] = [last('c', afterC), last('m', afterM)];
  return { items, next: `${Number.isFinite(c) ? c : ''}.${Number.isFinite(m) ? m : ''}` };
}

const leftOut = (source: Source, ask: InboxAsk): boolean => (ask.type !== undefined && ask.type !== (source.mark === 'c' ? 'comment' : 'message')) || (source.mark === 'c' && ask.direction === 'outbound');
const rules = (source: Source, ask: InboxAsk): (string | false | undefined)[] => [ask.account && 't.account_id = $account', ask.unread && 't.is_read = 0', source.mark === 'm' && ask.direction && 't.direction = $direction'];

/** Items by what stands in them: walks the matches from the newest, so a word that everything fits costs a page. */
function searched(db: Db, ask: InboxAsk, search: string): InboxPage {
  const items: InboxItem[] = [];
  for (const { k, item } of matchesOf(db, search, ask.after)) {
    const source = SOURCES[item[0] === 'c' ? 0 : 1]!;
    if (leftOut(source, ask)) continue;
    const rule = where([...rules(source, ask), 't.id = $id']);
    const row = one(db, `SELECT ${source.columns}, a.account_name, a.platform FROM ${source.table} t LEFT JOIN accounts a ON a.id = t.account_id WHERE ${rule}`, used(rule, { account: ask.account, direction: ask.direction, id: Number(item.slice(1)) }));
    if (row) items.push(toItem(row));
    if (items.length === ask.limit) return { items, next: `s${k}` };
  }
  return { items, next: null };
}

/** Matches that are read in one go. */
const CHUNK = 400;

/** How the matches of a search are found, the newest first: by trigrams, by pairs of letters, or one by one where neither can. */
export function searchSql(search: string): { sql: string; match: string } {
  const gram = gramQuery(search);
  if ([...search].length < 3 && gram === null) return { sql: `SELECT f.rowid k, f.item FROM inbox_fts f WHERE (f.content LIKE $match ESCAPE '\\' OR f.author LIKE $match ESCAPE '\\') AND f.rowid < $before ORDER BY f.rowid DESC LIMIT ${CHUNK}`, match: likeOf(search) };
  if (gram !== null) return { sql: `SELECT f.rowid k, f.item FROM (SELECT rowid FROM inbox_grams WHERE inbox_grams MATCH $match AND rowid < $before ORDER BY rowid DESC LIMIT ${CHUNK}) g JOIN inbox_fts f ON f.rowid = g.rowid ORDER BY g.rowid DESC`, match: gram };
  return { sql: `SELECT f.rowid k, f.item FROM inbox_fts f WHERE inbox_fts MATCH $match AND f.rowid < $before ORDER BY f.rowid DESC LIMIT ${CHUNK}`, match: `"${search.replaceAll('"', '""')}"` };
}

/** The matches of a search from the newest on, or from behind the key `s<k>`; `item` is `c12` or `m12`. */
export function* matchesOf(db: Db, search: string, after: string | undefined): Generator<{ k: number; item: string }> {
  const { sql, match } = searchSql(search);
  let before = /^s\d+$/.test(after ?? '') ? Number(after!.slice(1)) : Number.MAX_SAFE_INTEGER;
  for (;;) {
    const matches = all<{ k: number; item: string }>(db, sql, { match, before });
    yield* matches;
    if (matches.length < CHUNK) return;
    before = matches.at(-1)!.k;
  }
}

/** Items by a rule over `t`, the newest first: `params` name what the rule names, `before` an id, and `limit`. */
export function itemsOf(db: Db, type: 'comment' | 'message', rule: string, params: Record<string, unknown>): InboxItem[] {
  const source = SOURCES[type === 'comment' ? 0 : 1]!;
  return all(db, `SELECT ${source.columns}, a.account_name, a.platform FROM ${source.table} t LEFT JOIN accounts a ON a.id = t.account_id WHERE ${rule} AND t.id < $before ORDER BY t.id DESC LIMIT $limit`, params).map(toItem);
}

export const isInboxKey = (text: string): boolean => /^(\d{0,15}\.\d{0,15}|s\d{1,15})$/.test(text);

function readKey(key: string | undefined): [number | null, number | null] {
  const [c, m] = key?.includes('.') ? key.split('.') : [];
  return [c ? Number(c) : null, m ? Number(m) : null];
}

export type Thread = { item: InboxItem; before: InboxItem[]; replies: ReplyRow[] };

/** One item with what came before it: other comments under the post, or the talk with its sender. */
export function findThread(db: Db, item: string): Thread | null {
  const source = SOURCES.find((s) => s.mark === item[0]);
  if (!source || !/^[cm]\d{1,15}$/.test(item)) return null;
  const select = `SELECT ${source.columns}, a.account_name, a.platform FROM ${source.table} t LEFT JOIN accounts a ON a.id = t.account_id`;
  const row = one(db, `${select} WHERE t.id = $id`, { id: Number(item.slice(1)) });
  if (!row) return null;
  const found = toItem(row);
  const same = source.mark === 'c' ? 't.post_id = $with AND t.post_id <> \'\'' : 't.sender_id = $with';
  const before = all(db, `${select} WHERE t.account_id = $account AND ${same} AND t.id < $id ORDER BY t.id DESC LIMIT 12`, {
    account: found.account,
    with: source.mark === 'c' ? found.postId : found.authorId,
    id: Number(item.slice(1)),
  }).map(toItem);
  return { item: found, before: before.reverse(), replies: repliesTo(db, found.account, found.platformId) };
}

export const countUnread = (db: Db): { comments: number; messages: number } => ({
  comments: count(db, 'SELECT COUNT(*) n FROM comments WHERE is_read = 0'),
  messages: count(db, `SELECT COUNT(*) n FROM direct_messages WHERE is_read = 0 AND direction = 'inbound'`),
});

function toItem(r: Record<string, any>): InboxItem {
  return {
    item: r.item,
    type: r.type,
    account: r.account_id,
    accountName: r.account_name ?? r.account_id,
    platform: r.platform ?? '',
    platformId: r.platform_id,
    content: r.content,
    author: r.author_name,
    authorId: r.author_id,
    postId: r.post_id,
    postTitle: r.post_title,
    direction: r.direction,
    read: r.is_read === 1,
    postedMs: r.posted_ms,
    detectedMs: r.detected_ms,
  };
}
