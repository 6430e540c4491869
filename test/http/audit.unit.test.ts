import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

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
