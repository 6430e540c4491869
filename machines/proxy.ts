import { assign, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';

export type ProxyConfig = {
  name: string;
  protocol: 'http' | 'https' | 'socks5';
  /** `host:port`. */
  server: string;
  username: string | null;
  /** A reference to the vault, null without one. */
  password: string | null;
  /** Minutes between two checks; 0: only when somebody asks. */
  checkEvery: number;
  note: string;
};
/** One look through it: `ms` to the first byte of the answer, `exit` the address that the world saw. */
export type ProxyCheck = { at: number; ok: boolean; ms: number | null; exit: string | null; error: string | null; worker: string | null };

export type ProxyContext = {
  id: string;
  config: ProxyConfig;
  /** Rises with every change: browsers that use it are opened anew. */
  version: number;
  last: ProxyCheck | null;
  /** The newest first. */
  checks: ProxyCheck[];
  /** In a row. */
  failures: number;
  /** The worker that somebody wants it looked through from, this once. */
  from: string | null;
  /** Where the check runs that is under way. */
  place: { worker: string; incarnation: string; url: string } | null;
  /** Why the last check could not even begin. */
  waiting: string | null;
  nextAt: number | null;
  by: string;
  createdAt: number;
  updatedAt: number;
};
export type ProxyInput = { id: string; config: ProxyConfig; by: string; at: number };
export type ProxyEvent =
  | { type: 'UPDATE'; config: Partial<ProxyConfig>; by?: string }
  /** From this worker, or from the one that says most. */
  | { type: 'CHECK'; worker?: string | null; by?: string }
  | { type: 'ENABLE'; by?: string }
  | { type: 'DISABLE'; by?: string }
  | { type: 'REMOVE'; by?: string };

const KEPT = 50;
/** A healthy one is failing only after so many bad checks in a row: one may be a hiccup. */
const BAD = 2;
/** The second look comes soon. */
const SOON = 15_000;
const MOST = 90_000;

type Probed = { ms: number; exit: string | null };
const note = (c: ProxyContext, one: ProxyCheck) => ({ last: one, checks: [one, ...c.checks].slice(0, KEPT), place: null, waiting: null });

/** A proxy that accounts go out by, looked through again and again as their browsers would. */
export const proxyMachine = setup({
  types: { context: {} as ProxyContext, input: {} as ProxyInput, events: {} as ProxyEvent },
  actors: {
    /** A live worker to look from: one that holds an account of this proxy, else any. Fails with `none` when no worker runs. */
    seat: effect<{ proxy: string; from: string | null }, { worker: string; incarnation: string; url: string }>(),
    /** One request through it. Fails with `proxy` and the reason when it does not get through. */
    probe: effect<{ worker: string; incarnation: string; account: null; epoch: null; url: string; proxy: { id: string; version: number; protocol: string; server: string; username: string | null }; password: string | null }, Probed>(),
    /** Takes it away from every account and worker that goes by it, and destroys its password. */
    unbind: effect<{ proxy: string }, null>(),
  },
  actions: {
    ...outward,
    update: assign(({ context, event }) => (event.type === 'UPDATE' ? { config: { ...context.config, ...event.config }, version: context.version + 1, failures: 0, last: null, updatedAt: stamp(event).at } : {})),
    plan: assign(({ context, event }) => {
      const { at, rnd } = stamp(event);
      const every = context.config.checkEvery * 60_000;
      const retry = context.failures === 1 || context.waiting !== null;
      return { nextAt: every === 0 ? null : at + Math.round((retry ? Math.min(SOON, every) : every) * (0.9 + 0.2 * rnd)) };
    }),
    passed: assign(({ context, event }) => {
      const { ms, exit } = (event as unknown as { output: Probed }).output;
      return { ...note(context, { at: stamp(event).at, ok: true, ms, exit, error: null, worker: context.place?.worker ?? null }), failures: 0 };
    }),
    failed: assign(({ context, event }) => ({ ...note(context, { at: stamp(event).at, ok: false, ms: null, exit: null, error: faultOf(event).message, worker: context.place?.worker ?? null }), failures: context.failures + 1 })),
    unseen: assign(({ event }) => ({ place: null, waiting: faultOf(event).message })),
    ask: assign(({ event }) => (event.type === 'CHECK' ? { from: event.worker ?? null } : {})),
    late: assign({ place: null, waiting: 'the check was not answered in time' }),
  },
  guards: {
    good: ({ context }) => context.last !== null && context.last.ok,
    bad: ({ context }) => context.failures >= BAD,
    anyBad: ({ context }) => context.failures >= 1,
    /** What the proxy did; all else says nothing of it. */
    itsFault: ({ event }) => faultOf(event).kind === 'proxy',
    planned: ({ context }) => context.nextAt !== null,
  },
  delays: { due: ({ context, event }) => Math.max(0, (context.nextAt ?? 0) - stamp(event).at), most: MOST },
}).createMachine({
  id: 'proxy-v1',
  context: ({ input }) => ({ id: input?.id, config: input?.config, version: 1, last: null, checks: [], failures: 0, from: null, place: null, waiting: null, nextAt: null, by: input?.by ?? 'unknown', createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0 }),
  initial: 'enabled',
  states: {
    enabled: {
      type: 'parallel',
      on: { DISABLE: 'disabled', REMOVE: 'removing', UPDATE: { target: 'enabled', reenter: true, actions: 'update' } },
      states: {
        health: {
          initial: 'unknown',
          states: {
            unknown: { always: [{ guard: 'anyBad', target: 'failing' }, { guard: 'good', target: 'healthy' }] },
            healthy: { always: { guard: 'bad', target: 'failing' } },
            failing: { always: { guard: 'good', target: 'healthy' } },
          },
        },
        check: {
          initial: 'seating',
          states: {
            resting: {
              entry: 'plan',
              always: { guard: 'planned', target: 'waiting' },
              on: { CHECK: { target: 'seating', actions: 'ask' } },
            },
            waiting: { after: { due: 'seating' }, on: { CHECK: { target: 'seating', actions: 'ask' } }, exit: assign({ nextAt: null }) },
            seating: {
              invoke: {
                id: 'seat',
                src: 'seat',
                input: ({ context }) => ({ proxy: context.id, from: context.from }),
                onDone: { target: 'probing', actions: assign(({ event }) => ({ place: event.output, from: null })) },
                onError: { target: 'resting', actions: ['unseen', assign({ from: null })] },
              },
            },
            probing: {
              invoke: {
                id: 'probe',
                src: 'probe',
                input: ({ context: c }) => ({ ...c.place!, account: null, epoch: null, proxy: { id: c.id, version: c.version, protocol: c.config.protocol, server: c.config.server, username: c.config.username }, password: c.config.password }),
                onDone: { target: 'resting', actions: 'passed' },
                onError: [{ guard: 'itsFault', target: 'resting', actions: 'failed' }, { target: 'resting', actions: 'unseen' }],
              },
              after: { most: { target: 'resting', actions: 'late' } },
            },
          },
        },
      },
    },
    disabled: {
      entry: assign({ nextAt: null, from: null, place: null, waiting: null }),
      on: { ENABLE: { target: 'enabled', actions: assign({ failures: 0, last: null }) }, UPDATE: { actions: 'update' }, REMOVE: 'removing' },
    },
    removing: { invoke: { id: 'unbind', src: 'unbind', input: ({ context }) => ({ proxy: context.id }), onDone: 'removed', onError: { target: 'removing', reenter: true } } },
    removed: { type: 'final' },
  },
});
