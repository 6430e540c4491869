import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { statesOf } from '../../runtime/http/api/task-rows.ts';
import { checkedTask, keyId } from '../../runtime/http/work/create-task.ts';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let token: string;
beforeEach(async () => {
  f = await fixture({ work: true });
  token = await f.token('operate');
  f.answers.next = ({ to, verb }) => (verb === 'inspect' ? { ok: true, context: { seq: 7, title: 'known' } } : verb === 'retry' ? { ok: true, task: `r-${to.id}`, number: 99, state: 'pending' } : { ok: true, state: verb === 'cancel' ? 'cancelled' : 'pending', number: 50, task: to.id });
});
afterEach(() => f.close());

const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const response = await f.app.request(`http://localhost:3000${path}`, { method, headers: { host: 'localhost:3000', authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: (/json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : {}) as any };
};

describe('a task by the API', () => {
  it('is made of the first seed\'s words, in camelCase', async () => {
    const made = await ask('POST', '/api/tasks', { type: 'scrape', priority: 8, payload: { url: 'https://shop.example', actions: [{ tool: 'cdp_click', args: { someKey: 1 } }] }, requirements: { accountIdx: 0, workerId: 'worker-1', timeout: 5000 } });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ success: true, taskId: f.sent.at(-1)!.to.id, seq: 50, status: 'pending' });
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'task' }, verb: 'create', payload: { title: 'scrape https://shop.example', type: 'scrape', priority: 8, timeoutMs: 5000, payload: { actions: [{ tool: 'cdp_click', args: { someKey: 1 } }] }, requirements: { account: 'a1', worker: 'worker-1' } } });
    expect((await ask('POST', '/api/tasks', { requirements: { accountIdx: 99 } })).body.field).toBe('requirements.account_idx');
  });
  it('is made of the other seed\'s words: a title and shell:', async () => {
    await ask('POST', '/api/v1/tasks', { title: 'Look', description: 'shell: uname -a', group_name: 'linux' });
    expect(f.sent.at(-1)!.payload).toMatchObject({ title: 'Look', type: 'shell', group: 'linux', payload: { command: 'uname -a' } });
    expect(checkedTask({ description: 'shell:ls', title: 'T' })).toMatchObject({ type: 'shell', payload: { command: 'ls' } });
    expect(checkedTask({ title: 'T' })).toMatchObject({ type: 'automation', priority: 5 });
    expect(checkedTask({ title: 'T', type: 'test', description: 'shell: is only a word here' })).toMatchObject({ type: 'test', payload: {} });
  });
  it('names what is wrong', async () => {
    for (const [body, field] of [[{ priority: 11 }, 'priority'], [{ type: 'crawl' }, 'type'], [{ nonsense: 1 }, 'nonsense'], [{ requirements: { rack: 1 } }, 'requirements.rack'], [{ group: 'a', group_name: 'b' }, 'group_name'], [{ payload: { url: 'ftp://x' } }, 'payload.url'], [{ at: 'tomorrow' }, 'at'], [{ params: {} }, 'params']] as const) {
      const { status, body: problem } = await ask('POST', '/api/v1/tasks', body);
      expect([status, problem.field], JSON.stringify(body)).toEqual([422, field]);
    }
    expect((await ask('POST', '/api/v1/tasks', { template: 'none' })).status).toBe(404);
    expect(f.sent).toEqual([]);
  });
  it('with a key is the same task however often it is sent', async () => {
    const first = await ask('POST', '/api/v1/tasks', { title: 'T' }, { 'idempotency-key': 'order 1' });
    expect([first.status, first.body.task_id]).toEqual([201, keyId('order 1')]);
    expect(f.sent.at(-1)!.payload).toMatchObject({ key: 'order 1' });
    f.answers.next = ({ verb }) => (verb === 'inspect' ? { ok: true, context: { seq: 7, title: 'known' } } : { ok: false, code: 'duplicate', message: 'exists' });
    const again = await ask('POST', '/api/v1/tasks', { title: 'T', key: 'order 1' });
    expect([again.status, again.body]).toMatchObject([200, { task_id: keyId('order 1'), seq: 7, title: 'known', repeated: true }]);
  });
  it('runs after tasks that are named by number or id', async () => {
    await ask('POST', '/api/v1/tasks', { title: 'T', after: [1, '#2', 't-late'] });
    expect(f.sent.at(-1)!.payload).toMatchObject({ after: ['t-done', 't-failed', 't-late'] });
  });
  it('is made of a template with its parameters', async () => {
    await f.deps.settings.put('task-template.prices', JSON.stringify({ params: [{ name: 'url', type: 'url', required: true }], task: { title: 'Prices', type: 'scrape', payload: { url: '{{url}}' } } }));
    await ask('POST', '/api/v1/tasks', { template: 'prices', params: { url: 'https://x.example' }, priority: 9 });
    expect(f.sent.at(-1)!.payload).toMatchObject({ title: 'Prices', priority: 9, template: 'prices', payload: { url: 'https://x.example' } });
    expect((await ask('POST', '/api/v1/tasks', { template: 'prices', params: {} })).body.field).toBe('params.url');
  });
  it('is listed by state, in the seeds\' four and in its own', async () => {
    const ids = async (query: string) => (await ask('GET', `/api/v1/tasks?${query}`)).body.tasks.map((t: any) => t.task_id);
    expect(await ids('status=failed')).toEqual(['t-gone', 't-late', 't-failed']);
    expect(await ids('status=dead')).toEqual(['t-late', 't-failed']);
    expect(await ids('state=cancelled')).toEqual(['t-gone']);
    expect(await ids('status=pending&group=gpu&type=shell')).toEqual(['t-shell']);
    expect(await ids('ids=t-done,2')).toEqual(['t-failed', 't-done']);
    expect(await ids('lane=low&state=cancelled')).toEqual(['t-gone']);
    expect((await ask('GET', '/api/v1/tasks?status=open&limit=2')).headers.get('x-total-count')).toBe('34');
    expect(statesOf('running')).toBe('assigned,running');
    const { body } = await ask('GET', '/api/tasks/t-running');
    expect(body).toMatchObject({ taskId: 't-running', status: 'running', state: 'running', progress: 0.4, executor: 'worker-1', agentId: 'w-1', createdAt: expect.any(Number), createdAtIso: expect.stringMatching(/Z$/) });
    expect((await ask('GET', '/api/v1/tasks/5')).body.task.task_id).toBe('t-running');
    expect((await ask('GET', '/api/v1/tasks/2')).body.task.attempts).toMatchObject([{ attempt: 1, outcome: 'failed' }]);
    expect((await ask('GET', '/api/v1/tasks/none')).status).toBe(404);
  });
  it('is cancelled, run again, reported and removed', async () => {
    expect((await ask('DELETE', '/api/tasks/t-running')).body).toMatchObject({ success: true, state: 'cancelled' });
    expect(f.sent.at(-1)).toMatchObject({ to: { id: 't-running' }, verb: 'cancel' });
    await ask('DELETE', '/api/v1/tasks/t-done?purge=true');
    expect(f.sent.at(-1)).toMatchObject({ to: { id: 't-done' }, verb: 'purge' });
    const again = await ask('POST', '/api/v1/tasks/t-failed/retry', { priority: 9, group_name: 'gpu' });
    expect([again.status, again.body]).toMatchObject([201, { task_id: 'r-t-failed', replay_of: 't-failed' }]);
    expect(f.sent.at(-1)!.payload).toEqual({ priority: 9, group: 'gpu' });
    await ask('POST', '/api/tasks/t-running/result', { workerId: 'worker-1', result: { price: 3 } });
    expect(f.sent.at(-1)).toMatchObject({ verb: 'result', payload: { worker: 'worker-1', result: { price: 3 }, attempt: null } });
    await ask('POST', '/api/tasks/t-running/result', { workerId: 'worker-1', status: 'failed', error: { message: 'no' } });
    expect(f.sent.at(-1)!.payload).toEqual({ worker: 'worker-1', attempt: null, error: 'no' });
    f.answers.next = () => ({ ok: false, code: 'conflict', message: 'it is completed' });
    expect((await ask('DELETE', '/api/tasks/t-done')).status).toBe(409);
  });
  it('acts on many, by name or by filter, and says before what it would do', async () => {
    const dry = await ask('POST', '/api/v1/tasks/batch', { action: 'cancel', filter: { status: 'pending', group: 'gpu' }, dry_run: true });
    expect(dry.body).toMatchObject({ success: true, dry_run: true, matching: 31, fit: 31 });
    expect(f.sent).toEqual([]);
    const named = await ask('POST', '/api/v1/tasks/batch', { action: 'retry', ids: ['2', 't-late', 't-running', 'nobody'], edits: { group: 'gpu' } });
    expect(named.body.results).toMatchObject([{ task_id: 't-failed', success: true, task: 'r-t-failed' }, { task_id: 't-late', success: true }, { task_id: 't-running', success: false, code: 'conflict' }, { task_id: 'nobody', success: false, code: 'not_found' }]);
    expect(f.sent.map((s) => [s.to.id, s.verb, s.payload])).toEqual([['t-failed', 'retry', { group: 'gpu' }], ['t-late', 'retry', { group: 'gpu' }]]);
    expect((await ask('POST', '/api/v1/tasks/batch', { action: 'retry', filter: { status: 'dead' } })).body.results.map((r: any) => r.task_id).sort()).toEqual(['t-failed', 't-late']);
    for (const body of [{ action: 'cancel' }, { action: 'cancel', ids: ['a'], filter: {} }, { action: 'cancel', ids: ['a'], edits: {} }]) expect((await ask('POST', '/api/v1/tasks/batch', body)).status, JSON.stringify(body)).toBe(422);
  });
  it('gives its log, its result and its files', async () => {
    expect((await ask('GET', '/api/v1/tasks/t-running/logs')).body.logs).toMatchObject([{ message: 'opened https://shop.example/list', step: 0 }, { step: 1 }, { level: 'err' }]);
    const last = (await ask('GET', '/api/v1/tasks/t-running/logs')).body.logs[1].id;
    expect((await ask('GET', `/api/v1/tasks/t-running/logs?after=${last}`)).body.logs).toHaveLength(1);
    const text = await ask('GET', '/api/v1/tasks/t-running/logs?format=text');
    expect(text.text).toMatch(/^\S+Z info \[0\] opened/);
    // What a terminal would act on is spelled out.
    expect(text.text).not.toContain('\u001b');
    const result = await ask('GET', '/api/v1/tasks/t-done?download=result');
    expect([result.body, result.headers.get('content-disposition')]).toEqual([[{ price: '12.50' }, { price: '8.00' }], 'attachment; filename="task-1-result.json"']);
    expect((await ask('GET', '/api/v1/tasks/t-failed/artefacts/none.png')).status).toBe(404);
    expect((await ask('GET', '/api/v1/tasks/t-failed/artefacts/failure.png')).status).toBe(404);
  });
});

