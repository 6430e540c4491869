import { beforeEach, describe, expect, test } from 'vitest';
import { EffectRunner, type Effect } from '../../runtime/worker/effect-runner.ts';
import { Fence } from '../../runtime/worker/fence.ts';
import { Kept } from '../../runtime/worker/kept-results.ts';
import type { Link } from '../../runtime/worker/link.ts';
import { ResultPost } from '../../runtime/worker/result-post.ts';
import { TaskNotes } from '../../runtime/worker/task-notes.ts';
import { until } from './until.ts';

type Sent = { id: string; by: 'post' | 'inbox'; body: any };
let sent: Sent[];
let told: any[];
let reached: boolean;
let fence: Fence;
let open: (() => void)[];
let effect: Effect;

const link = {
  store: async (_: string, body: object, id: string) => void sent.push({ id, by: 'inbox', body }),
  results: async (items: { id: string }[]) => (reached ? (sent.push(...items.map((i): Sent => ({ id: i.id, by: 'post', body: i }))), new Set(items.map((i) => i.id))) : new Set()),
  tell: (_: string, rows: object) => void told.push(rows),
} as unknown as Link;
const runner = (limits = { maxAgents: 2, maxShells: 1 }) => {
  const r: EffectRunner = new EffectRunner({ worker: 'w1', fence, log: () => undefined, maxCrawls: 1, refresh: async () => undefined, link, effects: { work: effect, keep: effect }, incarnation: 'i-1', limits, context: {} as never });
  return r;
};
const task = (id: string, more: object = {}) => ({
  op: 'run', token: `task/${id}/2/0`, actor: { kind: 'task', id }, src: 'work',
  input: { worker: 'w1', incarnation: 'i-1', task: id, attempt: 1, type: 'scrape', title: 'T', payload: {}, account: null, platform: null, epoch: null, proxy: null, agent: null, timeoutMs: 60_000, ...more },
});
const keep = (id: string) => ({ op: 'run', token: `agent/${id}/2/0`, actor: { kind: 'agent', id }, src: 'keep', input: { worker: 'w1', incarnation: 'i-1', agent: id, account: null, platform: null, epoch: null, proxy: null, url: null, viewport: null, shared: true } });
const fault = (id: string) => sent.find((s) => s.id === `task/${id}/2/0:error`)?.body.error;

beforeEach(() => {
  sent = [];
  told = [];
  open = [];
  reached = true;
  fence = new Fence(15_000, () => undefined);
  fence.confirm(performance.now(), [{ account: 'a', epoch: 1 }]);
  effect = (ctx) => new Promise((resolve, reject) => {
    ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error), { once: true });
    open.push(() => resolve({ result: null, object: null, artefacts: [], agent: null, ms: 1 }));
  });
});

