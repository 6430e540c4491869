import { afterEach, describe, expect, it } from 'vitest';
import { Host, type HostOptions } from '../../actors/host.ts';
import type { Append, Appended, Carrier, Outcome } from '../../actors/ports.ts';
import { decodeEntry, hashOf } from '../../actors/entry.ts';
import { kinds } from '../../actors/kinds.ts';
import { turn } from '../../actors/turn.ts';
import { tally } from '../harness/tally.ts';

/** A journal in memory with the rules of the real one; `fault` may spoil an append before or after it is stored. */
class MemoryJournal {
  readonly entries = new Map<string, { bytes: Uint8Array; seq: number }[]>();
  reads = 0;
  seq = 0;
  fault: ((items: Append[]) => 'before' | 'after' | null) | null = null;

  async last(actor: string) {
    this.reads++;
    return this.entries.get(actor)?.at(-1) ?? null;
  }
  async append(items: Append[]): Promise<Appended[]> {
    const fault = this.fault?.(items);
    if (fault === 'before') throw Object.assign(new Error('down'), { name: 'JournalUnavailable' });
    const results = items.map((i): Appended => this.write(i.actor, i.bytes, i.expect));
    if (fault === 'after') throw Object.assign(new Error('the answer was lost'), { name: 'JournalUnavailable' });
    return results;
  }
  write(actor: string, bytes: Uint8Array, expect: number): Appended {
    const all = this.entries.get(actor) ?? [];
    if ((all.at(-1)?.seq ?? 0) !== expect) return { conflict: true };
    this.entries.set(actor, [...all, { bytes, seq: ++this.seq }]);
    return { seq: this.seq };
  }
  context(actor: string): any {
    return (decodeEntry(this.entries.get(actor)!.at(-1)!.bytes).after as { context: unknown }).context;
  }
}

const hosts: Host[] = [];
afterEach(async () => {
  for (const h of hosts.splice(0)) await h.stop();
});

function host(journal: MemoryJournal, more: Partial<HostOptions> = {}) {
  const told: string[] = [];
  const carrier: Carrier = { run: () => {}, abort: () => {}, finished: () => {}, signal: () => {}, tell: (_, id) => void told.push(id), emit: () => {}, act: () => {} };
  const h = new Host({ bindings: new Map([['tally', tally]]), journal, carrier, park: { put: async () => {} }, clock: { now: Date.now, random: Math.random }, partitionOf: () => 0, ...more });
  h.own(0, 1);
  hosts.push(h);
  return { h, told };
}

const add = (h: Host, actor: string, id: string, at: number): Promise<Outcome> => h.ask(actor, { is: 'event', event: { type: 'ADD', id }, cause: { id: `in:${at}`, in: at } });

