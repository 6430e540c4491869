import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture, PASSWORD, type Fixture } from './fixture.ts';

let f: Fixture;
beforeEach(async () => void (f = await fixture()));
afterEach(() => f.close());

const signIn = (user: string, password: string, headers: Record<string, string> = {}) => f.post('/sign-in', new URLSearchParams({ user, password, next: '/inbox' }).toString(), headers);
const cookieOf = (response: Response) => response.headers.getSetCookie().find((c) => c.startsWith('troupe_session='))!.split(';')[0]!;

describe('sign-in', () => {
  it('opens a session under a new id, and closes the old one', async () => {
    const first = await signIn('admin', PASSWORD);
    expect([first.status, first.headers.get('location')]).toEqual([303, '/inbox']);
    expect(first.headers.getSetCookie()[0]).toMatch(/^troupe_session=[\w-]{43};.*HttpOnly; SameSite=Lax/);
    const second = await signIn('admin', PASSWORD, { cookie: cookieOf(first) });
    expect(cookieOf(second)).not.toBe(cookieOf(first));
    expect((await f.get('/accounts', { cookie: cookieOf(first) })).status).toBe(303);
    expect((await f.get('/accounts', { cookie: cookieOf(second) })).status).toBe(200);
  });

  it('marks the cookie Secure behind TLS', async () => {
    const tls = await signIn('admin', PASSWORD, { 'x-forwarded-proto': 'https' });
    expect(tls.headers.getSetCookie()[0]).toContain('Secure');
    expect(tls.headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}/);
    expect((await signIn('admin', PASSWORD)).headers.get('strict-transport-security')).toBeNull();
  });

  it('says the same to a wrong password and an unknown user, and slows down after ten', async () => {
    const wrong = await (await signIn('admin', 'wrong')).text();
    const unknown = await (await signIn('nobody', 'wrong')).text();
    const plain = (text: string) => text.replace(/value="[^"]*"/g, '').replace(/data-now="\d+"/, '');
    expect(plain(wrong)).toBe(plain(unknown));
    for (let i = 0; i < 8; i++) expect((await signIn(`u${i}`, 'wrong')).status).toBe(401);
    const eleventh = await signIn('admin', PASSWORD);
    expect([eleventh.status, eleventh.headers.get('retry-after')]).toEqual([429, '60']);
    f.clock.now += 61_000;
    expect((await signIn('admin', PASSWORD)).status).toBe(303);
  });

  it('leads nowhere but home', async () => {
    for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)', '/sign-out']) {
      const response = await f.post('/sign-in', new URLSearchParams({ user: 'admin', password: PASSWORD, next }).toString());
      expect(response.headers.get('location'), next).toBe('/');
      f.clock.now += 61_000;
    }
  });
});

