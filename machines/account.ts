import { assign, setup } from 'xstate';
import { effect, outward, stamp } from './effect.ts';

/** Without its password: that is sealed in the vault under the account's field `proxy`. */
export type Proxy = { protocol: 'http' | 'https' | 'socks5'; server: string; username: string | null };
export type Lease = { worker: string; incarnation: string; epoch: number; at: number };
export type User = { id: string; nickname: string; avatar: string | null };

export type AccountContext = {
  id: string;
  platform: string;
  name: string;
  platformAccount: string | null;
  /** Seconds; a round comes after this × U(0.75, 1.5). */
  monitorInterval: number;
  proxy: Proxy | null;
  user: User | null;
  fingerprint: Record<string, unknown> | null;
  /** The one worker that may act for this account, fenced by a rising epoch. */
  lease: Lease | null;
  epoch: number;
  /** Set by an operator: only this worker. */
  pin: string | null;
  /** Only workers that serve this group; null for `default`. */
  group: string | null;
  /** Where it is on its way to, and where it was last: asked first. */
  prefer: string | null;
  last: string | null;
  /** Why its last worker lost it. */
  moved: string | null;
  login: string | null;
  method: string;
  paused: boolean;
  /** Why the session is as it is, in words for an operator. */
  reason: string | null;
  lastLoginAt: number | null;
  validUntil: number | null;
  /** Replies a minute and an hour at most; quiet hours in the account's time zone, `[from, to)`, null for none. */
  limits: { perMinute: number; perHour: number; quiet: [number, number] | null };
  createdAt: number;
  updatedAt: number;
};

export type AccountInput = Pick<AccountContext, 'id' | 'platform' | 'name' | 'platformAccount' | 'monitorInterval' | 'proxy' | 'limits'> & { group?: string | null; at: number };
export type AccountPatch = Partial<Pick<AccountContext, 'name' | 'platformAccount' | 'monitorInterval' | 'proxy' | 'limits' | 'group'>>;

export type AccountEvent =
  | { type: 'LOGIN'; login: string; method?: string; by?: string }
  | { type: 'LOGIN_DONE'; login: string; user: User; validUntil: number | null; fingerprint: Record<string, unknown> | null }
  | { type: 'LOGIN_FAILED'; login: string; reason: string }
  | { type: 'LOGIN_CANCELLED'; login: string }
  | { type: 'SESSION_LOST'; reason: string; epoch: number }
  | { type: 'PAUSE'; by?: string }
  | { type: 'RESUME'; by?: string }
  | { type: 'CRAWL_NOW'; by?: string }
  | { type: 'ASSIGN'; worker: string | null; by?: string }
  /** Lets the lease go in order: its worker drains, or another one has more room. */
  | { type: 'MOVE'; epoch: number; to: string | null; reason: string }
  | { type: 'RELEASED'; epoch: number }
  | { type: 'WORKER_LOST'; epoch: number; reason: string }
  | { type: 'UPDATE'; patch: AccountPatch; by?: string }
  | { type: 'REMOVE'; by?: string };

const SEVEN_DAYS = 7 * 24 * 3600 * 1000;

