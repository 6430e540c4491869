import { all, where, type Db } from './read-model.ts';
import { used } from './accounts.ts';

export type AuditRow = { id: number; atMs: number; by: string; actor: string; event: string; /** The web request and the hashed address; null for what came by NATS. */ request: string | null; address: string | null };
export type AuditAsk = { actor?: string | undefined; before?: number | undefined; limit: number };

/** What people and their programs did, newest first. `before` is the id of the last one seen. */
export function listAudit(db: Db, ask: AuditAsk): AuditRow[] {
  const rule = where([ask.actor && 'actor = $actor', ask.before !== undefined && '(at_ms, id) < (SELECT at_ms, id FROM audit WHERE id = $before)']);
  return all<Record<string, any>>(db, `SELECT * FROM audit WHERE ${rule} ORDER BY at_ms DESC, id DESC LIMIT $limit`, { ...used(rule, ask), limit: ask.limit }).map((r) => {
    const [request, address] = String(r.detail ?? '').split(' ');
    return { id: r.id, atMs: r.at_ms, by: r.by, actor: r.actor, event: r.event, request: request || null, address: address || null };
  });
}
