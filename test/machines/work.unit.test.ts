import { describe, expect, it } from 'vitest';
import { agentFields } from '../../actors/agent.ts';
import { gateOf } from '../../actors/gate.ts';
import { taskFields } from '../../actors/task.ts';
import { task as bound } from '../../actors/task.ts';
import { Story } from './story.ts';

const PLACE = { worker: 'w-1', incarnation: 'i-1', agent: null, account: null, platform: null, epoch: null, proxy: null };
const task = (more: object = {}, seq = 7): Story => new Story('task', bound.commands['create']!.input!({ ...taskFields.parse({ title: 'Prices', type: 'scrape', payload: { url: 'https://shop.example' }, ...more }), seq }, { id: 'x', by: 'user:a' }));
const running = (more: object = {}, place: object = {}): Story => {
  const s = task(more);
  s.done('place', { ...PLACE, ...place });
  return s;
};
const DONE = { result: { rows: 3 }, object: null, artefacts: [], agent: null, ms: 40 };

describe('a task', () => {
  it('waits for a worker, works, and is completed in three turns', () => {
    const s = task();
    expect(s.state).toBe('pending');
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'place', input: { task: 'x', seq: 7, type: 'scrape', priority: 5, group: 'default', avoid: null } }]);
    // What the placer needs, and no payload: thousands of these are held at once.
    expect(JSON.stringify(s.entry.pending.effects)).not.toContain('shop.example');
    s.wait(500);
    s.done('place', PLACE);
    expect(s.state).toBe('working.assigned');
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'work', input: { ...PLACE, task: 'x', attempt: 1, type: 'scrape', payload: { url: 'https://shop.example' }, timeoutMs: 300_000 } }]);
    s.wait(100);
    s.done('work', DONE);
    expect(s.state).toBe('completed');
    expect(s.entry.index).toBe(3);
    expect(s.context).toMatchObject({ outcome: { result: { rows: 3 } }, attempt: 1, startedAt: s.now - 40, finishedAt: s.now });
    expect(s.entry.pending).toEqual({ effects: {}, timers: {}, tells: {}, signals: {} });
  });
  it('is placed as it is made where there was room, and completed in two turns', () => {
    const made = (more: object = {}) => new Story('task', { ...bound.commands['create']!.input!({ ...taskFields.parse({ title: 'Prices', type: 'scrape', ...more }), seq: 7 }, { id: 'x', by: 'user:a' }), place: PLACE });
    const s = made();
    expect([s.state, s.entry.index]).toEqual(['working.assigned', 1]);
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'work', input: { ...PLACE, task: 'x', attempt: 1 } }]);
    expect(s.context).toMatchObject({ place: PLACE, placings: 1, assignedAt: s.context.createdAt });
    s.wait(100);
    s.done('work', DONE);
    expect([s.state, s.entry.index]).toEqual(['completed', 2]);
    expect(s.context).toMatchObject({ placings: 1, finishedAt: s.now });
    // Lost with its worker it looks for another place like any other, and its own clock runs.
    const lost = made();
    lost.fail('work', 'lost');
    expect([lost.state, lost.context.place]).toEqual(['pending', null]);
    const late = made({ timeoutMs: 1_000, retries: 0 });
    late.wait(4_001);
    expect(late.state).toBe('timed_out');
  });
  it('shows that it runs when its worker says so', () => {
    const s = running();
    s.wait(300);
    s.progress('work', 'STARTED', { agent: null });
    expect(s.state).toBe('working.running');
    expect(s.context.startedAt).toBe(s.now);
    expect(s.progress('work', 'STARTED', { agent: null })).toBe(false);
  });
  it('is tried again after 1, 2 and 4 s, and fails for good after the fourth attempt', () => {
    const s = running();
    for (const [i, wait] of [1100, 2200, 4400].entries()) {
      s.fail('work', 'tool-failed');
      expect(s.state).toBe('retrying');
      expect(s.context).toMatchObject({ attempt: i + 2, retryAt: s.now + wait, error: { kind: 'tool-failed' }, place: null });
      s.wait(wait - 1);
      expect(s.state).toBe('retrying');
      s.wait(1);
      expect(s.state).toBe('pending');
      s.done('place', PLACE);
      expect(Object.values(s.entry.pending.effects)[0]!.input).toMatchObject({ attempt: i + 2 });
    }
    s.fail('work', 'tool-failed');
    expect(s.state).toBe('failed');
    expect(s.context).toMatchObject({ attempt: 4, placings: 4, error: { kind: 'tool-failed', message: 'it was tool-failed' } });
  });
  it('is not tried again where the same would come of it, or where nobody wants it', () => {
    const refused = running();
    refused.fail('work', 'refused');
    expect(refused.state).toBe('failed');
    const once = running({ retries: 0 });
    once.fail('work', 'navigation');
    expect(once.state).toBe('failed');
  });
  it('times out: told by its worker, or by its own clock when the worker says nothing', () => {
    const s = running({ timeoutMs: 10_000, retries: 1 });
    s.fail('work', 'timeout');
    expect(s.state).toBe('retrying');
    s.wait(1_100);
    s.done('place', PLACE);
    s.wait(12_999);
    expect(s.state).toBe('working.assigned');
    s.wait(1);
    expect(s.state).toBe('timed_out');
    expect(s.commands.map((c) => c.do)).toContain('abort');
    expect(s.context.error).toEqual({ kind: 'timeout', message: 'not finished within 10 s' });
    const told = running({ retries: 0 });
    told.fail('work', 'timeout');
    expect(told.state).toBe('timed_out');
    const silent = running({ timeoutMs: 1_000 });
    silent.wait(4_000);
    expect(silent.state).toBe('retrying');
  });
  it('goes elsewhere without using up an attempt when its worker is lost, five times at the most', () => {
    const s = running();
    for (const kind of ['lost', 'fenced', 'aborted', 'lost', 'lost']) {
      s.fail('work', kind);
      expect(s.state).toBe('pending');
      s.done('place', PLACE);
    }
    expect(s.context).toMatchObject({ attempt: 1, placings: 6, losses: 5 });
    s.fail('work', 'lost');
    expect(s.state).toBe('retrying');
    expect(s.context.attempt).toBe(2);
  });
  it('that its worker has no room for goes back at once, says where not to go, and counts nothing', () => {
    const s = running();
    for (let i = 0; i < 20; i++) {
      s.fail('work', 'full');
      expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'place', input: { avoid: 'w-1' } }]);
      s.done('place', PLACE);
    }
    expect(s.context).toMatchObject({ attempt: 1, losses: 0, avoid: null });
  });
  it('is cancelled in every state that it can be in, and what runs is taken back', () => {
    const states: Record<string, () => Story> = {
      'waiting.depending': () => task({ after: ['a'] }),
      'waiting.scheduled': () => task({ at: 2_000_000 }),
      pending: () => task(),
      'working.assigned': () => running(),
      'working.running': () => (running(), ((s) => (s.progress('work', 'STARTED', { agent: null }), s))(running())),
      retrying: () => ((s) => (s.fail('work', 'navigation'), s))(running()),
    };
    for (const [state, make] of Object.entries(states)) {
      const s = make();
      expect(s.state).toBe(state);
      const asked = Object.keys(s.entry.pending.effects).length;
      expect(s.send('CANCEL')).toBe(true);
      expect(s.state, state).toBe('cancelled');
      expect(s.commands.filter((c) => c.do === 'abort'), state).toHaveLength(asked);
      expect(s.entry.pending, state).toEqual({ effects: {}, timers: {}, tells: {}, signals: {} });
      expect(s.context.finishedAt).toBe(s.now);
      expect(s.send('CANCEL')).toBe(false);
    }
  });
  it('waits for those that it runs after, then for its time', () => {
    const s = task({ after: ['a', 'b'], at: 1_005_000 });
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'depend', input: { after: ['a', 'b'] } }]);
    s.done('depend');
    expect(s.state).toBe('waiting.scheduled');
    s.wait(4_999);
    expect(s.state).toBe('waiting.scheduled');
    s.wait(1);
    expect(s.state).toBe('pending');
    const late = task({ after: ['a'], at: 1_005_000 });
    late.wait(60_000);
    late.done('depend');
    expect(late.state).toBe('pending');
    expect(task({ at: 5 }).state).toBe('pending');
    const failed = task({ after: ['a'] });
    failed.fail('depend', 'dependency');
    expect(failed.state).toBe('failed');
    const nowhere = task();
    nowhere.fail('place', 'refused');
    expect(nowhere.state).toBe('failed');
  });
  it('tells the agent that it works in when it begins and when it ends, whatever its end', () => {
    const ends: ((s: Story) => unknown)[] = [(s) => s.done('work', DONE), (s) => s.fail('work', 'navigation'), (s) => s.fail('work', 'lost'), (s) => s.send('CANCEL'), (s) => s.wait(303_000)];
    for (const end of ends) {
      const s = running({}, { agent: 'a-1' });
      expect(s.tells).toEqual(['agent/a-1 TASK']);
      end(s);
      expect(s.tells).toEqual(['agent/a-1 FREE']);
    }
    expect(running().tells).toEqual([]);
  });
  it('takes no second life while it is known to have one', () => {
    const s = task();
    expect(s.start({ id: 'x' })).toBe(false);
    s.send('CANCEL');
    expect(s.start({ ...s.context })).toBe(false);
    expect(s.start({ ...s.context, purged: true })).toBe(true);
    expect(s.state).toBe('pending');
    s.send('CANCEL');
    s.wait(3_600_001);
    expect(s.start({ ...s.context })).toBe(true);
  });
});

