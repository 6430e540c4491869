import { assign, setup } from 'xstate';
import { outward, stamp } from './effect.ts';

/** What an agent says of its machine; bytes, cores. */
export type MachineFacts = { host: string; os: string; arch: string; cpus: number; memoryTotalBytes: number; version: string; node: string; chromium: string | null };
export type HostKey = { fingerprint: string; at: number };

export type MachineContext = {
  id: string;
  is: 'agent' | 'ssh';
  name: string;
  host: string;
  port: number | null;
  facts: MachineFacts | null;
  incarnation: string | null;
  /** The key that a person accepted, and the one that was shown and is not accepted. */
  pinned: HostKey | null;
  offered: HostKey | null;
  acceptedBy: string | null;
  cordoned: boolean;
  createdAt: number;
  updatedAt: number;
};
export type MachineInput = { id: string; is: 'agent' | 'ssh'; name?: string; host: string; port?: number | null; at: number };

export type MachineEvent =
  | { type: 'JOINED'; incarnation: string; facts: MachineFacts }
  | { type: 'SUSPECT' }
  | { type: 'SEEN' }
  | { type: 'OFFLINE' }
  | { type: 'KEY_SHOWN'; fingerprint: string; host: string; port: number }
  | { type: 'ACCEPT'; fingerprint: string; by?: string }
  | { type: 'FORGET_KEY'; by?: string }
  | { type: 'CORDON'; by?: string }
  | { type: 'UNCORDON'; by?: string }
  | { type: 'RENAME'; name: string; by?: string }
  | { type: 'REMOVE'; by?: string };

/** A machine that workers run on: its agent's link, and the host key that a person has accepted. */
export const machineMachine = setup({
  types: { context: {} as MachineContext, input: {} as MachineInput, events: {} as MachineEvent },
  actions: {
    ...outward,
    join: assign(({ event }) => (event.type === 'JOINED' ? { incarnation: event.incarnation, facts: event.facts, host: event.facts.host, updatedAt: stamp(event).at } : {})),
    offer: assign(({ context, event }) => (event.type === 'KEY_SHOWN' ? { offered: { fingerprint: event.fingerprint, at: stamp(event).at }, host: event.host, port: event.port, name: context.name || event.host } : {})),
    pin: assign(({ context, event }) => (event.type === 'ACCEPT' ? { pinned: { fingerprint: event.fingerprint, at: stamp(event).at }, offered: null, acceptedBy: event.by ?? 'an operator' } : { pinned: context.pinned })),
  },
  guards: {
    offered: ({ context, event }) => event.type === 'ACCEPT' && context.offered?.fingerprint === event.fingerprint,
    pinned: ({ context, event }) => event.type === 'KEY_SHOWN' && context.pinned?.fingerprint === event.fingerprint,
    shown: ({ context, event }) => event.type === 'KEY_SHOWN' && context.offered?.fingerprint === event.fingerprint,
  },
}).createMachine({
  id: 'machine-v1',
  context: ({ input }) => ({
    id: input?.id, is: input?.is ?? 'agent', name: input?.name ?? input?.host ?? '', host: input?.host ?? '', port: input?.port ?? null, facts: null, incarnation: null,
    pinned: null, offered: null, acceptedBy: null, cordoned: false, createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0,
  }),
  initial: 'active',
  states: {
    active: {
      type: 'parallel',
      on: {
        REMOVE: 'removed',
        CORDON: { guard: ({ context }) => !context.cordoned, actions: assign({ cordoned: true }) },
        UNCORDON: { guard: ({ context }) => context.cordoned, actions: assign({ cordoned: false }) },
        RENAME: { actions: assign(({ event }) => ({ name: event.name, updatedAt: stamp(event).at })) },
      },
      states: {
        link: {
          initial: 'disconnected',
          on: { JOINED: { target: '.connected', actions: 'join' } },
          states: {
            disconnected: {},
            connected: { on: { SUSPECT: 'suspect', OFFLINE: 'offline' } },
            suspect: { on: { SEEN: 'connected', OFFLINE: 'offline' } },
            offline: { on: { SEEN: 'connected' } },
          },
        },
        trust: {
          initial: 'unknown',
          states: {
            unknown: { on: { KEY_SHOWN: { target: 'offered', actions: 'offer' } } },
            offered: {
              on: {
                KEY_SHOWN: { guard: ({ context, event }) => context.offered?.fingerprint !== event.fingerprint, actions: 'offer' },
                ACCEPT: { guard: 'offered', target: 'trusted', actions: 'pin' },
                FORGET_KEY: { target: 'unknown', actions: assign({ offered: null }) },
              },
            },
            trusted: {
              on: {
                KEY_SHOWN: [{ guard: 'pinned' }, { target: 'changed', actions: 'offer' }],
                FORGET_KEY: { target: 'unknown', actions: assign({ pinned: null, offered: null, acceptedBy: null }) },
              },
            },
            /** Another key than the accepted one was shown: nothing is sent there until a person decides. */
            changed: {
              on: {
                KEY_SHOWN: [{ guard: 'pinned', target: 'trusted', actions: assign({ offered: null }) }, { guard: 'shown' }, { actions: 'offer' }],
                ACCEPT: { guard: 'offered', target: 'trusted', actions: 'pin' },
                FORGET_KEY: { target: 'unknown', actions: assign({ pinned: null, offered: null, acceptedBy: null }) },
              },
            },
          },
        },
      },
    },
    removed: { type: 'final' },
  },
});
