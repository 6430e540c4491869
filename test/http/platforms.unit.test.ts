import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let headers: Record<string, string>;
beforeAll(async () => {
  f = await fixture();
  headers = { host: 'localhost:3000', authorization: `Bearer ${await f.token('operate')}`, 'accept-language': 'en' };
});
afterAll(() => f.close());

const get = (path: string) => f.app.request(`http://localhost:3000${path}`, { headers });
const send = (path: string, body: object) => f.app.request(`http://localhost:3000${path}`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) });
const COOKIES = '[{"name":"sid","value":"secret-value","domain":"127.0.0.1"}]';

describe('GET /api/v1/platforms', () => {
  it('says of each what it can, who uses it, and why one is not usable', async () => {
    const { platforms } = (await (await get('/api/v1/platforms')).json()) as { platforms: Record<string, unknown>[] };
    expect(platforms.map((p) => [p['id'], p['ok'], p['built_in']])).toEqual([['sandbox', true, true], ['douyin', true, true], ['xiaohongshu', true, true], ['forum', true, false], ['shop', false, false]]);
    expect(platforms[0]).toMatchObject({ methods: ['qrcode', 'cookies'], can: { reply_comment: true, max_length: 500 }, accounts: expect.any(Number), workers: expect.any(Array) });
    expect(platforms[0]!['accounts']).toBeGreaterThan(0);
    expect(platforms[4]).toMatchObject({ reason: expect.stringContaining('endless loop'), can: null, methods: [] });
    const camel = (await (await get('/api/platforms')).json()) as { platforms: { can: object }[] };
    expect(camel.platforms[0]!.can).toMatchObject({ replyComment: true, maxLength: 500 });
  });
});

describe('a login by a method', () => {
  it('takes only those of the platform, and its first when none is named', async () => {
    f.answers.next = () => ({ ok: true, state: 'x', login: 'l77' });
    expect((await send('/api/v1/accounts/a1/login', {})).status).toBe(202);
    expect(f.sent.at(-1)).toMatchObject({ verb: 'login', payload: { method: 'qrcode' } });
    const refused = await send('/api/v1/accounts/a1/login', { method: 'password' });
    expect(refused.status).toBe(422);
    expect(await refused.json()).toMatchObject({ detail: expect.stringContaining('use qrcode, cookies'), field: 'method' });
    await send('/api/v1/accounts/a1/login', { cookies: COOKIES });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'login', payload: { method: 'cookies', cookies: COOKIES } });
  });

  it('is offered as tabs; the one for cookies takes a text', async () => {
    const tabs = await (await get('/accounts/a1/login/cookies')).text();
    expect(tabs).toContain('hx-post="/accounts/a1/login/qrcode"');
    expect(tabs).toMatch(/<span aria-current="true">Cookies<\/span>/);
    expect(tabs).toContain('name="cookies"');
    const before = f.sent.length;
    const body = new URLSearchParams({ cookies: COOKIES });
    const answer = await f.app.request('http://localhost:3000/accounts/a1/login/cookies', { method: 'POST', headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, body });
    expect(answer.status).toBe(200);
    expect(f.sent.slice(before)).toMatchObject([{ to: { kind: 'account', id: 'a1' }, verb: 'login', payload: { method: 'cookies', cookies: COOKIES } }]);
    expect(await answer.text()).not.toContain('secret-value');
  });
});

describe('the platforms page', () => {
  it('names what is wrong with one, and that an older one still works', async () => {
    const page = await (await get('/platforms')).text();
    expect(page).toContain('it blocks the process while it is loaded');
    expect(page).toContain('The last good version is still in use.');
    expect(page).toContain('troupe platform check shop');
    expect(page).not.toContain('hx-get="/platforms/shop/test"');
    expect(page).toContain('hx-get="/platforms/sandbox/test"');
  });

  it('tests selectors with an account that a worker holds, and shows what was found by which', async () => {
    const dialog = await (await get('/platforms/sandbox/test')).text();
    const account = /<option value="(\w+)"/.exec(dialog)?.[1];
    expect(account).toBeDefined();
    const answer = await f.app.request('http://localhost:3000/platforms/sandbox/test', { method: 'POST', headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ account: account! }) });
    const result = await answer.text();
    expect(result).toContain('2 names were found, 1 of them by a later selector; 1 were not.');
    expect(result).toMatch(/class="missing"><dt><b>replySend/);
    expect(result).toMatch(/class="later"><dt><b>commentText/);
    expect(result).toContain('comments × 12');
    expect(result).toContain('no threadItem on Sandbox within 5000 ms');
    expect(f.audited.at(-1)).toMatchObject({ event: 'selectors tested', about: `account/${account}` });
    const wrong = await send('/api/v1/platforms/douyin/test', { account_id: account });
    expect(wrong.status).toBe(422);
    expect(await wrong.json()).toMatchObject({ field: 'account' });
    const right = (await (await send('/api/v1/platforms/sandbox/test', { account_id: account })).json()) as { rows: unknown[] };
    expect(right.rows).toHaveLength(4);
  });
});
