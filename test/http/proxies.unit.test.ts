import { afterEach, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
afterEach(() => f?.close());

const open = async (more: Parameters<typeof fixture>[0] = {}) => {
  f = await fixture({ accounts: true, ...more });
  const token = await f.token('operate');
  const cookie = await f.cookie();
  const api = async (method: string, path: string, body?: unknown) => {
    const response = await f.app.request(`http://localhost:3000/api/v1${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    return { status: response.status, body: (await response.json()) as any, headers: response.headers };
  };
  return { api, page: async (path: string) => (await f.get(path, { cookie, 'accept-language': 'en' })).text(), send: (path: string, body: Record<string, string>) => f.post(path, new URLSearchParams(body).toString(), { cookie, 'accept-language': 'en' }) };
};

describe('the API of proxies', () => {
  it('lists them with their health and who goes by them, and no password', async () => {
    const { api } = await open();
    const { body } = await api('GET', '/proxies');
    expect(body.proxies.map((p: { id: string; status: string; accounts: number }) => [p.id, p.status, p.accounts])).toEqual(expect.arrayContaining([['p1', 'healthy', 1], ['p2', 'failing', 1], ['p3', 'disabled', 0], ['p4', 'unknown', 0]]));
    expect(body.proxies.find((p: { id: string }) => p.id === 'p1')).toMatchObject({ protocol: 'http', server: 'p1.example:8080', username: 'shop', has_password: true, last_check: { ok: true, latency_ms: 120, exit_address: '203.0.113.7', worker_id: 'worker-1' } });
    expect(JSON.stringify(body)).not.toContain('"password"');
    const one = (await api('GET', '/proxies/p1')).body.proxy;
    expect([one.checks.length, one.used_by]).toEqual([24, { accounts: ['a1'], workers: [] }]);
    expect((await api('GET', '/proxies/nobody')).status).toBe(404);
  });
  it('adds, changes, checks, disables and removes', async () => {
    const { api } = await open();
    const made = await api('POST', '/proxies', { name: 'New', protocol: 'socks5', server: 'q.example:1080', username: 'u', password: 'hush-hush', check_every: 30 });
    expect([made.status, made.headers.get('location'), JSON.stringify(made.body).includes('hush-hush')]).toEqual([201, `/api/v1/proxies/${made.body.proxy.id}`, false]);
    expect(f.sent.at(-1)).toMatchObject({ verb: 'create', to: { kind: 'proxy' }, payload: { name: 'New', protocol: 'socks5', server: 'q.example:1080', username: 'u', password: 'hush-hush', checkEvery: 30, note: '' } });
    for (const method of ['PUT', 'PATCH']) {
      await api(method, '/proxies/p1', { check_every: 5, password: null });
      expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'proxy', id: 'p1' }, verb: 'update', payload: { checkEvery: 5, password: null } });
    }
    for (const verb of ['check', 'enable', 'disable']) {
      expect((await api('POST', `/proxies/p1/${verb}`)).status).toBe(200);
      expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'proxy', id: 'p1' }, verb });
    }
    await api('DELETE', '/proxies/p1?confirm=true');
    expect(f.sent.at(-1)).toMatchObject({ verb: 'remove', payload: { confirm: true } });
  });
  it.each([
    [{ name: 'x', protocol: 'ftp', server: 'h:1' }, 'protocol'],
    [{ name: 'x', protocol: 'http', server: 'http://h:1' }, 'server'],
    [{ name: '', protocol: 'http', server: 'h:1' }, 'name'],
    [{ name: 'x', protocol: 'http', server: 'h:1', check_every: -1 }, 'check_every'],
    [{ name: 'x', protocol: 'http', server: 'h:1', secret: 1 }, 'secret'],
  ])('names what is wrong with %j', async (body, field) => {
    const { api } = await open();
    expect(await api('POST', '/proxies', body)).toMatchObject({ status: 422, body: { field, code: 'invalid' } });
    expect(f.sent).toEqual([]);
  });
});

describe('the pages of proxies', () => {
  it('show each with its last check, and what to do', async () => {
    const { page } = await open();
    const list = await page('/proxies');
    for (const text of ['上海 1 号', 'socks5://p2.example:8080', 'failing', 'it refuses the connection', '203.0.113.7', 'is being checked', 'disabled', '/accounts?proxy=p1']) expect(list, text).toContain(text);
    const one = await page('/proxies/p1');
    for (const text of ['旗舰店', 'class="spark"', 'worker-1', 'with a password']) expect(one, text).toContain(text);
    expect(await page('/proxies/p1/edit')).not.toContain('hush');
  });
  it('say what to do where there are none', async () => {
    const { page } = await open({ empty: true, accounts: false });
    expect(await page('/proxies')).toContain('There are no proxies yet');
  });
  it('keep a password that nobody typed anew, and forget one that is to go', async () => {
    const { send } = await open();
    const fields = { name: 'N', protocol: 'http', server: 'h.example:1', username: 'u', password: '', checkEvery: '10', note: '' };
    await send('/proxies/p1', fields);
    expect(f.sent.at(-1)!.payload).toEqual({ name: 'N', protocol: 'http', server: 'h.example:1', username: 'u', checkEvery: 10, note: '' });
    await send('/proxies/p1', { ...fields, drop_password: '1' });
    expect(f.sent.at(-1)!.payload).toMatchObject({ password: null });
    await send('/proxies', { ...fields, password: 'typed' });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'create', payload: { password: 'typed' } });
  });
  it('name who would go on without it before it is removed', async () => {
    const { page, send } = await open();
    expect(await page('/proxies/p1/remove')).toMatch(/1 still go by it: 旗舰店[\s\S]*name="confirm"/);
    await send('/proxies/p1/remove', { confirm: '1' });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'remove', payload: { confirm: true } });
  });
});