describe('what a task is made of', () => {
  const at = (input: object) => taskFields.safeParse({ title: 'T', type: 'automation', ...input }).error?.issues[0];
  it.each([
    ['title', { title: ' ' }], ['type', { type: 'crawl' }], ['priority', { priority: 0 }], ['priority', { priority: 11 }], ['group', { group: 'A B' }], ['retries', { retries: 4 }], ['timeoutMs', { timeoutMs: 5 }],
    ['payload.url', { payload: { url: 'ftp://x' } }], ['payload.command', { type: 'shell' }], ['payload.command', { payload: { command: 'ls' } }], ['payload', { payload: { actions: [{ tool: 't', args: { x: 'y'.repeat(70_000) } }] } }], ['requirements.min.cpu', { requirements: { min: { cpu: -1 } } }], ['after.0', { after: ['A'] }],
  ])('names %s', (field, input) => expect(at(input)?.path.join('.')).toBe(field));
  it('fills in what is usual', () => expect(taskFields.parse({ title: 'T', type: 'test' })).toMatchObject({ priority: 5, group: 'default', timeoutMs: 300_000, retries: 3, after: [], payload: {}, requirements: {}, description: '' }));
});

const AGENT = { worker: 'w-1', incarnation: 'i-1', account: null, platform: null, epoch: null, proxy: null };
const agent = (more: object = {}) => new Story('agent', { id: 'x', by: 'user:a', name: 'X', ...agentFields.parse({ url: 'https://shop.example', ...more }) });
const open = (more: object = {}): Story => {
  const s = agent(more);
  s.done('place', AGENT);
  s.progress('keep', 'OPENED', { window: 'win-1', url: 'https://shop.example/', title: 'Shop' });
  return s;
};

