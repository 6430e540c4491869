import type { Answer } from '../../transport/protocol.ts';
import { CORDON } from '../read-model/queries/cordons.ts';
import type { Db } from '../read-model/store.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';
import type { Liveness } from './liveness.ts';
import { ownerOf, type Vault } from './vault.ts';

export type ProxyEffectsOptions = { db: Db; liveness: Pick<Liveness, 'incarnation' | 'state'>; vault(): Vault | null; url: string; command(to: { kind: string; id: string }, verb: string, payload: unknown, id: string): Promise<Answer> };

/** Finds a worker to look through a proxy from, and takes a proxy away from those that go by it. */
export function proxyEffects({ db, liveness, vault, url, command }: ProxyEffectsOptions): Record<'seat' | 'unbind', MasterEffect> {
  // Where its accounts are, its check says most; else where least is to do.
  const seats = db.prepare(`SELECT w.id, w.incarnation FROM workers w JOIN worker_runtime r ON r.worker_id = w.id JOIN worker_configs c ON c.worker_id = w.id WHERE w.status = 'connected' AND r.status = 'running' AND ${CORDON} IS NULL
    ORDER BY EXISTS (SELECT 1 FROM accounts a WHERE a.assigned_worker_id = w.id AND (a.proxy_id = @proxy OR (a.proxy_id IS NULL AND a.proxy IS NULL AND c.proxy_id = @proxy))) DESC,
      (SELECT count(*) FROM accounts a WHERE a.assigned_worker_id = w.id), w.id`);
  const accounts = db.prepare('SELECT id FROM accounts WHERE proxy_id = ?').pluck();
  const workers = db.prepare('SELECT worker_id FROM worker_configs WHERE proxy_id = ?').pluck();
  return {
    async seat({ proxy, from }: { proxy: string; from: string | null }) {
      const rows = seats.all({ proxy }) as { id: string; incarnation: string }[];
      const live = rows.find((w) => (from === null || w.id === from) && liveness.incarnation(w.id) === w.incarnation && liveness.state(w.id) === 'connected');
      if (!live) throw new EffectFailed('none', from === null ? 'no worker runs that could look through it' : `worker ${from} does not run`);
      return { worker: live.id, incarnation: live.incarnation, url };
    },
    async unbind({ proxy }: { proxy: string }, { token }) {
      const take = async (to: { kind: string; id: string }, payload: object) => {
        const answer = await command(to, 'update', payload, `${token}:${to.kind}:${to.id}`);
        if (!answer.ok && answer.code !== 'not_found' && answer.code !== 'conflict') throw new EffectFailed('unavailable', String(answer.message));
      };
      for (const id of accounts.all(proxy) as string[]) await take({ kind: 'account', id }, { proxyId: null, confirm: true });
      for (const id of workers.all(proxy) as string[]) await take({ kind: 'worker', id }, { proxy_id: null });
      await vault()?.forget(ownerOf({ kind: 'proxy', id: proxy }));
      return null;
    },
  };
}