describe('agents and queues by the API', () => {
  it('are opened, listed, closed and restarted, one or many', async () => {
    const made = await ask('POST', '/api/agents/create', { name: 'Shop', workerId: 'worker-1', url: 'https://shop.example', viewport: { width: 1280, height: 800 } });
    expect([made.status, f.sent.at(-1)]).toMatchObject([201, { to: { kind: 'agent', id: made.body.agentId }, verb: 'create', payload: { name: 'Shop', worker: 'worker-1', url: 'https://shop.example', viewport: { width: 1280 } } }]);
    expect((await ask('POST', '/api/v1/agents', { worker: 'a', worker_id: 'b' })).body.field).toBe('worker');
    expect((await ask('GET', '/api/v1/agents')).body.agents.map((a: any) => [a.agent_id, a.status, a.current_task])).toEqual([['w-1', 'busy', 't-running'], ['w-2', 'idle', null], ['w-3', 'error', null], ['w-4', 'opening', null]]);
    expect((await ask('GET', '/api/agents/w-1')).body).toMatchObject({ agentId: 'w-1', currentTask: 't-running', agent: { history: [{ what: 'task' }, { what: 'opened' }] } });
    const many = await ask('POST', '/api/v1/agents/batch', { action: 'create', count: 3, agent: { group: 'linux' } });
    expect(many.body.results).toHaveLength(3);
    expect(f.sent.at(-1)).toMatchObject({ verb: 'create', payload: { group: 'linux' } });
    await ask('POST', '/api/v1/agents/batch', { action: 'close', agent_ids: ['w-1', 'w-2'] });
    expect(f.sent.slice(-2).map((s) => [s.to.id, s.verb])).toEqual([['w-1', 'close'], ['w-2', 'close']]);
    expect((await ask('POST', '/api/v1/agents/batch', { action: 'close' })).status).toBe(422);
    await ask('DELETE', '/api/agents/w-1');
    await ask('POST', '/api/v1/agents/w-3/restart');
    expect(f.sent.slice(-2).map((s) => s.verb)).toEqual(['close', 'restart']);
  });
  it('say what waits, and are held and let go', async () => {
    const { queues } = (await ask('GET', '/api/v1/queues')).body;
    expect(queues.find((q: any) => q.group_name === 'gpu' && q.lane === 'low')).toMatchObject({ depth: 9, paused: true });
    expect(queues.find((q: any) => q.group_name === 'default' && q.lane === 'normal')).toMatchObject({ depth: 2, running: 1, done_last_minute: 1, failed_last_minute: 2, paused: false });
    expect((await ask('GET', '/api/v1/pauses')).body.pauses).toMatchObject([{ scope: 'queue', name: 'gpu.low', reason: 'maintenance' }]);
    expect((await ask('POST', '/api/v1/pauses', { scope: 'queue', name: 'default.low', reason: 'a look' })).status).toBe(201);
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'gate', id: 'queue-default--low' }, verb: 'pause', payload: { reason: 'a look' } });
    await ask('POST', '/api/v1/pauses/resume', { scope: 'fleet' });
    expect(f.sent.at(-1)).toMatchObject({ to: { id: 'fleet' }, verb: 'resume' });
    expect((await ask('POST', '/api/v1/pauses', { scope: 'queue', name: 'default' })).body.field).toBe('name');
  });
});
