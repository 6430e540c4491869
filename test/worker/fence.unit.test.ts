import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Fence } from '../../runtime/worker/fence.ts';

let lost: [string, string][];
let fence: Fence;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  lost = [];
  fence = new Fence(15_000, (account, reason) => void lost.push([account, reason]));
});
afterEach(() => {
  fence.stop();
  vi.useRealTimers();
});
const now = () => performance.now();

test('a lease counts from when the heartbeat was sent, not from when it was answered', () => {
  const sent = now();
  vi.advanceTimersByTime(4000);
  fence.confirm(sent, [{ account: 'a', epoch: 3 }]);
  expect(fence.holds('a', 3)).toBe(true);
  expect(fence.holds('a', 2)).toBe(false);
  expect(fence.holds('b', 3)).toBe(false);
  vi.advanceTimersByTime(10_999);
  expect(fence.holds('a', 3)).toBe(true);
  vi.advanceTimersByTime(1);
  expect(fence.holds('a', 3)).toBe(false);
  expect(lost.map(([account]) => account)).toEqual(['a']);
});

test('an answer that comes after its own deadline, or out of order, renews nothing', () => {
  const early = now();
  vi.advanceTimersByTime(1000);
  fence.confirm(now(), [{ account: 'a', epoch: 1 }]);
  fence.confirm(early, []);
  expect(fence.holds('a', 1)).toBe(true);
  vi.advanceTimersByTime(15_000);
  fence.confirm(early, [{ account: 'a', epoch: 1 }]);
  expect(fence.holds('a', 1)).toBe(false);
});

test('what is listed no more, or with another epoch, is lost at once', () => {
  fence.confirm(now(), [{ account: 'a', epoch: 1 }, { account: 'b', epoch: 1 }, { account: 'c', epoch: 1 }]);
  vi.advanceTimersByTime(5000);
  fence.confirm(now(), [{ account: 'a', epoch: 1 }, { account: 'b', epoch: 2 }]);
  expect(lost.map(([account]) => account).sort()).toEqual(['b', 'c']);
  expect(fence.list()).toEqual([{ account: 'a', epoch: 1 }, { account: 'b', epoch: 2 }]);
});
