import { and, assign, createMachine, emit, enqueueActions, log, not, or, raise, setup, stateIn } from 'xstate';
import { sample } from './chart.ts';

const counter = setup({
  types: { context: {} as { n: number; log: string[] }, events: {} as { type: string; by?: number } },
  actions: {
    up: assign({ n: ({ context }) => context.n + 1 }),
    by: assign({ n: ({ context, event }) => context.n + (event.by ?? 10) }),
    say: (_, _params: { text: string }) => {},
    mark: assign(({ context }, p: { text: string }) => ({ log: [...context.log, p.text] })),
  },
  guards: { big: ({ context }) => context.n >= 3, atLeast: ({ context }, p: { least: number }) => context.n >= p.least, odd: ({ context }) => context.n % 2 === 1 },
});
const start = { n: 0, log: [] as string[] };

/** Context, guards, and actions of every kind. */
export const data = [
  sample('assign', counter.createMachine({ id: 'm', context: start, on: { up: { actions: 'up' } } }), 'up up up'),
  sample('assign from the event', counter.createMachine({ id: 'm', context: start, on: { add: { actions: 'by' } } }), { steps: [{ send: { type: 'add', by: 5 } }, { send: { type: 'add' } }, { send: { type: 'add', by: -2 } }] }),
  sample('several assigns see each other', counter.createMachine({ id: 'm', context: start, on: { go: { actions: ['up', 'up', { type: 'mark', params: ({ context }) => ({ text: `n${context.n}` }) }] } } }), 'go go'),
  sample('context from input', setup({ types: { input: {} as { n: number }, context: {} as { n: number } } }).createMachine({ id: 'm', context: ({ input }) => ({ n: input?.n ?? -1 }), on: { up: { actions: assign({ n: ({ context }) => context.n + 1 }) } } }), { input: { n: 7 }, run: 'up' }, 'up'),
  sample('initial state by input', setup({ types: { input: {} as { go: boolean }, context: {} as { go: boolean } } }).createMachine({ id: 'm', context: ({ input }) => ({ go: input?.go ?? false }), initial: 'a', states: { a: { always: { guard: ({ context }) => context.go, target: 'b' } }, b: {} } }), { input: { go: true }, run: '' }, ''),
  sample('guards in order', counter.createMachine({ id: 'm', context: start, initial: 'a', on: { up: { actions: 'up' } }, states: { a: { on: { go: [{ guard: 'big', target: 'b' }, { guard: 'odd', target: 'c' }, { target: 'd' }] } }, b: {}, c: { on: { back: 'a' } }, d: { on: { back: 'a' } } } }), 'go back up go back up up go'),
  sample('guard with parameters', counter.createMachine({ id: 'm', context: start, initial: 'a', on: { up: { actions: 'up' } }, states: { a: { on: { go: { guard: { type: 'atLeast', params: { least: 2 } }, target: 'b' } } }, b: {} } }), 'go up go up go'),
  sample('and, or, not', counter.createMachine({ id: 'm', context: start, initial: 'a', on: { up: { actions: 'up' } }, states: { a: { on: { x: { guard: and(['big', 'odd']), target: 'b' }, y: { guard: or(['big', not('odd')]), target: 'c' } } }, b: {}, c: { on: { back: 'a' } } } }), 'y back up x y up up x'),
  sample('stateIn', createMachine({ id: 'm', type: 'parallel', states: { l: { initial: 'a', states: { a: { on: { go: 'b' } }, b: { id: 'lb' } } }, r: { initial: 'x', states: { x: { on: { try: { guard: stateIn('#lb'), target: 'y' } } }, y: {} } } } }), 'try go try'),
  sample('always', counter.createMachine({ id: 'm', context: start, initial: 'a', on: { up: { actions: 'up' } }, states: { a: { always: { guard: 'big', target: 'b' } }, b: { always: 'c' }, c: { entry: { type: 'say', params: { text: 'there' } } } } }), 'up up up up'),
  sample('always with an assign that ends it', counter.createMachine({ id: 'm', context: start, initial: 'a', states: { a: { on: { go: 'loop' } }, loop: { always: [{ guard: 'big', target: 'a' }, { actions: 'up', reenter: true, target: 'loop' }] } } }), 'go go'),
  sample('raise', createMachine({ id: 'm', initial: 'a', states: { a: { on: { go: { actions: raise({ type: 'more' }), target: 'b' } } }, b: { on: { more: 'c' } }, c: { entry: raise({ type: 'last' }), on: { last: 'd' } }, d: {} } }), 'go'),
  sample('raised before always', counter.createMachine({ id: 'm', context: start, initial: 'a', states: { a: { on: { go: { target: 'b', actions: raise({ type: 'x' }) } } }, b: { always: { target: 'c' }, on: { x: 'no' } }, c: { on: { x: 'd' } }, d: {}, no: {} } }), 'go'),
  sample('raise to both regions', createMachine({ id: 'm', type: 'parallel', states: { l: { initial: 'a', states: { a: { on: { go: { target: 'b', actions: raise({ type: 'echo' }) } } }, b: { on: { echo: 'c' } }, c: {} } }, r: { initial: 'a', states: { a: { on: { echo: 'b' } }, b: {} } } } }), 'go'),
  sample('emit', setup({ types: { emitted: {} as { type: 'rang'; n: number }, context: {} as { n: number } } }).createMachine({ id: 'm', context: { n: 0 }, on: { ring: { actions: [assign({ n: ({ context }) => context.n + 1 }), emit(({ context }) => ({ type: 'rang', n: context.n }))] } } }), 'ring ring'),
  sample('emit on entry', createMachine({ id: 'm', initial: 'a', entry: emit({ type: 'born' }), states: { a: { on: { go: 'b' } }, b: { entry: emit({ type: 'arrived' }) } } }), 'go'),
  sample('named actions with parameters', counter.createMachine({ id: 'm', context: start, on: { go: { actions: [{ type: 'say', params: { text: 'one' } }, 'up', { type: 'say', params: ({ context }) => ({ text: `at ${context.n}` }) }] } } }), 'go go'),
  sample('named actions that nobody wrote', createMachine({ id: 'm', initial: 'a', states: { a: { entry: 'hello', on: { go: { target: 'b', actions: [{ type: 'pay', params: { cents: 5 } }] } } }, b: {} } }), 'go'),
  sample('enqueueActions', setup({ types: { context: {} as { n: number } }, actions: { noted: () => {}, both: enqueueActions(({ enqueue, context, check }) => { enqueue.assign({ n: context.n + 1 }); if (check(() => context.n > 0)) enqueue.emit({ type: 'more' }); enqueue({ type: 'noted' } as never); enqueue.raise({ type: 'next' }); }) } }).createMachine({ id: 'm', context: { n: 0 }, initial: 'a', states: { a: { on: { go: { actions: 'both' }, next: 'b' } }, b: { on: { go: { actions: 'both' } } } } }), 'go go'),
  sample('log does nothing', createMachine({ id: 'm', context: { n: 1 }, on: { go: { actions: [log('hello'), 'real'] } } }), 'go'),
  sample('assign on entry and exit', counter.createMachine({ id: 'm', context: start, initial: 'a', states: { a: { exit: 'up', on: { go: 'b' } }, b: { entry: 'up', exit: { type: 'mark', params: { text: 'left b' } }, on: { go: 'a' } } } }), 'go go go'),
  sample('assign of whole objects', setup({ types: { context: {} as { user: { name: string; tags: string[] } | null } } }).createMachine({ id: 'm', context: { user: null }, on: { set: { actions: assign({ user: ({ event }) => ({ name: String((event as unknown as { name: string }).name), tags: [] }) }) }, tag: { guard: ({ context }) => context.user !== null, actions: assign({ user: ({ context }) => ({ ...context.user!, tags: [...context.user!.tags, 't'] }) }) }, clear: { actions: assign({ user: null }) } } }), { steps: [{ send: { type: 'tag' } }, { send: { type: 'set', name: 'mei' } }, { send: { type: 'tag' } }, { send: { type: 'tag' } }, { send: { type: 'clear' } }] }),
  sample('unhandled events change nothing', counter.createMachine({ id: 'm', context: start, initial: 'a', states: { a: { on: { go: { guard: 'big', target: 'b' } } }, b: {} } }), 'go nothing go'),
  sample('output from context', counter.createMachine({ id: 'm', context: start, initial: 'a', output: ({ context }) => ({ n: context.n }), states: { a: { on: { up: { actions: 'up' }, end: 'z' } }, z: { type: 'final' } } }), 'up up end up'),
];
