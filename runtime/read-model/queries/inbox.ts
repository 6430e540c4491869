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
  const limit = ask.limit + 1;
  const [afterC, afterM] = readKey(ask.after);
  const pick = (source: Source, after: number | null): InboxItem[] => {
    if (ask.type && ask.type !== (source.mark === 'c' ? 'comment' : 'message')) return [];
    if (source.mark === 'c' && ask.direction === 'outbound') return [];
    const rule = where([
      ask.account && 't.account_id = $account',
      ask.unread && 't.is_read = 0',
      source.mark === 'm' && ask.direction && 't.direction = $direction',
      after !== null && 't.id < $after',
      ask.search && matching(source, ask.search),
    ]);
    const params = used(rule, { account: ask.account, after, direction: ask.direction, like: likeOf(ask.search ?? ''), match: matchOf(ask.search ?? '') });
    return all(db, `SELECT ${source.columns}, a.account_name, a.platform FROM ${source.table} t LEFT JOIN accounts a ON a.id = t.account_id WHERE ${rule} ORDER BY t.id DESC LIMIT $limit`, { ...params, limit }).map(toItem);
  };
  const merged = [...pick(SOURCES[0]!, afterC), ...pick(SOURCES[1]!, afterM)].sort((a, b) => b.detectedMs - a.detectedMs || (a.item < b.item ? 1 : -1));
  const items = merged.slice(0, ask.limit);
  if (merged.length <= ask.limit) return { items, next: null };
  const last = (mark: 'c' | 'm', before: number | null) => items.filter((i) => i.item[0] === mark).reduce((low, i) => Math.min(low, Number(i.item.slice(1))), before ?? Infinity);
  const [c, m] = [last('c', afterC), last('m', afterM)];
  return { items, next: `${Number.isFinite(c) ? c : ''}.${Number.isFinite(m) ? m : ''}` };
}

/** A trigram index finds nothing shorter than three characters: those are found by their pairs of letters, and signs one by one. */
const matching = (source: Source, search: string): string =>
  [...search.trim()].length >= 3
    ? `'${source.mark}' || t.id IN (SELECT item FROM inbox_fts WHERE inbox_fts MATCH $match)`
    : gramQuery(search) !== null
      ? `'${source.mark}' || t.id IN (SELECT item FROM inbox_fts WHERE rowid IN (SELECT rowid FROM inbox_grams WHERE inbox_grams MATCH $match))`
      : source.mark === 'c'
        ? `(t.content LIKE $like ESCAPE '\\' OR t.author_name LIKE $like ESCAPE '\\')`
        : `(t.content LIKE $like ESCAPE '\\' OR t.sender_name LIKE $like ESCAPE '\\')`;

const matchOf = (search: string) => ([...search.trim()].length >= 3 ? `"${search.trim().replaceAll('"', '""')}"` : (gramQuery(search) ?? ''));

/** Items by a rule over `t`, the newest first: `params` name what the rule names, `before` an id, and `limit`. */
export function itemsOf(db: Db, type: 'comment' | 'message', rule: string, params: Record<string, unknown>): InboxItem[] {
  const source = SOURCES[type === 'comment' ? 0 : 1]!;
  return all(db, `SELECT ${source.columns}, a.account_name, a.platform FROM ${source.table} t LEFT JOIN accounts a ON a.id = t.account_id WHERE ${rule} AND t.id < $before ORDER BY t.id DESC LIMIT $limit`, params).map(toItem);
}

export const isInboxKey = (text: string): boolean => /^\d{0,15}\.\d{0,15}$/.test(text);

function readKey(key: string | undefined): [number | null, number | null] {
  const [c, m] = key ? key.split('.') : [];
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
