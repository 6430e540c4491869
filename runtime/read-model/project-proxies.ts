import type { Entry } from '../../actors/entry.ts';
import type { ProxyContext } from '../../machines/proxy.ts';
import type { Notify, Project } from './project.ts';
import type { Db } from './store.ts';

/** Proxies: their rows, a word when one turns failing and when it is healthy again, and nobody who refers to one that is gone. */
export function projectProxies(db: Db, notify: Notify): Record<'proxy', Project> {
  const sql = (text: string) => db.prepare(text);
  const columns = ['id', 'name', 'protocol', 'server', 'username', 'has_password', 'version', 'status', 'checking', 'check_every', 'note', 'last_check', 'checks', 'waiting', 'next_ms', 'by', 'created_ms', 'updated_ms'];
  const row = sql(`INSERT OR REPLACE INTO proxies (${columns.join(', ')}) VALUES (${columns.map((c) => `@${c}`).join(', ')})`);
  const drop = ['DELETE FROM proxies WHERE id = ?', 'UPDATE worker_configs SET proxy_id = NULL WHERE proxy_id = ?', 'UPDATE accounts SET proxy_id = NULL WHERE proxy_id = ?'].map(sql);
  const statusOf = sql('SELECT status FROM proxies WHERE id = ?').pluck();
  return {
    proxy(id, entry: Entry, state, status) {
      if (status !== 'active') return drop.forEach((d) => d.run(id));
      const c = (entry.after as { context: ProxyContext }).context;
      const was = statusOf.get(id) as string | undefined;
      const now = /enabled\.health\.(\w+)/.exec(state)?.[1] ?? 'disabled';
      row.run({
        id, name: c.config.name, protocol: c.config.protocol, server: c.config.server, username: c.config.username, has_password: c.config.password === null ? 0 : 1, version: c.version, status: now, checking: /check\.(seating|probing)/.test(state) ? 1 : 0,
        check_every: c.config.checkEvery, note: c.config.note, last_check: c.last && JSON.stringify(c.last), checks: JSON.stringify(c.checks), waiting: c.waiting, next_ms: c.nextAt, by: c.by, created_ms: c.createdAt, updated_ms: entry.at,
      });
      if (was === undefined || was === now) return;
      const say = (content: string, priority: string) => notify({ key: `proxy-${id}-${entry.index}`, type: 'system', account: null, related: `proxy:${id}`, title: c.config.name, content, priority, at: entry.at });
      if (now === 'failing') say(`the proxy fails: ${c.last?.error ?? 'no reason given'}`, 'high');
      else if (now === 'healthy' && was === 'failing') say('the proxy works again', 'normal');
    },
  };
}
