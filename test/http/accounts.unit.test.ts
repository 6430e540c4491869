import { afterEach, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
afterEach(() => f?.close());

const open = async (more: Parameters<typeof fixture>[0] = {}) => {
  f = await fixture({ accounts: true, ...more });
  const token = await f.token('operate');
  const cookie = `${await f.cookie()}; troupe_lang=en`;
  return {
    api: async (method: string, path: string, body?: unknown, type = 'application/json') => {
      const response = await f.app.request(`http://localhost:3000/api/v1${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, 'content-type': type }, ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }) });
      const text = await response.text();
      return { status: response.status, text, body: (response.headers.get('content-type') ?? '').includes('json') ? (JSON.parse(text) as any) : null };
    },
    page: async (path: string) => (await f.get(path, { cookie })).text(),
    send: (path: string, body: Record<string, string>) => f.post(path, new URLSearchParams(body).toString(), { cookie, 'hx-request': 'true' }),
  };
};
const plain = (html: string) => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

describe('the page of an account', () => {
  it('shows everything that it has', async () => {
    const { page } = await open();
    const text = plain(await page('/accounts/a1'));
    for (const part of ['旗舰店', 'sb_a1', 'vip', '女装', 'logged in', '4 days left', 'the session holds', 'worker-1', '上海 1 号', '203.0.113.7', 'element-not-found: .comment-list', 'screenshot', 'trace', '1440 × 900', 'zh-CN · Asia/Shanghai', 'Statechart', 'UPDATE']) expect(text, part).toContain(part);
  });
  it('says that the proxy fails, and not that the session is gone', async () => {
    const { page } = await open();
    const text = plain(await page('/accounts/a2'));
    expect(text).toContain('The proxy fails the proxy p2.example:8080 fails: it refuses the connection · The account is still logged in');
    expect(text).toContain('logged in');
  });
  it('gives the evidence of a round that is still kept, and nothing else', async () => {
    const { page } = await open();
    f.deps.result = async (name) => (name === 'round-12-page.png' ? new Uint8Array([0x89, 0x50]) : null);
    const cookie = await f.cookie();
    const got = await f.get('/accounts/a1/rounds/412/picture', { cookie });
    expect([got.status, got.headers.get('content-type')]).toEqual([200, 'image/png']);
    for (const path of ['/accounts/a1/rounds/412/trace', '/accounts/a1/rounds/411/picture', '/accounts/a2/rounds/412/picture', '/accounts/a1/rounds/412/other']) expect((await f.get(path, { cookie })).status, path).toBe(404);
    expect(await page('/accounts/nobody')).toContain('does not exist');
  });
  it('asks twice before a proxy of a logged-in account, or a fingerprint, is changed', async () => {
    const { page, send } = await open();
    expect(plain(await page('/accounts/a1/proxy'))).toContain('Suggested: 杭州');
    const refused = await send('/accounts/a1/proxy', { proxyId: 'p5' });
    expect([refused.status, f.sent.length]).toEqual([409, 0]);
    await send('/accounts/a1/proxy', { proxyId: 'p5', confirm: '1' });
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'account', id: 'a1' }, verb: 'update', payload: { proxyId: 'p5', confirm: true } });
    await send('/accounts/a4/proxy', { proxyId: '' });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'update', payload: { proxyId: null } });
    expect((await send('/accounts/a1/fingerprint', {})).status).toBe(409);
    await send('/accounts/a1/fingerprint', { confirm: '1' });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'fingerprint', payload: { confirm: true } });
  });
  it('keeps what its form does not name', async () => {
    const { page, send } = await open();
    expect(await page('/accounts/a1/edit')).toContain('value="vip, 女装"');
    const fields = { name: 'N', monitorInterval: '20', perMinute: '6', perHour: '60' };
    await send('/accounts/a1', fields);
    for (const key of ['tags', 'proxyId', 'checkEvery', 'approve']) expect(f.sent.at(-1)!.payload, key).not.toHaveProperty(key);
    await send('/accounts/a1', { ...fields, whole: '1', tags: 'a，b, a', proxyId: 'p5', checkEvery: '0', noticeHours: '48', maxLength: '200', approve: '1', confirm: '1' });
    expect(f.sent.at(-1)!.payload).toMatchObject({ tags: ['a', 'b'], proxyId: 'p5', checkEvery: 0, noticeHours: 48, approve: true, confirm: true, limits: { maxLength: 200 } });
  });
});

describe('the list of accounts', () => {
  const ids = (html: string) => [...html.matchAll(/id="account-([^"]+)"/g)].map((m) => m[1]);
  it('is filtered by tag, group, proxy and archive', async () => {
    const { page } = await open();
    expect(ids(await page('/accounts'))).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(ids(await page('/accounts?tag=vip'))).toEqual(['a1', 'a2']);
    expect(ids(await page('/accounts?proxy=p2'))).toEqual(['a2']);
    expect(ids(await page('/accounts?archived=1'))).toEqual(['a9']);
    expect(ids(await page('/accounts?group=default&tag=%E5%A5%B3%E8%A3%85'))).toEqual(['a1']);
    expect(await page('/accounts?tag=nothing')).toContain('Nothing fits');
  });
  it('acts on many: tags, group, proxy, archive, checks and removal, each with a look first', async () => {
    const { page, send } = await open();
    const picks = 'pick-a1=1&pick-a2=1&pick-a4=1';
    expect(plain(await page(`/accounts/batch?action=proxy&${picks}`))).toContain('2 of them are logged in');
    expect(plain(await page(`/accounts/batch?action=check&${picks}`))).toContain('Check the session: 2 of 3');
    expect(plain(await page('/accounts/batch?action=archive&pick-a9=1&pick-a1=1'))).toContain('Archive: 1 of 2');
    const all = { 'pick-a1': '1', 'pick-a2': '1' };
    const payloads = () => f.sent.splice(0).map((s) => [s.to.id, s.verb, s.payload]);
    await send('/accounts/batch', { action: 'tags', how: 'add', tags: 'new', ...all });
    expect(payloads()).toEqual([['a1', 'update', { tags: ['vip', '女装', 'new'] }], ['a2', 'update', { tags: ['vip', 'new'] }]]);
    await send('/accounts/batch', { action: 'tags', how: 'drop', tags: 'vip', ...all });
    expect(payloads()).toEqual([['a1', 'update', { tags: ['女装'] }], ['a2', 'update', { tags: [] }]]);
    await send('/accounts/batch', { action: 'group', group: 'night', ...all });
    expect(payloads()).toEqual([['a1', 'update', { group: 'night' }], ['a2', 'update', { group: 'night' }]]);
    await send('/accounts/batch', { action: 'proxy', proxyId: 'p5', confirm: '1', ...all });
    expect(payloads()).toEqual([['a1', 'update', { proxyId: 'p5', confirm: true }], ['a2', 'update', { proxyId: 'p5', confirm: true }]]);
    for (const verb of ['pause', 'check', 'archive', 'remove']) {
      await send('/accounts/batch', { action: verb, ...all });
      expect(payloads()).toEqual([['a1', verb, {}], ['a2', verb, {}]]);
    }
    expect((await send('/accounts/batch', { action: 'group', group: 'No Group', ...all })).status).toBe(422);
    expect(f.sent).toEqual([]);
  });
  it('comes and goes as a file', async () => {
    const { page, send, api } = await open();
    const csv = await page('/accounts/export?format=csv&tag=vip');
    expect(csv.split('\r\n').slice(1, 3).map((l) => l.split(',')[0])).toEqual(['a1', 'a2']);
    expect(csv).not.toMatch(/cookie|userAgent|Mozilla/);
    const file = 'platform,name,group\nsandbox,新店,\nnowhere,X,\nsandbox,旗舰店,\n';
    const look = plain(await (await send('/accounts/import', { file, format: 'csv', do: 'look' })).text());
    expect(look).toContain('2 rows are bad');
    expect(look).toMatch(/line 3 X invalid platform · there is no platform nowhere/);
    await send('/accounts/import', { file, format: 'csv', do: 'go' });
    expect(f.sent).toEqual([]);
    const done = plain(await (await send('/accounts/import', { file, format: 'csv', do: 'go', skip: '1' })).text());
    expect(f.sent.map((s) => [s.verb, s.payload])).toEqual([['create', { platform: 'sandbox', name: '新店', group: null }]]);
    expect(done).toContain('新店 new');
    expect(plain(await (await send('/accounts/import', { file: 'nonsense\nx', format: 'csv', do: 'look' })).text())).toContain('there is no column');
    const json = await api('GET', '/accounts/export?format=json');
    expect(json.body.accounts[0]).toMatchObject({ id: 'a1', tags: ['vip', '女装'], proxy: 'p1' });
    const back = await api('POST', '/accounts/import?dry_run=true', json.text);
    expect([back.status, back.body.unchanged]).toEqual([200, 4]);
    expect((await api('POST', '/accounts/import', 'x', 'text/plain')).status).toBe(415);
  });
});

describe('the API of accounts', () => {
  it('keeps the names of the seeds and has what is new beside them', async () => {
    const { api } = await open();
    const { account } = (await api('GET', '/accounts/a1')).body;
    expect(account).toMatchObject({ id: 'a1', account_name: '旗舰店', login_status: 'logged_in', monitor_interval: 20, proxy_id: 'p1', tags: ['vip', '女装'], archived: false, check_every: 60, notice_hours: 24, approve_replies: false, days_left: 5, last_check: { ok: true, why: null } });
    expect((await api('GET', '/accounts?tag=vip&proxy_id=p2')).body.accounts.map((a: { id: string }) => a.id)).toEqual(['a2']);
    expect((await api('GET', '/accounts?archived=true')).body.accounts.map((a: { id: string }) => a.id)).toEqual(['a9']);
    expect((await api('GET', '/accounts/a1/rounds')).body.rounds).toHaveLength(20);
    await api('PATCH', '/accounts/a1', { tags: ['x'], check_every: 5, notice_hours: 12, approve_replies: true, proxy_id: 'p5', confirm: true });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'update', payload: { tags: ['x'], checkEvery: 5, noticeHours: 12, approve: true, proxyId: 'p5', confirm: true } });
    await api('POST', '/accounts/a1/rotate-proxy', { confirm: true });
    expect(f.sent.at(-1)!.payload).toEqual({ proxyId: 'p5', confirm: true });
    for (const verb of ['check', 'archive', 'unarchive']) {
      await api('POST', `/accounts/a1/${verb}`);
      expect(f.sent.at(-1)).toMatchObject({ verb });
    }
    expect((await api('POST', '/accounts/a1/fingerprint', {})).body.field).toBe('confirm');
    expect((await api('PATCH', '/accounts/a1', { tags: ['a,b'] })).body.field).toBe('tags.0');
  });
});
