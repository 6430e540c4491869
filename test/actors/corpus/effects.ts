import { assign, createMachine, emit, setup, spawnChild, stopChild } from 'xstate';
import { effect } from '../../../machines/effect.ts';
import { sample } from './chart.ts';

const typed = setup({
  types: { context: {} as { got: unknown; tries: number }, input: {} as { id: string } },
  actors: { load: effect<{ id: string }, { from: string }>(), save: effect<{ n: number }, { from: string }>() },
  actions: { keep: assign({ got: ({ event }) => (event as unknown as { output: unknown }).output }), fault: assign({ got: ({ event }) => (event as unknown as { error: unknown }).error }), count: assign({ tries: ({ context }) => context.tries + 1 }) },
  guards: { tired: ({ context }) => context.tries >= 2 },
  delays: { backoff: ({ context }) => 100 * 2 ** context.tries },
});
const nothing = { got: null, tries: 0 };

/** Invoked effects: results, faults, fences, races. */
export const effects = [
  sample('an effect that ends well', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: { target: 'b', actions: 'keep' } } }, b: {} } }), '+load', '100 +load +load'),
  sample('an effect that ends badly', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'b', onError: { target: 'c', actions: 'fault' } } }, b: {}, c: {} } }), '-load', '+load'),
  sample('a fault that nobody handles', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'b' } }, b: {} } }), '-load go'),
  sample('by name alone', createMachine({ id: 'm', initial: 'a', states: { a: { invoke: { id: 'work', src: 'work', onDone: 'b', onError: 'c' } }, b: {}, c: {} } }), '+work', '-work'),
  sample('a late result after leaving', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'b' }, on: { go: 'c' } }, b: {}, c: { on: { back: 'a' } } } }), 'go +load back +load'),
  sample('reentering starts it anew', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: { target: 'b', actions: 'keep' } }, on: { again: { target: 'a', reenter: true } } }, b: {} } }), 'again again +load'),
  sample('two effects of one state', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: [{ id: 'one', src: 'load', input: { id: '1' }, onDone: { actions: 'keep' } }, { id: 'two', src: 'load', input: { id: '2' }, onDone: 'b' }] }, b: {} } }), '+one +two', '+two +one'),
  sample('effects in two regions', typed.createMachine({ id: 'm', context: nothing, type: 'parallel', states: { l: { initial: 'a', states: { a: { invoke: { id: 'l', src: 'load', input: { id: 'l' }, onDone: 'b' } }, b: {} } }, r: { initial: 'a', states: { a: { invoke: { id: 'r', src: 'save', input: { n: 1 }, onDone: 'b', onError: 'c' } }, b: {}, c: {} } } } }), '+l -r', '+r +l'),
  sample('retry with backoff', typed.createMachine({ id: 'm', context: nothing, initial: 'run', states: { run: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'ok', onError: [{ guard: 'tired', target: 'bad' }, { target: 'wait', actions: 'count' }] } }, wait: { after: { backoff: 'run' } }, ok: {}, bad: {} } }), '-load 199 1 -load 400 -load', '-load 200 +load', '-load 100 +load'),
  sample('time-out of an effect', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'b' }, after: { 1000: 'late' } }, b: {}, late: {} } }), '999 +load', '1000 +load'),
  sample('input from context', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { entry: 'count', invoke: { id: 'save', src: 'save', input: ({ context }) => ({ n: context.tries }), onDone: { target: 'a', reenter: true, actions: 'keep' } } } } }), '+save +save'),
  sample('a chain of effects', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'b' } }, b: { invoke: { id: 'save', src: 'save', input: { n: 1 }, onDone: 'c' } }, c: { type: 'final' } } }), '+load +save', '+save +load'),
  sample('an invoke of the root', typed.createMachine({ id: 'm', context: nothing, invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: { actions: 'keep', target: '.b' } }, initial: 'a', states: { a: { on: { go: 'c' } }, b: {}, c: {} } }), 'go +load', '+load'),
  sample('an effect in a parent state', typed.createMachine({ id: 'm', context: nothing, initial: 'p', states: { p: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: [{ guard: ({ context }) => context.tries > 0, target: 'b' }, { target: 'c' }] }, initial: 'x', states: { x: { on: { go: { target: 'y', actions: 'count' } } }, y: {} } }, b: {}, c: {} } }), 'go +load', '+load go'),
  sample('left again at once', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { on: { go: 'b' } }, b: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'c' }, always: 'd' }, c: {}, d: {} } }), 'go +load'),
  sample('done event in an action', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: { target: 'b', actions: emit(({ event }) => ({ type: 'loaded', output: (event as { output: unknown }).output })) } } }, b: {} } }), '+load'),
  sample('a message to a running effect', typed.createMachine({ id: 'm', context: nothing, initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'b' }, on: { poke: { actions: 'count' } } }, b: {} } }), 'poke poke +load'),
  sample('spawned by name and stopped', setup({ actors: { load: effect<{ id: string }, unknown>() } }).createMachine({ id: 'm', initial: 'a', states: { a: { entry: spawnChild('load', { id: 'kid', input: { id: 'x' } }), on: { stop: { actions: stopChild('kid') }, 'xstate.done.actor.kid': 'b' } }, b: {} } }), '+kid', 'stop +kid'),
  sample('an effect ends the machine', typed.createMachine({ id: 'm', context: nothing, initial: 'a', output: ({ context }) => context.got, states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: { target: 'z', actions: 'keep' } } }, z: { type: 'final' } } }), '+load go'),
  sample('a final state stops the other region', typed.createMachine({ id: 'm', context: nothing, initial: 'p', states: { p: { type: 'parallel', states: { l: { initial: 'a', states: { a: { on: { end: '#m.z' } } } }, r: { initial: 'a', states: { a: { invoke: { id: 'load', src: 'load', input: { id: 'x' }, onDone: 'b' }, after: { 100: 'b' } }, b: {} } } } }, z: { type: 'final' } } }), 'end +load 200'),
];