describe('an agent', () => {
  it('is placed, opened, idle, busy and idle again', () => {
    const s = agent();
    expect(s.state).toBe('placing');
    s.progress('place', 'WAITING', { why: 'no worker of group default runs: start one' });
    expect(s.context.waiting).toMatch(/start one/);
    s.done('place', AGENT);
    expect(s.state).toBe('open.opening');
    expect(s.context.waiting).toBeNull();
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'keep', input: { ...AGENT, agent: 'x', url: 'https://shop.example', shared: true } }]);
    s.progress('keep', 'OPENED', { window: 'win-1', url: 'https://shop.example/', title: 'Shop' });
    expect(s.state).toBe('open.idle');
    s.send('TASK', { task: 't-1' });
    expect([s.state, s.context.task]).toEqual(['open.busy', 't-1']);
    expect(s.send('FREE', { task: 't-0' })).toBe(false);
    s.send('FREE', { task: 't-1', ok: true });
    expect([s.state, s.context.task]).toEqual(['open.idle', null]);
    s.progress('keep', 'CHANGED', { url: 'https://shop.example/2', title: 'Two' });
    expect(s.context.page).toEqual({ url: 'https://shop.example/2', title: 'Two' });
    expect(s.entry.pending.timers).toEqual({});
  });
  it('that crashes is opened again where it was, slower each time, and left to a person after five in a row', () => {
    const s = open();
    s.send('TASK', { task: 't-1' });
    s.fail('keep', 'crashed');
    expect([s.state, s.context.task, s.context.place, s.context.restarts]).toEqual(['error', null, null, 1]);
    expect(s.send('FREE', { task: 't-1' })).toBe(false);
    for (const wait of [1100, 2200, 4400]) {
      s.wait(wait);
      expect(s.state).toBe('placing');
      s.done('place', AGENT);
      expect(Object.values(s.entry.pending.effects)[0]!.input).toMatchObject({ url: 'https://shop.example/' });
      s.fail('keep', 'crashed');
      expect(s.state).toBe('error');
    }
    s.wait(8800);
    s.done('place', AGENT);
    s.fail('keep', 'crashed');
    expect([s.state, s.context.error]).toEqual(['failed', 'it was crashed']);
    s.send('RESTART');
    expect([s.state, s.context.failures, s.context.error]).toEqual(['placing', 0, null]);
  });
  it('that stood for a minute begins to count anew, and so does one that has worked', () => {
    const s = open();
    for (let i = 0; i < 8; i++) {
      s.wait(60_001);
      s.fail('keep', 'crashed');
      expect([s.state, s.context.failures]).toEqual(['error', 1]);
      s.wait(1_100);
      s.done('place', AGENT);
      s.progress('keep', 'OPENED', { window: 'w', url: null, title: null });
    }
    const worked = open();
    for (let i = 0; i < 8; i++) {
      worked.send('TASK', { task: `t-${i}` });
      worked.send('FREE', { task: `t-${i}` });
      worked.fail('keep', 'crashed');
      expect([worked.state, worked.context.failures]).toEqual(['error', 1]);
      worked.wait(1_100);
      worked.done('place', AGENT);
      worked.progress('keep', 'OPENED', { window: 'w', url: null, title: null });
    }
  });
  it('is offline with its worker and opens elsewhere', () => {
    const s = open();
    s.send('TASK', { task: 't-1' });
    s.fail('keep', 'lost');
    expect([s.state, s.context.task, s.context.restarts]).toEqual(['offline', null, 0]);
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'place', input: { worker: null } }]);
    s.done('place', { ...AGENT, worker: 'w-2' });
    expect([s.state, s.context.place.worker]).toEqual(['open.opening', 'w-2']);
    const pinned = open({ worker: 'w-1' });
    pinned.fail('keep', 'lost');
    expect(Object.values(pinned.entry.pending.effects)).toMatchObject([{ src: 'place', input: { worker: 'w-1' } }]);
  });
  it('that its worker has no room for looks for another place, and one that is refused waits for a person', () => {
    const full = agent();
    full.done('place', AGENT);
    full.fail('keep', 'full');
    expect([full.state, full.context.restarts]).toEqual(['placing', 0]);
    const refused = open();
    refused.fail('keep', 'refused');
    expect(refused.state).toBe('failed');
    const nowhere = agent();
    nowhere.fail('place', 'refused');
    expect(nowhere.state).toBe('failed');
  });
  it('that does not open in time is tried again', () => {
    const s = agent();
    s.done('place', AGENT);
    s.wait(120_000);
    expect([s.state, s.context.error]).toEqual(['error', 'its window did not open within 2 minutes']);
  });
  it('takes a task that began before it heard of its own window', () => {
    const s = agent();
    s.done('place', AGENT);
    s.send('TASK', { task: 't-1' });
    expect(s.state).toBe('open.opening');
    s.progress('keep', 'OPENED', { window: 'w', url: null, title: null });
    expect([s.state, s.context.task]).toEqual(['open.busy', 't-1']);
  });
  it('is closed in every state, and its id may be used again', () => {
    const states: Record<string, () => Story> = {
      placing: () => agent(),
      'open.opening': () => ((s) => (s.done('place', AGENT), s))(agent()),
      'open.idle': () => open(),
      'open.busy': () => ((s) => (s.send('TASK', { task: 't' }), s))(open()),
      error: () => ((s) => (s.fail('keep', 'crashed'), s))(open()),
      failed: () => ((s) => (s.fail('keep', 'refused'), s))(open()),
      offline: () => ((s) => (s.fail('keep', 'lost'), s))(open()),
    };
    for (const [state, make] of Object.entries(states)) {
      const s = make();
      expect(s.state).toBe(state);
      const asked = Object.keys(s.entry.pending.effects).length;
      s.send('CLOSE');
      expect(s.state, state).toBe('closed');
      expect(s.commands.filter((c) => c.do === 'abort'), state).toHaveLength(asked);
      expect(s.start({ id: 'x', name: 'X', group: 'default' })).toBe(true);
      expect(s.state).toBe('placing');
    }
    const byItself = open();
    byItself.done('keep');
    expect(byItself.state).toBe('closed');
  });
  it('is opened anew where a person asks', () => {
    for (const make of [() => open(), () => ((s) => (s.fail('keep', 'crashed'), s))(open()), () => ((s) => (s.fail('keep', 'lost'), s))(open())]) {
      const s = make();
      expect(s.send('RESTART')).toBe(true);
      expect(s.running).toEqual(['place']);
    }
  });
});

