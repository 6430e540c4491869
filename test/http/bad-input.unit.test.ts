import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Metrics } from '../../runtime/http/metrics.ts';
import { routeTable } from '../../runtime/http/route-table.ts';
import { BadJson, parseStrict } from '../../runtime/strict-json.ts';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let token: string;
beforeAll(async () => {
  f = await fixture();
  token = await f.token('admin');
});
afterAll(() => f.close());
beforeEach(() => {
  f.sent.length = 0;
  f.clock.now += 2000;
});

const api = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
  f.app.request(`http://localhost:3000${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(body === undefined ? {} : { body }) });

async function problem(response: Response): Promise<Record<string, unknown>> {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body = (await response.json()) as Record<string, unknown>;
  expect(body).toMatchObject({ status: response.status, success: false, error: expect.any(String), message: expect.any(String), title: expect.any(String) });
  expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts:\d|at \w+ \(/);
  return body;
}

describe('bodies', () => {
  const deep = (n: number) => '{"a":'.repeat(n) + '1' + '}'.repeat(n);
  const cases: [string, string, number, RegExp][] = [
    ['no JSON', '{oops', 400, /JSON/],
    ['NUL outside a text', '{"name":\0}', 400, /JSON/],
    ['10,000 deep', deep(10_000), 400, /deep/],
    ['10,000 deep lists', '['.repeat(10_000) + ']'.repeat(10_000), 400, /deep/],
    ['a doubled key', '{"platform":"sandbox","platform":"x","account_name":"a"}', 400, /platform is given twice/],
    ['a doubled key by escape', '{"platform":"sandbox","pl\\u0061tform":"x"}', 400, /twice/],
    ['__proto__', '{"__proto__":{"scope":"admin"},"platform":"sandbox","account_name":"a"}', 400, /__proto__/],
    ['constructor', '{"constructor":{"prototype":{}}}', 400, /constructor/],
    ['1e309', '{"platform":"sandbox","account_name":"a","monitor_interval":1e309}', 400, /out of range/],
    ['2^53+1', '{"platform":"sandbox","account_name":"a","monitor_interval":9007199254740993}', 400, /out of range/],
    ['a list', '[]', 422, /body/],
    ['a text', '"x"', 422, /body/],
    ['null', 'null', 422, /body/],
    ['an unknown field', '{"platform":"sandbox","account_name":"a","is_admin":true}', 422, /is_admin/],
    ['-0 as interval', '{"platform":"sandbox","account_name":"a","monitor_interval":-0}', 422, /monitor_interval/],
    ['both spellings', '{"platform":"sandbox","account_name":"a","accountName":"b"}', 422, /given twice/],
  ];
  it.each(cases)('%s', async (_, body, status, says) => {
    const response = await api('POST', '/api/v1/accounts', body);
    expect(response.status).toBe(status);
    expect(String((await problem(response))['message'])).toMatch(says);
    expect(f.sent).toEqual([]);
  });

  it('takes a BOM, and either spelling', async () => {
    const response = await api('POST', '/api/v1/accounts', '\ufeff{"platform":"sandbox","accountName":"店","monitorInterval":30}');
    expect(response.status).toBe(201);
    expect(f.sent[0]).toMatchObject({ verb: 'create', payload: { name: '店', monitorInterval: 30 } });
  });

  it('refuses what is too large, of another kind, or not UTF-8', async () => {
    expect((await api('POST', '/api/v1/accounts', JSON.stringify({ account_name: 'x'.repeat(2_097_152) }))).status).toBe(413);
    expect((await api('POST', '/api/v1/accounts', '{}', { 'content-type': 'text/plain' })).status).toBe(415);
    const raw = await f.app.request('http://localhost:3000/api/v1/accounts', { method: 'POST', headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: Buffer.from([0x7b, 0xff, 0xfe]) });
    expect(raw.status).toBe(400);
    expect(f.sent).toEqual([]);
  });
});

describe('ids, limits and filters', () => {
  it.each(['../../etc', 'a b', '-rf', '.', '中文', '*', '>', 'A', 'a'.repeat(64), "a'--", '%00', '$(id)'])('refuses the id %s', async (id) => {
    const response = await api('GET', `/api/v1/workers/${encodeURIComponent(id)}`);
    expect([404, 422]).toContain(response.status);
    await problem(response);
    const made = await api('POST', '/api/v1/worker-configs', JSON.stringify({ worker_id: id, name: 'x' }));
    expect([made.status, (await problem(made))['field']]).toEqual([422, 'worker_id']);
  });

  it.each(['limit=-1', 'limit=0', 'limit=1e9', 'limit=1000000000', 'limit=abc', 'limit=', 'limit=1&limit=2', 'offset=1000000000', 'offset=-1', 'nonsense=1', 'since=abc', 'account_id=..', 'direction=sideways'])('refuses ?%s', async (query) => {
    const response = await api('GET', `/api/v1/direct-messages?${query}`);
    expect(response.status).toBe(422);
    expect((await problem(response))['field']).toBe(query.split('=')[0]);
  });

  it('caps a limit at 500, and says where the list goes on', async () => {
    const first = await api('GET', '/api/v1/comments?limit=5');
    expect(first.headers.get('x-total-count')).toBe('24');
    expect(first.headers.get('link')).toMatch(/<\/api\/v1\/comments\?limit=5&offset=5>; rel="next"/);
    expect((await api('GET', '/api/v1/comments?limit=99999')).status).toBe(200);
    expect((await api('GET', "/api/v1/workers/worker-1/logs?level=';drop")).status).toBe(422);
  });

  it('names the methods that a path has', async () => {
    const response = await api('PATCH', '/api/v1/workers/worker-1');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
    await problem(response);
    expect((await api('OPTIONS', '/api/v1/accounts')).status).toBe(405);
  });
});

describe('too much, or the wrong way', () => {
  it('slows one address down after a hundred requests a second', async () => {
    f.clock.now += 5000;
    const statuses = [];
    for (let i = 0; i < 101; i++) statuses.push((await api('GET', '/api/v1/accounts?limit=1')).status);
    expect([statuses.filter((s) => s === 200).length, statuses.at(-1)]).toEqual([100, 429]);
    const last = await api('GET', '/api/v1/accounts?limit=1');
    expect(last.headers.get('retry-after')).toBe('1');
    await problem(last);
    f.clock.now += 1001;
    expect((await api('GET', '/api/v1/accounts?limit=1')).status).toBe(200);
  });

  it('unpacks nothing: a body that is compressed is no JSON', async () => {
    const bomb = gzipSync(Buffer.alloc(900_000, 0x20));
    const response = await f.app.request('http://localhost:3000/api/v1/accounts', { method: 'POST', headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: bomb });
    expect(response.status).toBe(400);
    expect(f.sent).toEqual([]);
  });

  it('gives a HEAD what a GET would be told, without a body', async () => {
    const good = await api('HEAD', '/api/v1/accounts');
    expect([good.status, await good.text()]).toEqual([200, '']);
    for (const path of ['/api/v1/accounts', '//api/v1/accounts', '/accounts', '//accounts']) {
      const response = await f.app.request(`http://localhost:3000${path}`, { method: 'HEAD', headers: { host: 'localhost:3000' } });
      expect([303, 401, 404], path).toContain(response.status);
      expect(await response.text(), path).toBe('');
    }
    expect((await api('HEAD', '/api/v1/workers/worker-1/start')).status).toBe(405);
    expect(f.sent).toEqual([]);
  });
});

