import { assign, initialTransition, setup, transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import { bind } from '../../actors/binding.ts';
import { commandsOf, decodeEntry, encodeEntry, hashOf, type Entry } from '../../actors/entry.ts';
import { withoutInputs } from '../../actors/chart.ts';
import { replay } from '../../actors/replay.ts';
import { turn, type Head, type Inbound } from '../../actors/turn.ts';
import { effect, outward } from '../../machines/effect.ts';
import { corpus } from './corpus/index.ts';

const machine = setup({
  types: { context: {} as { n: number } },
  actors: { load: effect<{ n: number }, number>() },
  actions: { ...outward, boom: assign(() => { throw new Error('no good'); }) },
}).createMachine({
  id: 'sample-v1',
  context: { n: 0 },
  initial: 'idle',
  on: { TELL: { actions: { type: 'tell', params: { to: 'other/o', event: { type: 'HI' } } } }, UP: { actions: assign({ n: ({ context }) => context.n + 1 }) }, BOOM: { actions: 'boom' } },
  states: {
    idle: { on: { GO: 'busy', WAIT: 'late' } },
    busy: { invoke: { id: 'load', src: 'load', input: ({ context }) => ({ n: context.n }), onDone: { target: 'idle', actions: assign({ n: ({ event }) => event.output }) }, onError: 'idle' }, on: { GO: { target: 'busy', reenter: true } } },
    late: { after: { 1000: 'idle' } },
  },
});
const binding = bind({ kind: 'sample', machine, stamp: false, commands: {}, effects: { load: { on: 'master' } } });

let count = 0;
const cause = (more: object = {}) => ({ id: `c${++count}`, ...more });
const about = (more: object = {}) => ({ actor: 'sample/s', at: 1000, rnd: 0.5, epoch: 1, ...more });

function take(head: Head | null, inbound: Inbound, more: object = {}): Head {
  const t = turn(binding, head, inbound, about(more));
  if ('drop' in t) throw new Error(`dropped: ${t.drop}`);
  return { entry: decodeEntry(t.bytes), hash: t.hash, seq: (head?.seq ?? 0) + 1, snapshot: null };
}
const drop = (head: Head | null, inbound: Inbound): string => {
  const t = turn(binding, head, inbound, about());
  return 'drop' in t ? t.drop : 'taken';
};
const start = () => take(null, { is: 'start', input: undefined, cause: cause() });
const event = (type: string, more: object = {}): Inbound => ({ is: 'event', event: { type }, cause: cause(more) });

describe('a turn', () => {
  it('gives the same bytes from memory and from the journal', () => {
    const cold = take(take(start(), event('GO')), event('UP'));
    let hot: Head | null = null;
    count -= 3;
    for (const inbound of [{ is: 'start', input: undefined, cause: cause() } as Inbound, event('GO'), event('UP')]) {
      const t = turn(binding, hot, inbound, about());
      if ('drop' in t) throw new Error(t.drop);
      hot = { entry: t.entry, hash: t.hash, seq: 0, snapshot: t.snapshot };
    }
    expect(hot!.hash).toBe(cold.hash);
  });

  it('with the shared scope does what XState\'s own transition does, to the byte', () => {
    let compared = 0;
    for (const { machine: m, runs } of corpus) {
      const { chart } = bind({ kind: 'x', machine: m, stamp: false, commands: {}, effects: {} });
      for (const run of runs) {
        let [stock, first] = initialTransition(chart.machine, run.input as never);
        let own = chart.initial(run.input);
        expect(own.actions.map((a) => a.type)).toEqual(first.map((a) => a.type));
        for (const step of run.steps) {
          if (!('send' in step) || stock.status !== 'active') continue;
          const [next, actions] = transition(chart.machine, stock, step.send);
          own = chart.next(own.snapshot, step.send);
          stock = next;
          expect(JSON.stringify(chart.store(own.snapshot))).toBe(JSON.stringify(withoutInputs(chart.machine.getPersistedSnapshot(stock))));
          expect(own.actions.map((a) => a.type)).toEqual(actions.map((a) => a.type));
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(150);
  });

  it('takes a result only while its token is asked for', () => {
    const busy = take(start(), event('GO'));
    const [first] = Object.keys(busy.entry.pending.effects);
    const again = take(busy, event('GO'));
    expect(drop(again, { is: 'done', token: first!, output: 7, cause: cause() })).toBe('stale');
    const [second] = Object.keys(again.entry.pending.effects);
    const done = take(again, { is: 'done', token: second!, output: 8, cause: cause() });
    expect((done.entry.after as { context: { n: number } }).context.n).toBe(8);
    expect(done.entry.pending.effects).toEqual({});
    expect(drop(done, { is: 'done', token: second!, output: 9, cause: cause() })).toBe('stale');
  });

  it('keeps the input of an effect once, and gives its commands with it', () => {
    const busy = take(start(), event('GO'));
    const stored = JSON.parse(new TextDecoder().decode(encodeEntry(busy.entry))) as Entry;
    const [effect] = Object.values(stored.pending.effects);
    expect(effect!.input).toEqual({ n: 0 });
    expect(JSON.stringify(stored).split('"input"')).toHaveLength(2);
    expect(commandsOf(stored).find((c) => c.do === 'run')).toMatchObject({ child: effect!.child, input: { n: 0 } });
  });

  it('arms a timer once, and forgets it when its state is left', () => {
    const late = take(start(), event('WAIT'));
    const [token, timer] = Object.entries(late.entry.pending.timers)[0]!;
    expect(timer.due).toBe(2000);
    const idle = take(late, { is: 'timer', token, cause: cause() });
    expect(idle.entry.pending.timers).toEqual({});
    expect(drop(idle, { is: 'timer', token, cause: cause() })).toBe('stale');
  });

  it('takes no message twice: not from the inbox, not a tell, not a command', () => {
    const head = take(start(), event('UP', { in: 5 }));
    expect(drop(head, event('UP', { in: 5 }))).toBe('taken');
    expect(drop(head, event('UP', { in: 4 }))).toBe('taken');
    take(head, event('UP', { in: 6 }));
  });

  it('keeps order between the tells of one sender', () => {
    const head = take(start(), { is: 'event', event: { type: 'UP' }, cause: { id: 'tell:a/b/3/1', in: 1 } });
    expect(drop(head, { is: 'event', event: { type: 'UP' }, cause: { id: 'tell:a/b/3/1', in: 9 } })).toBe('taken');
    expect(drop(head, { is: 'event', event: { type: 'UP' }, cause: { id: 'tell:a/b/2/7', in: 9 } })).toBe('taken');
    take(head, { is: 'event', event: { type: 'UP' }, cause: { id: 'tell:a/b/4/0', in: 9 } });
    take(head, { is: 'event', event: { type: 'UP' }, cause: { id: 'tell:a/c/1/0', in: 9 } });
  });

  it('remembers a command by its id', () => {
    const head = take(start(), { is: 'event', event: { type: 'UP' }, cause: { id: 'once', by: 'user:a' } });
    expect(drop(head, { is: 'event', event: { type: 'UP' }, cause: { id: 'once', by: 'user:a' } })).toBe('taken');
  });

  it('carries a tell until it is known to be delivered', () => {
    const head = take(start(), event('TELL'));
    const [id] = Object.keys(head.entry.pending.tells);
    expect(id).toBe('sample/s/2/0');
    const more = take(head, event('UP'));
    expect(Object.keys(more.entry.pending.tells)).toEqual([id]);
    const settled = take(more, { is: 'settle', cause: cause() }, { delivered: new Set([id!]) });
    expect(settled.entry.pending.tells).toEqual({});
    expect(JSON.stringify(settled.entry.after)).toBe(JSON.stringify(more.entry.after));
  });

  it('says why it drops what changes nothing', () => {
    expect(drop(null, event('UP'))).toBe('unknown-actor');
    expect(drop(start(), { is: 'start', input: {}, cause: cause() })).toBe('exists');
    expect(drop(start(), event('NOTHING'))).toBe('unhandled');
    expect(drop(start(), event('xstate.done.actor.load'))).toBe('reserved');
  });

  it('throws what the chart throws', () => expect(() => take(start(), event('BOOM'))).toThrow('no good'));
});

describe('a replay', () => {
  const history = () => {
    const all: Uint8Array[] = [];
    let head: Head | null = null;
    for (const inbound of [{ is: 'start', input: undefined, cause: cause() } as Inbound, event('GO'), event('UP'), event('TELL')]) {
      const t = turn(binding, head, inbound, about());
      if ('drop' in t) throw new Error(t.drop);
      all.push(t.bytes);
      head = { entry: t.entry, hash: t.hash, seq: all.length, snapshot: t.snapshot };
    }
    return all;
  };
  const changed = (bytes: Uint8Array, change: (e: any) => void): Uint8Array => {
    const e = JSON.parse(Buffer.from(bytes).toString());
    change(e);
    return Buffer.from(JSON.stringify(e));
  };

  it('agrees with what was stored', () => expect(replay(binding, history())).toEqual({ turns: 4, problem: null }));
  it('sees a changed state', () => {
    const h = history();
    h[3] = changed(h[3]!, (e) => (e.after.context.n = 99));
    expect(replay(binding, h).problem).toMatchObject({ index: 4, what: 'state' });
  });
  it('sees a broken chain', () => {
    const h = history();
    h[1] = changed(h[1]!, (e) => (e.at = 5));
    expect(replay(binding, h).problem).toMatchObject({ index: 3, what: 'chain' });
  });
  it('sees a missing turn', () => {
    const h = history();
    h.splice(2, 1);
    expect(replay(binding, h).problem).toMatchObject({ index: 4, what: 'index' });
  });
  it('sees garbage', () => {
    const h = history();
    h[2] = Buffer.from('{');
    expect(replay(binding, h).problem).toMatchObject({ what: 'entry' });
  });
  it('hashes by bytes', () => expect(hashOf(history()[0]!)).toHaveLength(22));
});