describe('a gate', () => {
  it('closes with who and why, and opens', () => {
    const s = new Story('gate', { id: 'fleet' });
    expect(s.send('RESUME')).toBe(false);
    s.send('PAUSE', { reason: 'the shop is down', by: 'user:a' });
    expect([s.state, s.context]).toEqual(['paused', { id: 'fleet', by: 'user:a', reason: 'the shop is down', since: s.now }]);
    expect(s.send('PAUSE', { reason: 'the shop is down', by: 'user:b' })).toBe(false);
    s.send('PAUSE', { reason: 'still down', by: 'user:b' });
    expect(s.context).toMatchObject({ by: 'user:b', reason: 'still down' });
    s.send('RESUME', { by: 'user:b' });
    expect([s.state, s.context.by, s.context.reason]).toEqual(['open', null, '']);
  });
  it.each([['fleet', 'fleet', 'fleet'], ['group-linux-1', 'group', 'linux-1'], ['platform-douyin', 'platform', 'douyin'], ['account-demo-1', 'account', 'demo-1'], ['queue-eu-west--low', 'queue', 'eu-west.low'], ['kind-shell', 'kind', 'shell']])('%s holds the %s %s', (id, scope, name) => expect(gateOf(id)).toEqual({ scope, name }));
  it.each(['queue-linux', 'queue-linux--top', 'group-', 'worker-1', 'x'])('%s holds nothing', (id) => expect(gateOf(id)).toBeNull());
});

it('an address that no window may be sent to is refused when the task is made, not when it runs', () => {
  const refused = (url: string) => taskFields.safeParse({ title: 'x', type: 'scrape', payload: { url } }).error?.issues[0]?.message;
  for (const url of ['data:text/html,x', 'about:config', 'file:///etc/passwd', 'javascript:alert(1)', 'shop.example', 'http://']) expect(refused(url), url).toBe('must be an address that begins with http:// or https://');
  for (const url of ['about:blank', 'https://shop.example/a?b=c', ' http://127.0.0.1:8080/ ']) expect(refused(url), url).toBeUndefined();
});
