import { assign, setup } from 'xstate';
import { bind } from '../../actors/binding.ts';
import { effect, outward } from '../../machines/effect.ts';

type Context = { id: string; ids: string[]; echoes: string[]; ticks: number; results: { token: string; run: number }[]; runs: number };

/** A chart that remembers whatever it takes, so that a loss or a repetition shows: events, tells, timers, results of effects. */
const tallyMachine = setup({
  types: { context: {} as Context, input: {} as { id: string }, events: {} as { type: 'ADD'; id: string; to?: string } | { type: 'ECHO'; id: string } | { type: 'TIMER' } | { type: 'RUN' } },
  actors: { work: effect<{ worker: string; run: number }, { token: string; run: number }>() },
  actions: outward,
}).createMachine({
  id: 'tally-v1',
  context: ({ input }) => ({ id: input?.id, ids: [], echoes: [], ticks: 0, results: [], runs: 0 }),
  type: 'parallel',
  on: {
    ADD: {
      actions: [
        assign({ ids: ({ context, event }) => [...context.ids, event.id] }),
        { type: 'tell', params: ({ event }) => ({ to: `tally/${event.to ?? 'sink'}`, event: { type: 'ECHO', id: event.id } }) },
      ],
    },
    ECHO: { actions: assign({ echoes: ({ context, event }) => [...context.echoes, event.id] }) },
  },
  states: {
    clock: {
      initial: 'off',
      states: { off: { on: { TIMER: 'on' } }, on: { after: { 300: { target: 'off', actions: assign({ ticks: ({ context }) => context.ticks + 1 }) } } } },
    },
    job: {
      initial: 'idle',
      states: {
        idle: { on: { RUN: 'busy' } },
        busy: {
          entry: assign({ runs: ({ context }) => context.runs + 1 }),
          invoke: { id: 'work', src: 'work', input: ({ context }) => ({ worker: 'w1', run: context.runs }), onDone: { target: 'idle', actions: assign({ results: ({ context, event }) => [...context.results, event.output] }) } },
          on: { RUN: { target: 'busy', reenter: true } },
        },
      },
    },
  },
});

export const tally = bind({ kind: 'tally', machine: tallyMachine, stamp: false, onDemand: (id) => ({ id }), commands: {}, effects: { work: { on: 'worker' } } });
