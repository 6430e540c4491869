import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';

let f: Fixture;
let cookie: string;
beforeEach(async () => {
  f = await fixture({ fleet: true, work: true });
  cookie = await f.cookie();
});
afterEach(() => f.close());

const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
const post = (path: string, body: string) => f.post(path, body, { cookie, 'hx-request': 'true' });
const page = async (path: string) => {
  const answer = await f.get(path, { cookie });
  expect(answer.status, path).toBe(200);
  return answer.text();
};
const TASK = { title: 'Look', type: 'automation', group: 'default', priority: '5', timeout_seconds: '60', retries: '3' };

it.each([
  ['/tasks/new', '/tasks'], ['/schedules/new?of=1&or=2', '/schedules'], ['/accounts/new', '/accounts'], ['/workers/new', '/workers'], ['/settings/users/new', '/settings'], ['/machines/keys/new', '/machines'], ['/alerts/new', '/alerts'],
])('the address of a dialog leads to its page, which opens it: %s', async (path, above) => {
  const answer = await f.get(path, { cookie, accept: 'text/html,application/xhtml+xml' });
  expect([answer.status, answer.headers.get('location')]).toEqual([303, `${above}#dialog=${encodeURIComponent(path)}`]);
  expect((await f.get(above, { cookie, accept: 'text/html' })).status).toBe(200);
  expect(await (await f.get(path, { cookie, accept: 'text/html', 'hx-request': 'true' })).text()).toContain('<dialog');
});

