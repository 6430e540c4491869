import type Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proxyConfig } from '../../actors/proxy.ts';
import type { Projection } from '../../runtime/read-model/projection.ts';
import { findAccount, listAccounts, listRounds } from '../../runtime/read-model/queries/accounts.ts';
import { anotherProxy, findProxy, listProxies } from '../../runtime/read-model/queries/proxies.ts';
import { emptyView, Shown } from './shown.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const user = { id: 'u', nickname: 'U', avatar: null };
let db: Database.Database;
let projection: Projection;

beforeEach(() => {
  ({ db, projection } = emptyView());
});
afterEach(() => db.close());

const notices = () => db.prepare('SELECT type, title, content, priority FROM notifications ORDER BY id').all() as { type: string; title: string; content: string; priority: string }[];
const proxy = (id: string, more: object = {}) => new Shown(projection, 'proxy', { id, by: 'user:a', config: proxyConfig.parse({ name: `Proxy ${id}`, protocol: 'http', server: `${id}.example:1`, checkEvery: 0, ...more }) });
const looked = (ok: boolean) => (p: Shown) => {
  p.do((s) => s.done('seat', { worker: 'w1', incarnation: 'i', url: 'u' }));
  return p.do((s) => void (ok ? s.done('probe', { ms: 90, exit: '203.0.113.9' }) : s.fail('probe', 'proxy')));
};
const account = (id: string, more: object = {}) => new Shown(projection, 'account', { id, platform: 'sandbox', name: `Shop ${id}`, platformAccount: null, monitorInterval: 20, proxy: null, limits: { perMinute: 6, perHour: 60, quiet: null }, ...more });
const loggedIn = (a: Shown, until: number) => a.do((s) => s.done('assign', { worker: 'w1', incarnation: 'i' })).do((s) => void s.send('LOGIN', { login: 'l1' })).do((s) => void s.send('LOGIN_DONE', { login: 'l1', user, validUntil: s.now + until, fingerprint: null }));

describe('proxies', () => {
  it('are told of once when one turns failing, and once when it is healthy again', () => {
    const p = looked(true)(proxy('p1'));
    expect([findProxy(db, 'p1')?.status, notices()]).toEqual(['healthy', []]);
    for (let i = 0; i < 5; i++) looked(false)(p.do((s) => void s.send('CHECK')));
    expect(findProxy(db, 'p1')).toMatchObject({ status: 'failing', last: { ok: false, error: 'it was proxy' }, checks: { length: 6 } });
    expect(notices()).toEqual([{ type: 'system', title: 'Proxy p1', content: 'the proxy fails: it was proxy', priority: 'high' }]);
    for (let i = 0; i < 3; i++) looked(true)(p.do((s) => void s.send('CHECK')));
    expect(notices().map((n) => n.content)).toEqual(['the proxy fails: it was proxy', 'the proxy works again']);
  });
  it('that are gone are nobody\'s any more', () => {
    const p = looked(true)(proxy('p1'));
    account('a', { proxyId: 'p1' });
    expect([findAccount(db, 'a')?.proxyId, findProxy(db, 'p1')?.accounts]).toEqual(['p1', 1]);
    db.prepare("INSERT INTO worker_configs (worker_id, name, deployment_type, host, proxy_id, created_at, updated_at) VALUES ('w1', 'W', 'local', 'h', 'p1', 1, 1)").run();
    p.do((s) => void s.send('REMOVE')).do((s) => void s.done('unbind'));
    expect([findProxy(db, 'p1'), findAccount(db, 'a')?.proxyId, db.prepare('SELECT proxy_id FROM worker_configs').pluck().get()]).toEqual([null, null, null]);
  });
  it('are chosen by who is healthy and has the fewest accounts', () => {
    for (const id of ['p1', 'p2', 'p3']) looked(id !== 'p3')(proxy(id));
    account('a', { proxyId: 'p1' });
    account('b', { proxyId: 'p2' });
    account('c', { proxyId: 'p2' });
    expect([anotherProxy(db, 'p1')?.id, anotherProxy(db, 'p2')?.id, anotherProxy(db, null)?.id]).toEqual(['p2', 'p1', 'p1']);
    expect(listProxies(db).map((p) => p.accounts)).toEqual([1, 2, 0]);
  });
});

