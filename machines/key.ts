import { assign, setup } from 'xstate';
import { effect, faultOf, outward } from './effect.ts';

export type KeyFacts = { type: string; fingerprint: string; publicKey: string };
export type KeyContext = { id: string; comment: string; /** References to what is sealed. */ secret: string; passphrase: string | null; facts: KeyFacts | null; error: string | null; createdAt: number };
export type KeyInput = { id: string; comment: string; secret: string; passphrase: string | null; at: number };
export type KeyEvent = { type: 'REMOVE'; by?: string };

/** A private key for SSH: sealed, known by its fingerprint, and destroyed when it is removed. */
export const keyMachine = setup({
  types: { context: {} as KeyContext, input: {} as KeyInput, events: {} as KeyEvent },
  actors: {
    /** Opens the key once, to learn what kind it is. */
    readKey: effect<{ id: string; secret: string; passphrase: string | null }, KeyFacts>(),
    forgetKey: effect<{ id: string }, null>(),
  },
  actions: outward,
}).createMachine({
  id: 'key-v1',
  context: ({ input }) => ({ id: input?.id, comment: input?.comment ?? '', secret: input?.secret, passphrase: input?.passphrase ?? null, facts: null, error: null, createdAt: input?.at ?? 0 }),
  initial: 'reading',
  states: {
    reading: {
      invoke: {
        id: 'readKey',
        src: 'readKey',
        input: ({ context }) => ({ id: context.id, secret: context.secret, passphrase: context.passphrase }),
        onDone: { target: 'stored', actions: assign(({ event }) => ({ facts: event.output })) },
        onError: { target: 'unreadable', actions: assign(({ event }) => ({ error: faultOf(event).message })) },
      },
      on: { REMOVE: 'removing' },
    },
    stored: { on: { REMOVE: 'removing' } },
    unreadable: { on: { REMOVE: 'removing' } },
    removing: { invoke: { id: 'forgetKey', src: 'forgetKey', input: ({ context }) => ({ id: context.id }), onDone: 'removed', onError: { target: 'removing', reenter: true } } },
    removed: { type: 'final' },
  },
});
