import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, PASSWORD, type Fixture } from './fixture.ts';

let f: Fixture;
beforeAll(async () => void (f = await fixture()));
afterAll(() => f.close());

const page = async (path: string, cookie?: string) => (await f.get(path, { cookie: `${cookie ?? (await f.cookie())}; troupe_lang=en` })).text();
const idsOf = (html: string) => [...html.matchAll(/id="audit-(\d+)"/g)].map((m) => Number(m[1]));

describe('the audit', () => {
  it('is listed newest first, page by page, each entry once', async () => {
    const first = await page('/settings');
    const older = /href="(\/settings\?before=\d+)#audit"/.exec(first)![1]!;
    const all = [...idsOf(first), ...idsOf(await page(older))];
    expect(all).toEqual(Array.from({ length: 30 }, (_, i) => 30 - i));
    expect(first).toContain('request-29');
    expect(first).toContain('NATS');
  });

  it('can be narrowed to one actor', async () => {
    const html = await page('/settings?actor=worker%2Fworker-1');
    expect(idsOf(html)).toEqual([30, 27, 24, 21, 18, 15, 12, 9, 6, 3]);
    expect(await page('/settings?actor=worker%2Fnobody')).toContain('Nothing fits this filter');
  });

  it('is shown to administrators alone', async () => {
    for (const scope of ['read', 'operate'] as const) {
      const html = await (await f.get('/settings', { authorization: `Bearer ${await f.token(scope)}` })).text();
      expect(html, scope).not.toContain('id="audit"');
    }
  });
});

describe('every command', () => {
  it('carries who sent it, the id of its request, and a hash of where it came from, never the address', async () => {
    f.sent.length = 0;
    const token = await f.token('operate');
    const answers = [];
    for (const [path, body] of [['/api/v1/accounts/a1/pause', undefined], ['/api/v1/workers/batch', { action: 'start', worker_ids: ['worker-4'] }], ['/api/v1/replies', { account_id: 'a1', comment_id: 'pc19', content: 'x' }]] as const) {
      answers.push(await f.app.request(`http://localhost:3000${path}`, { method: 'POST', headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) }));
    }
    const ids = answers.map((a) => a.headers.get('x-request-id')!);
    expect(new Set(ids).size).toBe(3);
    const commands = f.sent.filter((s) => s.verb !== 'inspect');
    expect(commands.map((s) => [s.by, s.request])).toEqual(ids.map((id) => ['token:operate', `${id} h-unknown`]));
  });

  it('gives a failed request the id that the log has', async () => {
    const logged: Record<string, unknown>[] = [];
    f.deps.log = (_, __, about) => void logged.push(about ?? {});
    f.answers.next = () => {
      throw new Error('seeded fault');
    };
    const answer = await f.app.request('http://localhost:3000/api/v1/accounts/a1/pause', { method: 'POST', headers: { host: 'localhost:3000', authorization: `Bearer ${await f.token('operate')}` } });
    expect([answer.status, logged[0]!['id']]).toEqual([500, answer.headers.get('x-request-id')]);
    expect(await answer.text()).toContain(String(logged[0]!['id']));
  });
});

describe('the door, passwords and tokens', () => {
  it('stand in the audit too, refused or not, and none of them with what was typed', async () => {
    f.audited.length = 0;
    const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
    const wrong = 'a-wrong-canary-7711';
    expect((await f.post('/sign-in', form({ user: 'admin', password: wrong }))).status).toBe(401);
    expect((await f.post('/sign-in', form({ user: wrong, password: wrong }))).status).toBe(401);
    const cookie = (await f.post('/sign-in', form({ user: 'admin', password: PASSWORD }))).headers.get('set-cookie')!.split(';')[0]!;
    expect((await f.post('/settings/password', form({ current: wrong, next: 'another-password-of-12' }), { cookie })).status).toBe(422);
    const made = await (await f.post('/settings/tokens', form({ name: 'report', scope: 'read' }), { cookie })).text();
    const id = /trp_([a-z0-9]{12})_/.exec(made)![1]!;
    for (const _ of [1, 2]) await f.post(`/settings/tokens/${id}/revoke`, '', { cookie });
    await f.post('/settings/password', form({ current: PASSWORD, next: PASSWORD }), { cookie });
    const fresh = await f.cookie();
    await f.post('/sign-out', '', { cookie: fresh });
    await f.post('/sign-out', '', { cookie: fresh });
    expect(f.audited.map((a) => `${a.event} ${a.about} ${a.by}`)).toEqual([
      'SIGN_IN_REFUSED user/admin user:admin', 'SIGN_IN_REFUSED user/unknown user:unknown', 'SIGNED_IN user/admin user:admin', 'PASSWORD_REFUSED user/admin user:admin',
      `TOKEN_CREATED token/${id} user:admin`, `TOKEN_REVOKED token/${id} user:admin`, 'PASSWORD_CHANGED user/admin user:admin', 'SIGNED_OUT user/admin user:admin',
    ]);
    expect(f.audited.every((a) => /^\S+ h-/.test(a.request))).toBe(true);
    expect(JSON.stringify(f.audited)).not.toContain(wrong);
  });
});