describe('accounts', () => {
  it('are told of once before a session ends, and once when it has', () => {
    const a = loggedIn(account('a', { checkEvery: 0 }), 3 * DAY);
    const said = () => notices().filter((n) => n.content !== 'logged in').map((n) => n.content);
    a.wait(2 * DAY - 1);
    expect(said()).toEqual([]);
    a.wait(1);
    a.do((s) => void s.send('UPDATE', { patch: { name: 'Other' } })).do((s) => void s.send('PAUSE')).do((s) => void s.send('RESUME'));
    a.wait(DAY - 2);
    expect(said()).toEqual([expect.stringMatching(/^its session ends at \S+: log in again before$/)]);
    a.wait(DAY);
    expect(said()).toEqual([expect.stringMatching(/^its session ends/), 'its session has ended by its date']);
    expect(findAccount(db, 'a')).toMatchObject({ loginStatus: 'expired', cookiesValidUntil: null });
    // The same turns read again from the journal say nothing twice.
    const before = notices().length;
    a.do((s) => void s.send('UPDATE', { patch: { name: 'Again' } }));
    expect(notices()).toHaveLength(before);
  });
  it('are told of once when a check finds the session gone, and never for a fault', () => {
    const a = loggedIn(account('a'), 30 * DAY);
    for (const kind of ['proxy', 'network', 'timeout']) a.do((s) => void s.send('CHECK_SESSION')).do((s) => void s.fail('check', kind));
    expect(notices().map((n) => n.content)).toEqual(['logged in']);
    expect(findAccount(db, 'a')).toMatchObject({ loginStatus: 'logged_in', lastCheck: { ok: false, why: 'it was timeout' } });
    a.do((s) => void s.send('CHECK_SESSION')).do((s) => void s.done('check', { session: 'expired' }));
    expect(notices().map((n) => n.content)).toEqual(['logged in', 'the platform has ended the session']);
  });
  it('are found by their tags, group, proxy and archive', () => {
    looked(true)(proxy('p1'));
    account('a', { tags: ['vip', '夏'], group: 'night', proxyId: 'p1' });
    account('b', { tags: ['vip'] }).do((s) => void s.send('ARCHIVE'));
    account('c');
    const ids = (ask: Parameters<typeof listAccounts>[1]) => listAccounts(db, ask).map((r) => r.id);
    expect([ids({}), ids({ tag: 'vip' }), ids({ tag: '夏' }), ids({ tag: 'vi' }), ids({ group: 'night' }), ids({ group: 'default' }), ids({ proxy: 'p1' }), ids({ archived: true }), ids({ archived: null })]).toEqual([['a', 'c'], ['a'], ['a'], [], ['a'], ['c'], ['a'], ['b'], ['a', 'b', 'c']]);
  });
  it('keep their last 20 rounds, each once, with what was kept of a bad one', () => {
    account('m');
    const m = new Shown(projection, 'monitor', { id: 'm' }).do((s) => void s.send('ON', { platform: 'sandbox', worker: 'w1', epoch: 1, interval: 5, proxy: null }));
    for (let i = 0; i < 25; i++) {
      m.wait(60_000);
      if (i === 23) m.do((s) => void s.fail('crawl', 'network'));
      else m.do((s) => void s.done('crawl', { comments: i, messages: 0, cursor: { comments: null, messages: null }, ms: 100 + i }));
      m.do((s) => void s.send('SETTINGS', { interval: 5 + (i % 2), proxy: null }));
    }
    const rounds = listRounds(db, 'm');
    expect([rounds.length, rounds[0]!.comments, rounds[1]!.error, rounds[19]!.comments]).toEqual([20, 24, 'it was network', 5]);
    expect(new Set(rounds.map((r) => r.atMs)).size).toBe(20);
  });
});