describe('workers', () => {
  const config = { worker_id: 'w-9', name: 'nine' };
  it.each([
    [{ deployment_type: 'vm' }, 'deployment_type'], [{ port: 0 }, 'port'], [{ port: 65_536 }, 'port'], [{ port: '80' }, 'port'], [{ max_accounts: -1 }, 'max_accounts'], [{ max_accounts: 1e9 }, 'max_accounts'], [{ max_memory_mb: 700 }, 'max_memory_mb'],
    [{ env_variables: [] }, 'env_variables'], [{ env_variables: { 'A=B': '1' } }, 'env_variables'], [{ env_variables: { LD_PRELOAD: '/x' } }, 'env_variables'], [{ env_variables: { NODE_OPTIONS: '--x' } }, 'env_variables'], [{ env_variables: { PATH: '/' } }, 'env_variables'],
    [{ worker_id: 'overview' }, 'worker_id'], [{ worker_id: 'batch' }, 'worker_id'], [{ restart_delay_ms: 1500 }, 'restart_delay_ms'], [{ name: '' }, 'name'],
  ])('refuses %j', async (more, field) => {
    const response = await api('POST', '/api/v1/worker-configs', JSON.stringify({ ...config, ...more }));
    expect(response.status).toBe(422);
    expect(String((await problem(response))['field'])).toMatch(new RegExp(`^${field}`));
    expect(f.sent).toEqual([]);
  });

  it('answers a batch item by item, 500 at most', async () => {
    f.answers.next = (s) => (s.to.id === 'ghost' ? { ok: false, code: 'not_found', message: 'there is no worker/ghost' } : { ok: true, state: 'active.process.stopping.ending', seq: 2 });
    const response = await api('POST', '/api/v1/workers/batch', JSON.stringify({ action: 'stop', worker_ids: ['worker-1', 'ghost', 'worker-1'], options: { timeout: 5000 } }));
    expect(await response.json()).toMatchObject({ success: false, results: [{ worker_id: 'worker-1', success: true, status: 'stopping' }, { worker_id: 'ghost', success: false, code: 'not_found' }] });
    expect((await api('POST', '/api/v1/workers/batch', JSON.stringify({ action: 'stop', worker_ids: Array.from({ length: 501 }, (_, i) => `w${i}`) }))).status).toBe(413);
  });

  it.each([['not_found', 404], ['conflict', 409], ['invalid', 422], ['duplicate', 409], ['parked', 423], ['forbidden', 403], ['safe_mode', 503], ['storage_full', 503], ['unavailable', 503], ['timeout', 504]])('turns the answer %s into %i', async (code, status) => {
    f.answers.next = () => ({ ok: false, code, message: `because ${code}`, field: 'x' });
    const response = await api('POST', '/api/v1/workers/worker-1/start');
    expect(response.status).toBe(status);
    expect(await problem(response)).toMatchObject({ code, field: 'x', detail: `because ${code}` });
  });
});