describe('the turn loop', () => {
  it('keeps the order of each actor and appends what is ready together as one', async () => {
    const journal = new MemoryJournal();
    const { h } = host(journal);
    await Promise.all(Array.from({ length: 200 }, (_, i) => add(h, `tally/a${i % 20}`, `n${i}`, i + 1)));
    for (let a = 0; a < 20; a++) expect(journal.context(`tally/a${a}`).ids).toEqual(Array.from({ length: 10 }, (_, k) => `n${a + 20 * k}`));
    expect(h.counts.turns).toBe(220);
    expect(h.counts.batches).toBeLessThan(40);
  });

  it('lets quiet actors go and reads them back when an event comes', async () => {
    const journal = new MemoryJournal();
    const { h } = host(journal, { hot: 10, settleAfter: 1 });
    let at = 0;
    for (let round = 0; round < 3; round++) for (let a = 0; a < 60; a++) await add(h, `tally/a${a}`, `r${round}`, ++at);
    for (let a = 0; a < 60; a++) expect(journal.context(`tally/a${a}`).ids).toEqual(['r0', 'r1', 'r2']);
    expect(journal.reads).toBeGreaterThan(100);
  });

  it('keeps a crowd that only waits as bytes, and goes on from them without asking the journal', async () => {
    const journal = new MemoryJournal();
    const asked = new Map<string, string>();
    const carrier: Carrier = { run: (actor, token) => void asked.set(actor, token), abort: () => {}, finished: () => {}, signal: () => {}, tell: () => {}, emit: () => {}, act: () => {} };
    const { h } = host(journal, { bindings: kinds, carrier });
    const all = Array.from({ length: 2_100 }, (_, i) => `task/t${i}`);
    await Promise.all(all.map((actor, i) => h.ask(actor, { is: 'start', input: { id: actor.slice(5), title: 'x', type: 'automation', seq: i, by: 'user:a', at: 1_000 }, cause: { id: `c${i}` } })));
    const { reads } = journal;
    expect(await h.head('task/t2099')).toMatchObject({ entry: { index: 1, after: { value: 'pending' } } });
    const place = { worker: 'w1', incarnation: 'i', agent: null, account: null, platform: null, epoch: null, proxy: null };
    for (const actor of ['task/t0', 'task/t2099']) {
      expect(await h.ask(actor, { is: 'done', token: asked.get(actor)!, output: place, cause: { id: `done:${actor}` } })).toMatchObject({ is: 'taken', entry: { index: 2, after: { value: { working: 'assigned' } } } });
      const [first, second] = journal.entries.get(actor)!;
      expect(decodeEntry(second!.bytes).prev).toBe(hashOf(first!.bytes));
    }
    // An effect that was asked for before is taken up from what memory holds.
    asked.clear();
    h.adopt('task/t2098', { effects: {}, timers: {}, tells: {}, signals: {} });
    expect([journal.reads - reads, [...asked.keys()]]).toEqual([0, ['task/t2098']]);
  });

  it('tries again while the journal can\'t be reached, and answers once it is stored', async () => {
    const journal = new MemoryJournal();
    const { h } = host(journal);
    let failures = 2;
    journal.fault = () => (failures-- > 0 ? 'before' : null);
    expect(await add(h, 'tally/a', 'x', 1)).toMatchObject({ is: 'taken' });
    expect(journal.context('tally/a').ids).toEqual(['x']);
  });

  it('takes an event once although the answer to its append was lost', async () => {
    const journal = new MemoryJournal();
    const { h, told } = host(journal);
    await add(h, 'tally/a', 'w', 1);
    let once = true;
    journal.fault = () => (once ? ((once = false), 'after') : null);
    // Stored, but nobody said so: the loop reads the journal and finds that it has taken it.
    expect(await add(h, 'tally/a', 'x', 2)).toMatchObject({ is: 'dropped', why: 'taken' });
    // What that turn asked for is carried out all the same.
    expect(told).toContain('tally/a/3/0');
    expect(await add(h, 'tally/a', 'y', 3)).toMatchObject({ is: 'taken' });
    expect(journal.context('tally/a').ids).toEqual(['w', 'x', 'y']);
  });

  it('steps again from the journal when another has written there', async () => {
    const journal = new MemoryJournal();
    const one = host(journal);
    const two = host(journal);
    await add(one.h, 'tally/a', 'x', 1);
    await add(two.h, 'tally/a', 'y', 2);
    await add(one.h, 'tally/a', 'z', 3);
    expect(journal.context('tally/a').ids).toEqual(['x', 'y', 'z']);
    expect(one.h.counts.conflicts).toBe(1);
  });

  describe('an actor that is to begin', () => {
    const start = (h: Host, title: unknown, id: string): Promise<Outcome> => h.ask('task/t', { is: 'start', input: { id: 't', title, type: 'automation', seq: 1, by: 'user:a', at: 1_000 }, cause: { id, by: 'user:a' } });

    it('is not looked for in the journal, which refuses it where it is there', async () => {
      const journal = new MemoryJournal();
      expect(await start(host(journal, { bindings: kinds }).h, 'one', 'c1')).toMatchObject({ is: 'taken', entry: { index: 1 } });
      expect(journal.reads).toBe(0);
      // Another host doesn't know of it: neither a second one of that name nor the same request makes it twice.
      expect(await start(host(journal, { bindings: kinds }).h, 'two', 'c2')).toMatchObject({ is: 'dropped', why: 'exists' });
      expect(await start(host(journal, { bindings: kinds }).h, 'one', 'c1')).toMatchObject({ is: 'dropped', why: 'taken' });
      expect(journal.entries.get('task/t')).toHaveLength(1);
      expect(journal.context('task/t').title).toBe('one');
    });

    it('and whose first turn fails is looked for before it is parked: it may be another one\'s name', async () => {
      const journal = new MemoryJournal();
      await start(host(journal, { bindings: kinds }).h, 'one', 'c1');
      const faulty: HostOptions['turn'] = (binding, head, inbound, about) => {
        if (head === null) throw new Error('no such start');
        return turn(binding, head, inbound, about);
      };
      const { h } = host(journal, { bindings: kinds, turn: faulty });
      expect(await start(h, 'two', 'c2')).toMatchObject({ is: 'dropped', why: 'exists' });
      expect(h.parkedReason('task/t')).toBeNull();
    });

    it('is not taken for absent while it is stored', async () => {
      const journal = new MemoryJournal();
      await start(host(journal, { bindings: kinds }).h, 'one', 'c1');
      const { h } = host(journal, { bindings: kinds });
      const again = start(h, 'two', 'c2');
      expect(await h.head('task/t')).toMatchObject({ entry: { after: { context: { title: 'one' } } } });
      expect(await again).toMatchObject({ is: 'dropped' });
    });
  });

  it('hands a tell out after its turn, and writes it off when it is delivered', async () => {
    const journal = new MemoryJournal();
    const { h, told } = host(journal, { settleAfter: 1 });
    await add(h, 'tally/a', 'x', 1);
    expect(told).toEqual(['tally/a/2/0']);
    h.delivered('tally/a', told[0]!);
    await expect.poll(() => Object.keys(decodeEntry(journal.entries.get('tally/a')!.at(-1)!.bytes).pending.tells)).toEqual([]);
  });

  it('answers `elsewhere` for what it does not own', async () => {
    const journal = new MemoryJournal();
    const { h } = host(journal);
    h.disown(0);
    expect(await add(h, 'tally/a', 'x', 1)).toEqual({ is: 'elsewhere' });
    expect(journal.entries.size).toBe(0);
  });
});