describe('work without an account', () => {
  test('runs once for its token and goes straight to its master; to the inbox where that does not answer', async () => {
    const r = runner();
    expect(await r.take(task('t1'))).toEqual({ taken: true });
    expect(await r.take(task('t1'))).toEqual({ taken: true });
    expect(r.working()).toEqual({ tasks: 1, running: [{ actor: 'task/t1', is: 'page' }] });
    open[0]!();
    await until('the result', () => sent.length === 1);
    expect(sent[0]).toMatchObject({ id: 'task/t1/2/0:done', by: 'post', body: { actor: 'task/t1', token: 'task/t1/2/0', output: { agent: null } } });
    reached = false;
    await r.take(task('t2'));
    open[1]!();
    await until('the second result', () => sent.length === 2);
    expect(sent[1]).toMatchObject({ id: 'task/t2/2/0:done', by: 'inbox' });
    expect(open).toHaveLength(2);
  });
  test('is for the process that it names, and only while a master hears it', async () => {
    const r = runner();
    expect(await r.take(task('t1', { incarnation: 'i-0' }))).toMatchObject({ taken: false, reason: expect.stringMatching(/another process/) });
    const cut = new Fence(15_000, () => undefined);
    fence = cut;
    expect(await runner().take(task('t1'))).toMatchObject({ taken: false, reason: 'no master has confirmed a heartbeat of this worker in time' });
    cut.confirm(performance.now(), []);
    expect(await runner().take(task('t1', { account: 'a', epoch: 1 }))).toMatchObject({ taken: false, reason: expect.stringMatching(/no lease of account a/) });
  });
  test('ends as fenced when no master has been heard, and the account\'s too', async () => {
    let r!: EffectRunner;
    fence = new Fence(60, (account, reason) => r.fence(account, reason), () => r.silent());
    fence.confirm(performance.now(), [{ account: 'a', epoch: 1 }]);
    r = runner();
    await r.take(task('t1'));
    await r.take(task('t2', { account: 'a', epoch: 1 }));
    await until('both end', () => sent.length === 2);
    expect([fault('t1').kind, fault('t2').kind]).toEqual(['fenced', 'fenced']);
  });
  test('that is over its limits is turned away at once, windows and shells apart', async () => {
    const r = runner();
    await r.take(keep('one'));
    await r.take(task('t1'));
    expect(await r.take(task('t2'))).toEqual({ taken: true });
    await until('it is turned away', () => fault('t2') !== undefined);
    expect(fault('t2')).toEqual({ kind: 'full', message: 'this worker is full (2 of 2)', sent: 'no' });
    await r.take(task('in', { agent: 'one' }));
    await r.take(task('s1', { type: 'shell', payload: { command: 'true' } }));
    await r.take(task('s2', { type: 'shell', payload: { command: 'true' } }));
    await until('the second shell is turned away', () => fault('s2') !== undefined);
    expect(r.working().running).toEqual([{ actor: 'agent/one', is: 'agent' }, { actor: 'task/t1', is: 'page' }, { actor: 'task/in', is: 'none' }, { actor: 'task/s1', is: 'shell' }]);
    expect([r.taskIn('one'), r.taskIn('two')]).toEqual(['in', null]);
    await runner({ maxAgents: 1, maxShells: 0 }).take(task('s3', { type: 'shell', payload: { command: 'true' } }));
    await until('shells are not allowed', () => fault('s3') !== undefined);
    expect(fault('s3')).toMatchObject({ kind: 'refused', message: expect.stringMatching(/--allow-shell/) });
    await r.take(task('odd', { timeoutMs: 'soon' }));
    await until('it is refused', () => fault('odd') !== undefined);
    expect(fault('odd').kind).toBe('refused');
  });
  test('ends at its time-out, when it is taken back, and when the worker stops', async () => {
    const r = runner({ maxAgents: 9, maxShells: 0 });
    await r.take(task('late', { timeoutMs: 100 }));
    await r.take(task('back'));
    await r.take(task('stays'));
    await r.take({ op: 'abort', token: 'task/back/2/0' });
    await until('the first two end', () => sent.length === 2);
    expect(fault('late')).toEqual({ kind: 'timeout', message: 'not finished within 0.1 s', sent: 'no' });
    expect(fault('back').kind).toBe('aborted');
    await r.drain(0);
    expect(fault('stays').kind).toBe('aborted');
    expect(await r.take(task('new'))).toEqual({ taken: true });
    await until('what comes late goes elsewhere', () => fault('new') !== undefined);
    expect(fault('new').kind).toBe('aborted');
  });
  test('says that it has begun only when it lasts, and its log before its result', async () => {
    effect = async (ctx, input) => {
      ctx.emit({ type: 'STARTED', agent: null });
      ctx.note({ level: 'info', text: 'step 1', step: 1, progress: 0.5 });
      const { title } = input as { title: string };
      if (title === 'slow') await new Promise<void>((r) => open.push(r));
      return { result: null, object: null, artefacts: [], agent: null, ms: 1 };
    };
    const r = runner();
    await r.take(task('quick'));
    await until('the quick one is done', () => sent.length === 1);
    expect(told).toEqual([[{ at: expect.any(Number), attempt: 1, level: 'info', text: 'step 1', step: 1, progress: 0.5 }]]);
    await r.take(task('slow', { title: 'slow' }));
    await until('the slow one says so', () => sent.length === 2);
    expect(sent[1]).toMatchObject({ id: 'task/slow/2/0:1', by: 'inbox', body: { event: { type: 'STARTED' } } });
    open[0]!();
    await until('and is done', () => sent.length === 3);
    expect(sent.map((s) => s.id)).toEqual(['task/quick/2/0:done', 'task/slow/2/0:1', 'task/slow/2/0:done']);
  });
});

describe('what is kept of results', () => {
  test('all of few; of many or large ones that are stored only the token', () => {
    const kept = new Kept<string>(60_000);
    kept.add('a', 'A', 5 * 1024 * 1024);
    kept.stored('a');
    expect(kept.get('a')).toBe('A');
    kept.add('b', 'B', 5 * 1024 * 1024);
    expect([kept.get('a'), kept.get('b'), kept.get('c')]).toEqual([null, 'B', undefined]);
    // What is not stored yet is never dropped for room.
    kept.add('c', 'C', 5 * 1024 * 1024);
    expect([kept.get('b'), kept.get('c')]).toEqual(['B', 'C']);
    for (let i = 0; i < 20_000; i++) kept.add(`n${i}`, 'x', 1);
    expect([kept.get('a'), kept.get('b'), kept.get('n0'), kept.get('n19999')]).toEqual([undefined, undefined, 'x', 'x']);
  });
  test('and not for ever', () => {
    const kept = new Kept<string>(0);
    kept.add('a', 'A', 1);
    kept.add('b', 'B', 1);
    expect([kept.get('a'), kept.get('b')]).toEqual([undefined, 'B']);
  });
});

test('results that end together go as one', async () => {
  const calls: string[][] = [];
  const post = new ResultPost(async (items) => (calls.push(items.map((i) => i.id)), new Set(['r1', 'r300'])));
  const said = await Promise.all(Array.from({ length: 301 }, (_, i) => post.send({ id: `r${i}`, actor: 'task/t', token: 't', output: 1 })));
  expect(calls.map((c) => c.length)).toEqual([200, 101]);
  expect(said.flatMap((yes, i) => (yes ? [i] : []))).toEqual([1, 300]);
});

test('a flood of log rows is sent in part, and of progress the last', async () => {
  const rows: { text: string; progress?: number | undefined }[] = [];
  const notes = new TaskNotes(2, (some) => rows.push(...some));
  for (let i = 0; i < 5_000; i++) notes.add({ level: 'out', text: `line ${i}` });
  for (let i = 0; i < 100; i++) notes.add({ level: 'info', text: '', progress: i / 100 });
  notes.end();
  expect(rows.filter((r) => r.text.startsWith('line')).length).toBeGreaterThanOrEqual(1_000);
  expect(rows.filter((r) => r.text.startsWith('line')).length).toBeLessThan(1_200);
  expect(rows.at(-1)).toMatchObject({ progress: 0.99, attempt: 2 });
  expect(rows.filter((r) => r.text === '').length).toBeLessThan(5);
});