describe('anything at all', () => {
  it('never breaks a route that takes a body, nor sends a command for what its schema refuses', async () => {
    f.answers.next = () => ({ ok: true, state: 'x', seq: 1, login: 'l1', context: {}, entries: [] });
    const routes = routeTable(new Metrics(f.deps)).filter((r) => r.doc?.body && r.path.startsWith('/api/v1/'));
    expect(routes.length).toBeGreaterThan(15);
    const keys = [...new Set(routes.flatMap((r) => Object.keys((r.doc!.body as { shape?: object }).shape ?? {})))];
    const value = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.constantFrom(-1, 0, 1e9, '', 'a1', null, true, [], {}, '\ud800', '\u202e', '<script>'));
    const bodies = fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), value, { maxKeys: 6 });
    for (const route of routes) {
      const path = route.path.replace(':kind', 'account').replace(':id', 'a1');
      await fc.assert(
        fc.asyncProperty(fc.oneof(bodies, fc.jsonValue()), async (body) => {
          f.clock.now += 20;
          f.sent.length = 0;
          const response = await api(route.method.toUpperCase(), path, JSON.stringify(body));
          expect(response.status, `${route.method} ${path} ${JSON.stringify(body)}`).not.toBe(500);
          if (response.status === 422 || response.status === 400) expect(f.sent.filter((s) => s.verb !== 'inspect')).toEqual([]);
          if (response.status >= 400) await problem(response);
        }),
        { numRuns: 40 },
      );
    }
  });

  it('reads strict JSON as JSON.parse does, or not at all', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 6 }), (text) => {
      try {
        expect(parseStrict(text)).toEqual(JSON.parse(text));
      } catch (error) {
        expect(error).toBeInstanceOf(BadJson);
      }
    }), { numRuns: 1000 });
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
      let plain: unknown;
      let fails = false;
      try {
        plain = JSON.parse(text.replace(/^\ufeff/, ''));
      } catch {
        fails = true;
      }
      try {
        expect(parseStrict(text)).toEqual(plain);
        expect(fails).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(BadJson);
      }
    }), { numRuns: 1000 });
  });
});
