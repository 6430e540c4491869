import { assign, setup } from 'xstate';
import { stamp } from './effect.ts';

/** What a gate holds: everything, a group, a platform, an account, a lane of a group, or a type of task. */
export type GateContext = { id: string; by: string | null; reason: string; since: number | null };
export type GateInput = { id: string; at: number };
export type GateEvent = { type: 'PAUSE'; reason: string; by?: string } | { type: 'RESUME'; by?: string };

/** Holds new work while it is closed; what runs goes on to its end. */
export const gateMachine = setup({
  types: { context: {} as GateContext, input: {} as GateInput, events: {} as GateEvent },
  actions: {
    pause: assign(({ event }) => (event.type === 'PAUSE' ? { by: event.by ?? 'an operator', reason: event.reason, since: stamp(event).at } : {})),
    resume: assign({ by: null, reason: '', since: null }),
  },
}).createMachine({
  id: 'gate-v1',
  context: ({ input }) => ({ id: input?.id, by: null, reason: '', since: null }),
  initial: 'open',
  states: {
    open: { on: { PAUSE: { target: 'paused', actions: 'pause' } } },
    paused: { on: { RESUME: { target: 'open', actions: 'resume' }, PAUSE: { guard: ({ context, event }) => context.reason !== event.reason, actions: 'pause' } } },
  },
});
