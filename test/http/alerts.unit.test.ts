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
  f.answers.next = () => ({ ok: true, state: 'x', seq: 1 });
});

type Json = Record<string, any>;
async function ask(method: string, path: string, body?: unknown, as: keyof typeof tokens = 'admin'): Promise<{ status: number; body: Json; text: string }> {
  const response = await f.app.request(`http://localhost:3000${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${tokens[as]}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? (JSON.parse(text) as Json) : {}, text };
}
const page = async (path: string, as: keyof typeof tokens = 'admin') => (await f.get(path, { authorization: `Bearer ${tokens[as]}`, cookie: 'troupe_lang=en' })).text();
const plain = (html: string) => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

describe('alerts over the API', () => {
  it('list what is wrong first, with who and since when', async () => {
    const { body } = await ask('GET', '/api/v1/alerts', undefined, 'read');
    expect(body['alerts'].map((a: Json) => [a['id'], a['status']])).toEqual([['worker-down', 'firing'], ['worker-cpu', 'acknowledged'], ['mine', 'snoozed'], ['task-backlog', 'ok'], ['disk-full', 'off']]);
    expect(body['alerts'][0]).toMatchObject({ severity: 'critical', metric: 'worker_down', breaching: [{ subject: 'worker-3', value: 1 }], text: 'worker-3', since: expect.stringMatching(/^\d{4}-/) });
    expect((await ask('GET', '/api/alerts/worker-down')).body['alert'].history.map((h: Json) => h['what'])).toEqual(['firing', 'pending']);
  });

  it('are taken on and silenced', async () => {
    await ask('POST', '/api/v1/alerts/worker-down/acknowledge', {}, 'operate');
    await ask('POST', '/api/v1/alerts/worker-down/snooze', { minutes: 30 }, 'operate');
    expect(f.sent.map((s) => [`${s.to.kind}/${s.to.id}`, s.verb, s.payload])).toEqual([['alert/worker-down', 'acknowledge', {}], ['alert/worker-down', 'snooze', { minutes: 30 }]]);
    expect((await ask('POST', '/api/v1/alerts/ghost/acknowledge', {})).status).toBe(404);
    expect((await ask('POST', '/api/v1/alerts/worker-down/snooze', { minutes: 0 })).status).toBe(422);
  });

  it('have rules that are made, changed, switched off and removed; what makes no sense is refused by its field', async () => {
    const made = await ask('POST', '/api/v1/alert-rules', { name: 'Backlog', metric: 'tasks_pending', threshold: 50, clear: 40 }, 'operate');
    expect([made.status, made.body['rule']]).toEqual([201, expect.objectContaining({ metric: 'tasks_pending', op: 'above', for_seconds: 60, severity: 'warning', enabled: true })]);
    await ask('PATCH', '/api/v1/alert-rules/mine', { threshold: 7 }, 'operate');
    await ask('POST', '/api/v1/alert-rules/mine/disable', {}, 'operate');
    await ask('DELETE', '/api/v1/alert-rules/mine', undefined, 'operate');
    expect(f.sent.map((s) => s.verb)).toEqual(['create', 'update', 'disable', 'remove']);
    for (const [body, field] of [[{ name: 'x', metric: 'rm -rf', threshold: 1 }, 'metric'], [{ name: 'x', metric: 'worker_cpu', threshold: 0.5, clear: 0.9 }, 'clear'], [{ name: 'x', metric: 'worker_cpu', threshold: 'a' }, 'threshold'], [{ metric: 'worker_cpu', threshold: 1 }, 'name'], [{ name: 'x', metric: 'worker_cpu', threshold: 1, for_seconds: -1 }, 'for_seconds']] as const) {
      expect([(await ask('POST', '/api/v1/alert-rules', body)).body['field'], body]).toEqual([field, body]);
    }
  });

  it('go to sinks whose secrets nobody sees, nor where a webhook leads in full', async () => {
    const { text, body } = await ask('GET', '/api/v1/alert-sinks');
    expect(body['sinks'].map((s: Json) => [s['name'], s['target'], s['status'], s['kept'], s['error']])).toEqual([['On-call mail', 'ops@example.com · smtp.example.com:587', 'idle', 0, null], ['Ops hook', 'https://hooks.example.com/…', 'waiting', 2, 'it answered 500']]);
    expect(text + (await page('/alerts', 'read'))).not.toMatch(/canary-path|sink_hook/);
    for (const as of ['read', 'operate'] as const) expect((await ask('GET', '/api/v1/alert-sinks', undefined, as)).status).toBe(403);
    await ask('POST', '/api/v1/alert-sinks', { name: 'h', type: 'webhook', url: 'https://example.com/x', secret: 'sixteen-letters-or-more' });
    await ask('POST', '/api/v1/alert-sinks/hook/test', {});
    expect(f.sent.map((s) => `${s.to.kind} ${s.verb}`)).toEqual(['sink create', 'sink test']);
    for (const [sink, field] of [[{ name: 'h', type: 'webhook', url: 'file:///etc/passwd', secret: 'sixteen-letters-or-more' }, 'url'], [{ name: 'h', type: 'webhook', url: 'https://u:p@example.com/', secret: 'sixteen-letters-or-more' }, 'url'], [{ name: 'h', type: 'webhook', url: 'https://example.com/' }, 'secret'], [{ name: 'h', type: 'webhook', url: 'https://example.com/', secret: 'short' }, 'secret'], [{ name: 'm', type: 'email', host: 'smtp.example.com', from: 'a@example.com' }, 'to'], [{ name: 'm', type: 'email', host: 'smtp.example.com', from: 'a@example.com\r\nBcc: x@example.com', to: ['b@example.com'] }, 'from']] as const) {
      expect([(await ask('POST', '/api/v1/alert-sinks', sink)).body['field'], sink]).toEqual([field, sink]);
    }
  });
});

describe('the page of alerts', () => {
  it('says what is wrong, of whom, since when, and what the rule is', async () => {
    const html = await page('/alerts');
    expect(plain(html)).toMatch(/firing Worker down critical .*Workers down · for 60 s worker-3 /);
    expect(html).toContain('href="/workers/worker-3"');
    expect(plain(html)).toMatch(/CPU of a worker over 80% · for 5 min · over again at 70%/);
    expect(plain(html)).toContain('admin has taken it on');
    expect(plain(html)).toMatch(/tries again Ops hook .* 12 sent · 1 hr\. ago · 2 wait · again in 0:40 it answered 500/);
  });

  it('stands over every page while something fires, until somebody has taken it on', async () => {
    const banner = /<div id="banners".*?<\/div><\/div>/s.exec(await page('/workers'))![0];
    expect(plain(banner)).toContain('Worker down: worker-3');
    expect(banner).not.toContain('High CPU');
  });

  it('makes and changes rules and sinks; an empty secret stays as it is', async () => {
    const form = (path: string, fields: Record<string, string>) => f.post(path, new URLSearchParams(fields).toString(), { authorization: `Bearer ${tokens.admin}` });
    expect((await form('/alerts', { name: 'Slow', metric: 'dispatch_p99', op: 'above', threshold: '2.5', clear: '', for_seconds: '60', repeat_minutes: '0', severity: 'info', only: '' })).status).toBe(200);
    expect((await form('/alerts/sinks/hook', { type: 'webhook', name: 'Ops', least: 'critical', enabled: '1', url: 'https://hooks.example.com/new', secret: '' })).status).toBe(200);
    expect((await form('/alerts/sinks/mail/off', {})).status).toBe(200);
    expect(f.sent.map((s) => s.payload)).toEqual([
      { name: 'Slow', metric: 'dispatch_p99', op: 'above', threshold: 2.5, clear: null, for_seconds: 60, repeat_minutes: 0, severity: 'info', only: null, enabled: true },
      { name: 'Ops', least: 'critical', enabled: true, url: 'https://hooks.example.com/new' },
      { enabled: false },
    ]);
    expect((await form('/alerts', { name: 'x', metric: 'dispatch_p99', op: 'above', threshold: 'many', for_seconds: '60', repeat_minutes: '0', severity: 'info' })).status).toBe(422);
    for (const path of ['/alerts/new', '/alerts/worker-down/edit', '/alerts/sinks/new?type=email', '/alerts/sinks/hook/edit', '/alerts/sinks/mail/edit']) expect(await page(path), path).toContain('<dialog');
  });

  it('shows a reader everything and lets him change nothing', async () => {
    const html = await page('/alerts', 'read');
    expect(html).not.toContain('hx-post="/alerts');
    expect(html).toContain('Operators decide this');
  });
});
