import { assign, setup } from 'xstate';
import type { Announcement, Severity } from './alert.ts';
import type { Notice } from './notice.ts';
import { effect, faultOf, outward, stamp } from './effect.ts';

export type SinkConfig = {
  name: string;
  type: 'webhook' | 'email';
  enabled: boolean;
  /** What is less grave is not sent here. */
  least: Severity;
  /** Webhook: where to, and a reference to the sealed secret that signs. */
  url: string | null;
  secret: string | null;
  /** E-mail: the server, a reference to the sealed password, and who writes to whom. */
  host: string | null;
  port: number;
  security: 'tls' | 'starttls' | 'none';
  user: string | null;
  password: string | null;
  from: string | null;
  to: string[];
};
/** `notice`: it tells of notifications, not of an alert. */
export type SinkMessage = Announcement & { test?: boolean; notice?: { rule: string; items: Notice[]; more: number } };

export type SinkContext = {
  id: string;
  config: SinkConfig;
  /** What waits to be sent, oldest first. */
  outbox: SinkMessage[];
  attempt: number;
  sent: number;
  /** Given up for age or for want of room. */
  dropped: number;
  lastSentAt: number | null;
  error: string | null;
  nextAt: number | null;
  createdAt: number;
  updatedAt: number;
};
export type SinkInput = { id: string; config: SinkConfig; at: number };
export type SinkEvent =
  | { type: 'SEND'; message: SinkMessage }
  | { type: 'TEST'; by?: string }
  | { type: 'RETRY_NOW'; by?: string }
  | { type: 'UPDATE'; config: Partial<SinkConfig>; by?: string }
  | { type: 'REMOVE'; by?: string };

const ROOM = 50;
const OLDEST = 86_400_000;
const backoff = (attempt: number, rnd: number): number => Math.min(5_000 * 2 ** Math.min(attempt - 1, 10), 600_000) * (1 + rnd * 0.1);

/** One way out for alerts. It keeps what it can't deliver and tries again; nobody waits for it. */
export const sinkMachine = setup({
  types: { context: {} as SinkContext, input: {} as SinkInput, events: {} as SinkEvent },
  actors: {
    post: effect<{ id: string; config: SinkConfig; message: SinkMessage }, null>(),
    forgetSink: effect<{ id: string }, null>(),
  },
  actions: {
    ...outward,
    keep: assign(({ context, event }) => {
      if (event.type !== 'SEND' && event.type !== 'TEST') return {};
      const message: SinkMessage = event.type === 'SEND' ? event.message : { id: `${context.id}-test-${stamp(event).at}`, alert: 'test', name: 'Test', what: 'firing', severity: 'info', breaching: [], text: 'this is a test of this sink', at: stamp(event).at, test: true };
      const outbox = [...context.outbox, message];
      const over = Math.max(0, outbox.length - ROOM);
      // The one that is being sent stays in front.
      return { outbox: [outbox[0]!, ...outbox.slice(1 + over)], dropped: context.dropped + over };
    }),
    delivered: assign(({ context, event }) => ({ outbox: context.outbox.slice(1), attempt: 0, sent: context.sent + 1, lastSentAt: stamp(event).at, error: null, nextAt: null })),
    failed: assign(({ context, event }) => ({ attempt: context.attempt + 1, error: faultOf(event).message, nextAt: Math.round(stamp(event).at + backoff(context.attempt + 1, stamp(event).rnd)) })),
    drop: assign(({ context, event }) => ({ outbox: context.outbox.slice(1), attempt: 0, dropped: context.dropped + 1, error: faultOf(event).message, nextAt: null })),
    update: assign(({ context, event }) => (event.type === 'UPDATE' ? { config: { ...context.config, ...event.config }, updatedAt: stamp(event).at } : {})),
    empty: assign({ outbox: [], attempt: 0, nextAt: null }),
  },
  guards: {
    enabled: ({ context }) => context.config.enabled,
    more: ({ context }) => context.outbox.length > 0,
    fresh: ({ context, event }) => event.type === 'TEST' || (event.type === 'SEND' && !context.outbox.some((m) => m.id === event.message.id)),
    /** A day is long enough; a test is over with its first failure. */
    tooOld: ({ context, event }) => context.outbox[0]?.test === true || stamp(event).at - (context.outbox[0]?.at ?? 0) > OLDEST,
  },
  delays: { backoff: ({ context, event }) => Math.max(0, (context.nextAt ?? 0) - stamp(event).at) },
}).createMachine({
  id: 'sink-v1',
  context: ({ input }) => ({ id: input?.id, config: input?.config, outbox: [], attempt: 0, sent: 0, dropped: 0, lastSentAt: null, error: null, nextAt: null, createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0 }),
  initial: 'choosing',
  on: {
    UPDATE: { target: '.choosing', actions: 'update' },
    REMOVE: '.removing',
  },
  states: {
    choosing: { always: [{ guard: ({ context }) => !context.config.enabled, target: 'off' }, { guard: 'more', target: 'sending' }, { target: 'idle' }] },
    off: { entry: 'empty' },
    idle: { on: { SEND: { guard: 'fresh', target: 'sending', actions: 'keep' }, TEST: { target: 'sending', actions: 'keep' } } },
    sending: {
      invoke: {
        id: 'post',
        src: 'post',
        input: ({ context }) => ({ id: context.id, config: context.config, message: context.outbox[0]! }),
        onDone: { target: 'choosing', actions: 'delivered' },
        onError: [{ guard: 'tooOld', target: 'choosing', actions: 'drop' }, { target: 'waiting', actions: 'failed' }],
      },
      on: { SEND: { guard: 'fresh', actions: 'keep' }, TEST: { actions: 'keep' } },
    },
    waiting: {
      on: { SEND: { guard: 'fresh', actions: 'keep' }, TEST: { actions: 'keep' }, RETRY_NOW: 'sending' },
      after: { backoff: 'sending' },
    },
    removing: { invoke: { id: 'forgetSink', src: 'forgetSink', input: ({ context }) => ({ id: context.id }), onDone: 'removed', onError: { target: 'removing', reenter: true } }, on: { UPDATE: {}, REMOVE: {} } },
    removed: { type: 'final' },
  },
});
