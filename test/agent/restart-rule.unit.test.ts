import fc from 'fast-check';
import { expect, it } from 'vitest';
import { afterExit, type Crashes } from '../../runtime/agent/restart-rule.ts';
import { restartRule } from '../../transport/protocol.ts';

const rule = restartRule.parse({});
const none: Crashes = { at: [], fast: 0 };

/** Ends after `uptime` each time and is restarted as told; gives the delays until it is left. */
function loop(uptime: number, most = 50): { delays: number[]; why: string } {
  const delays: number[] = [];
  let crashes = none;
  for (let at = 0; delays.length < most; ) {
    at += uptime;
    const verdict = afterExit(rule, crashes, { code: 1, at, uptimeMs: uptime });
    crashes = verdict.crashes;
    if (verdict.is === 'leave') return { delays, why: verdict.why };
    delays.push(verdict.afterMs);
    at += verdict.afterMs;
  }
  return { delays, why: '' };
}

it('gives up a loop of half a second and one of 11 s, and never one of 5 minutes', () => {
  expect(loop(500)).toEqual({ delays: [5000, 10_000, 20_000], why: '4 crashes within 10 min' });
  expect(loop(11_000)).toEqual({ delays: [5000, 5000, 5000], why: '4 crashes within 10 min' });
  expect(loop(300_000)).toEqual({ delays: Array(50).fill(5000), why: '' });
});

it('leaves what ended as it meant to, what no restart mends, and what should not be restarted', () => {
  expect(afterExit(rule, none, { code: 0, at: 1, uptimeMs: 1 })).toMatchObject({ is: 'leave', failed: false });
  expect(afterExit(rule, none, { code: 78, at: 1, uptimeMs: 1 })).toMatchObject({ is: 'leave', failed: true, why: expect.stringContaining('78') });
  expect(afterExit({ ...rule, auto: false }, none, { code: 1, at: 1, uptimeMs: 1 })).toMatchObject({ is: 'leave', failed: true });
  expect(afterExit(rule, none, { code: null, at: 1, uptimeMs: 1 })).toMatchObject({ is: 'restart', afterMs: 5000 });
});

it('never waits longer than 5 minutes, and never restarts more often within the window than allowed', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 700_000 }), { minLength: 1, maxLength: 60 }), fc.integer({ min: 0, max: 20 }), (uptimes, maxAttempts) => {
      let crashes = none;
      let at = 0;
      const restarts: number[] = [];
      for (const uptimeMs of uptimes) {
        at += uptimeMs;
        const verdict = afterExit({ ...rule, maxAttempts }, crashes, { code: 1, at, uptimeMs });
        crashes = verdict.crashes;
        if (verdict.is === 'leave') return;
        expect(verdict.afterMs).toBeLessThanOrEqual(300_000);
        restarts.push(at);
        expect(restarts.filter((t) => t > at - rule.windowMs).length).toBeLessThanOrEqual(maxAttempts);
        at += verdict.afterMs;
      }
    }),
  );
});
