import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planCorrections, planRebalance, rank, whyNone, type Candidate, type Want } from '../../runtime/master/assignment.ts';

const c = (id: string, more: Partial<Candidate> = {}): Candidate => ({ id, capabilities: ['sandbox'], groups: ['default'], held: 0, maxAccounts: 10, cpu: 0, overMemory: false, cordoned: null, lastGiven: 0, ...more });
const want = (more: Partial<Want> = {}): Want => ({ platform: 'sandbox', group: null, pin: null, prefer: null, last: null, ...more });
const ids = (list: Candidate[]) => list.map((x) => x.id);

describe('a worker for an account', () => {
  it('knows the platform, serves the group, has room and memory', () => {
    const all = [c('a', { capabilities: ['douyin'] }), c('b', { groups: ['gpu'] }), c('d', { held: 10 }), c('e', { overMemory: true }), c('f')];
    expect(ids(rank(all, want(), 'least-connections'))).toEqual(['f']);
    expect(ids(rank(all, want({ group: 'gpu' }), 'least-connections'))).toEqual(['b']);
    expect(rank(all, want({ group: 'nowhere' }), 'least-connections')).toEqual([]);
  });
  it('is the least loaded, the one that waited longest, or the idlest', () => {
    const all = [c('a', { held: 3, lastGiven: 1, cpu: 0.9 }), c('b', { held: 1, lastGiven: 3, cpu: 0.5 }), c('d', { held: 2, lastGiven: 2, cpu: 0.1 })];
    expect(ids(rank(all, want(), 'least-connections'))).toEqual(['b', 'd', 'a']);
    expect(ids(rank(all, want(), 'round-robin'))).toEqual(['a', 'd', 'b']);
    expect(ids(rank(all, want(), 'resource-based'))).toEqual(['d', 'b', 'a']);
  });
  it('is the one that it is sent to, then the one it was on', () => {
    const all = [c('a'), c('b', { held: 5 }), c('d', { held: 6 })];
    expect(ids(rank(all, want({ prefer: 'd', last: 'b' }), 'least-connections'))).toEqual(['d', 'b', 'a']);
  });
  it('is the pinned one alone, whatever its group, if it has room', () => {
    const all = [c('a'), c('b', { groups: ['gpu'] })];
    expect(ids(rank(all, want({ pin: 'b' }), 'least-connections'))).toEqual(['b']);
    expect(rank([c('b', { held: 10 })], want({ pin: 'b' }), 'least-connections')).toEqual([]);
  });
  it('is not on a cordoned machine, pinned to it or not, and keeps what it has', () => {
    const all = [c('a', { cordoned: 'box-1' }), c('b', { held: 9 })];
    expect(ids(rank(all, want({ last: 'a' }), 'least-connections'))).toEqual(['b']);
    expect(rank(all, want({ pin: 'a' }), 'least-connections')).toEqual([]);
    expect(whyNone(all, want({ pin: 'a' }))).toBe('it is pinned to a, whose machine box-1 is cordoned: uncordon it');
    expect(whyNone([all[0]!], want())).toBe('every worker of group default is on a cordoned machine: uncordon one');
    const placed = ['b', 'b', 'b', 'b'].map((worker, i) => ({ account: `p${i}`, platform: 'sandbox', group: null, pinned: false, worker, epoch: 1 }));
    expect(planRebalance(all, placed)).toEqual([]);
    expect(planRebalance([c('a'), all[1]!], placed)).toHaveLength(4);
    expect(planCorrections(all, placed.map((p) => ({ ...p, worker: 'a' })))).toEqual([]);
  });
  it('is missed for a reason that can be acted on', () => {
    expect(whyNone([], want())).toBe('no worker runs: start one');
    expect(whyNone([c('a')], want({ group: 'gpu' }))).toBe('no worker of group gpu runs: start one');
    expect(whyNone([c('a', { capabilities: [] })], want())).toContain('has platform sandbox');
    expect(whyNone([c('a', { held: 10 })], want())).toContain('is full');
    expect(whyNone([c('a')], want({ pin: 'b' }))).toContain('pinned to b, which does not run');
  });
});

describe('after a change of configuration', () => {
  const on = (worker: string, n: number, more: object = {}) => Array.from({ length: n }, (_, i) => ({ account: `${worker}-${i}`, platform: 'sandbox', group: null, pinned: false, worker, epoch: 1, ...more }));
  it('sends what is too much or of another group where there is room, and leaves it where there is none', () => {
    expect(planCorrections([c('a', { held: 5, maxAccounts: 3 }), c('b')], on('a', 5))).toMatchObject([{ from: 'a', to: 'b', why: 'a takes 3 accounts at most' }, { from: 'a', to: 'b' }]);
    expect(planCorrections([c('a', { held: 5, maxAccounts: 3 })], on('a', 5))).toEqual([]);
    expect(planCorrections([c('a', { held: 5, maxAccounts: 3 }), c('b')], on('a', 5, { pinned: true }))).toEqual([]);
    expect(planCorrections([c('a', { held: 2, groups: ['gpu'] }), c('b', { maxAccounts: 1 })], on('a', 2))).toMatchObject([{ to: 'b', why: 'a does not serve group default any more' }]);
    expect(planCorrections([c('a', { held: 3 }), c('b')], on('a', 3))).toEqual([]);
  });
});

describe('evening out', () => {
  const placed = (worker: string, n: number, more: object = {}) => Array.from({ length: n }, (_, i) => ({ account: `${worker}-${i}`, platform: 'sandbox', group: null, pinned: false, worker, epoch: 1, ...more }));
  it('moves as few as it takes, never a pinned one, never where it does not fit', () => {
    expect(planRebalance([c('a', { held: 4 }), c('b')], placed('a', 4))).toMatchObject([{ from: 'a', to: 'b' }, { from: 'a', to: 'b' }]);
    expect(planRebalance([c('a', { held: 4 }), c('b')], placed('a', 4, { pinned: true }))).toEqual([]);
    expect(planRebalance([c('a', { held: 4 }), c('b', { groups: ['gpu'] })], placed('a', 4))).toEqual([]);
    expect(planRebalance([c('a', { held: 4 }), c('b', { maxAccounts: 1 })], placed('a', 4))).toHaveLength(1);
    expect(planRebalance([c('a', { held: 2 }), c('b', { held: 1 })], placed('a', 2))).toEqual([]);
  });
  it('ends with a spread of one at most, and moves no account twice', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 12 }), (loads) => {
        const workers = loads.map((held, i) => c(`w${i}`, { held, maxAccounts: 100 }));
        const moves = planRebalance(workers, workers.flatMap((w) => placed(w.id, w.held)));
        const held = new Map(workers.map((w) => [w.id, w.held]));
        for (const m of moves) held.set(m.from, held.get(m.from)! - 1).set(m.to, held.get(m.to)! + 1);
        expect(Math.max(...held.values()) - Math.min(...held.values())).toBeLessThanOrEqual(1);
        expect(new Set(moves.map((m) => m.account)).size).toBe(moves.length);
      }),
      { numRuns: 200 },
    );
  });
});
