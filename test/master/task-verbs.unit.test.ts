import { beforeEach, describe, expect, it } from 'vitest';
import { task as bound, taskFields } from '../../actors/task.ts';
import type { Request } from '../../runtime/master/commands.ts';
import type { Engine } from '../../runtime/master/engine.ts';
import { taskVerbs } from '../../runtime/master/task-verbs.ts';
import type { Mux } from '../../transport/mux.ts';
import { Story } from '../machines/story.ts';

const stories = new Map<string, Story>();
let made: Request[];
let published: string[];
let aborted: string[];
let asked: { is: string; token?: string; output?: { result: unknown } }[];

const engine = {
  host: { head: async (actor: string) => (stories.has(actor) ? { entry: stories.get(actor)!.entry } : null) },
  ask: async (actor: string, inbound: { is: string }) => {
    asked.push(inbound as never);
    return { is: 'taken', entry: stories.get(actor)!.entry, seq: 9 };
  },
  dispatcher: { abort: (token: string) => void aborted.push(token) },
} as unknown as Engine;
const mux = { publish: async (subject: string) => void published.push(subject) } as unknown as Mux;
const verbs = taskVerbs({
  engine: () => engine, mux,
  command: async (request) => {
    const again = made.some((m) => m.to.id === request.to.id);
    if (!again) made.push(request);
    return again ? { ok: false, code: 'duplicate', message: 'it exists already' } : { ok: true, actor: `task/${request.to.id}` };
  },
});
const call = (verb: 'retry' | 'purge' | 'result', id: string, payload: object = {}, request = 'r1') => {
  const to = { kind: 'task', id };
  return verbs[verb](to, payload as never, { to, verb, payload, id: request, by: 'user:ann' } as unknown as Request);
};
const tell = (id: string, more: object = {}): Story => {
  const s = new Story('task', bound.commands['create']!.input!({ ...taskFields.parse({ title: 'Prices', type: 'scrape', payload: { url: 'https://shop.example' }, retries: 0, ...more }), seq: 7 }, { id, by: 'user:a' }));
  stories.set(`task/${id}`, s);
  return s;
};
const working = (id: string): Story => {
  const s = tell(id);
  s.done('place', { worker: 'w', incarnation: 'i', agent: null, account: null, platform: null, epoch: null, proxy: null });
  return s;
};

beforeEach(() => {
  stories.clear();
  [made, published, aborted, asked] = [[], [], [], []];
});

describe('a task that has ended', () => {
  it('is made anew with what it was, or with what is changed of it', async () => {
    tell('a').send('CANCEL');
    const again = await call('retry', 'a');
    expect(again).toMatchObject({ ok: true, task: made[0]!.to.id });
    expect(made[0]!.payload).toMatchObject({ title: 'Prices', type: 'scrape', payload: { url: 'https://shop.example' }, retries: 0, replayOf: 'a' });
    await call('retry', 'a', { priority: 9, payload: { url: 'https://other.example' } }, 'r2');
    expect(made[1]!.payload).toMatchObject({ title: 'Prices', priority: 9, payload: { url: 'https://other.example' } });
    expect(made[1]!.to.id).not.toBe(made[0]!.to.id);
  });
  it('is made once, however often one request comes', async () => {
    tell('a').send('CANCEL');
    const first = await call('retry', 'a');
    expect(await call('retry', 'a')).toEqual({ ok: true, repeated: true, task: (first as unknown as { task: string }).task });
    expect(made).toHaveLength(1);
  });
  it.each([[{ priority: 11 }, 'priority'], [{ colour: 'red' }, 'colour'], [{ payload: { command: 'rm' } }, 'payload.command'], [{ title: '' }, 'title']])('is not made anew from %j: the field is named', async (edits, field) => {
    tell('a').send('CANCEL');
    expect(await call('retry', 'a', edits)).toMatchObject({ ok: false, code: 'invalid', field });
    expect(made).toEqual([]);
  });
  it('is taken off every view', async () => {
    tell('a').send('CANCEL');
    expect(await call('purge', 'a')).toMatchObject({ ok: true, state: 'purged' });
    expect(published).toHaveLength(1);
    expect(published[0]).toMatch(/^troupe\.tasklog\.a\./);
  });
});

describe('a task that has not', () => {
  it.each(['retry', 'purge'] as const)('takes no %s', async (verb) => {
    working('a');
    expect(await call(verb, 'a')).toEqual({ ok: false, code: 'conflict', message: 'task/a is not finished: cancel it first' });
    expect(await call(verb, 'ghost')).toMatchObject({ ok: false, code: 'not_found' });
    expect([made, published]).toEqual([[], []]);
  });
  it('may be reported on for its worker, who is then called off', async () => {
    working('a');
    expect(await call('result', 'a', { worker: 'w', result: { n: 3 } })).toMatchObject({ ok: true, seq: 9 });
    expect(asked).toMatchObject([{ is: 'done', output: { result: { n: 3 } } }]);
    expect(aborted).toEqual([asked[0]!.token]);
    await call('result', 'a', { worker: 'w', attempt: 1, error: 'no page' });
    expect(asked[1]).toMatchObject({ is: 'error', error: { kind: 'tool-failed', message: 'no page' } });
  });
  it('hears no report of another worker, of an attempt that is over, or before it runs', async () => {
    working('a');
    tell('b');
    expect(await call('result', 'a', { worker: 'other', result: 1 })).toMatchObject({ ok: false, code: 'conflict' });
    expect(await call('result', 'a', { worker: 'w', attempt: 2, result: 1 })).toMatchObject({ ok: false, code: 'conflict' });
    expect(await call('result', 'b', { worker: 'w', result: 1 })).toEqual({ ok: false, code: 'conflict', message: 'task/b does not run' });
    expect(await call('result', 'a', { result: 1 })).toMatchObject({ ok: false, code: 'invalid', field: 'worker' });
    expect([asked, aborted]).toEqual([[], []]);
  });
});
