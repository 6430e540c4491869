import type Database from 'better-sqlite3';

/** Proxies in each state, rounds of an account, and what else its page shows. */
export function seedAccounts(db: Database.Database, now: number, t: (own: string) => string = (own) => own): void {
  const insert = (table: string, row: Record<string, unknown>) => {
    const keys = Object.keys(row);
    db.prepare(`INSERT INTO ${table} (${keys.join(', ')}) VALUES (${keys.map((k) => `@${k}`).join(', ')})`).run(row);
  };
  const look = (i: number, ok = true) => ({ at: now - i * 600_000, ok, ms: ok ? 120 + ((i * 37) % 90) : null, exit: ok ? '203.0.113.7' : null, error: ok ? null : t('it refuses the connection'), worker: 'worker-1' });
  const proxy = (id: string, name: string, status: string, checks: object[], more: object = {}) =>
    insert('proxies', { id, name: t(name), protocol: 'http', server: `${id}.example:8080`, username: 'shop', has_password: 1, version: 1, status, check_every: 10, last_check: checks[0] ? JSON.stringify(checks[0]) : null, checks: JSON.stringify(checks), next_ms: now + 320_000, by: 'user:admin', created_ms: now - 86_400_000, updated_ms: now, ...more });
  proxy('p1', '上海 1 号', 'healthy', Array.from({ length: 24 }, (_, i) => look(i, i !== 9)));
  proxy('p2', '上海 2 号', 'failing', [look(0, false), look(1, false), look(2)], { protocol: 'socks5' });
  proxy('p3', '备用', 'disabled', [], { username: null, has_password: 0, note: t('下月到期') });
  proxy('p4', '新的', 'unknown', [], { checking: 1, next_ms: null });
  proxy('p5', '杭州', 'healthy', [look(1)]);
  db.prepare(`UPDATE accounts SET proxy_id = 'p1', tags = ?, last_check = ?, fingerprint = ? WHERE id = 'a1'`).run(
    JSON.stringify([t('vip'), t('女装')]), JSON.stringify({ at: now - 1_500_000, ok: true, why: null }),
    JSON.stringify({ userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36', viewport: { width: 1440, height: 900 }, locale: 'zh-CN', timezone: 'Asia/Shanghai', deviceScaleFactor: 1, webgl: 1, canvas: 2, audio: 3, createdAt: now - 86_400_000 }));
  db.prepare(`UPDATE accounts SET proxy_id = 'p2', tags = '["vip"]', last_round = ? WHERE id = 'a2'`).run(JSON.stringify({ at: now - 14_000, ms: 0, comments: 0, messages: 0, error: 'the proxy p2.example:8080 fails: it refuses the connection' }));
  for (let i = 0; i < 20; i++) insert('account_rounds', { account_id: 'a1', idx: 400 + i, at_ms: now - (20 - i) * 24_000, ms: i === 12 ? 0 : 700 + ((i * 137) % 900), comments: i % 4, messages: i % 7 === 0 ? 1 : 0, error: i === 12 ? t('element-not-found: .comment-list') : null, evidence: i === 12 ? JSON.stringify({ picture: 'round-12-page.png', trace: 'round-12-trace.zip' }) : null });
  insert('accounts', { id: 'a9', platform: 'sandbox', account_name: t('旧号'), status: 'archived', archived: 1, login_status: 'logged_in', activity: 'idle', cookies_valid_until: Math.floor(now / 1000) + 3000, lease_state: 'none', created_at: Math.floor(now / 1000) - 900_000, updated_at: Math.floor(now / 1000) });
}
