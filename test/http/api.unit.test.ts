import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answer } from '../../transport/protocol.ts';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let token: string;
beforeEach(async () => {
  f = await fixture();
  token = await f.token('operate');
});
afterEach(() => f.close());

const api = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  f.app.request(`http://localhost:3000${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
const json = async (path: string) => (await (await api('GET', path)).json()) as any;

describe('the seeds’ paths', () => {
  it('give worker configurations as a bare array, and workers in both spellings', async () => {
    const configs = await json('/api/v1/worker-configs');
    expect(configs[0]).toMatchObject({ id: 1, worker_id: 'worker-1', deployment_type: 'local', max_accounts: 10, auto_start: true, version: 1, created_at: expect.any(Number), created_at_iso: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(await json('/api/v1/worker-configs/1')).toMatchObject({ worker_id: 'worker-1' });
    const { workers } = await json('/api/v1/workers');
    expect(workers[0]).toMatchObject({ id: 'worker-1', status: 'running', link_status: 'connected', online: true, assigned_accounts: 2, cpu_usage: 37, memory_usage_mb: 812 });
    expect((await json('/api/v1/workers?group=docker')).workers).toHaveLength(1);
    const camel = (await json('/api/workers/worker-1')).worker;
    expect(camel).toMatchObject({ workerId: 'worker-1', status: 'online', maxAgents: 10, url: 'http://127.0.0.1:4001' });
    expect(await json('/api/v1/workers/overview')).toMatchObject({ total: 4, running: 2, stopped: 1, error: 1, total_accounts: 3, total_capacity: 40, cpu_usage_avg: 37, memory_usage_total_mb: 1624 });
    expect(await json('/api/v1/workers/worker-1/status')).toMatchObject({ status: 'running', uptime: 7200, active_tasks: 1 });
    expect(await json('/api/v1/workers/worker-1/health')).toMatchObject({ healthy: true, checks: { heartbeat: { status: 'ok' }, memory: { status: 'ok' }, cpu: { status: 'ok' }, tasks: { status: 'ok' } } });
    expect(await json('/api/v1/workers/worker-3/health')).toMatchObject({ healthy: false, checks: { heartbeat: { status: 'fail' } } });
    expect((await json('/api/v1/workers/worker-1/metrics?period=10m')).series.cpu_usage).toEqual([{ timestamp: expect.any(Number), value: 37 }]);
    expect((await json('/api/v1/workers/worker-1/metrics?period=10m')).series.error_rate.reduce((n: number, p: { value: number }) => n + p.value, 0)).toBe(12);
    const logs = await json('/api/v1/workers/worker-1/logs?level=error&limit=3');
    expect(logs.logs.map((l: { level: string }) => l.level)).toEqual(['error', 'error', 'error']);
    expect(await (await api('GET', '/api/v1/workers/worker-1/logs?format=text&tail=2')).text()).toMatch(/^\S+Z \w+ \w+ .+\n\S+Z/);
  });

  it('start, stop and restart by each of their spellings', async () => {
    for (const path of ['/api/v1/workers/worker-1/restart', '/api/v1/workers/worker-1/lifecycle/restart', '/api/workers/worker-1/restart']) {
      const response = await api('POST', path, { graceful: false });
      expect(response.status).toBe(200);
      expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'worker', id: 'worker-1' }, verb: 'restart', payload: { graceful: false }, by: 'token:operate' });
    }
    expect(await (await api('POST', '/api/v1/workers/worker-1/start')).json()).toMatchObject({ success: true, worker_id: 'worker-1', status: 'starting' });
    await api('POST', '/api/v1/workers/worker-1/stop', { graceful: true, timeout: 5000 });
    expect(f.sent.at(-1)!.payload).toEqual({ graceful: true, timeout: 5000 });
  });

  it('make, change and remove accounts', async () => {
    const made = await api('POST', '/api/v1/accounts', { platform: 'douyin', account_name: 'x', account_id: '42', monitor_interval: 25 });
    expect(made.status).toBe(201);
    expect(f.sent.at(-1)).toMatchObject({ verb: 'create', payload: { platform: 'douyin', name: 'x', platformAccount: '42', monitorInterval: 25 } });
    expect(made.headers.get('location')).toBe(`/api/v1/accounts/${f.sent.at(-1)!.to.id}`);
    await api('PUT', '/api/v1/accounts/a1', { monitor_interval: 60 });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'update', payload: { monitorInterval: 60 } });
    expect((await api('DELETE', '/api/v1/accounts/a1')).status).toBe(200);
    expect((await json('/api/v1/accounts')).accounts).toHaveLength(4);
    const login = await api('POST', '/api/v1/accounts/a3/login', { worker_id: 'worker-2' });
    expect(login.status).toBe(202);
    expect(f.sent.slice(-2).map((s) => s.verb)).toEqual(['assign', 'login']);
    expect(await login.json()).toMatchObject({ session_id: 'l1', session: { status: 'scanning', qr_code: '/pictures/qr1' } });
    expect((await json('/api/v1/login-sessions?limit=2')).sessions).toHaveLength(2);
  });

  it('list what was found', async () => {
    expect((await json('/api/v1/comments?limit=20&offset=0&account_id=a2')).comments[0]).toMatchObject({ account_id: 'a2', platform_comment_id: expect.any(String), is_read: expect.any(Boolean) });
    expect((await json('/api/v1/direct-messages?direction=inbound')).messages.every((m: { direction: string }) => m.direction === 'inbound')).toBe(true);
    expect((await json('/api/v1/notifications?limit=50&type=comment')).notifications).toHaveLength(24);
    await api('POST', '/api/v1/messages/read', { account_id: 'a1', comments: ['pc3'] });
    expect(f.marks).toEqual([{ account: 'a1', what: { comments: ['pc3'], messages: [], notifications: ['comment-a1-pc3'], conversations: [] }, by: 'token:operate' }]);
  });
});

describe('a reply', () => {
  /** A master that keeps what it created, as the real one does. */
  const kept = () => {
    const replies = new Map<string, { account: string; to: unknown; text: string }>();
    f.answers.next = (s): Answer => {
      const known = replies.get(s.to.id);
      if (s.verb === 'inspect') return known ? { ok: true, state: 'queued.claiming', context: known } : { ok: false, code: 'not_found', message: 'no' };
      if (known) return { ok: false, code: 'duplicate', message: 'exists' };
      replies.set(s.to.id, s.payload as never);
      return { ok: true, state: 'queued.claiming', seq: 1 };
    };
    return replies;
  };
  const body = { account_id: 'a1', comment_id: 'pc19', content: '谢谢！' };

  it('is made once for one key, however often it is sent', async () => {
    const replies = kept();
    const answers = await Promise.all(Array.from({ length: 50 }, () => api('POST', '/api/v1/replies', body, { 'idempotency-key': 'k-1' })));
    expect(new Set(await Promise.all(answers.map(async (a) => ((await a.json()) as { reply_id: string }).reply_id))).size).toBe(1);
    expect(answers.filter((a) => a.status === 201)).toHaveLength(1);
    expect(answers.filter((a) => a.status === 200)).toHaveLength(49);
    expect(replies.size).toBe(1);
  });

  it('refuses the same key for other words, and makes two without a key', async () => {
    const replies = kept();
    await api('POST', '/api/v1/replies', body, { 'idempotency-key': 'k-1' });
    const other = await api('POST', '/api/v1/replies', { ...body, content: 'other' }, { 'idempotency-key': 'k-1' });
    expect([other.status, ((await other.json()) as { field: string }).field]).toEqual([422, 'Idempotency-Key']);
    await api('POST', '/api/v1/replies', body);
    await api('POST', '/api/v1/replies', body);
    expect(replies.size).toBe(3);
  });

  it.each([
    [{ content: '' }, 422, 'content'], [{ content: '   ' }, 422, 'content'], [{ content: 'x'.repeat(100_000) }, 422, 'content'], [{ comment_id: 'nowhere' }, 404, undefined], [{ comment_id: undefined }, 422, 'comment_id'], [{ message_id: 'pm1' }, 422, 'comment_id'],
    [{ account_id: 'a4' }, 404, undefined], [{ account_id: 'ghost' }, 404, undefined], [{ reply_type: 'message' }, 422, 'reply_type'],
  ])('refuses %j', async (more, status, field) => {
    const response = await api('POST', '/api/v1/replies', { ...body, ...more });
    expect([response.status, ((await response.json()) as { field?: string }).field]).toEqual([status, field]);
    expect(f.sent).toEqual([]);
  });

  it.each(['CR\r\nLF', '\u202eright to left', '😀👩‍👩‍👧', '<b>html</b>', '  spaces kept  '])('keeps its text as given: %j', async (content) => {
    await api('POST', '/api/v1/replies', { ...body, content });
    expect((f.sent[0]!.payload as { text: string }).text).toBe(content);
    expect(f.sent[0]!.payload).toMatchObject({ to: { type: 'comment', comment: 'pc19', post: 'p1' }, platform: 'sandbox' });
  });
});

describe('the document', () => {
  it('describes every route of the API, with the schemas that check it', async () => {
    const doc = (await (await f.get('/openapi.json')).json()) as { openapi: string; paths: Record<string, Record<string, any>> };
    expect(doc.openapi).toBe('3.1.0');
    const post = doc.paths['/api/v1/worker-configs']!['post'];
    expect(post.requestBody.content['application/json'].schema.properties.port).toMatchObject({ minimum: 1, maximum: 65_535, default: 4001 });
    expect(doc.paths['/api/v1/workers/{id}/lifecycle/start']!['post']['x-canonical']).toBe('/api/v1/workers/:id/start');
    const ids = Object.values(doc.paths).flatMap((p) => Object.values(p).map((o) => o.operationId));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(80);
  });

  it('gives figures to Prometheus', async () => {
    const text = await (await api('GET', '/metrics')).text();
    expect(text).toMatch(/^troupe_workers\{state="running"\} 2$/m);
    expect(text).toMatch(/^troupe_worker_cpu_ratio\{worker_id="worker-1"\} 0\.37$/m);
    expect(text).toMatch(/^troupe_replies\{state="needs_human"\} 1$/m);
    expect(text).not.toMatch(/account_id=|reply_id=/);
  });
});
