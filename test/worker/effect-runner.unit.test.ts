import { beforeEach, expect, test } from 'vitest';
import { EffectRunner, type Effect } from '../../runtime/worker/effect-runner.ts';
import { Fence } from '../../runtime/worker/fence.ts';
import type { Link } from '../../runtime/worker/link.ts';
import { until } from './until.ts';

type Stored = { subject: string; body: Record<string, unknown>; id: string };
let stored: Stored[];
let fence: Fence;
let ran: string[];
let refresh: () => Promise<void>;
let effect: Effect;

const runner = () => new EffectRunner({
  worker: 'w1', fence, log: () => undefined, maxCrawls: 3, refresh: () => refresh(),
  link: { store: async (subject: string, body: Record<string, unknown>, id: string) => void stored.push({ subject, body, id }), ask: async () => ({ value: 'the answer' }) } as unknown as Link,
  effects: { login: effect, crawl: effect, post: effect, find: effect, check: effect },
  context: { pool: null as never, platform: null as never, windows: null as never, tools: null as never, shell: null as never },
});
const run = (token: string, src = 'check', more: object = {}, account = 'a') => ({
  op: 'run', token, actor: { kind: 'reply', id: 'r1' }, src,
  input: { account, platform: 'p', worker: 'w1', epoch: 1, proxy: null, method: 'qrcode', round: 'r', cursor: { comments: null, messages: null }, reply: 'r1', to: {}, text: 't', since: 0 }, ...more,
});

beforeEach(() => {
  stored = [];
  ran = [];
  fence = new Fence(15_000, () => undefined);
  fence.confirm(performance.now(), ['a', 'b', 'c', 'd', 'e'].map((account) => ({ account, epoch: 1 })));
  refresh = async () => undefined;
  effect = async (ctx) => {
    ran.push(ctx.token);
    return { ok: ctx.token };
  };
});

test('a result goes to the actor under a message id that names its token, and is stored again when asked again', async () => {
  const r = runner();
  expect(await r.take(run('t1'))).toEqual({ taken: true });
  await until('the result', () => stored.length === 1);
  expect(stored[0]).toEqual({ subject: 'troupe.in.reply.r1.~done.w1', body: { token: 't1', output: { ok: 't1' } }, id: 't1:done' });
  expect(await r.take(run('t1', 'check', { offered: 5, once: true }))).toEqual({ taken: true });
  expect(stored).toEqual([stored[0], stored[0]]);
  expect(ran).toEqual(['t1']);
});

test('offers that overlap while leases are asked for start one run', async () => {
  let answer = () => {};
  const asked = new Promise<void>((done) => (answer = done));
  refresh = () => asked;
  const r = runner();
  const first = r.take(run('t1', 'post', { once: true, offered: 0 }, 'late'));
  const second = r.take(run('t1', 'post', { once: true, offered: 1 }, 'late'));
  fence.confirm(performance.now() + 1, [{ account: 'late', epoch: 1 }]);
  answer();
  expect(await Promise.all([first, second])).toEqual([{ taken: true }, { taken: true }]);
  await until('the result', () => stored.length === 1);
  expect(ran).toEqual(['t1']);
  expect(stored[0]!.id).toBe('t1:done');
});

test('an unknown token that was offered before is lost when it can not be undone, and runs when it can', async () => {
  const r = runner();
  await r.take(run('t1', 'post', { once: true, offered: 1 }));
  await r.take(run('t2', 'find', { once: false, offered: 1 }));
  await until('both', () => stored.length === 2);
  expect(stored.find((s) => s.id === 't1:error')?.body).toMatchObject({ error: { kind: 'lost', sent: 'maybe' } });
  expect(ran).toEqual(['t2']);
});

test('effects of one account run one after the other, and no more than three crawls at once', async () => {
  const open: (() => void)[] = [];
  effect = (ctx) => new Promise((done) => {
    ran.push(ctx.token);
    open.push(() => done({}));
  });
  const r = runner();
  await r.take(run('a1', 'crawl'));
  await r.take(run('a2', 'check'));
  for (const account of ['b', 'c', 'd', 'e']) await r.take(run(`${account}1`, 'crawl', {}, account));
  await until('three crawls', () => ran.length === 3);
  expect(ran).toEqual(['a1', 'b1', 'c1']);
  expect(r.busy()).toMatchObject({ crawl: 3, reply: 0, login: 0 });
  open[0]!();
  await until('the next of the account and the next crawl', () => ran.length === 5);
  expect(ran.slice(3).sort()).toEqual(['a2', 'd1']);
  await r.take({ op: 'abort', token: 'e1' });
  await until('the waiting one to end', () => stored.some((s) => s.id === 'e1:error'));
  expect(ran).not.toContain('e1');
  for (const close of open) close();
});

test('events come in order before the result, and an answer may come before it is waited for', async () => {
  effect = async (ctx) => {
    ctx.emit({ type: 'ONE' });
    ctx.emit({ type: 'TWO' });
    await new Promise((done) => setTimeout(done, 50));
    return ctx.answer('txn-1');
  };
  const r = runner();
  await r.take(run('t1', 'login'));
  const signal = { op: 'signal', token: 't1', id: 's1', data: { txn: 'txn-1', ref: 'r' } };
  expect(await r.take(signal)).toEqual({ taken: true });
  expect(await r.take(signal)).toEqual({ taken: true });
  expect(await r.take({ ...signal, id: 's2', data: 'nonsense' })).toMatchObject({ taken: false });
  await until('the result', () => stored.length === 3);
  expect(stored.map((s) => s.id)).toEqual(['t1:1', 't1:2', 't1:done']);
  expect(stored[2]!.body.output).toBe('the answer');
  expect(await r.take({ ...signal, id: 's3' })).toMatchObject({ taken: false });
});

test('draining takes nothing new, lets the running finish, and ends what takes too long', async () => {
  let finish = () => {};
  effect = (ctx) => new Promise((done, fail) => {
    if (ctx.token === 'quick') finish = () => done({});
    else ctx.signal.addEventListener('abort', () => fail(ctx.signal.reason as Error));
  });
  const r = runner();
  await r.take(run('quick'));
  await r.take(run('slow', 'check', {}, 'b'));
  const drained = r.drain(200);
  expect(await r.take(run('new', 'check', {}, 'c'))).toEqual({ taken: false, reason: 'the worker is stopping' });
  finish();
  await drained;
  expect(stored.map((s) => s.id)).toEqual(['quick:done', 'slow:error']);
  expect(stored[1]!.body).toMatchObject({ error: { kind: 'aborted', sent: 'no' } });
});