describe('a session', () => {
  it('ends after 30 idle minutes, after 12 hours, and at sign-out', async () => {
    const cookie = await f.cookie();
    const in_ = async () => (await f.get('/accounts', { cookie })).status === 200;
    f.clock.now += 29 * 60_000;
    expect(await in_()).toBe(true);
    f.clock.now += 29 * 60_000;
    expect(await in_()).toBe(true);
    f.clock.now += 31 * 60_000;
    expect(await in_()).toBe(false);
    const long = await f.cookie();
    for (let i = 0; i < 12 * 3 + 1; i++) {
      f.clock.now += 20 * 60_000;
      await f.get('/accounts', { cookie: long });
    }
    expect((await f.get('/accounts', { cookie: long })).status).toBe(303);
    const last = await f.cookie();
    await f.post('/sign-out', '', { cookie: last });
    expect((await f.get('/accounts', { cookie: last })).status).toBe(303);
  });

  it('ends with the password that it was opened with', async () => {
    const other = await f.cookie();
    const cookie = await f.cookie();
    f.clock.now += 1000;
    const weak = await f.post('/settings/password', new URLSearchParams({ current: PASSWORD, next: 'short' }).toString(), { cookie, 'hx-request': 'true' });
    expect([weak.status, JSON.parse(weak.headers.get('hx-trigger')!)['invalid-field'].field]).toEqual([422, 'next']);
    const changed = await f.post('/settings/password', new URLSearchParams({ current: PASSWORD, next: 'a-better-password' }).toString(), { cookie, 'hx-request': 'true' });
    expect(changed.status).toBe(200);
    expect((await f.get('/accounts', { cookie: other })).status).toBe(303);
    expect((await f.get('/accounts', { cookie: cookieOf(changed) })).status).toBe(200);
    f.clock.now += 61_000;
    expect((await signIn('admin', PASSWORD)).status).toBe(401);
    expect((await signIn('admin', 'a-better-password')).status).toBe(303);
  });

  it('goes on for whoever was in while NATS is down, and lets nobody new in', async () => {
    const cookie = await f.cookie();
    const stranger = await f.cookie();
    expect((await f.get('/accounts', { cookie })).status).toBe(200);
    const down = () => Promise.reject(Object.assign(new Error('timeout'), { name: 'TimeoutError' }));
    f.deps.sessions.get = down;
    f.deps.tokens.get = down;
    expect((await f.get('/accounts', { cookie })).status).toBe(200);
    expect((await f.get('/accounts', { cookie: stranger })).status).toBe(503);
    f.deps.connected = () => false;
    expect(await (await f.get('/accounts', { cookie })).text()).toContain('NATS');
    expect((await f.get('/accounts', { cookie: stranger })).status).toBe(303);
    expect((await f.get('/api/v1/accounts', { authorization: `Bearer trp_0123456789ab_${'a'.repeat(43)}` })).status).toBe(503);
    f.clock.now += 31 * 60_000;
    expect((await f.get('/accounts', { cookie })).status).toBe(303);
  });

  it('survives garbage in its cookie', async () => {
    for (const value of ['', 'x', 'a'.repeat(43), '%00', '../../etc/passwd', 'é']) expect((await f.get('/accounts', { cookie: `troupe_session=${encodeURIComponent(value)}` })).status).toBe(303);
  });
});

describe('forged requests', () => {
  it('are refused whatever their body, when the browser does not say that the page is ours', async () => {
    const cookie = await f.cookie();
    const hostile: Record<string, string>[] = [
      {}, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:3000' }, { origin: 'http://localhost:3001' },
    ];
    const types = ['application/x-www-form-urlencoded', 'application/json', 'text/plain', 'multipart/form-data; boundary=x'];
    for (const headers of hostile) {
      for (const type of types) {
        for (const [method, path] of [['POST', '/accounts/a1/pause'], ['POST', '/api/v1/accounts/a1/pause'], ['DELETE', '/api/v1/accounts/a1'], ['PATCH', '/api/v1/accounts/a1'], ['POST', '/sign-in'], ['POST', '/sign-out']] as const) {
          f.clock.now += 50;
          const response = await f.app.request(`http://localhost:3000${path}`, { method, headers: { host: 'localhost:3000', cookie, 'content-type': type, ...headers }, body: '{}' });
          expect(response.status, `${method} ${path} ${type} ${JSON.stringify(headers)}`).toBe(403);
          expect(await response.text()).toMatch(/Sec-Fetch-Site|Origin/);
        }
      }
    }
    expect(f.sent).toEqual([]);
  });

  it('are told apart from the page itself and from tokens', async () => {
    const cookie = await f.cookie();
    for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { origin: 'http://localhost:3000' }] as Record<string, string>[]) {
      const response = await f.app.request('http://localhost:3000/accounts/a1/pause', { method: 'POST', headers: { host: 'localhost:3000', cookie, ...headers } });
      expect(response.status).toBe(200);
    }
    const response = await f.app.request('http://localhost:3000/api/v1/accounts/a1/pause', { method: 'POST', headers: { host: 'localhost:3000', authorization: `Bearer ${await f.token('operate')}` } });
    expect(response.status).toBe(200);
  });
});

describe('without sign-in', () => {
  it('answers only to names of this machine, and still refuses forged requests', async () => {
    f.close();
    f = await fixture({ authDisabled: true });
    expect((await f.get('/accounts', { host: '127.0.0.1:3000' })).status).toBe(200);
    expect((await f.get('/accounts', { host: 'rebound.example:3000' })).status).toBe(403);
    expect((await f.post('/accounts/a1/pause', '', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  });
});
