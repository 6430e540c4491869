import { assign, setup } from 'xstate';
import { effect, faultOf, outward, stamp, type Evidence } from './effect.ts';
import type { Proxy } from './account.ts';

export type Cursor = { comments: string | null; messages: string | null };
export type Round = { at: number; ms: number; comments: number; messages: number; error: string | null; evidence?: Evidence };

export type MonitorContext = {
  account: string;
  platform: string | null;
  worker: string | null;
  epoch: number;
  interval: number;
  proxy: Proxy | null;
  cursor: Cursor;
  round: number;
  failures: number;
  nextAt: number | null;
  delay: number;
  last: Round | null;
};

export type MonitorInput = { id: string; at: number };

export type MonitorEvent =
  | { type: 'ON'; platform: string; worker: string; epoch: number; interval: number; proxy: Proxy | null }
  | { type: 'OFF' }
  | { type: 'NOW' }
  | { type: 'SETTINGS'; interval: number; proxy: Proxy | null }
  | { type: 'END' };

const SESSION_FAULTS = ['logged-out', 'challenged'];

/** Looks for new comments and messages of one account, again and again, at a human pace. */
export const monitorMachine = setup({
  types: { context: {} as MonitorContext, input: {} as MonitorInput, events: {} as MonitorEvent },
  actors: {
    crawl: effect<
      { account: string; platform: string; worker: string; epoch: number; round: string; cursor: Cursor; proxy: Proxy | null },
      { comments: number; messages: number; cursor: Cursor; ms: number }
    >(),
  },
  actions: {
    ...outward,
    on: assign(({ event }) => (event.type === 'ON' ? { platform: event.platform, worker: event.worker, epoch: event.epoch, interval: event.interval, proxy: event.proxy, failures: 0 } : {})),
    settings: assign(({ event }) => (event.type === 'SETTINGS' ? { interval: event.interval, proxy: event.proxy } : {})),
    plan: assign(({ context, event }) => {
      const { at, rnd } = stamp(event);
      const delay = Math.round(context.interval * 1000 * (0.75 + 0.75 * rnd));
      return { delay, nextAt: at + delay };
    }),
    soon: assign(({ event }) => ({ delay: Math.round(1000 * stamp(event).rnd), nextAt: stamp(event).at })),
    planRetry: assign(({ context, event }) => {
      const { at, rnd } = stamp(event);
      const delay = Math.round(Math.min(context.interval * 1000 * 2 ** Math.min(context.failures, 6), 600_000) * (0.75 + 0.5 * rnd));
      return { delay, nextAt: at + delay };
    }),
    fault: assign(({ context, event }) => {
      const { message, evidence } = faultOf(event);
      return { failures: context.failures + 1, last: { at: stamp(event).at, ms: 0, comments: 0, messages: 0, error: message, ...(evidence ? { evidence } : {}) } };
    }),
  },
  guards: { paused: ({ event }) => faultOf(event).kind === 'paused', proxyFails: ({ context, event }) => faultOf(event).kind === 'proxy' && context.proxy !== null && 'id' in context.proxy, sessionLost: ({ event }) => SESSION_FAULTS.includes(faultOf(event).kind) },
  delays: { delay: ({ context }) => context.delay, crawlWithin: 180_000 },
}).createMachine({
  id: 'monitor-v1',
  context: ({ input }) => ({
    account: input?.id,
    platform: null,
    worker: null,
    epoch: 0,
    interval: 20,
    proxy: null,
    cursor: { comments: null, messages: null },
    round: 0,
    failures: 0,
    nextAt: null,
    delay: 0,
    last: null,
  }),
  initial: 'suspended',
  on: { END: '.ended', OFF: '.suspended', ON: { target: '.waiting', actions: ['on', 'soon'] }, SETTINGS: { actions: 'settings' } },
  states: {
    suspended: { entry: assign({ nextAt: null }) },
    waiting: {
      after: { delay: 'crawling' },
      on: { NOW: 'crawling', SETTINGS: { target: 'waiting', reenter: true, actions: ['settings', 'plan'] } },
    },
    crawling: {
      entry: assign(({ context }) => ({ round: context.round + 1, nextAt: null })),
      invoke: {
        id: 'crawl',
        src: 'crawl',
        input: ({ context }) => ({ account: context.account, platform: context.platform!, worker: context.worker!, epoch: context.epoch, round: `${context.account}-${context.round}`, cursor: context.cursor, proxy: context.proxy }),
        onDone: {
          target: 'waiting',
          actions: [
            assign(({ event }) => ({ failures: 0, cursor: event.output.cursor, last: { at: stamp(event).at, ms: event.output.ms, comments: event.output.comments, messages: event.output.messages, error: null } })),
            'plan',
          ],
        },
        onError: [
          // Held back by a pause: no fault of the round.
          { guard: 'paused', target: 'waiting', actions: 'plan' },
          {
            guard: 'sessionLost',
            target: 'suspended',
            actions: ['fault', { type: 'tell', params: ({ context, event }) => ({ to: `account/${context.account}`, event: { type: 'SESSION_LOST', reason: faultOf(event).message, epoch: context.epoch } }) }],
          },
          // Whoever looks after its proxy looks now, and not only when its time has come.
          {
            guard: 'proxyFails',
            target: 'backing_off',
            actions: ['fault', 'planRetry', { type: 'tell', params: ({ context }) => ({ to: `proxy/${(context.proxy as { id: string }).id}`, event: { type: 'CHECK' } }) }],
          },
          { target: 'backing_off', actions: ['fault', 'planRetry'] },
        ],
      },
      after: {
        crawlWithin: { target: 'backing_off', actions: [assign(({ context, event }) => ({ failures: context.failures + 1, last: { at: stamp(event).at, ms: 180_000, comments: 0, messages: 0, error: 'the round took longer than 3 minutes' } })), 'planRetry'] },
      },
    },
    backing_off: { after: { delay: 'crawling' }, on: { NOW: 'crawling' } },
    ended: { type: 'final' },
  },
});
