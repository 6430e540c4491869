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
