import { expect, it } from 'vitest';
import { createLogCap } from '../../runtime/worker/log-cap.ts';

it('lets a burst through, then a steady rate, and tells once a second what it left out (L9)', () => {
  let now = 0;
  const told: number[] = [];
  const may = createLogCap({ perSecond: 100, burst: 500 }, (n) => told.push(n), () => now);
  let passed = 0;
  // 5,000 rows a second for ten seconds.
  for (let i = 0; i < 50_000; i++) {
    now = i / 5;
    if (may()) passed++;
  }
  expect(passed + told.length).toBeGreaterThanOrEqual(1_490);
  expect(passed + told.length).toBeLessThanOrEqual(1_501);
  expect(told.length).toBeGreaterThanOrEqual(9);
  expect(told.length).toBeLessThanOrEqual(11);
  now += 5_000;
  expect(may()).toBe(true);
  expect(passed + told.reduce((a, b) => a + b, 0)).toBe(50_000);
});
