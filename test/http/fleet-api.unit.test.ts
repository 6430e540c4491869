import YAML from 'yaml';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createUser } from '../../runtime/http/users.ts';
import { fixture, type Fixture } from './fixture.ts';
import { FINGERPRINT } from './seed-fleet.ts';

let f: Fixture;
let admin: string;
let operator: string;
beforeAll(async () => {
  f = await fixture({ fleet: true });
  admin = await f.token('admin');
  operator = await f.token('operate');
});
afterAll(() => f.close());
const accepted = () => ({ ok: true as const, state: 'active.process.starting.spawning', seq: 1 });
beforeEach(() => {
  f.sent.length = 0;
  // The limit of 100 requests a second goes by this clock.
  f.clock.now += 1_100;
  f.answers.next = accepted;
});

type Json = Record<string, any>;
async function ask(method: string, path: string, body?: unknown, more: { token?: string; type?: string } = {}): Promise<{ status: number; body: Json; text: string; headers: Headers }> {
  const response = await f.app.request(`http://localhost:3000${path}`, {
    method, headers: { host: 'localhost:3000', authorization: `Bearer ${more.token ?? admin}`, ...(body === undefined ? {} : { 'content-type': more.type ?? 'application/json' }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, headers: response.headers, body: /json/.test(response.headers.get('content-type') ?? '') ? (JSON.parse(text) as Json) : {} };
}
const BASE = '/api/v1';

describe('configurations', () => {
  it('give every field, and secrets as dots to everyone', async () => {
    for (const token of [admin, operator]) {
      const { body, text } = await ask('GET', `${BASE}/worker-configs/worker-1`, undefined, { token });
      expect(body).toMatchObject({ worker_id: 'worker-1', secret_env: { TOKEN: '•••' }, ssh_password: null, memory_action: 'restart', recycle_after_hours: 0, groups: [], labels: {}, docker_volumes: [], k8s_node_selector: {}, ssh_directory: '/opt/troupe', stop_timeout_ms: 30_000, version: 4, runs: { started: 2, applied: 2 } });
      expect(body['env_variables']).toEqual(token === admin ? { LOG_LEVEL: 'info', API_SECRET: 'hidden-value' } : { LOG_LEVEL: '•••', API_SECRET: '•••' });
      expect(text).not.toContain('vault:');
    }
    const { body } = await ask('GET', '/api/worker-configs/worker-1');
    expect(body).toMatchObject({ memoryAction: 'restart', secretEnv: { TOKEN: '•••' } });
  });

  it('take new fields, keep what comes back as dots, and refuse dots that stand for nothing', async () => {
    await ask('PATCH', `${BASE}/worker-configs/worker-1`, { memory_action: 'drain', secret_env: { TOKEN: '•••', NEW: 's3cret' }, env_variables: { LOG_LEVEL: '•••', MORE: '1' } }, { token: operator });
    expect(f.sent[0]).toMatchObject({ verb: 'update', payload: { memory_action: 'drain', secret_env: { NEW: 's3cret' }, env_variables: { LOG_LEVEL: 'info', MORE: '1' } } });
    const { body, text } = await ask('PUT', `${BASE}/worker-configs/worker-1`, { secret_env: { TOKEN: null, NEW: 's3cret' } });
    expect(body['secret_env']).toEqual({ NEW: '•••' });
    expect(text).not.toContain('s3cret');
    for (const [patch, field] of [[{ secret_env: { NONE: '•••' } }, 'secret_env'], [{ ssh_password: '•••' }, 'ssh_password'], [{ env_variables: { NONE: '•••' } }, 'env_variables']] as const) {
      expect(await ask('PATCH', `${BASE}/worker-configs/worker-1`, patch), field).toMatchObject({ status: 422, body: { field } });
    }
  });

  it.each([
    [{ deployment_type: 'remote' }, 'ssh_host'], [{ deployment_type: 'docker' }, 'docker_image'], [{ deployment_type: 'k8s' }, 'k8s_image'], [{ deployment_type: 'agent' }, 'machine'], [{ memory_action: 'explode' }, 'memory_action'],
    [{ docker_volumes: ['/var/run/docker.sock:/x'] }, 'docker_volumes.0'], [{ docker_network: 'host' }, 'docker_network'], [{ secret_env: { LD_PRELOAD: 'x' } }, 'secret_env'], [{ labels: { 'Bad Label': 'x' } }, 'labels.Bad Label'],
    [{ max_memory_mb: 700 }, 'max_memory_mb'], [{ recycle_after_hours: 10_000 }, 'recycle_after_hours'], [{ groups: ['Über'] }, 'groups.0'], [{ no_such: 1 }, 'no_such'],
  ])('refuse %j by its field', async (patch, field) => {
    const { status, body } = await ask('PATCH', `${BASE}/worker-configs/worker-1`, patch);
    expect([status, body['field']]).toEqual([422, field]);
    expect(f.sent).toEqual([]);
  });

  it('open an earlier version in the editor, with today\'s secrets and nothing saved', async () => {
    const form = async (query: string) => (await f.get(`/workers/worker-1/edit${query}`, { cookie: await f.cookie() })).text();
    expect(await form('?version=2')).toMatch(/name="max_accounts"[^>]*value="5"/);
    for (const html of [await form(''), await form('?version=4')]) expect(html).toMatch(/name="max_accounts"[^>]*value="10"/);
    expect(await form('?version=2')).toContain('TOKEN');
    expect((await f.get('/workers/worker-1/edit?version=99', { cookie: await f.cookie() })).status).toBe(404);
  });

  it('list versions with who, when and what, and never a secret', async () => {
    const { body, text } = await ask('GET', `${BASE}/worker-configs/worker-1/versions`);
    expect(body['versions'].map((v: Json) => [v['version'], v['by'], v['changes']])).toEqual([
      [4, 'user:admin', [{ field: 'description', from: null, to: '主力' }]],
      [3, 'token:ci', [{ field: 'max_accounts', from: '5', to: '10' }, { field: 'secret_env.TOKEN', from: '•••', to: '•••' }]],
      [2, 'user:admin', [{ field: 'env_variables.API_SECRET', from: null, to: 'hidden-value' }, { field: 'env_variables.LOG_LEVEL', from: 'debug', to: 'info' }, { field: 'secret_env.TOKEN', from: null, to: '•••' }]],
      [1, 'user:admin', []],
    ]);
    expect(body['versions'][0].at).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(text).not.toContain('vault:');
    expect((await ask('GET', `${BASE}/worker-configs/worker-1/versions`, undefined, { token: operator })).text).not.toContain('hidden-value');
  });

  it('go back to a version, but for what is sealed', async () => {
    const { body } = await ask('POST', `${BASE}/worker-configs/worker-1/revert`, { version: 1 });
    expect(f.sent).toMatchObject([{ to: { kind: 'worker', id: 'worker-1' }, verb: 'update', payload: { description: '', max_accounts: 5, env_variables: { LOG_LEVEL: 'debug' } } }]);
    expect(Object.keys(f.sent[0]!.payload as object).sort()).toEqual(['description', 'env_variables', 'max_accounts']);
    expect(body).toMatchObject({ success: true, version: 1, kept: ['secret_env.TOKEN'] });
    expect(body['changes'].map((c: Json) => c['field'])).toEqual(['description', 'max_accounts', 'env_variables.API_SECRET', 'env_variables.LOG_LEVEL'].sort((a, b) => body['changes'].findIndex((c: Json) => c['field'] === a) - body['changes'].findIndex((c: Json) => c['field'] === b)));
    f.sent.length = 0;
    expect((await ask('POST', `${BASE}/worker-configs/worker-1/revert`, { version: 4 })).body).toMatchObject({ success: true, changes: [] });
    expect(f.sent).toEqual([]);
    expect((await ask('POST', `${BASE}/worker-configs/worker-1/revert`, { version: 99 })).status).toBe(404);
    for (const version of [0, -1, 1.5, '1', null]) expect((await ask('POST', `${BASE}/worker-configs/worker-1/revert`, { version })).status).toBe(422);
  });
});

describe('shell tasks', () => {
  it('are switched on by an admin alone, on every way, and the audit says so', async () => {
    const allow_shell = true;
    const ways: [string, string, unknown][] = [
      ['PATCH', '/worker-configs/worker-1', { allow_shell }], ['PUT', '/worker-configs/worker-1', { allow_shell }], ['POST', '/worker-configs', { worker_id: 'sh', name: 'sh', port: 4055, allow_shell }],
      ['PUT', '/worker-templates/sh', { allow_shell }], ['POST', '/worker-configs/import', { workers: [{ worker_id: 'worker-1', allow_shell }] }], ['POST', '/worker-configs/import', { workers: [{ worker_id: 'new-sh', name: 'x', allow_shell }] }],
    ];
    for (const [method, path, body] of ways) {
      const no = await ask(method, BASE + path, body, { token: operator });
      expect(no.status, path).toBe(path.endsWith('import') ? 422 : 403);
      expect(path.endsWith('import') ? no.body['items'][0] : no.body).toMatchObject({ field: 'allow_shell' });
    }
    expect(f.sent).toEqual([]);
    expect(await f.deps.settings.keys()).toEqual([]);
    f.audited.length = 0;
    for (const [method, path, body] of ways) expect((await ask(method, BASE + path, body)).status, path).toBeLessThan(300);
    expect(f.audited.map((a) => `${a.event} ${a.about} ${a.by}`)).toEqual(['worker/worker-1', 'worker/worker-1', 'worker/sh', 'template/sh', 'worker/worker-1', 'worker/new-sh'].map((about) => `SHELL_ALLOWED ${about} token:admin`));
    // A template of an admin's does not hand the right on.
    expect((await ask('POST', `${BASE}/worker-configs`, { template: 'sh', worker_id: 'other', name: 'x', port: 4056 }, { token: operator })).status).toBe(403);
    await ask('DELETE', `${BASE}/worker-templates/sh`);
    // What changes nothing is no matter of rights.
    expect((await ask('PATCH', `${BASE}/worker-configs/worker-1`, { allow_shell: false, max_agents: 40 }, { token: operator })).status).toBe(200);
    f.answers.next = () => ({ ok: false, code: 'conflict', message: 'no' });
    f.audited.length = 0;
    expect((await ask('PATCH', `${BASE}/worker-configs/worker-1`, { allow_shell })).status).toBe(409);
    expect(f.audited).toEqual([]);
  });

  it.each([[{ env_variables: { ALLOW_SHELL: '1' } }, 'env_variables'], [{ secret_env: { ALLOW_SHELL: '1' } }, 'secret_env'], [{ command_args: ['--allow-shell'] }, 'command_args'], [{ max_agents: -1 }, 'max_agents'], [{ max_agents: 1001 }, 'max_agents'], [{ allow_shell: 'yes' }, 'allow_shell']])('find no way round: %j', async (patch, field) => {
    expect(await ask('PATCH', `${BASE}/worker-configs/worker-1`, patch)).toMatchObject({ status: 422, body: { field } });
  });

  it('are a closed box in the form of everyone else, whose saving leaves them as they are', async () => {
    await createUser(f.deps.users, 'olga', 'operate', f.clock.now);
    const form = async (user: string) => (await f.get('/workers/worker-1/edit', { cookie: await f.cookie(user) })).text();
    expect(await form('admin')).toMatch(/<fieldset name="shell">.*name="allow_shell"/);
    expect(await form('olga')).toMatch(/<fieldset name="shell" disabled/);
    const fields = { name: 'W', deployment_type: 'local', host: '127.0.0.1', port: '4001', max_accounts: '10', max_agents: '25', max_memory_mb: '2048', cpu_cores: '2', memory_action: 'restart', mode: 'profile', restart_delay_ms: '5000', max_restart_attempts: '3', recycle_after_hours: '0', stop_timeout_ms: '30000', drain_timeout_ms: '120000', ssh_port: '22', ssh_directory: '/opt/troupe', allow_shell: '1' };
    for (const [user, sent] of [['olga', undefined], ['admin', true]] as const) {
      f.sent.length = 0;
      expect((await f.post('/workers/worker-1', new URLSearchParams(fields).toString(), { cookie: await f.cookie(user) })).status).toBeLessThan(300);
      expect(f.sent[0]!.payload).toMatchObject({ max_agents: 25 });
      expect((f.sent[0]!.payload as Json)['allow_shell']).toBe(sent);
    }
  });
});

describe('templates', () => {
  it('are saved from a worker without its name and secrets, and fill in a new one', async () => {
    const saved = await ask('PUT', `${BASE}/worker-templates/base`, { from: 'worker-1', max_accounts: 7 });
    expect(saved.body['template']).toMatchObject({ name: 'base', config: { max_accounts: 7, description: '主力' } });
    const stored = Buffer.from((await f.deps.settings.get('template.base'))!).toString();
    for (const not of ['worker_id', '"name"', 'secret_env', 'vault:', 'ssh_password']) expect(stored).not.toContain(not);
    await ask('POST', `${BASE}/worker-configs`, { template: 'base', worker_id: 'worker-9', name: '九', port: 4009 });
    expect(f.sent).toMatchObject([{ to: { id: 'worker-9' }, verb: 'create', payload: { name: '九', port: 4009, max_accounts: 7, description: '主力' } }]);
    expect((await ask('GET', `${BASE}/worker-templates`)).body['templates'].map((t: Json) => t['name'])).toEqual(['base']);
    expect((await ask('DELETE', `${BASE}/worker-templates/base`)).status).toBe(200);
    expect((await ask('GET', `${BASE}/worker-templates/base`)).status).toBe(404);
    expect((await ask('POST', `${BASE}/worker-configs`, { template: 'base', worker_id: 'w', name: 'x' })).status).toBe(404);
  });
  it('take no secrets, no names, no unknown fields', async () => {
    for (const body of [{ secret_env: { A: 'x' } }, { ssh_password: 'x' }, { name: 'x' }, { worker_id: 'x' }, { nothing: 1 }, { port: 0 }, []]) expect((await ask('PUT', `${BASE}/worker-templates/t`, body)).status, JSON.stringify(body)).toBe(422);
    for (const name of ['Upper', 'a.b', '-x', 'x'.repeat(64)]) expect((await ask('PUT', `${BASE}/worker-templates/${name}`, {})).status, name).toBe(422);
    expect(await f.deps.settings.keys()).toEqual([]);
  });
});

describe('export and import', () => {
  it('give a file that comes back unchanged, without a secret', async () => {
    for (const [format, type] of [['yaml', 'application/yaml'], ['json', 'application/json']] as const) {
      const file = await ask('GET', `${BASE}/worker-configs/export?format=${format}`);
      expect(file.headers.get('content-disposition')).toMatch(new RegExp(`^attachment; filename="troupe-workers-[0-9-]+\\.${format}"$`));
      expect(file.text).not.toMatch(/vault:/);
      const { body } = await ask('POST', `${BASE}/worker-configs/import?dry_run=1`, file.text, { type });
      expect(body['items'].map((i: Json) => [i['worker_id'], i['action']])).toEqual([['worker-1', 'unchanged'], ['worker-2', 'unchanged'], ['worker-3', 'unchanged'], ['worker-4', 'unchanged']]);
    }
    expect(f.sent).toEqual([]);
  });

  it('say what each item would do, do nothing while one is invalid, and else do it', async () => {
    const workers: Json[] = [{ worker_id: 'worker-1', max_accounts: 3 }, { worker_id: 'fresh', name: '新', secret_env: { A: '•••' } }, { worker_id: 'worker-3' }, { worker_id: 'bad', name: 'x', port: 70_000 }];
    const file = (list: Json[]) => YAML.stringify({ workers: list });
    const type = 'text/yaml';
    const dry = (await ask('POST', `${BASE}/worker-configs/import?dry_run=1`, file(workers), { type })).body;
    expect(dry['items'].map((i: Json) => [i['worker_id'], i['action'], i['field']])).toEqual([['worker-1', 'update', null], ['fresh', 'create', null], ['worker-3', 'unchanged', null], ['bad', 'invalid', 'port']]);
    expect(dry['items'][0].changes).toEqual([{ field: 'max_accounts', from: '10', to: '3' }]);
    expect(await ask('POST', `${BASE}/worker-configs/import`, file(workers), { type })).toMatchObject({ status: 422, body: { success: false } });
    expect(f.sent).toEqual([]);
    const done = await ask('POST', `${BASE}/worker-configs/import`, file(workers.slice(0, 3)), { type });
    expect(done).toMatchObject({ status: 200, body: { success: true, dry_run: false } });
    expect(f.sent.map((s) => [s.to.id, s.verb])).toEqual([['worker-1', 'update'], ['fresh', 'create']]);
    expect(f.sent[0]!.payload).toEqual({ max_accounts: 3 });
    expect(f.sent[1]!.payload).toMatchObject({ name: '新', secret_env: {} });
  });

  it.each([
    ['a doubled key', 'workers:\n  - worker_id: a\n    worker_id: b\n', 400, /unique/],
    ['an alias', 'a: &a [x]\nworkers: *a\n', 400, /aliases/],
    ['an alias bomb', `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`).join('\n')}\nworkers: *i\n`, 400, /aliases/],
    ['a tag', 'workers: !!js/function "x"\n', 400, /tag/i],
    ['depth in brackets', `workers: ${'['.repeat(5000)}`, 400, /deep/],
    ['depth in dashes', `${'- '.repeat(400)}x`, 400, /deep/],
    ['__proto__', 'workers:\n  - __proto__: {a: 1}\n', 400, /__proto__/],
    ['two documents', 'workers: []\n---\nworkers: []\n', 400, /documents/],
    ['no list', 'workers: 1\n', 422, /list/],
    ['nothing', '', 400, /empty/],
    ['a large file', `# ${'x'.repeat(600 * 1024)}\nworkers: []\n`, 413, /larger/],
    ['too many', `workers:\n${'  - {worker_id: a}\n'.repeat(501)}`, 413, /500/],
  ])('refuse %s', async (_, text, status, says) => {
    const began = performance.now();
    const answer = await ask('POST', `${BASE}/worker-configs/import?dry_run=1`, text, { type: 'application/yaml' });
    expect(performance.now() - began).toBeLessThan(1500);
    expect([answer.status, String(answer.body['message'])]).toEqual([status, expect.stringMatching(says)]);
  });

  it('name the fault of each item, and other types', async () => {
    const items = async (list: unknown[]) => (await ask('POST', `${BASE}/worker-configs/import?dry_run=1`, { workers: list })).body['items'].map((i: Json) => [i['action'], i['field']]);
    expect(await items([{ worker_id: 'worker-3', deployment_type: 'docker' }, { worker_id: 'a', name: 'x' }, { worker_id: 'a', name: 'y' }, { worker_id: 'map', name: 'x' }, { name: 'x' }, 7, { worker_id: 'b', name: 'x', nope: 1 }, { worker_id: 'c' }])).toEqual([['invalid', 'docker_image'], ['create', null], ['invalid', 'worker_id'], ['invalid', 'worker_id'], ['invalid', 'worker_id'], ['invalid', null], ['invalid', 'nope'], ['invalid', 'name']]);
    expect((await ask('POST', `${BASE}/worker-configs/import`, 'x', { type: 'text/plain' })).status).toBe(415);
    expect((await ask('GET', `${BASE}/worker-configs/export?format=xml`)).status).toBe(422);
  });
});

describe('workers', () => {
  it('are killed, and acted on together after a look', async () => {
    expect((await ask('POST', `${BASE}/workers/worker-1/kill`)).body).toMatchObject({ success: true, worker_id: 'worker-1' });
    expect(f.sent).toMatchObject([{ verb: 'kill', payload: {} }]);
    f.sent.length = 0;
    const dry = (await ask('POST', `${BASE}/workers/batch`, { action: 'kill', worker_ids: ['worker-1', 'worker-4', 'ghost'], dry_run: true })).body;
    expect(dry['results']).toEqual([{ worker_id: 'worker-1', success: true, status: 'running' }, { worker_id: 'worker-4', success: false, status: 'stopped', code: 'conflict', error: 'it does not run' }, { worker_id: 'ghost', success: false, status: null, code: 'not_found', error: 'there is no worker ghost' }]);
    expect(f.sent).toEqual([]);
    f.answers.next = (s) => (s.to.id === 'worker-4' ? { ok: false, code: 'conflict', message: 'no' } : accepted());
    const did = (await ask('POST', `${BASE}/workers/batch`, { action: 'kill', worker_ids: ['worker-1', 'worker-4', 'worker-1'] })).body;
    expect(did['results'].map((r: Json) => [r['worker_id'], r['success'], r['error']])).toEqual([['worker-1', true, undefined], ['worker-4', false, 'no']]);
  });

  it('are listed by any group that they serve, by type and by state', async () => {
    const ids = async (query: string) => (await ask('GET', `${BASE}/workers?${query}`)).body['workers'].map((w: Json) => w['id']);
    expect(await ids('group=docker')).toEqual(['worker-2']);
    expect(await ids('group=default')).toEqual(['worker-1', 'worker-2', 'worker-3', 'worker-4']);
    expect(await ids('status=stopped,crashed')).toEqual(['worker-3', 'worker-4']);
    expect(await ids('type=docker')).toEqual(['worker-2']);
    expect(await ids('search=夜')).toEqual(['worker-4']);
    expect((await ask('GET', `${BASE}/workers?status=1;drop`)).status).toBe(422);
  });

  it('show what they used: fine rows for an hour, coarse ones for longer, the newest as heard', async () => {
    const series = async (period: string) => (await ask('GET', `${BASE}/workers/worker-1/metrics?period=${period}`)).body;
    f.deps.figures.take({ worker: 'worker-1', incarnation: 'i', seq: 2, at: f.clock.now, rssBytes: 812 * 1_048_576, cpuRatio: 0.4, browsers: 2, busy: { crawl: 0, reply: 0, login: 0 }, accounts: [] });
    const hour = await series('1h');
    expect(hour).toMatchObject({ step: '10s', limits: { memory_mb: 2048, cpu_usage: 200 } });
    expect(hour['series'].memory_usage.length).toBeGreaterThan(295);
    expect(hour['series'].memory_usage.at(-1).value).toBe(812);
    expect((await series('5m'))['series'].cpu_usage.length).toBeLessThan(32);
    const day = await series('24h');
    expect([day['step'], day['series'].cpu_usage.length]).toEqual(['1m', 201]);
    expect((await series('30d'))['step']).toBe('10m');
    for (const period of ['31d', '0m', 'soon', '1w', '-1h', '99999d']) expect((await ask('GET', `${BASE}/workers/worker-1/metrics?period=${period}`)).status, period).toBe(422);
  });

  it('give their log by level, category and words, and as a file', async () => {
    const lines = async (query: string) => (await ask('GET', `${BASE}/workers/worker-1/logs?limit=500&${query}`)).body['logs'] as Json[];
    expect((await lines('level=error,warn')).every((l) => ['error', 'warn'].includes(l['level']))).toBe(true);
    expect((await lines('category=task')).every((l) => l['category'] === 'task')).toBe(true);
    expect((await lines('q=proxy')).length).toBe(12);
    expect(await lines('q=%25')).toEqual([]);
    const file = await ask('GET', `${BASE}/workers/worker-1/logs?format=text&q=proxy`);
    expect(file.headers.get('content-disposition')).toBe('attachment; filename="worker-1.log"');
    expect(file.text.trim().split('\n')).toHaveLength(12);
    for (const query of ['level=fatal', 'category=A b', 'since=yesterday', `q=${'x'.repeat(300)}`]) expect((await ask('GET', `${BASE}/workers/worker-1/logs?${query}`)).status, query).toBe(422);
  });
});

describe('the fleet', () => {
  it('tells groups with the reason why accounts wait', async () => {
    const groups = (await ask('GET', `${BASE}/groups`)).body['groups'] as Json[];
    expect(groups.map((g) => [g['name'], g['workers'].length, g['running'], g['capacity']])).toEqual([['default', 4, 2, 40], ['docker', 1, 1, 10], ['gpu', 0, 0, 0]]);
    expect(groups[0]!['waiting']).toEqual([]);
    expect(groups[2]!['waiting']).toEqual([{ account_id: 'a4', account_name: '小样日记', reason: 'no worker of group gpu runs: start one' }]);
    expect(groups[1]!['scaler']).toMatchObject({ min: 1, max: 5, dry_run: true, decisions: [{ do: 'out', why: '9 accounts at 8 a worker ask for 2; 1 run' }] });
  });

  it('plans and makes moves', async () => {
    f.clock.now += 1;
    expect((await ask('POST', `${BASE}/workers/rebalance`, { dry_run: true })).body).toMatchObject({ success: true, dry_run: true, moves: [] });
    for (const body of [{ dry_run: 'yes' }, { group: 'A' }, { x: 1 }]) expect((await ask('POST', `${BASE}/workers/rebalance`, body)).status).toBe(422);
  });

  it('keeps its strategy', async () => {
    expect((await ask('GET', `${BASE}/fleet/settings`)).body['settings']).toMatchObject({ strategy: 'least-connections' });
    expect((await ask('PUT', `${BASE}/fleet/settings`, { strategy: 'affinity' })).status).toBe(200);
    expect((await ask('GET', `${BASE}/fleet/settings`)).body['settings']).toMatchObject({ strategy: 'affinity' });
    for (const body of [{ strategy: 'random' }, {}, { strategy: 'affinity', x: 1 }]) expect((await ask('PUT', `${BASE}/fleet/settings`, body)).status, JSON.stringify(body)).toBe(422);
  });

  it('scales groups', async () => {
    const scaler = { group_name: 'gpu', min: 1, max: 3, target: 5, template: 'base' };
    expect((await ask('POST', `${BASE}/scalers`, scaler)).status).toBe(201);
    expect(f.sent).toMatchObject([{ to: { kind: 'scaler', id: 'gpu' }, verb: 'create', payload: { min: 1, max: 3, target: 5, metric: 'accounts', enabled: true, dry_run: false } }]);
    f.sent.length = 0;
    expect((await ask('PATCH', `${BASE}/scalers/docker`, { enabled: false })).status).toBe(200);
    expect(f.sent).toMatchObject([{ to: { kind: 'scaler', id: 'docker' }, verb: 'update', payload: { enabled: false } }]);
    for (const [body, field] of [[{ ...scaler, min: 4 }, 'min'], [{ ...scaler, metric: 'luck' }, 'metric'], [{ ...scaler, cooldown_seconds: 1 }, 'cooldown_seconds'], [{ ...scaler, group_name: 'A' }, 'group_name'], [{ ...scaler, template: '../x' }, 'template']] as const) {
      expect((await ask('POST', `${BASE}/scalers`, body)).body['field']).toBe(field);
    }
    expect((await ask('PATCH', `${BASE}/scalers/docker`, { min: 9 })).body['field']).toBe('min');
    expect((await ask('PATCH', `${BASE}/scalers/nobody`, { min: 1 })).status).toBe(404);
    expect((await ask('DELETE', `${BASE}/scalers/docker`)).status).toBe(200);
  });

  it('shows machines and their keys, and takes a decision on them', async () => {
    f.deps.machines.take({ machine: 'rack-1', incarnation: 'i', seq: 1, at: 1, host: 'rack-1.lan', os: 'x', arch: 'x64', cpus: 8, memoryTotalBytes: 16, version: '0', node: '20', chromium: null, place: { node: 'n', main: 'm', cwd: '/', dataDir: '/' }, cpuRatio: 0.5, memoryFreeBytes: 8, diskFreeBytes: 100, diskTotalBytes: 400, workers: [] });
    const { body, text } = await ask('GET', `${BASE}/machines`);
    expect(body['machines'].map((m: Json) => [m['id'].slice(0, 10), m['trust'], m['usage']?.cpu_ratio ?? null])).toEqual([['rack-1', 'unknown', 0.5], ['rack-2', 'unknown', null], ['ssh-host-a', 'offered', null], ['ssh-host-b', 'changed', null], ['ssh-host-c', 'trusted', null]]);
    expect(text).not.toContain('dataDir');
    expect((await ask('POST', `${BASE}/machines/ssh-host-b-22-bbbbbbbb/accept`, { fingerprint: FINGERPRINT('C') })).status).toBe(200);
    expect(f.sent).toMatchObject([{ to: { kind: 'machine' }, verb: 'accept', payload: { fingerprint: FINGERPRINT('C') } }]);
    for (const fingerprint of ['', 'MD5:x', null]) expect((await ask('POST', `${BASE}/machines/rack-1/accept`, { fingerprint })).status).toBe(422);
    expect((await ask('POST', `${BASE}/machines/nobody/cordon`)).status).toBe(404);
    expect((await ask('POST', `${BASE}/machines/rack-1/cordon`)).status).toBe(200);
    expect((await ask('PATCH', `${BASE}/machines/rack-1`, { name: '' })).status).toBe(422);
  });

  it('takes keys and never gives them back', async () => {
    const pem = `-----BEGIN OPENSSH PRIVATE KEY-----\n${'b3Blbn'.repeat(20)}\n-----END OPENSSH PRIVATE KEY-----\n`;
    const made = await ask('POST', `${BASE}/ssh-keys`, { comment: 'new', private_key: pem });
    expect([made.status, made.text.includes('b3Blbn')]).toEqual([201, false]);
    expect(f.sent).toMatchObject([{ to: { kind: 'key', id: expect.stringMatching(/^k[0-9a-f]{10}$/) }, verb: 'create', payload: { comment: 'new', private_key: pem, passphrase: null } }]);
    expect((await ask('GET', `${BASE}/ssh-keys`)).body['keys'].map((k: Json) => [k['id'], k['status'], k['fingerprint']])).toEqual([['k1', 'stored', FINGERPRINT('K')], ['k2', 'unreadable', null]]);
    for (const body of [{ private_key: 'no key' }, {}, { private_key: pem, x: 1 }]) expect((await ask('POST', `${BASE}/ssh-keys`, body)).status).toBe(422);
    expect((await ask('DELETE', `${BASE}/ssh-keys/k1`)).status).toBe(200);
    expect((await ask('DELETE', `${BASE}/ssh-keys/k9`)).status).toBe(404);
  });

  it('moves an account once, from the lease that it holds', async () => {
    await ask('POST', `${BASE}/accounts/a1/move`, { worker_id: 'worker-2' });
    expect(f.sent).toMatchObject([{ to: { kind: 'account', id: 'a1' }, verb: 'move', payload: { epoch: 3, to: 'worker-2' } }]);
  });
});