/** One account: its session on the platform and, beside it, the lease of the worker that acts for it. */
export const accountMachine = setup({
  types: { context: {} as AccountContext, input: {} as AccountInput, events: {} as AccountEvent },
  actors: {
    /** Waits until a fitting worker is there: connected, knows the platform, has room, least loaded first. */
    assign: effect<{ account: string; platform: string; pin: string | null; group: string | null; prefer: string | null; last: string | null }, { worker: string; incarnation: string }>(),
    /** Destroys every sealed secret of the account. */
    forget: effect<{ account: string }, null>(),
  },
  actions: {
    ...outward,
    grant: assign(({ context, event }) => {
      const found = (event as unknown as { output: { worker: string; incarnation: string } }).output;
      const epoch = context.epoch + 1;
      return { epoch, lease: { ...found, epoch, at: stamp(event).at }, prefer: null, last: found.worker };
    }),
    drop: assign({ lease: null }),
    update: assign(({ context, event }) => (event.type === 'UPDATE' ? { ...event.patch, updatedAt: stamp(event).at, id: context.id } : {})),
    because: assign((_, p: { reason: string | null }) => ({ reason: p.reason })),
  },
  guards: {
    leased: ({ context }) => context.lease !== null,
    paused: ({ context }) => context.paused,
    mine: ({ context, event }) => 'epoch' in event && context.lease?.epoch === event.epoch,
    thisLogin: ({ context, event }) => 'login' in event && context.login === event.login,
    anotherWay: ({ context, event }) => event.type === 'LOGIN' && (event.method === 'cookies' || (event.method ?? 'qrcode') !== context.method),
    elsewhere: ({ context, event }) => event.type === 'ASSIGN' && event.worker !== null && context.lease?.worker !== event.worker,
  },
}).createMachine({
  id: 'account-v2',
  context: ({ input }) => ({
    id: input?.id,
    platform: input?.platform,
    name: input?.name,
    platformAccount: input?.platformAccount ?? null,
    monitorInterval: input?.monitorInterval ?? 20,
    proxy: input?.proxy ?? null,
    user: null,
    fingerprint: null,
    lease: null,
    epoch: 0,
    pin: null,
    group: input?.group ?? null,
    prefer: null,
    last: null,
    moved: null,
    login: null,
    method: 'qrcode',
    paused: false,
    reason: null,
    lastLoginAt: null,
    validUntil: null,
    limits: input?.limits ?? { perMinute: 6, perHour: 60, quiet: null },
    createdAt: input?.at ?? 0,
    updatedAt: input?.at ?? 0,
  }),
  initial: 'active',
  on: {
    UPDATE: {
      actions: [
        'update',
        { type: 'tell', params: ({ context, event }) => ({ to: `monitor/${context.id}`, event: { type: 'SETTINGS', interval: event.patch.monitorInterval ?? context.monitorInterval, proxy: event.patch.proxy === undefined ? context.proxy : event.patch.proxy } }) },
      ],
    },
  },
  states: {
    active: {
      type: 'parallel',
      on: { REMOVE: 'removing' },
      states: {
        session: {
          initial: 'not_logged_in',
          on: {
            PAUSE: { actions: assign({ paused: true }) },
            RESUME: { actions: assign({ paused: false }) },
            LOGIN: { target: '.logging_in', actions: assign(({ event }) => ({ login: event.login, method: event.method ?? 'qrcode', reason: null })) },
          },
          states: {
            not_logged_in: {},
            logging_in: {
              entry: {
                type: 'tell',
                params: ({ context, event }) => ({ to: `login/${context.login}`, start: { id: context.login, account: context.id, platform: context.platform, method: context.method, proxy: context.proxy, at: stamp(event).at } }),
              },
              initial: 'waiting',
              on: {
                // Another way in takes the place of the one that is under way; the same again changes nothing.
                LOGIN: [
                  {
                    guard: 'anotherWay',
                    target: 'logging_in',
                    reenter: true,
                    actions: [
                      { type: 'tell', params: ({ context, event }) => ({ to: `login/${context.login}`, event: { type: 'CANCEL', by: event.by } }) },
                      assign(({ event }) => ({ login: event.login, method: event.method ?? 'qrcode', reason: null })),
                    ],
                  },
                  {},
                ],
                LOGIN_DONE: {
                  guard: 'thisLogin',
                  target: 'logged_in',
                  actions: assign(({ context, event }) => ({
                    user: event.user,
                    platformAccount: context.platformAccount ?? event.user.id,
                    fingerprint: event.fingerprint ?? context.fingerprint,
                    lastLoginAt: stamp(event).at,
                    validUntil: event.validUntil ?? stamp(event).at + SEVEN_DAYS,
                    reason: null,
                  })),
                },
                LOGIN_FAILED: { guard: 'thisLogin', target: 'login_failed', actions: { type: 'because', params: ({ event }) => ({ reason: event.reason }) } },
                LOGIN_CANCELLED: { guard: 'thisLogin', target: 'not_logged_in', actions: { type: 'because', params: { reason: 'the login was cancelled' } } },
              },
              states: {
                waiting: { always: { guard: 'leased', target: 'started' } },
                started: {
                  entry: { type: 'tell', params: ({ context }) => ({ to: `login/${context.login}`, event: { type: 'LEASED', worker: context.lease!.worker, epoch: context.lease!.epoch } }) },
                  on: { WORKER_LOST: { guard: 'mine', target: 'waiting', actions: { type: 'tell', params: ({ context, event }) => ({ to: `login/${context.login}`, event: { type: 'WORKER_LOST', reason: event.reason } }) } } },
                },
              },
            },
            logged_in: {
              initial: 'idle',
              on: {
                SESSION_LOST: { guard: 'mine', target: 'expired', actions: { type: 'because', params: ({ event }) => ({ reason: event.reason }) } },
              },
              states: {
                idle: { always: [{ guard: 'paused', target: 'paused' }, { guard: 'leased', target: 'monitoring' }] },
                monitoring: {
                  entry: {
                    type: 'tell',
                    params: ({ context }) => ({
                      to: `monitor/${context.id}`,
                      event: { type: 'ON', platform: context.platform, worker: context.lease!.worker, epoch: context.lease!.epoch, interval: context.monitorInterval, proxy: context.proxy },
                    }),
                  },
                  exit: { type: 'tell', params: ({ context }) => ({ to: `monitor/${context.id}`, event: { type: 'OFF' } }) },
                  always: [{ guard: 'paused', target: 'paused' }, { guard: ({ context }) => context.lease === null, target: 'idle' }],
                  on: { CRAWL_NOW: { actions: { type: 'tell', params: ({ context }) => ({ to: `monitor/${context.id}`, event: { type: 'NOW' } }) } } },
                },
                paused: { always: { guard: ({ context }) => !context.paused, target: 'idle' } },
              },
            },
            login_failed: {},
            expired: {},
          },
        },
        lease: {
          initial: 'finding',
          on: { ASSIGN: { actions: assign(({ event }) => ({ pin: event.worker })) } },
          states: {
            finding: {
              invoke: {
                id: 'assign',
                src: 'assign',
                input: ({ context }) => ({ account: context.id, platform: context.platform, pin: context.pin, group: context.group, prefer: context.prefer, last: context.last }),
                onDone: { target: 'held', actions: 'grant' },
                onError: { target: 'finding', reenter: true },
              },
              on: { ASSIGN: { target: 'finding', reenter: true, actions: assign(({ event }) => ({ pin: event.worker })) } },
            },
            held: {
              on: {
                WORKER_LOST: { guard: 'mine', target: 'finding', actions: ['drop', assign(({ event }) => ({ moved: event.reason }))] },
                MOVE: { guard: 'mine', target: 'releasing', actions: assign(({ event }) => ({ prefer: event.to, moved: event.reason })) },
                ASSIGN: [
                  { guard: 'elsewhere', target: 'releasing', actions: assign(({ event }) => ({ pin: event.worker })) },
                  { actions: assign(({ event }) => ({ pin: event.worker })) },
                ],
              },
            },
            releasing: {
              entry: 'drop',
              on: { RELEASED: { guard: ({ context, event }) => event.epoch === context.epoch, target: 'finding' }, WORKER_LOST: { guard: ({ context, event }) => event.epoch === context.epoch, target: 'finding' } },
              after: { 25_000: 'finding' },
            },
          },
        },
      },
    },
    removing: {
      entry: [assign({ lease: null }), { type: 'tell', params: ({ context }) => ({ to: `monitor/${context.id}`, event: { type: 'END' } }) }],
      invoke: { id: 'forget', src: 'forget', input: ({ context }) => ({ account: context.id }), onDone: 'removed', onError: { target: 'removing', reenter: true } },
    },
    removed: { type: 'final' },
  },
});
