import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PendingEffect } from '../../actors/entry.ts';
import { Dispatcher } from '../../runtime/master/dispatcher.ts';
import type { Liveness } from '../../runtime/master/liveness.ts';
import type { Mux } from '../../transport/mux.ts';
import type { FxAnswer } from '../../transport/protocol.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const effect = { src: 'find', input: { worker: 'w1' } } as unknown as PendingEffect;

/** A dispatcher whose one worker is alive and answers as told. */
function withWorker(answer: (offers: number) => FxAnswer) {
  let offers = 0;
  const lost: string[] = [];
  const mux = { json: async () => answer(++offers) } as unknown as Mux;
  const liveness = { incarnation: () => 'second', gone: () => null } as unknown as Liveness;
  const dispatcher = new Dispatcher(mux, liveness, (actor, token, message, once) => lost.push(`${actor} ${token} ${once}: ${message}`));
  dispatcher.run('reply/r1', 't1', effect, false, true);
  return { dispatcher, lost, offers: () => offers };
}

test('an effect that a living worker keeps refusing comes back as lost, with the reason, once', async () => {
  const { dispatcher, lost, offers } = withWorker(() => ({ taken: false, reason: 'no lease of account a1 with epoch 1' }));
  await vi.advanceTimersByTimeAsync(9_000);
  expect(lost).toEqual([]);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(lost).toEqual(['reply/r1 t1 false: w1 does not take it: no lease of account a1 with epoch 1']);
  const before = offers();
  await vi.advanceTimersByTimeAsync(20_000);
  expect([lost.length, offers()]).toEqual([1, before]);
  dispatcher.stop();
});

test('one that is refused for a moment, while its lease is on the way, is not', async () => {
  const { dispatcher, lost } = withWorker((n) => (n <= 5 ? { taken: false, reason: 'no lease' } : { taken: true }));
  await vi.advanceTimersByTimeAsync(40_000);
  expect(lost).toEqual([]);
  dispatcher.stop();
});

/** A dispatcher of tasks whose worker answers what travels together as told. */
function withMany(answer: (runs: { token: string; offered: number }[]) => object) {
  const sent: string[][] = [];
  const alone: string[] = [];
  const mux = {
    nc: { publish: () => undefined },
    request: async (_: string, text: string) => {
      const { runs } = JSON.parse(text) as { runs: { token: string; offered: number }[] };
      sent.push(runs.map((r) => r.token));
      return { json: () => answer(runs) };
    },
    json: async (_: string, run: { token: string }) => (alone.push(run.token), { taken: true }),
  } as unknown as Mux;
  const dispatcher = new Dispatcher(mux, { incarnation: () => 'i', gone: () => null } as unknown as Liveness, () => undefined);
  const give = (token: string, more: object = {}) => dispatcher.run(`task/${token}`, token, { src: 'work', input: { worker: 'w1', incarnation: 'i', ...more } } as unknown as PendingEffect, false, false);
  return { dispatcher, sent, alone, give };
}

test('tasks that begin together travel together; each is answered for itself, and one that was taken back meanwhile stays', async () => {
  const { dispatcher, sent, give } = withMany((runs) => ({ answers: runs.map((r) => ({ taken: r.token !== 't2' })) }));
  for (const t of ['t1', 't2', 't3', 't4']) give(t);
  dispatcher.abort('t3');
  await vi.advanceTimersByTimeAsync(1);
  expect(sent).toEqual([['t1', 't2', 't4']]);
  // What was refused is offered again after a second, what was taken is not.
  await vi.advanceTimersByTimeAsync(1_500);
  expect(dispatcher.workerOf('t3')).toBeNull();
  expect(sent).toHaveLength(1);
  dispatcher.stop();
});

test('no message is larger than a server takes, and one alone goes as before', async () => {
  const { dispatcher, sent, alone, give } = withMany((runs) => ({ answers: runs.map(() => ({ taken: true })) }));
  for (let i = 0; i < 9; i++) give(`t${i}`, { title: 'x'.repeat(60_000) });
  await vi.advanceTimersByTimeAsync(1);
  expect([sent.map((s) => s.length), alone]).toEqual([[4, 4], ['t8']]);
  dispatcher.stop();
});

test('a worker that is older than this takes them one by one', async () => {
  const { dispatcher, sent, alone, give } = withMany(() => ({ taken: false, reason: 'not a request for an effect' }));
  for (const t of ['t1', 't2']) give(t);
  await vi.advanceTimersByTimeAsync(1);
  for (const t of ['t3', 't4']) give(t);
  await vi.advanceTimersByTimeAsync(1);
  expect([sent, alone]).toEqual([[['t1', 't2']], ['t1', 't2', 't3', 't4']]);
  dispatcher.stop();
});
