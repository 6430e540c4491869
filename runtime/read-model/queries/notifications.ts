import { all, count, json, one, where, type Db } from './read-model.ts';
import { used } from './accounts.ts';

export type NotificationRow = {
  id: number;
  key: string;
  type: string;
  account: string | null;
  accountName: string | null;
  relatedId: string | null;
  title: string;
  content: string;
  data: Record<string, unknown>;
  priority: string;
  sent: boolean;
  read: boolean;
  /** Epoch seconds. */
  createdAt: number;
  createdMs: number;
};

export type NotificationAsk = { type?: string | undefined; account?: string | undefined; unread?: boolean | undefined; before?: number | undefined; limit: number; offset?: number | undefined };

const rules = (ask: Omit<NotificationAsk, 'limit'>) =>
  where([ask.type && 'n.type = $type', ask.account && 'n.account_id = $account', ask.unread && 'n.is_read = 0', ask.before !== undefined && 'n.id < $before']);

/** Newest first. `before` is the id of the last one seen. */
export function listNotifications(db: Db, ask: NotificationAsk): NotificationRow[] {
  const rule = rules(ask);
  const sql = `SELECT n.*, a.account_name FROM notifications n LEFT JOIN accounts a ON a.id = n.account_id WHERE ${rule} ORDER BY n.id DESC LIMIT $limit OFFSET $offset`;
  return all<Record<string, any>>(db, sql, { ...used(rule, ask), limit: ask.limit, offset: ask.offset ?? 0 }).map(toRow);
}

export const countNotifications = (db: Db, ask: Omit<NotificationAsk, 'limit'> = {}): number => {
  const rule = rules(ask);
  return count(db, `SELECT COUNT(*) n FROM notifications n WHERE ${rule}`, used(rule, ask));
};

/** The id of the newest one, 0 where there is none. */
export const newestNotification = (db: Db): number => one<{ id: number }>(db, 'SELECT id FROM notifications ORDER BY id DESC LIMIT 1')?.id ?? 0;

/** Those after an id that somebody should know of at once: high and urgent ones that nobody has read, the newest first. */
export const freshNotifications = (db: Db, after: number, limit: number): NotificationRow[] =>
  all<Record<string, any>>(db, "SELECT n.*, a.account_name FROM notifications n LEFT JOIN accounts a ON a.id = n.account_id WHERE n.id > $after AND n.priority IN ('high', 'urgent') AND n.is_read = 0 ORDER BY n.id DESC LIMIT $limit", { after, limit }).map(toRow);

const toRow = (r: Record<string, any>): NotificationRow => ({
  id: r['id'], key: r['key'], type: r['type'], account: r['account_id'], accountName: r['account_name'], relatedId: r['related_id'], title: r['title'], content: r['content'], data: json(r['data'], {}), priority: r['priority'],
  sent: r['is_sent'] === 1, read: r['is_read'] === 1, createdAt: r['created_at'], createdMs: r['created_ms'],
});
