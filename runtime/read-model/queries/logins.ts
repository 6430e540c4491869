import { all, json, one, type Db } from './read-model.ts';

export type LoginRow = {
  id: string;
  account: string;
  accountName: string;
  worker: string | null;
  status: string;
  method: string;
  picture: string | null;
  qrUrl: string | null;
  qrExpiresMs: number | null;
  txn: string | null;
  refreshed: number;
  challenge: { what: string; prompt: string; picture: string | null; txn: string } | null;
  prompt: string | null;
  error: string | null;
  /** Epoch seconds. */
  expiresAt: number;
  loggedInAt: number | null;
  createdAt: number;
};

const FROM = 'SELECT l.*, a.account_name FROM login_sessions l LEFT JOIN accounts a ON a.id = l.account_id';

export const listLogins = (db: Db, limit: number, offset = 0): LoginRow[] => all(db, `${FROM} ORDER BY l.created_at DESC, l.id LIMIT $limit OFFSET $offset`, { limit, offset }).map(toLogin);

/** Those of one account, the newest first. */
export const loginsOf = (db: Db, account: string, limit: number): LoginRow[] => all(db, `${FROM} WHERE l.account_id = $account ORDER BY l.created_at DESC, l.id LIMIT $limit`, { account, limit }).map(toLogin);

/** Logins that wait for someone: a code to scan or a challenge to answer. */
export const openLogins = (db: Db): LoginRow[] => all(db, `${FROM} WHERE l.status IN ('pending', 'scanning', 'challenge', 'confirming') ORDER BY l.created_at DESC LIMIT 50`).map(toLogin);

export const findLogin = (db: Db, id: string): LoginRow | null => {
  const row = one(db, `${FROM} WHERE l.id = $id`, { id });
  return row && toLogin(row);
};

function toLogin(r: Record<string, any>): LoginRow {
  return {
    id: r.id,
    account: r.account_id,
    accountName: r.account_name ?? r.account_id,
    worker: r.worker_id,
    status: r.status,
    method: r.login_method,
    picture: r.picture,
    qrUrl: r.qr_code_url,
    qrExpiresMs: r.qr_expires_ms,
    txn: r.qr_txn,
    refreshed: r.refreshed,
    challenge: json(r.challenge, null),
    prompt: r.prompt,
    error: r.error_message,
    expiresAt: r.expires_at,
    loggedInAt: r.logged_in_at,
    createdAt: r.created_at,
  };
}
