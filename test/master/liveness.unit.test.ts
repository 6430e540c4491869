import { afterEach, describe, expect, it } from 'vitest';
import { Liveness, type LivenessChange } from '../../runtime/master/liveness.ts';

let liveness: Liveness;
afterEach(() => liveness.stop());

const open = (suspectAfter = 60_000, offlineAfter = 120_000, sweep = 10) => {
  const changes: LivenessChange[] = [];
  liveness = new Liveness({ suspectAfter, offlineAfter, sweep }, (c) => void changes.push(c));
  return changes;
};
const beat = (incarnation: string, seq: number, more: object = {}) => ({ worker: 'w1', incarnation, seq, at: Date.now(), rssBytes: 1, cpuRatio: 0, browsers: 0, busy: { crawl: 0, reply: 0, login: 0 }, accounts: [], ...more });

describe('heartbeats', () => {
  it('that were heard before, or are older than the last, count for nothing', () => {
    open();
    expect([1, 2, 2, 1, 3].map((seq) => liveness.beat(beat('2026-a', seq)))).toEqual([true, true, false, false, true]);
  });

  it('of a process that a newer one has replaced do not speak for it', () => {
    open();
    liveness.registered('w1', '2026-b');
    expect(liveness.beat(beat('2026-a', 99))).toBe(false);
    expect(liveness.incarnation('w1')).toBe('2026-b');
    expect(liveness.gone('w1', '2026-a')).toMatch(/started anew/);
    liveness.exited('w1');
    expect(liveness.beat(beat('2026-a', 100))).toBe(true);
  });

  it('from the future or the past are heard when they arrive: the clock of the sender says nothing', async () => {
    const changes = open(30, 60);
    for (const [i, at] of [0, 1, Date.now() + 1e12, -5].entries()) expect(liveness.beat(beat('2026-a', i + 1, { at }))).toBe(true);
    await expect.poll(() => liveness.state('w1')).toBe('offline');
    expect(changes.map((c) => c.is)).toEqual(['SUSPECT', 'OFFLINE']);
  });

  it('come back before it is too late: suspected, then seen', async () => {
    const changes = open(30, 60_000);
    liveness.beat(beat('2026-a', 1));
    await expect.poll(() => liveness.state('w1')).toBe('suspect');
    liveness.beat(beat('2026-a', 2));
    expect([liveness.state('w1'), changes.map((c) => c.is)]).toEqual(['connected', ['SUSPECT', 'SEEN']]);
  });

  it('missed while the master itself stood still are forgiven', async () => {
    const changes = open(200, 400, 10);
    liveness.beat(beat('2026-a', 1));
    const until = performance.now() + 600;
    while (performance.now() < until);
    await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 15)));
    expect(changes).toEqual([]);
  });
});
