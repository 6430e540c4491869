import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let tokens: Record<'read' | 'operate' | 'admin', string>;
beforeAll(async () => {
  f = await fixture({ fleet: true });
  tokens = { read: await f.token('read'), operate: await f.token('operate'), admin: await f.token('admin') };
});
afterAll(() => f.close());
beforeEach(() => {
  f.sent.length = 0;
  f.answers.next = () => ({ ok: true, state: 'live.waiting', seq: 1 });
});

type Json = Record<string, any>;
const ask = async (method: string, path: string, body?: unknown, as: keyof typeof tokens = 'operate') => {
  const response = await f.app.request(`http://localhost:3000${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${tokens[as]}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: (await response.json()) as Json };
};
const post = (path: string, fields: Record<string, string>, as: keyof typeof tokens = 'operate') => f.app.request(`http://localhost:3000${path}`, { method: 'POST', headers: { host: 'localhost:3000', authorization: `Bearer ${tokens[as]}`, 'content-type': 'application/x-www-form-urlencoded', 'hx-request': 'true', cookie: 'troupe_lang=en' }, body: new URLSearchParams(fields).toString() });
const page = async (path: string, as: keyof typeof tokens = 'operate') => (await f.get(path, { authorization: `Bearer ${tokens[as]}`, cookie: 'troupe_lang=en' })).text();
const plain = (html: string) => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

describe('notification rules', () => {
  it('say on their page what goes where, what is gathered, and what is wrong', async () => {
    const text = plain(await page('/notifications/rules'));
    expect(text).toContain('all types · all accounts · urgent and above · At once');
    expect(text).toContain('comment · a1, a2 · normal and above · Gathered for 1 h');
    expect(text).toContain('130 notifications sent, in 9 messages · 7 gathered, sent in');
    expect(text).toContain('its place is gone');
  });

  it('are made and changed by a form, ticked or typed', async () => {
    const form = { name: 'Night', sink: 'hook', least: 'high', digest: '60', 'type-comment': '1', 'type-system': '1', 'account-a1': '1', accounts: 'a2, a3' };
    expect((await post('/notifications/rules', form)).status).toBe(200);
    expect(f.sent[0]).toMatchObject({ to: { kind: 'notifier' }, verb: 'create', payload: { name: 'Night', sink: 'hook', least: 'high', digestMinutes: 60, types: ['comment', 'system'], accounts: ['a1', 'a2', 'a3'], enabled: true } });
    expect((await post('/notifications/rules/n-daily', { ...form, digest: '0' })).status).toBe(200);
    expect(f.sent[1]).toMatchObject({ to: { kind: 'notifier', id: 'n-daily' }, verb: 'update', payload: { digestMinutes: 0 } });
    expect(await page('/notifications/rules/n-daily/edit')).toMatch(/name="account-a1"[^>]*checked/);
    for (const verb of ['enable', 'disable', 'flush', 'remove']) expect((await post(`/notifications/rules/n-daily/${verb}`, {})).status).toBe(200);
    expect(f.sent.slice(2).map((s) => s.verb)).toEqual(['enable', 'disable', 'flush', 'remove']);
  });

  it.each([[{ name: '' }, 'name'], [{ sink: 'No!' }, 'sink'], [{ digest: 'soon' }, 'digestMinutes'], [{ digest: '2000' }, 'digestMinutes'], [{ accounts: 'Not An Id!' }, 'accounts'], [{ least: 'loud' }, 'least']])('are refused with %j, and the field is named', async (fields, field) => {
    const answer = await post('/notifications/rules', { name: 'X', sink: 'hook', least: 'high', digest: '0', ...fields });
    expect(answer.status).toBe(422);
    expect(answer.headers.get('hx-trigger')).toContain(`"field":"${field}`);
    expect(f.sent).toEqual([]);
  });

  it('are there over the API', async () => {
    const { body } = await ask('GET', '/api/v1/notification-rules', undefined, 'read');
    expect(body['rules'].map((r: Json) => [r['id'], r['status'], r['digestMinutes']])).toEqual([['n-off', 'off', 0], ['n-daily', 'gathering', 60], ['n-urgent', 'waiting', 0]]);
    expect((await ask('POST', '/api/v1/notification-rules', { name: 'X', sink: 'hook' })).status).toBe(201);
    expect(f.sent[0]!.payload).toEqual({ name: 'X', sink: 'hook', types: [], accounts: [], least: 'normal', digestMinutes: 0, enabled: true });
    expect(await ask('POST', '/api/v1/notification-rules', { name: 'X', sink: 'hook', types: ['letter'] })).toMatchObject({ status: 422, body: { field: 'types.0' } });
    expect((await ask('PATCH', '/api/notification-rules/n-daily', { least: 'low' })).body).toMatchObject({ success: true, rule: { least: 'low' } });
    expect((await ask('POST', '/api/v1/notification-rules/n-daily/flush')).body).toEqual({ success: true, state: 'live.waiting' });
    expect((await ask('DELETE', '/api/v1/notification-rules/ghost')).status).toBe(404);
    expect((await ask('POST', '/api/v1/notification-rules', { name: 'X', sink: 'hook' }, 'read')).status).toBe(403);
  });
});

describe('news for a page that is open', () => {
  it('is what is high or urgent and came after the last one seen, in the reader\'s words, with where it leads', async () => {
    const fresh = async (after?: number) => (await ask('GET', `/notifications/fresh${after === undefined ? '' : `?after=${after}`}`, undefined, 'read')).body;
    const first = await fresh();
    expect(first).toEqual({ last: expect.any(Number), items: [], more: 0 });
    const news = await fresh(0);
    expect(news['last']).toBe(first['last']);
    expect(news['items'].length).toBeGreaterThan(1);
    expect(news['items'].every((i: Json) => ['high', 'urgent'].includes(i['priority']))).toBe(true);
    expect(news['items'].find((i: Json) => i['key'] === 'worker-worker-3-4')).toMatchObject({ priority: 'urgent', href: '/workers' });
    expect(await fresh(first['last'])).toEqual({ last: first['last'], items: [], more: 0 });
    expect((await fresh(9_999_999))['items']).toEqual([]);
  });
});
