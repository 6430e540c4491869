import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Metrics } from '../../runtime/http/metrics.ts';
import { routeTable } from '../../runtime/http/route-table.ts';
import type { Route } from '../../runtime/http/routes.ts';
import { fixture, PASSWORD, type Fixture } from './fixture.ts';

/** Who may do what, by hand: a route that is missing here, or has another scope, fails. Paths of the API stand once, for both mounts. */
const TABLE: Record<Route['needs'], string[]> = {
  public: ['GET /sign-in', 'POST /sign-in', 'POST /sign-out', 'GET /static/:file', 'GET /livez', 'GET /readyz', 'GET /healthz', 'GET /health', 'GET /openapi.json'],
  read: [
    'GET /platforms', 'GET api/platforms',
    'GET /notifications/rules', 'GET /notifications/fresh', 'GET api/notification-rules', 'GET api/notification-rules/:id',
    'GET /alerts', 'GET api/alerts', 'GET api/alerts/:id', 'GET api/alert-rules', 'GET api/alert-rules/:id',
    'GET /', 'GET /accounts', 'GET /logins/:id', 'GET /pictures/:name', 'GET /inbox', 'GET /replies', 'GET /notifications', 'GET /workers', 'GET /workers/map', 'GET /workers/:id', 'GET /workers/:id/logs', 'GET /workers/:id/output', 'GET /groups', 'GET /machines', 'GET api/workers/:id/output', 'GET /actors', 'GET /actors/:kind/:id',
    'GET /settings', 'GET /streams', 'GET /hub', 'GET /agent-hub', 'GET /tasks', 'GET /tasks/:id', 'GET /agents', 'GET /agents/:id', 'GET /queues', 'GET /schedules', 'GET /schedules/:id', 'GET /task-templates', 'GET /task-templates/:id', 'GET api/schedules', 'GET api/schedules/:id', 'GET api/task-templates', 'GET api/task-templates/:id', 'GET api/stats', 'GET api/hub/series',  'POST /settings/look', 'POST /settings/password', 'GET /api', 'GET /events', 'GET /metrics', 'GET /api/metrics',
    'GET api/worker-configs', 'GET api/worker-configs/export', 'GET api/worker-configs/:id', 'GET api/worker-configs/:id/versions', 'GET api/worker-templates', 'GET api/worker-templates/:id', 'GET api/groups', 'GET api/scalers', 'GET api/scalers/:id', 'GET api/fleet/settings', 'GET api/machines', 'GET api/machines/:id', 'GET api/ssh-keys', 'GET api/workers', 'GET api/workers/overview', 'GET api/workers/:id', 'GET api/workers/:id/status', 'GET api/workers/:id/logs', 'GET api/workers/:id/metrics', 'GET api/workers/:id/health',
    'GET api/accounts', 'GET api/accounts/:id', 'GET api/login-sessions', 'GET api/login-sessions/:id', 'GET api/comments', 'GET api/direct-messages', 'GET api/notifications', 'GET api/replies', 'GET api/replies/:id',
    'GET /proxies', 'GET /proxies/:id', 'GET api/proxies', 'GET api/proxies/:id', 'GET /accounts/:id', 'GET /accounts/export', 'GET /accounts/:id/rounds/:index/:what', 'GET api/accounts/export', 'GET api/accounts/:id/rounds', 'GET api/accounts/:id/fingerprint',
    'GET api/actors', 'GET api/actors/:kind/:id', 'GET api/actors/:kind/:id/history',
    'GET api/tasks', 'GET api/tasks/:id', 'GET api/tasks/:id/logs', 'GET api/tasks/:id/artefacts/:name', 'GET api/agents', 'GET api/agents/:id', 'GET api/queues', 'GET api/pauses',
    'GET api/tools', 'GET api/agents/:id/screenshot', 'GET /agents/:id/view', 'GET /agents/:id/cast', 'GET /logins/:id/view', 'GET /logins/:id/cast',
    'GET /canned', 'GET /rules', 'GET /rules/:id', 'POST /rules/try', 'GET /inbox/canned', 'GET /replies/:id/evidence', 'GET api/conversations', 'GET api/conversations/labels', 'GET api/conversations/:id', 'GET api/canned-answers', 'GET api/canned-answers/:id', 'GET api/inbox-filters',
    'GET api/rules', 'GET api/rules/:id', 'GET api/rules/:id/log', 'POST api/rules/try',
  ],
  operate: [
    'GET /notifications/rules/new', 'POST /notifications/rules', 'GET /notifications/rules/:id/edit', 'POST /notifications/rules/:id', ...['enable', 'disable', 'flush', 'remove'].map((v) => `POST /notifications/rules/:id/${v}`), 'POST api/notification-rules', 'PATCH api/notification-rules/:id', 'PUT api/notification-rules/:id', 'DELETE api/notification-rules/:id', ...['enable', 'disable', 'flush'].map((v) => `POST api/notification-rules/:id/${v}`),
    'GET /platforms/:id/test', 'POST /platforms/:id/test', 'POST api/platforms/:id/test', 'GET /accounts/:id/login/cookies', 'POST /accounts/:id/login/:method',
    'GET /alerts/new', 'POST /alerts', 'GET /alerts/:id/edit', 'POST /alerts/:id', ...['snooze', 'acknowledge', 'wake', 'enable', 'disable', 'remove'].map((v) => `POST /alerts/:id/${v}`), ...['acknowledge', 'snooze', 'wake'].map((v) => `POST api/alerts/:id/${v}`), 'POST api/alert-rules', 'PATCH api/alert-rules/:id', 'PUT api/alert-rules/:id', 'DELETE api/alert-rules/:id', 'POST api/alert-rules/:id/enable', 'POST api/alert-rules/:id/disable',
    'GET /accounts/batch', 'POST /accounts/batch', 'GET /workers/batch', 'POST /workers/batch', 'GET /workers/batch/:job', 'GET /accounts/batch/:job', 'GET /accounts/new', 'POST /accounts', 'GET /accounts/:id/edit', 'GET /accounts/:id/assign', 'POST /accounts/:id', 'POST /accounts/:id/assign', 'POST /accounts/:id/login', 'POST /accounts/:id/pause', 'POST /accounts/:id/resume', 'POST /accounts/:id/crawl', 'POST /accounts/:id/remove',
    'GET /proxies/new', 'POST /proxies', 'GET /proxies/:id/edit', 'POST /proxies/:id', 'GET /proxies/:id/remove', ...['check', 'enable', 'disable', 'remove'].map((v) => `POST /proxies/:id/${v}`), 'POST api/proxies', 'PUT api/proxies/:id', 'PATCH api/proxies/:id', 'DELETE api/proxies/:id', ...['check', 'enable', 'disable'].map((v) => `POST api/proxies/:id/${v}`),
    'GET /accounts/import', 'POST /accounts/import', 'GET /accounts/:id/proxy', 'POST /accounts/:id/proxy', 'GET /accounts/:id/fingerprint', 'POST /accounts/:id/fingerprint', ...['check', 'archive', 'unarchive'].flatMap((v) => [`POST /accounts/:id/${v}`, `POST api/accounts/:id/${v}`]), 'POST api/accounts/:id/rotate-proxy', 'POST api/accounts/:id/fingerprint', 'POST api/accounts/import',
    'GET /tasks/batch', 'POST /tasks/batch', 'GET /tasks/batch/:job', 'GET /agents/batch/:job', 'GET /tasks/matching', 'POST /tasks/matching', 'GET /tasks/step', 'GET /tasks/new', 'POST /tasks', 'POST /tasks/:id/cancel', 'GET /tasks/:id/replay', 'POST /tasks/:id/replay',
    'GET /agents/batch', 'POST /agents/batch', 'GET /agents/new', 'POST /agents', 'POST /agents/:id/close', 'POST /agents/:id/restart', 'GET /pauses/new', 'POST /pauses', 'POST /pauses/:scope/:name/resume',
    'GET /schedules/preview', 'GET /schedules/new', 'POST /schedules', 'GET /schedules/:id/edit', 'POST /schedules/:id', ...['pause', 'resume', 'now', 'remove'].map((v) => `POST /schedules/:id/${v}`),
    'GET /task-templates/pick', 'GET /task-templates/param', 'GET /task-templates/new', 'GET /task-templates/from/:id', 'POST /task-templates', 'GET /task-templates/:id/edit', 'POST /task-templates/:id', 'POST /task-templates/:id/remove', 'GET /task-templates/:id/use', 'POST /task-templates/:id/use',
    'POST api/schedules', 'PATCH api/schedules/:id', 'PUT api/schedules/:id', 'POST api/schedules/:id/pause', 'POST api/schedules/:id/resume', 'POST api/schedules/:id/now', 'DELETE api/schedules/:id', 'PUT api/task-templates/:id', 'DELETE api/task-templates/:id', 'POST api/task-templates/:id/use',
    'POST /logins/:id/answer', 'POST /logins/:id/cancel', 'POST /inbox/read', 'POST /replies', 'POST /replies/:id/check', 'POST /replies/:id/mark-posted', 'POST /replies/:id/resend', 'POST /replies/:id/discard', 'POST /replies/:id/cancel', 'POST /notifications/read',
    'GET /workers/new', 'POST /workers/:id/prepare', 'POST /workers/:id/revert', 'GET /accounts/:id/move', 'POST /accounts/:id/move', 'GET /fleet/rebalance', 'POST /fleet/rebalance', 'GET /groups/:id/scaler', 'POST /groups/:id/scaler', 'POST /groups/:id/scaler/on', 'POST /groups/:id/scaler/off', 'GET /machines/:id/rename', 'POST /machines/:id/rename', 'POST /machines/:id/cordon', 'POST /machines/:id/uncordon', 'POST /machines/:id/remove', 'GET /fleet/import', 'POST /fleet/import', 'GET /fleet/templates', 'GET /fleet/templates/from/:id', 'POST /fleet/templates/from/:id', 'POST /fleet/templates/:id/remove', 'POST /workers', 'GET /workers/:id/edit', 'POST /workers/:id', 'POST /workers/:id/start', 'POST /workers/:id/stop', 'POST /workers/:id/restart', 'POST /workers/:id/drain', 'POST /workers/:id/retry', 'POST /workers/:id/kill', 'POST /workers/:id/remove', 'POST /actors/:kind/:id/send',
    'POST api/worker-configs', 'POST api/worker-configs/import', 'POST api/worker-configs/:id/revert', 'PUT api/worker-templates/:id', 'DELETE api/worker-templates/:id', 'POST api/workers/rebalance', 'POST api/scalers', 'PUT api/scalers/:id', 'PATCH api/scalers/:id', 'DELETE api/scalers/:id', 'PATCH api/machines/:id', 'POST api/machines/:id/cordon', 'POST api/machines/:id/uncordon', 'DELETE api/machines/:id', 'POST api/accounts/:id/move', 'PATCH api/worker-configs/:id', 'PUT api/worker-configs/:id', 'DELETE api/worker-configs/:id', 'POST api/workers/batch',
    ...['start', 'stop', 'restart', 'drain', 'kill', 'prepare', 'retry'].flatMap((v) => [`POST api/workers/:id/${v}`, `POST api/workers/:id/lifecycle/${v}`]),
    'POST api/accounts', 'PUT api/accounts/:id', 'PATCH api/accounts/:id', 'DELETE api/accounts/:id', 'POST api/accounts/:id/pause', 'POST api/accounts/:id/resume', 'POST api/accounts/:id/crawl', 'POST api/accounts/:id/assign', 'POST api/accounts/:id/login',
    'POST api/login-sessions/:id/answer', 'POST api/login-sessions/:id/cancel', 'POST api/messages/read', 'POST api/replies', ...['check', 'mark-posted', 'resend', 'discard', 'cancel'].map((v) => `POST api/replies/:id/${v}`), 'POST api/actors/:kind/:id/events',
    'POST api/tasks', 'POST api/tasks/batch', 'DELETE api/tasks/:id', ...['cancel', 'retry', 'result'].map((v) => `POST api/tasks/:id/${v}`), 'POST api/agents', 'POST api/agents/create', 'POST api/agents/batch', 'DELETE api/agents/:id', 'POST api/agents/:id/close', 'POST api/agents/:id/restart', 'POST api/pauses', 'POST api/pauses/resume',
    'POST /rpc/:tool', 'POST /mcp', 'POST api/agents/:id/tools', 'POST api/agents/:id/tools/:tool',
    'POST /inbox/act', 'POST /inbox/undo/:id', 'GET /inbox/ask/:what', 'POST /inbox/draft', 'GET /inbox/filters/new', 'POST /inbox/filters', 'POST /inbox/filters/:id/remove', 'GET /replies/:id/change', ...['change', 'approve', 'reject', 'send-now'].flatMap((v) => [`POST /replies/:id/${v}`, `POST api/replies/:id/${v}`]),
    'GET /canned/new', 'GET /canned/:id/edit', 'POST /canned', 'POST /canned/:id', 'POST /canned/:id/remove', 'GET /rules/new', 'POST /rules', 'GET /rules/:id/edit', 'POST /rules/:id', ...['live', 'dry-run', 'off', 'remove'].map((v) => `POST /rules/:id/${v}`),
    ...['open', 'wait', 'close', 'read', 'unread', 'snooze', 'assign', 'label', 'note'].flatMap((v) => [`POST api/conversations/${v}`, `POST api/conversations/:id/${v}`]), 'POST api/conversations/undo', 'PUT api/canned-answers/:id', 'DELETE api/canned-answers/:id', 'POST api/inbox-filters', 'DELETE api/inbox-filters/:id',
    'POST api/rules', 'PATCH api/rules/:id', 'PUT api/rules/:id', 'DELETE api/rules/:id', ...['live', 'dry-run', 'off'].map((v) => `POST api/rules/:id/${v}`),
  ],
  control: ['agents', 'logins'].flatMap((of) => ['control', 'control/end', 'input', 'go'].map((what) => `POST /${of}/:id/${what}`)),
  admin: ['GET /settings/data', 'POST /settings/data/look', 'POST /settings/data/keep', 'GET /settings/data/export', 'GET /settings/data/erase', 'POST /settings/data/erase', 'POST /settings/data/erasures/:id/retry', 'POST api/retention/preview', 'GET api/talk-export', 'GET api/erasures', 'POST api/erasures', 'POST /settings/work', 'GET /alerts/sinks/new', 'POST /alerts/sinks', 'GET /alerts/sinks/:id/edit', 'POST /alerts/sinks/:id', ...['test', 'retry', 'remove', 'on', 'off'].map((v) => `POST /alerts/sinks/:id/${v}`), 'GET api/alert-sinks', 'POST api/alert-sinks', 'PATCH api/alert-sinks/:id', 'DELETE api/alert-sinks/:id', 'POST api/alert-sinks/:id/test', 'POST api/alert-sinks/:id/retry', 'GET /settings/users/new', 'POST /settings/users', 'GET /settings/users/:id/scope', 'POST /settings/users/:id/scope', 'POST /settings/users/:id/reset', 'POST /settings/users/:id/remove', 'POST /fleet/settings', 'GET /machines/keys/new', 'POST /machines/keys', 'POST /machines/keys/:id/remove', 'POST /machines/:id/accept', 'POST /machines/:id/forget-key', 'PUT api/fleet/settings', 'POST api/machines/:id/accept', 'POST api/machines/:id/forget-key', 'POST api/ssh-keys', 'DELETE api/ssh-keys/:id', 'POST /settings/tokens', 'POST /settings/tokens/:id/revoke', 'POST /actors/:kind/:id/retry-parked', 'POST /actors/:kind/:id/skip-parked'],
};

