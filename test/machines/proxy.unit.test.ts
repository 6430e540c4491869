import { describe, expect, it } from 'vitest';
import { proxyConfig } from '../../actors/proxy.ts';
import { Story } from './story.ts';

const place = { worker: 'w1', incarnation: 'i1', url: 'http://echo.example/' };
const made = (more: object = {}) => new Story('proxy', { id: 'x', by: 'user:a', config: proxyConfig.parse({ name: 'Shanghai 1', protocol: 'socks5', server: 'p.example:1080', ...more }) });
const looked = (s: Story, ok: boolean) => {
  s.done('seat', place);
  if (ok) s.done('probe', { ms: 120, exit: '203.0.113.7' });
  else s.fail('probe', 'proxy');
};
const healthy = () => {
  const s = made();
  looked(s, true);
  return s;
};

describe('a proxy', () => {
  it('is looked through at once, from a worker that is there, and then every so often', () => {
    const s = made({ username: 'u' });
    expect([s.state, s.running]).toEqual(['enabled.health.unknown,enabled.check.seating', ['seat']]);
    s.done('seat', place);
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'probe', input: { worker: 'w1', incarnation: 'i1', url: place.url, account: null, proxy: { id: 'x', version: 1, protocol: 'socks5', server: 'p.example:1080', username: 'u' }, password: null } }]);
    s.done('probe', { ms: 120, exit: '203.0.113.7' });
    expect(s.state).toBe('enabled.health.healthy,enabled.check.waiting');
    expect(s.context.last).toMatchObject({ ok: true, ms: 120, exit: '203.0.113.7', worker: 'w1' });
    s.wait(599_999);
    expect(s.state).toContain('check.waiting');
    s.wait(1);
    expect(s.state).toContain('check.seating');
  });
  it('fails at its first look, or after two bad ones in a row; the second comes soon', () => {
    const s = made();
    looked(s, false);
    expect(s.state).toContain('health.failing');
    const h = healthy();
    h.send('CHECK');
    looked(h, false);
    expect([h.state, h.context.nextAt - h.now]).toEqual(['enabled.health.healthy,enabled.check.waiting', 15_000]);
    h.wait(15_000);
    looked(h, true);
    expect(h.context.failures).toBe(0);
    for (let i = 0; i < 2; i++) {
      h.send('CHECK');
      looked(h, false);
    }
    expect(h.state).toContain('health.failing');
    h.send('CHECK');
    looked(h, true);
    expect(h.state).toContain('health.healthy');
    expect(h.context.checks).toHaveLength(6);
  });
  it('is not to blame for a worker that is not there, or was lost on the way', () => {
    const s = healthy();
    s.send('CHECK');
    s.fail('seat', 'none');
    expect(s.state).toBe('enabled.health.healthy,enabled.check.waiting');
    expect(s.context).toMatchObject({ failures: 0, waiting: 'it was none', last: { ok: true } });
    s.send('CHECK');
    s.done('seat', place);
    s.fail('probe', 'lost');
    expect(s.context).toMatchObject({ failures: 0, waiting: 'it was lost' });
    s.send('CHECK');
    s.done('seat', place);
    s.wait(90_000);
    expect(s.context).toMatchObject({ failures: 0, waiting: 'the check was not answered in time' });
  });
  it('is looked through only when it is asked where it says so, and not at all when it is disabled', () => {
    const s = made({ checkEvery: 0 });
    looked(s, true);
    s.wait(86_400_000);
    expect(s.state).toBe('enabled.health.healthy,enabled.check.resting');
    s.send('CHECK');
    expect(s.running).toEqual(['seat']);
    s.send('DISABLE');
    expect([s.state, s.running]).toEqual(['disabled', []]);
    expect(s.send('CHECK')).toBe(false);
    s.send('ENABLE');
    expect(s.state).toBe('enabled.health.unknown,enabled.check.seating');
  });
  it('is looked through from the worker that somebody names, once', () => {
    const s = healthy();
    s.send('CHECK', { worker: 'w7' });
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'seat', input: { proxy: 'x', from: 'w7' } }]);
    looked(s, true);
    s.send('CHECK');
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ input: { from: null } }]);
  });
  it('begins anew when it is changed, and its browsers with it', () => {
    const s = healthy();
    s.send('UPDATE', { config: { server: 'q.example:1080' } });
    expect(s.state).toBe('enabled.health.unknown,enabled.check.seating');
    expect(s.context).toMatchObject({ version: 2, last: null, config: { server: 'q.example:1080', name: 'Shanghai 1' } });
  });
  it('is gone once nobody goes by it any more', () => {
    const s = healthy();
    s.send('REMOVE');
    expect(s.running).toEqual(['unbind']);
    s.fail('unbind', 'unknown');
    s.done('unbind');
    expect(s.state).toBe('removed');
  });
});

describe('a round that its proxy broke', () => {
  const monitor = (proxy: object | null) => {
    const s = new Story('monitor', { id: 'a' });
    s.send('ON', { platform: 'sandbox', worker: 'w1', epoch: 1, interval: 5, proxy });
    s.wait(60_000);
    return s;
  };
  it('backs off, loses no session, and has the proxy looked at', () => {
    const s = monitor({ id: 'p1' });
    s.fail('crawl', 'proxy');
    expect([s.state, s.tells, s.context.last.error]).toEqual(['backing_off', ['proxy/p1 CHECK'], 'it was proxy']);
    const own = monitor({ protocol: 'http', server: 'h:1', username: null });
    own.fail('crawl', 'proxy');
    expect([own.state, own.tells]).toEqual(['backing_off', []]);
    const other = monitor({ id: 'p1' });
    other.fail('crawl', 'network');
    expect(other.tells).toEqual([]);
  });
});
