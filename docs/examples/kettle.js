import { assign, createMachine } from 'xstate';

/** Heats by an effect, keeps warm for five minutes, can be switched off at any time. */
export const machine = createMachine({
  id: 'kettle-v1',
  context: { boiled: 0 },
  initial: 'off',
  states: {
    off: { on: { PRESS: 'heating' } },
    heating: {
      invoke: { id: 'heat', src: 'heat', onDone: 'warm', onError: 'off' },
      on: { PRESS: 'off' },
    },
    warm: {
      entry: assign({ boiled: ({ context }) => context.boiled + 1 }),
      after: { 300_000: 'off' },
      on: { PRESS: 'off' },
    },
  },
});

/** What is played: events, results of effects, time that passes in ms. */
export const runs = [
  [{ send: { type: 'PRESS' } }, { done: 'heat', output: null }, { wait: 299_999 }, { wait: 1 }],
  [{ send: { type: 'PRESS' } }, { error: 'heat', reason: 'no water' }, { send: { type: 'PRESS' } }, { send: { type: 'PRESS' } }],
];
