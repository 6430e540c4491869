import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let tokens: Record<'operate' | 'admin', string>;
beforeAll(async () => {
  f = await fixture();
  tokens = { operate: await f.token('operate'), admin: await f.token('admin') };
});
afterAll(() => f.close());
beforeEach(() => {
  f.sent.length = 0;
  f.audited.length = 0;
  f.answers.next = () => ({ ok: true, state: 'erasing', seq: 1 });
});

type Json = Record<string, any>;
const raw = (method: string, path: string, body?: unknown, as: keyof typeof tokens = 'admin') => f.app.request(`http://localhost:3000${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${tokens[as]}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
const ask = async (method: string, path: string, body?: unknown) => {
  const response = await raw(method, path, body);
  return { status: response.status, body: (await response.json()) as Json };
};
const post = (path: string, fields: Record<string, string>) => f.app.request(`http://localhost:3000${path}`, { method: 'POST', headers: { host: 'localhost:3000', authorization: `Bearer ${tokens.admin}`, 'content-type': 'application/x-www-form-urlencoded', 'hx-request': 'true', cookie: 'troupe_lang=en' }, body: new URLSearchParams(fields).toString() });
const page = async (path: string) => (await f.get(path, { authorization: `Bearer ${tokens.admin}`, cookie: 'troupe_lang=en' })).text();
const plain = (html: string) => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
const DAYS = { sessionDays: '7', notificationDays: '30', logDays: '14', ruleLogDays: '30', taskDays: '7', talkDays: '' };
const talk = () => f.deps.db.prepare('SELECT v.id, v.peer_id AS peer, v.account_id AS account FROM conversations v ORDER BY v.items DESC LIMIT 1').get() as { id: string; peer: string; account: string };

describe('what is kept', () => {
  it('is shown beforehand, by settings that nobody has saved yet', async () => {
    expect(await page('/settings/data')).toMatch(/name="notificationDays"[^>]*value="30"/);
    const look = await post('/settings/data/look', { ...DAYS, notificationDays: '1', talkDays: '1' });
    f.clock.now += 10 * 86_400_000;
    const later = plain(await (await post('/settings/data/look', { ...DAYS, notificationDays: '1', talkDays: '1' })).text());
    f.clock.now -= 10 * 86_400_000;
    expect(look.status).toBe(200);
    expect(later).toMatch(/By these settings \d+ would go now/);
    expect(later).toContain('Comments and messages');
    expect(await f.deps.settings.get('fleet')).toBeNull();
  });

  it('is saved, and in the audit; the API has the same', async () => {
    expect((await post('/settings/data/keep', { ...DAYS, notificationDays: '12' })).status).toBe(200);
    expect(f.audited.map((a) => a.event)).toEqual(['RETENTION_CHANGED']);
    expect((await ask('GET', '/api/v1/fleet/settings')).body['settings']).toMatchObject({ notificationDays: 12, talkDays: null });
    expect((await ask('PUT', '/api/v1/fleet/settings', { talkDays: 90 })).body['settings']).toMatchObject({ notificationDays: 12, talkDays: 90 });
    expect((await ask('PUT', '/api/v1/fleet/settings', { task_strategy: 'round-robin' })).body['settings']).toMatchObject({ taskStrategy: 'round-robin', talkDays: 90 });
    const { body } = await ask('POST', '/api/v1/retention/preview', { notificationDays: 1 });
    expect(body['days']).toMatchObject({ notificationDays: 1, talkDays: 90 });
    expect(body['would_delete']).toMatchObject({ notifications: { rows: expect.any(Number) }, items: { rows: expect.any(Number) } });
  });

  it.each([['notificationDays', '0'], ['notificationDays', ''], ['taskDays', '91'], ['talkDays', 'ever'], ['logDays', '1.5']])('%s is refused as %j, and the field is named', async (name, value) => {
    const answer = await post('/settings/data/keep', { ...DAYS, [name]: value });
    expect([answer.status, answer.headers.get('hx-trigger')]).toEqual([422, expect.stringContaining(`"field":"${name}"`)]);
  });
});

describe('an export', () => {
  const lines = async (path: string) => (await (await raw('GET', path)).text()).trim().split('\n');

  it('holds every comment, message and reply once, as lines that programs read', async () => {
    const rows = (await lines('/settings/data/export?format=jsonl')).map((l) => JSON.parse(l) as Json);
    const n = (table: string) => (f.deps.db.prepare(`SELECT COUNT(*) n FROM ${table}`).get() as { n: number }).n;
    expect(rows.length).toBe(n('comments') + n('direct_messages') + n('replies'));
    expect(new Set(rows.map((r) => `${r['kind']} ${r['account_id']} ${r['id']}`)).size).toBe(rows.length);
    expect(rows.find((r) => r['kind'] === 'comment')).toMatchObject({ account_id: expect.any(String), author_name: expect.any(String), found_at: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(f.audited.map((a) => [a.event, a.about])).toEqual([['TALKS_EXPORTED', 'talks']]);
  });

  it('is a table that no spreadsheet takes for formulas, of one account and some days', async () => {
    const answer = await raw('GET', '/api/v1/talk-export?format=csv&account=a1&from=2000-01-01');
    expect([answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual(['text/csv; charset=utf-8', expect.stringMatching(/attachment; filename="conversations-.*\.csv"/)]);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.subarray(0, 3).toString('hex')).toBe('efbbbf');
    const [head, ...rows] = bytes.subarray(3).toString('utf8').trim().split('\r\n');
    expect(head).toBe('kind,account_id,account_name,platform,conversation_id,id,direction,author_id,author_name,post_id,post_title,text,posted_at,found_at,status,by');
    expect(rows.length).toBeGreaterThan(3);
    expect(rows.every((r) => r.split(',')[1] === 'a1')).toBe(true);
    expect(await lines('/settings/data/export?format=jsonl&from=2999-01-01')).toEqual(['']);
  });

  it.each([['format=pdf', 'format'], ['from=soon', 'from'], ['from=2026-02-02&until=2026-02-02', 'until'], ['account=No', 'account']])('is refused with %s, and the field is named', async (query, field) => {
    expect(await ask('GET', `/api/v1/talk-export?${query}`)).toMatchObject({ status: 422, body: { field } });
  });
});

describe('deletion of what a person wrote', () => {
  it('says first how much there is and what stays for a while, and wants a tick', async () => {
    const { id, peer } = talk();
    const dialog = plain(await page(`/settings/data/erase?talk=${id}`));
    expect(dialog).toMatch(/with \d+ accounts: \d+ comments, \d+ messages and \d+ replies leave/);
    expect(dialog).toContain('within 90 days');
    expect((await post('/settings/data/erase', { talk: id })).status).toBe(422);
    expect(f.sent).toEqual([]);
    expect((await post('/settings/data/erase', { talk: id, sure: '1' })).status).toBe(200);
    expect(f.sent).toMatchObject([{ to: { kind: 'erasure' }, verb: 'create', payload: { person: peer } }]);
    expect((await raw('GET', '/settings/data/erase?talk=ghost')).status).toBe(404);
  });

  it('is counted or begun over the API, by the id that the platform has', async () => {
    const { id, peer, account } = talk();
    const { platform } = f.deps.db.prepare('SELECT platform FROM accounts WHERE id = ?').get(account) as { platform: string };
    const dry = await ask('POST', '/api/v1/erasures', { platform, person: peer, dry_run: true });
    expect(dry.body).toMatchObject({ dry_run: true, found: { accounts: expect.any(Number) } });
    expect(f.sent).toEqual([]);
    expect((await ask('POST', '/api/v1/erasures', { platform, person: peer })).status).toBe(202);
    expect(f.sent[0]!.payload).toEqual({ platform, person: peer });
    expect(await ask('POST', '/api/v1/erasures', { platform, person: 'nobody' })).toMatchObject({ status: 404, body: { field: 'person' } });
    expect((await raw('POST', '/api/v1/erasures', { platform, person: peer }, 'operate')).status).toBe(403);
    expect(id).toMatch(/^v/);
  });
});
