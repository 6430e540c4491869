import type { Fault } from '../../transport/protocol.ts';
import type { Db } from '../read-model/store.ts';

type Row = { name: string; protocol: string; server: string; username: string | null; version: number; status: string; secret: number };
export type Lent = { input: Record<string, unknown> } | { fault: Fault };

/** Puts the proxy that work for an account goes by into what its worker is asked: the account's own choice, else the worker's. One that is named and can't be used is a fault, never a way around it. */
export function proxyLender(db: Db): (input: Record<string, unknown>) => Lent {
  const proxies = db.prepare('SELECT name, protocol, server, username, version, status, has_password AS secret FROM proxies WHERE id = ?');
  const ofWorker = db.prepare('SELECT proxy_id FROM worker_configs WHERE worker_id = ?').pluck();
  return (input) => {
    if (typeof input['account'] !== 'string' || !('proxy' in input)) return { input };
    const own = input['proxy'] as { id?: string } | null;
    if (own && own.id === undefined) return { input };
    const id = own?.id ?? (ofWorker.get(input['worker']) as string | null | undefined);
    if (!id) return { input };
    const row = proxies.get(id) as Row | undefined;
    const no = (why: string): Lent => ({ fault: { kind: 'proxy', message: `the proxy ${row?.name ?? id} fails: ${why}`, sent: 'no' } });
    if (!row) return no('it is not there any more');
    if (row.status === 'disabled') return no('it is disabled');
    return { input: { ...input, proxy: { id, version: row.version, protocol: row.protocol, server: row.server, username: row.username, secret: row.secret === 1 } } };
  };
}