const RANK = { public: 0, read: 1, operate: 2, control: 3, admin: 4 };
let f: Fixture;
let table: readonly Route[];
beforeAll(async () => {
  f = await fixture();
  table = routeTable(new Metrics(f.deps));
});
afterAll(() => f.close());

const concrete = (path: string) => path.replace(':kind', 'account').replace(':file', 'icon.svg').replace(':name', 'qr1').replace(':id', 'a1').replace(':scope', 'group').replace(':method', 'qrcode');
const ask = (route: Route, headers: Record<string, string>) => f.app.request(`http://localhost:3000${concrete(route.path)}`, { method: route.method.toUpperCase(), headers: { host: 'localhost:3000', ...headers }, ...(route.method === 'get' ? {} : { body: '' }) });

describe('who may do what', () => {
  it('lists every route with its scope, and no other', () => {
    const name = (r: Route) => `${r.method.toUpperCase()} ${r.path}`;
    const want = Object.entries(TABLE).flatMap(([needs, list]) => list.flatMap((n) => (n.includes(' api/') ? [n.replace(' api/', ' /api/v1/'), n.replace(' api/', ' /api/')] : [n]).map((m) => `${m} ${needs}`)));
    expect(table.map((r) => `${name(r)} ${r.needs}`).sort()).toEqual(want.sort());
  });

  it('lets each scope in exactly where it belongs', async () => {
    const tokens = { read: await f.token('read'), operate: await f.token('operate'), control: await f.token('control'), admin: await f.token('admin') };
    for (const route of table.filter((r) => r.needs !== 'public' && r.path !== '/events')) {
      f.clock.now += 100;
      const anonymous = await ask(route, {});
      expect([anonymous.status, anonymous.headers.get('location') ?? ''], `${route.path} without a token`).toEqual(route.kind === 'api' ? [401, ''] : [303, expect.stringMatching(/^\/sign-in/)]);
      for (const [scope, token] of Object.entries(tokens)) {
        const { status } = await ask(route, { authorization: `Bearer ${token}` });
        const refused = status === 403 && route.path !== '/settings/password';
        expect(refused, `${route.method} ${route.path} as ${scope}: ${status}`).toBe(RANK[scope as 'read'] < RANK[route.needs]);
        expect(status, `${route.method} ${route.path} as ${scope}`).not.toBe(500);
      }
    }
  });

  it('is not fooled by other spellings of a path', async () => {
    for (const path of ['//accounts', '/accounts/', '/accounts/..;/', '/%61ccounts', '/./accounts', '//api/v1/accounts', '/api//v1/accounts', '/api/v1/accounts%2f', '/ACCOUNTS', '/accounts.', '/accounts/a1.', '/api/v1/accounts/..%2faccounts', '/api/v1/accounts/%2e%2e', '/api/v1/accounts%00', '/inbox/../accounts/.']) {
      const response = await f.get(path);
      expect([303, 401, 404, 405], path).toContain(response.status);
      expect(await response.text(), path).not.toContain('旗舰店');
    }
  });

  it('takes no token but a good one, also beside a good cookie', async () => {
    const good = await f.token('admin');
    const cookie = await f.cookie();
    const bad = [`Bearer ${good}x`, `Bearer ${good.slice(0, -1)}`, `Basic ${btoa(`admin:${PASSWORD}`)}`, 'Bearer', `bearer  ${good}`, `Bearer trp_000000000000_${'a'.repeat(43)}`];
    for (const authorization of bad) expect((await f.get('/api/v1/accounts', { authorization, cookie })).status, authorization).toBe(401);
    expect((await f.get(`/api/v1/accounts?access_token=${good}`)).status).toBe(401);
    expect((await f.get('/api/v1/accounts', { authorization: `Bearer ${good}` })).status).toBe(200);
    const [id] = await f.deps.tokens.keys();
    for (const key of await f.deps.tokens.keys()) await f.deps.tokens.delete(key);
    expect(id).toBeDefined();
    expect((await f.get('/api/v1/accounts', { authorization: `Bearer ${good}` })).status).toBe(401);
  });

  it('keeps neither secrets of tokens nor of sessions', async () => {
    const token = await f.token('read');
    const cookie = await f.cookie();
    const stored = async (bucket: typeof f.deps.tokens) => (await Promise.all((await bucket.keys()).map(async (k) => k + new TextDecoder().decode((await bucket.get(k))!)))).join();
    expect(await stored(f.deps.tokens)).not.toContain(token.split('_').slice(2).join('_'));
    expect(await stored(f.deps.sessions)).not.toContain(cookie.split('=')[1]);
    expect(await stored(f.deps.users)).not.toContain(PASSWORD);
  });
});
