import { cellOf } from '../accounts/csv.ts';
import { all, type Db } from '../read-model/queries/read-model.ts';

/** `from` and `until` are epoch milliseconds of when an item was found; `until` is not included. */
export type TalkExport = { format: 'csv' | 'jsonl'; account?: string | undefined; conversation?: string | undefined; from?: number | undefined; until?: number | undefined };

const AT_ONCE = 1_000;
const COLUMNS = ['kind', 'account_id', 'account_name', 'platform', 'conversation_id', 'id', 'direction', 'author_id', 'author_name', 'post_id', 'post_title', 'text', 'posted_at', 'found_at', 'status', 'by'] as const;
type Row = Record<(typeof COLUMNS)[number] | 'key', string | number | null>;

/** Comments, messages and the replies that were written, each in the order in which they came, in pieces of a thousand: a large one holds up nobody. */
export function exportTalks(db: Db, ask: TalkExport): ReadableStream<Uint8Array> {
  const text = new TextEncoder();
  const rows = pieces(db, ask);
  return new ReadableStream<Uint8Array>({
    start(out) {
      // A spreadsheet reads UTF-8 by this mark.
      if (ask.format === 'csv') out.enqueue(text.encode(`\uFEFF${COLUMNS.join(',')}\r\n`));
    },
    pull(out) {
      const { value, done } = rows.next();
      if (done) out.close();
      else out.enqueue(text.encode(value.map((r) => lineOf(r, ask.format)).join('')));
    },
  });
}

const time = (ms: string | number | null): string | null => (typeof ms === 'number' && ms > 0 ? new Date(ms).toISOString() : null);

function lineOf(r: Row, format: TalkExport['format']): string {
  const whole = { ...r, posted_at: time(r.posted_at), found_at: time(r.found_at) };
  return format === 'csv' ? `${COLUMNS.map((c) => cellOf(whole[c])).join(',')}\r\n` : `${JSON.stringify(Object.fromEntries(COLUMNS.flatMap((c) => (whole[c] === null ? [] : [[c, whole[c]]]))))}\n`;
}

function* pieces(db: Db, ask: TalkExport): Generator<Row[]> {
  for (const of of SOURCES) {
    for (let after = 0; ; ) {
      const rows = all<Row>(db, of.sql(ask), params(ask, after));
      if (rows.length > 0) yield rows;
      if (rows.length < AT_ONCE) break;
      after = Number(rows.at(-1)!.key);
    }
  }
}

const params = ({ account, conversation, from, until }: TalkExport, after: number) => ({ after, ...(account === undefined ? {} : { account }), ...(conversation === undefined ? {} : { conversation }), ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) });
const rule = (a: TalkExport, at: string) => `${a.account === undefined ? '' : ' AND t.account_id = $account'}${a.conversation === undefined ? '' : ' AND t.conversation_id = $conversation'}${a.from === undefined ? '' : ` AND ${at} >= $from`}${a.until === undefined ? '' : ` AND ${at} < $until`}`;
const source = (table: string, key: string, at: string, columns: string) => ({ sql: (a: TalkExport) => `SELECT ${key} AS key, ${columns}, t.account_id, a.account_name, a.platform, t.conversation_id FROM ${table} t LEFT JOIN accounts a ON a.id = t.account_id WHERE ${key} > $after${rule(a, at)} ORDER BY ${key} LIMIT ${AT_ONCE}` });

const SOURCES = [
  source('comments', 't.id', 't.detected_ms', `'comment' AS kind, t.platform_comment_id AS id, 'inbound' AS direction, t.author_id, t.author_name, t.post_id, t.post_title, t.content AS text, t.posted_ms AS posted_at, t.detected_ms AS found_at, NULL AS status, NULL AS by`),
  source('direct_messages', 't.id', 't.detected_ms', `'message' AS kind, t.platform_message_id AS id, t.direction, t.sender_id AS author_id, t.sender_name AS author_name, NULL AS post_id, NULL AS post_title, t.content AS text, t.posted_ms AS posted_at, t.detected_ms AS found_at, NULL AS status, NULL AS by`),
  source('replies', 't.rowid', 't.created_ms', `'reply' AS kind, t.id, 'outbound' AS direction, NULL AS author_id, NULL AS author_name, NULL AS post_id, NULL AS post_title, t.content AS text, COALESCE(t.submitted_ms, 0) AS posted_at, t.created_ms AS found_at, t.status, t.by`),
] as const;
