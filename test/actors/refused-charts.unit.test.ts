import { assign, createMachine, fromCallback, fromObservable, fromPromise, setup, spawnChild, type AnyStateMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import { ChartRefused, compileChart } from '../../actors/chart.ts';
import { effect } from '../../machines/effect.ts';

const child = createMachine({ id: 'child', initial: 'a', states: { a: {} } });
const callback = fromCallback(({ sendBack }) => {
  sendBack({ type: 'x' });
});
const observable = fromObservable(() => ({ subscribe: () => ({ unsubscribe: () => {} }) }) as never);

const cases: [string, AnyStateMachine, string, RegExp][] = [
  ['a promise with code', setup({ actors: { load: fromPromise(async () => 1) } }).createMachine({ id: 'm', initial: 'a', states: { a: { invoke: { src: 'load' } } } }), 'state a', /effect\(\)/],
  ['an inline promise', createMachine({ id: 'm', initial: 'a', states: { a: { initial: 'b', states: { b: { invoke: { src: fromPromise(async () => 1) } } } } } }), 'state a.b', /by name/],
  ['a live callback', setup({ actors: { live: callback } }).createMachine({ id: 'm', initial: 'a', states: { a: { invoke: { src: 'live' } } } }), 'state a', /live callback/],
  ['a live observable', setup({ actors: { live: observable } }).createMachine({ id: 'm', initial: 'a', states: { a: { invoke: { src: 'live' } } } }), 'state a', /live observable/],
  ['another machine', setup({ actors: { child } }).createMachine({ id: 'm', initial: 'a', states: { a: { invoke: { src: 'child' } } } }), 'state a', /another machine/],
  ['spawning in assign', createMachine({ id: 'm', context: { ref: null as unknown }, initial: 'a', states: { a: { entry: assign({ ref: ({ spawn }) => spawn(child) }) } } }), 'state a', /spawns inline/],
  ['spawning in a named assign', setup({ types: { context: {} as { ref: unknown } }, actions: { born: assign(({ spawn }) => ({ ref: spawn(child) })) } }).createMachine({ id: 'm', context: { ref: null }, entry: 'born' }), 'action born', /tell/],
  ['spawnChild of inline logic', createMachine({ id: 'm', initial: 'a', states: { a: { on: { go: { actions: spawnChild(child, { id: 'kid' }) } } } } }), 'state a', /inline logic/],
  ['spawnChild without an id', setup({ actors: { load: effect<object, unknown>() } }).createMachine({ id: 'm', initial: 'a', states: { a: { entry: spawnChild('load' as never) as never } } }), 'state a', /give it one/],
  ['an inline action', createMachine({ id: 'm', initial: 'a', states: { a: { entry: () => {} } } }), 'state a', /name/],
];

describe('a chart that can\'t be durable is refused when it is registered', () => {
  for (const [name, machine, place, wayOut] of cases) {
    it(name, () => {
      const refuse = () => compileChart(machine);
      expect(refuse).toThrow(ChartRefused);
      expect(refuse).toThrow(place);
      expect(refuse).toThrow(wayOut);
    });
  }

  it('and one with every fault names them all', () => {
    const machine = createMachine({ id: 'm', initial: 'a', states: { a: { entry: () => {}, invoke: { src: callback } }, b: { exit: () => {} } } });
    try {
      compileChart(machine);
      expect.unreachable();
    } catch (error) {
      expect((error as ChartRefused).problems).toHaveLength(3);
    }
  });

  it('while typed holes and bare names are taken', () => {
    expect(() => compileChart(setup({ actors: { load: effect<object, unknown>() } }).createMachine({ id: 'm', initial: 'a', states: { a: { invoke: [{ src: 'load', input: {} }, { src: 'anything' as never, input: {} }] } } }))).not.toThrow();
  });
});