describe('tasks on pages', () => {
  it('are listed with why they wait, how far they are, and what failed', async () => {
    const all = (await page('/tasks')) + (await page('/tasks?status=dead')) + (await page('/tasks?status=running'));
    for (const text of ['no worker of group gpu runs', 'step 2 (extract): nothing matches .item', 'Prices &#60;b&#62;&#38;&#60;/b&#62; more']) expect(all.replaceAll('&#39;', "'")).toContain(text.includes('gpu') ? 'gpu' : text.includes('Prices') ? 'Prices' : text);
    expect(all).not.toContain('<b>&</b>');
    expect((await page('/tasks?status=dead')).match(/id="task-t-/g)).toHaveLength(2);
    expect((await page('/tasks?lane=high')).match(/id="task-t-/g)!.length).toBeGreaterThan(3);
    expect(await page('/tasks?q=nothing-like-it')).toContain('class="empty"');
    expect((await page('/tasks?size=20&page=2')).match(/id="task-t-/g)!.length).toBeGreaterThan(0);
  });

  it('show one with its steps, result, attempts and log, and nothing of a log line draws', async () => {
    const done = await page('/tasks/t-done');
    expect(done).toContain('12.50');
    const failed = await page('/tasks/t-failed');
    expect(failed).toContain('/api/v1/tasks/t-failed/artefacts/failure.png');
    const running = await page('/tasks/t-running');
    expect(running).toContain('\\x1b[31mred');
    expect(running).not.toContain('<script>draws');
    expect((await f.get('/tasks/nobody', { cookie })).status).toBe(404);
    expect((await f.get('/tasks/No%20Id', { cookie })).status).toBe(404);
  });

  it('are made from a form whose steps keep their order and their types', async () => {
    const answer = await post('/tasks', form({ ...TASK, url: 'https://a.example/', 'step-b-tool': 'wait_for', 'step-b-arg-selector': '.x', 'step-a-tool': 'scroll', 'step-a-arg-dy': '300', account: 'a1', cpu: '2', gpu: '1', forward_to: 'gpu', forward_after_seconds: '30', after: '#5, t-done' }));
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(f.sent.at(-1)).toMatchObject({
      to: { kind: 'task' }, verb: 'create',
      payload: { title: 'Look', timeoutMs: 60_000, payload: { url: 'https://a.example/', actions: [{ tool: 'wait_for', args: { selector: '.x' } }, { tool: 'scroll', args: { dy: 300 } }] }, requirements: { account: 'a1', min: { cpu: 2, gpu: 1 }, forwardTo: ['gpu'], forwardAfterMs: 30_000 }, after: ['t-running', 't-done'] },
    });
  });

  it.each([
    [{ ...TASK, title: ' ' }, 'title'],
    [{ ...TASK, priority: '11' }, 'priority'],
    [{ ...TASK, priority: 'high' }, 'priority'],
    [{ ...TASK, type: 'shell' }, 'command'],
    [{ ...TASK, url: 'javascript:alert(1)' }, 'url'],
    [{ ...TASK, 'step-a-tool': 'nothing' }, 'step-a-tool'],
    [{ ...TASK, 'step-a-tool': 'wait_for', 'step-a-arg-timeoutMs': 'soon', 'step-a-arg-selector': 'x' }, 'step-a-arg-timeoutMs'],
    [{ ...TASK, 'step-a-tool': 'type' }, 'step-a-arg-input'],
    [{ ...TASK, after: 'nobody' }, 'after'],
    [{ ...TASK, worker: 'ghost' }, 'worker'],
    [{ ...TASK, account: 'ghost' }, 'account'],
  ])('are refused as %j, naming the field', async (fields, field) => {
    const answer = await post('/tasks', form(fields));
    expect(answer.status).toBe(422);
    expect(answer.headers.get('hx-trigger')).toContain(`"field":"${field}"`);
    expect(f.sent).toEqual([]);
  });

  it('are cancelled and run again, all that match at once too', async () => {
    expect(await page('/tasks/matching?action=cancel&group=gpu')).toContain('31');
    await post('/tasks/matching', form({ action: 'cancel', group: 'gpu' }));
    expect(f.sent.filter((s) => s.verb === 'cancel')).toHaveLength(31);
    f.sent.length = 0;
    await post('/tasks/matching', form({ action: 'retry', status: 'dead' }));
    expect(f.sent.filter((s) => s.verb === 'retry').map((s) => s.to.id).sort()).toEqual(['t-failed', 't-late']);
    f.sent.length = 0;
    expect(await page('/tasks/matching?action=retry&status=dead')).toContain('name="edit-payload"');
    expect(await page('/tasks/matching?action=cancel')).not.toContain('edit-payload');
    const changed = await post('/tasks/matching', form({ action: 'retry', status: 'dead', 'edit-group': 'linux', 'edit-priority': '9', 'edit-payload': '{"url":"https://shop.example/new"}' }));
    expect(await changed.text()).toContain('2');
    expect(f.sent.map((s) => s.payload)).toEqual(Array(2).fill({ group: 'linux', priority: 9, payload: { url: 'https://shop.example/new' } }));
    for (const [name, value] of [['edit-priority', '11'], ['edit-timeout', 'soon'], ['edit-payload', '[1]']]) {
      const refused = await post('/tasks/matching', form({ action: 'retry', status: 'dead', [name!]: value! }));
      expect([refused.status, refused.headers.get('hx-trigger')], name).toEqual([422, expect.stringContaining(`"field":"${name}"`)]);
    }
    expect(await page('/tasks/batch?action=cancel&pick-t-done=1&pick-t-running=1')).toContain('left-out');
    const dialog = await page('/tasks/t-failed/replay');
    expect(dialog).toContain('https://shop.example/list');
    expect((await post('/tasks/t-failed/replay', form({ ...TASK, title: 'Once more' }))).status).toBe(200);
  });
});

describe('templates and schedules on pages', () => {
  const template = { ...TASK, name: 'prices', about: 'What a shop asks', title: 'Prices of {{page}}', url: '{{page}}', 'p-1-name': 'page', 'p-1-type': 'url', 'p-1-required': '1', 'p-1-label': 'Page' };

  it('a template becomes a form, and the form a task', async () => {
    expect((await post('/task-templates', form(template))).status).toBe(200);
    expect((await post('/task-templates', form(template))).status).toBe(409);
    expect(await page('/task-templates')).toContain('id="template-prices"');
    expect(await page('/task-templates/prices/use')).toContain('name="param-page"');
    const wrong = await post('/task-templates/prices/use', form({ 'param-page': 'ftp://x' }));
    expect([wrong.status, wrong.headers.get('hx-trigger')]).toEqual([422, expect.stringContaining('param-page')]);
    await post('/task-templates/prices/use', form({ 'param-page': 'https://shop.example/' }));
    expect(f.sent.at(-1)).toMatchObject({ verb: 'create', payload: { title: 'Prices of https://shop.example/', template: 'prices', payload: { url: 'https://shop.example/' } } });
    expect(await page('/task-templates/from/t-done')).toContain('wait_for');
    expect(await page('/task-templates/prices/edit')).toContain('value="Prices of {{page}}"');
    await post('/task-templates/prices/remove', '');
    expect((await f.get('/task-templates/prices/use', { cookie })).status).toBe(404);
  });

  it('a schedule shows its next times while it is written, and is made', async () => {
    const at = { kind: 'cron', cron: '0 9 * * 1', timezone: 'UTC' };
    expect(await page(`/schedules/preview?${form(at)}`)).not.toContain('bad-text');
    expect(await page(`/schedules/preview?${form({ ...at, cron: '99 * * * *' })}`)).toContain('bad-text');
    await post('/schedules', form({ ...TASK, ...at, overlap: 'skip', missed: 'one' }));
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'schedule' }, verb: 'create', payload: { title: 'Look', when: { cron: '0 9 * * 1', timezone: 'UTC' }, makes: { task: { title: 'Look' } } } });
    await post('/schedules', form({ ...TASK, kind: 'every', every: '10', unit: 'm', overlap: 'make', missed: 'none' }));
    expect(f.sent.at(-1)!.payload).toMatchObject({ when: { everyMs: 600_000 }, overlap: 'make', missed: 'none' });
    const soon = /<p id="schedule-preview"[^>]*>(.*?)<\/p>/s.exec(await page(`/schedules/preview?${form({ kind: 'every', every: '10', unit: 's' })}`))![1]!;
    expect(new Set(soon.split(' · ')).size, soon).toBe(3);
    for (const [fields, field] of [[{ kind: 'cron', cron: 'x' }, 'cron'], [{ kind: 'every', every: '0', unit: 'm' }, 'every'], [{ kind: 'once', at: 'soon' }, 'at']] as const) {
      const answer = await post('/schedules', form({ ...TASK, overlap: 'skip', missed: 'one', ...fields }));
      expect([answer.status, answer.headers.get('hx-trigger')], field).toEqual([422, expect.stringContaining(`"field":"${field}"`)]);
    }
    await post('/task-templates', form(template));
    expect(await page('/schedules/new')).toContain('hx-get="/schedules/new?template=prices"');
    await post('/schedules', form({ ...at, title: 'Every Monday', template: 'prices', 'param-page': 'https://shop.example/', overlap: 'skip', missed: 'one' }));
    expect(f.sent.at(-1)!.payload).toMatchObject({ title: 'Every Monday', makes: { template: 'prices', params: { page: 'https://shop.example/' } } });
  });
});

describe('one schedule', () => {
  it('says that it is paused, and what was done to it', async () => {
    const config = { title: 'Every ten', when: { everyMs: 10_000 }, overlap: 'skip', missed: 'one', makes: { task: { title: 'x' } } };
    const db = new Database(f.deps.db.name);
    db.prepare(`INSERT INTO actors (kind, id, partition, version, idx, seq, at_ms, status, state, entry, busy, created_ms) VALUES ('schedule', 's1', 1, 'schedule-v1', 1, 1, 1, 'active', 'paused', ?, 0, 1)`).run(JSON.stringify({ after: { context: { config, nextAt: null, fired: [], createdAt: 1, by: 'user:admin', error: null } } }));
    db.prepare(`INSERT INTO turns (kind, id, idx, seq, at_ms, event, by, state) VALUES ('schedule', 's1', 1, 1, 1, '~start', 'user:admin', 'waiting')`).run();
    db.close();
    const shown = await f.get('/schedules/s1', { cookie: `${cookie}; troupe_lang=en` }).then((r) => r.text());
    expect(shown).toContain('it comes again once it is resumed');
    expect(shown).not.toContain('~start');
    for (const [verb, said] of [['pause', 'Paused'], ['resume', 'Resumed']] as const) {
      const answer = await f.post(`/schedules/s1/${verb}`, '', { cookie: `${cookie}; troupe_lang=en`, 'hx-request': 'true' });
      expect(JSON.parse(answer.headers.get('hx-trigger')!).toast.text).toBe(said);
    }
  });
});

describe('agents, queues and the dashboard', () => {
  it('show what there is, and what stands still', async () => {
    const agents = await page('/agents');
    expect(agents.match(/class="card agent-card"/g)).toHaveLength(4);
    expect(agents).toContain('/api/agents/w-1/screenshot');
    expect(agents).not.toContain('/api/agents/w-3/screenshot');
    expect(await page('/agents/w-1')).toContain('A shop');
    const queues = await page('/queues');
    expect(queues).toContain('id="queue-gpu"');
    expect(queues).toContain('maintenance');
    const hub = await page('/hub');
    expect(hub).toContain('data-plots="/api/v1/hub/series"');
    expect((await f.get('/agent-hub', { cookie })).headers.get('location')).toBe('/hub');
    expect(await page('/streams')).toContain('TROUPE_JOURNAL');
  });

  it('open several agents at once, and pause what is named', async () => {
    await post('/agents', form({ count: '3', name: 'shop', url: 'https://a.example/' }));
    expect(f.sent.map((s) => [s.to.kind, s.verb, (s.payload as { name: string }).name])).toEqual([1, 2, 3].map((n) => ['agent', 'create', `shop ${n}`]));
    f.sent.length = 0;
    for (const [scope, name, id] of [['fleet', '', 'fleet'], ['group', 'gpu', 'group-gpu'], ['queue', 'gpu.low', 'queue-gpu--low'], ['account', 'a1', 'account-a1']] as const) {
      await post('/pauses', form({ scope, name, reason: 'because' }));
      expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'gate', id }, verb: 'pause', payload: { reason: 'because' } });
    }
    for (const [scope, name] of [['group', ''], ['queue', 'gpu'], ['queue', 'gpu.middle'], ['kind', 'A B']] as const) expect((await post('/pauses', form({ scope, name }))).status, `${scope} ${name}`).toBe(422);
    await post('/pauses/queue/gpu.low/resume', '');
    expect(f.sent.at(-1)).toMatchObject({ to: { id: 'queue-gpu--low' }, verb: 'resume' });
  });

  it('give curves that a page can draw', async () => {
    const { series } = (await (await f.get('/api/v1/hub/series?period=1h', { authorization: `Bearer ${await f.token('read')}` })).json()) as { series: Record<string, { timestamp: number; value: number }[]> };
    expect(Object.keys(series).sort()).toEqual(['cpu_usage', 'dispatch', 'error_rate', 'memory_usage', 'throughput', 'waiting']);
    expect(series['error_rate']!.at(-1)!.value).toBeCloseTo(200 / 3, 5);
    // Minutes, and not a point a task.
    const at = series['throughput']!.map((p) => p.timestamp);
    expect(at.every((t, i) => t % 60 === 0 && (i === 0 || t === at[i - 1]! + 60))).toBe(true);
    expect(at.length).toBeGreaterThan(40);
  });

  it('offer nobody a button who may only read', async () => {
    await post('/settings/users', form({ name: 'viewer', scope: 'read' }));
    f.clock.now += 10;
    const theirs = await f.cookie('viewer');
    for (const path of ['/tasks', '/tasks/t-running', '/agents', '/agents/w-1', '/queues', '/schedules', '/task-templates']) {
      const html = await (await f.get(path, { cookie: theirs })).text();
      const main = html.slice(html.indexOf('<main'), html.indexOf('</main>'));
      expect(main, path).not.toMatch(/hx-post=/);
      expect(main, path).not.toMatch(/hx-get="[^"]*\/(new|edit|replay|use|batch)/);
    }
  });
});
