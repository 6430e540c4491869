import type { ProxyCheck } from '../../../machines/proxy.ts';
import { all, json, one, type Db } from './read-model.ts';

/** `status`: unknown, healthy, failing, disabled. Times are epoch milliseconds. */
export type ProxyRow = {
  id: string;
  name: string;
  protocol: 'http' | 'https' | 'socks5';
  server: string;
  username: string | null;
  hasPassword: boolean;
  status: string;
  checking: boolean;
  /** Minutes; 0: only when asked. */
  checkEvery: number;
  note: string;
  last: ProxyCheck | null;
  /** The newest first. */
  checks: ProxyCheck[];
  waiting: string | null;
  nextMs: number | null;
  accounts: number;
  workers: number;
  by: string;
  createdMs: number;
  updatedMs: number;
};

const FROM = `SELECT p.*, (SELECT COUNT(*) FROM accounts a WHERE a.proxy_id = p.id AND a.status <> 'removed') AS accounts, (SELECT COUNT(*) FROM worker_configs c WHERE c.proxy_id = p.id) AS workers FROM proxies p`;

export const listProxies = (db: Db): ProxyRow[] => all(db, `${FROM} ORDER BY p.name, p.id`).map(toProxy);

export const findProxy = (db: Db, id: string): ProxyRow | null => {
  const row = one(db, `${FROM} WHERE p.id = $id`, { id });
  return row && toProxy(row);
};

/** Names alone, for choosing one. */
export const proxyNames = (db: Db): { id: string; name: string; status: string }[] => all(db, 'SELECT id, name, status FROM proxies ORDER BY name, id');

/** The healthy one that the fewest accounts go by, but for `but`; null when there is no other. */
export const anotherProxy = (db: Db, but: string | null): ProxyRow | null => listProxies(db).filter((p) => p.status === 'healthy' && p.id !== but).sort((a, b) => a.accounts - b.accounts || (a.last?.ms ?? 0) - (b.last?.ms ?? 0))[0] ?? null;

/** Workers whose accounts go by it where they have none of their own. */
export const workersOfProxy = (db: Db, id: string): { id: string; name: string }[] => all(db, 'SELECT worker_id AS id, name FROM worker_configs WHERE proxy_id = $id ORDER BY name', { id });

function toProxy(r: Record<string, any>): ProxyRow {
  return {
    id: r.id, name: r.name, protocol: r.protocol, server: r.server, username: r.username, hasPassword: r.has_password === 1, status: r.status, checking: r.checking === 1, checkEvery: r.check_every, note: r.note,
    last: json(r.last_check, null), checks: json(r.checks, []), waiting: r.waiting, nextMs: r.next_ms, accounts: r.accounts, workers: r.workers, by: r.by, createdMs: r.created_ms, updatedMs: r.updated_ms,
  };
}
