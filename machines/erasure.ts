import { assign, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';

/** How many of each were taken out; no words and no names. */
export type Erased = { comments: number; messages: number; talks: number; accounts: number };

export type ErasureContext = {
  id: string;
  platform: string;
  /** A reference to the sealed id of the person; null once all is done. */
  person: string | null;
  by: string;
  attempt: number;
  erased: Erased | null;
  error: string | null;
  retryAt: number | null;
  createdAt: number;
  doneAt: number | null;
};
export type ErasureInput = Pick<ErasureContext, 'id' | 'platform' | 'by'> & { person: string; at: number };
export type ErasureEvent = { type: 'RETRY_NOW'; by?: string };

/** Takes one person's comments and messages out of what is kept. It goes on until it is done: half of it is no answer. */
export const erasureMachine = setup({
  types: { context: {} as ErasureContext, input: {} as ErasureInput, events: {} as ErasureEvent },
  actors: {
    /** Writes the streams anew without the person, and tells the views. May run again from any point. */
    erase: effect<{ id: string; platform: string; person: string }, Erased>(),
    forgetPerson: effect<{ id: string }, null>(),
  },
  actions: {
    ...outward,
    failed: assign(({ context, event }) => ({ attempt: context.attempt + 1, error: faultOf(event).message, retryAt: Math.round(stamp(event).at + Math.min(5_000 * 2 ** Math.min(context.attempt - 1, 7), 600_000)) })),
  },
  delays: { retry: ({ context, event }) => Math.max(0, (context.retryAt ?? 0) - stamp(event).at) },
}).createMachine({
  id: 'erasure-v1',
  context: ({ input }) => ({ id: input?.id, platform: input?.platform, person: input?.person, by: input?.by ?? 'unknown', attempt: 1, erased: null, error: null, retryAt: null, createdAt: input?.at ?? 0, doneAt: null }),
  initial: 'erasing',
  states: {
    erasing: {
      invoke: {
        id: 'erase',
        src: 'erase',
        input: ({ context }) => ({ id: context.id, platform: context.platform, person: context.person! }),
        onDone: { target: 'forgetting', actions: assign(({ event }) => ({ erased: event.output, error: null })) },
        onError: { target: 'waiting', actions: 'failed' },
      },
    },
    waiting: { after: { retry: 'erasing' }, on: { RETRY_NOW: 'erasing' } },
    /** Who it was is no longer known here either. */
    forgetting: { invoke: { id: 'forgetPerson', src: 'forgetPerson', input: ({ context }) => ({ id: context.id }), onDone: { target: 'done', actions: assign(({ event }) => ({ person: null, doneAt: stamp(event).at })) }, onError: { target: 'forgetting', reenter: true } } },
    done: { type: 'final' },
  },
});
