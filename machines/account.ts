import { assign, setup } from 'xstate';
import type { AccountContext, AccountEvent, AccountInput, Proxy } from './account-context.ts';
import { effect, faultOf, outward, stamp } from './effect.ts';

export type { AccountContext, AccountEvent, AccountInput, AccountPatch, Lease, OwnProxy, Proxy, User } from './account-context.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SEVEN_DAYS = 7 * DAY;

/** The proxy that its effects are asked with. */
export const proxyOf = (c: Pick<AccountContext, 'proxy' | 'proxyId'>): Proxy | null => (c.proxyId ? { id: c.proxyId } : c.proxy);
/** A session that is short by itself is told of at its half, not at once. */
const noticeAt = (c: AccountContext): number => c.validUntil! - Math.min(c.noticeHours * HOUR, Math.max(0, c.validUntil! - (c.lastLoginAt ?? 0)) / 2);
type Checked = { session: 'valid' | 'expired' | 'challenged'; validUntil?: number | null };
const checked = (event: object): Checked => (event as { output: Checked }).output;

/** One account: its session on the platform and, beside it, the lease of the worker that acts for it. */
export const accountMachine = setup({
  types: { context: {} as AccountContext, input: {} as AccountInput, events: {} as AccountEvent },
  actors: {
    /** Waits until a fitting worker is there: connected, knows the platform, has room, least loaded first. */
    assign: effect<{ account: string; platform: string; pin: string | null; group: string | null; prefer: string | null; last: string | null }, { worker: string; incarnation: string }>(),
    /** Destroys every sealed secret of the account. */
    forget: effect<{ account: string }, null>(),
    /** Whether the session holds, as the platform says it. */
    check: effect<{ account: string; platform: string; worker: string; epoch: number; proxy: Proxy | null }, Checked>(),
    /** Makes another fingerprint and puts it into the vault. */
    remake: effect<{ account: string; current: Record<string, unknown> | null }, { fingerprint: Record<string, unknown> }>(),
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
    /** The session is over: nothing of it has an end any more. */
    sessionless: assign({ validUntil: null, warnedAt: null }),
    /** A session whose end nobody knows is taken to last a day more. */
    holds: assign(({ context, event }) => {
      const { at } = stamp(event);
      const until = checked(event).validUntil ?? (context.validUntil !== null && context.validUntil <= at ? at + DAY : context.validUntil);
      return { validUntil: until, lastCheck: { at, ok: true, why: null }, warnedAt: until !== null && until - context.noticeHours * HOUR > at ? null : context.warnedAt };
    }),
    gone: assign(({ event }) => ({ lastCheck: { at: stamp(event).at, ok: false, why: checked(event).session }, reason: checked(event).session === 'challenged' ? 'the platform asks for a proof: log in again' : 'the platform has ended the session' })),
    unsure: assign(({ event }) => ({ lastCheck: { at: stamp(event).at, ok: false, why: faultOf(event).message } })),
    ended: assign({ reason: 'its session has ended by its date' }),
    warn: assign(({ context, event }) => ({ warnedAt: context.warnedAt ?? stamp(event).at })),
  },
  guards: {
    leased: ({ context }) => context.lease !== null,
    paused: ({ context }) => context.paused,
    mine: ({ context, event }) => 'epoch' in event && context.lease?.epoch === event.epoch,
    thisLogin: ({ context, event }) => 'login' in event && context.login === event.login,
    anotherWay: ({ context, event }) => event.type === 'LOGIN' && (event.method === 'cookies' || (event.method ?? 'qrcode') !== context.method),
    elsewhere: ({ context, event }) => event.type === 'ASSIGN' && event.worker !== null && context.lease?.worker !== event.worker,
    released: ({ context, event }) => 'epoch' in event && event.epoch === context.epoch,
    releasedToRemake: ({ context, event }) => context.remake && 'epoch' in event && event.epoch === context.epoch,
    releasedToArchive: ({ context, event }) => context.archived && 'epoch' in event && event.epoch === context.epoch,
    archived: ({ context }) => context.archived,
    notArchived: ({ context }) => !context.archived,
    remakes: ({ context }) => context.remake,
    checks: ({ context }) => context.checkEvery > 0,
    valid: ({ event }) => checked(event).session === 'valid',
    hasEnd: ({ context }) => context.validUntil !== null,
    noEnd: ({ context }) => context.validUntil === null,
    near: ({ context, event }) => context.validUntil !== null && stamp(event).at >= noticeAt(context),
    notNear: ({ context, event }) => context.validUntil === null || stamp(event).at < noticeAt(context),
    over: ({ context, event }) => context.validUntil !== null && stamp(event).at >= context.validUntil,
    notOver: ({ context, event }) => context.validUntil === null || stamp(event).at < context.validUntil,
  },
  delays: {
    /** The next check, or the session's end where that comes first. */
    look: ({ context: c, event }) => {
      const { at, rnd } = stamp(event);
      const every = c.checkEvery > 0 ? Math.round(c.checkEvery * 60_000 * (0.9 + 0.2 * rnd)) : DAY;
      return c.validUntil !== null && c.validUntil > at ? Math.min(every, c.validUntil - at) : every;
    },
    notice: ({ context, event }) => Math.max(0, noticeAt(context) - stamp(event).at),
    end: ({ context, event }) => Math.max(0, context.validUntil! - stamp(event).at),
    checkWithin: 180_000,
  },
}).createMachine({
  id: 'account-v3',
  context: ({ input }) => ({
    id: input?.id,
    platform: input?.platform,
    name: input?.name,
    platformAccount: input?.platformAccount ?? null,
    monitorInterval: input?.monitorInterval ?? 20,
    proxy: input?.proxy ?? null,
    proxyId: input?.proxyId ?? null,
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
    limits: { ...(input?.limits ?? { perMinute: 6, perHour: 60, quiet: null }), maxLength: input?.limits?.maxLength ?? null },
    tags: input?.tags ?? [],
    archived: false,
    checkEvery: input?.checkEvery ?? 60,
    lastCheck: null,
    noticeHours: input?.noticeHours ?? 24,
    warnedAt: null,
    approve: input?.approve ?? false,
    remake: false,
    createdAt: input?.at ?? 0,
    updatedAt: input?.at ?? 0,
  }),
  initial: 'active',
  on: {
    UPDATE: {
      actions: [
        'update',
        { type: 'tell', params: ({ context }) => ({ to: `monitor/${context.id}`, event: { type: 'SETTINGS', interval: context.monitorInterval, proxy: proxyOf(context) } }) },
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
            ARCHIVE: { guard: 'notArchived', actions: assign({ archived: true }) },
            UNARCHIVE: { guard: 'archived', actions: assign({ archived: false }) },
            LOGIN: { guard: 'notArchived', target: '.logging_in', actions: assign(({ event }) => ({ login: event.login, method: event.method ?? 'qrcode', reason: null, validUntil: null, warnedAt: null })) },
          },
          states: {
            not_logged_in: {},
            logging_in: {
              entry: {
                type: 'tell',
                params: ({ context, event }) => ({ to: `login/${context.login}`, start: { id: context.login, account: context.id, platform: context.platform, method: context.method, proxy: proxyOf(context), at: stamp(event).at } }),
              },
              initial: 'waiting',
              on: {
                ARCHIVE: { target: 'not_logged_in', actions: [assign({ archived: true }), { type: 'tell', params: ({ context }) => ({ to: `login/${context.login}`, event: { type: 'CANCEL' } }) }] },
                // Another way in takes the place of the one that is under way; the same again changes nothing.
                LOGIN: [
                  {
                    guard: 'anotherWay',
                    target: 'logging_in',
                    reenter: true,
                    actions: [
                      { type: 'tell', params: ({ context, event }) => ({ to: `login/${context.login}`, event: { type: 'CANCEL', by: event.by } }) },
                      assign(({ event }) => ({ login: event.login, method: event.method ?? 'qrcode', reason: null, validUntil: null, warnedAt: null })),
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
                    warnedAt: null,
                    lastCheck: null,
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
                idle: { always: [{ guard: 'paused', target: 'paused' }, { guard: 'leased', target: 'monitoring' }, { guard: 'over', target: '#account-v3.active.session.expired', actions: 'ended' }] },
                monitoring: {
                  entry: {
                    type: 'tell',
                    params: ({ context }) => ({
                      to: `monitor/${context.id}`,
                      event: { type: 'ON', platform: context.platform, worker: context.lease!.worker, epoch: context.lease!.epoch, interval: context.monitorInterval, proxy: proxyOf(context) },
                    }),
                  },
                  exit: { type: 'tell', params: ({ context }) => ({ to: `monitor/${context.id}`, event: { type: 'OFF' } }) },
                  always: [{ guard: 'paused', target: 'paused' }, { guard: ({ context }) => context.lease === null, target: 'idle' }],
                  on: { CRAWL_NOW: { actions: { type: 'tell', params: ({ context }) => ({ to: `monitor/${context.id}`, event: { type: 'NOW' } }) } } },
                  initial: 'begun',
                  states: {
                    begun: { always: 'settled' },
                    settled: {
                      after: { look: [{ guard: 'checks', target: 'checking' }, { guard: 'over', target: '#account-v3.active.session.expired', actions: 'ended' }, { target: 'settled', reenter: true }] },
                      on: { CHECK_SESSION: 'checking', UPDATE: { target: 'settled', reenter: true, actions: ['update', { type: 'tell', params: ({ context }) => ({ to: `monitor/${context.id}`, event: { type: 'SETTINGS', interval: context.monitorInterval, proxy: proxyOf(context) } }) }] } },
                    },
                    checking: {
                      invoke: {
                        id: 'check',
                        src: 'check',
                        input: ({ context: c }) => ({ account: c.id, platform: c.platform, worker: c.lease!.worker, epoch: c.lease!.epoch, proxy: proxyOf(c) }),
                        onDone: [{ guard: 'valid', target: 'settled', actions: 'holds' }, { target: '#account-v3.active.session.expired', actions: 'gone' }],
                        // A fault says nothing of the session: it stays as it was.
                        onError: { target: 'settled', actions: 'unsure' },
                      },
                      after: { checkWithin: { target: 'settled', actions: assign(({ event }) => ({ lastCheck: { at: stamp(event).at, ok: false, why: 'the check was not answered in time' } })) } },
                    },
                  },
                },
                paused: { always: [{ guard: ({ context }) => !context.paused, target: 'idle' }, { guard: 'over', target: '#account-v3.active.session.expired', actions: 'ended' }] },
              },
            },
            login_failed: { entry: 'sessionless' },
            expired: { entry: 'sessionless' },
          },
        },
        /** What tells, once, that the session will end; and that something must happen when it has. */
        expiry: {
          initial: 'none',
          states: {
            none: { always: { guard: 'hasEnd', target: 'far' } },
            far: {
              always: [{ guard: 'noEnd', target: 'none' }, { guard: 'near', target: 'soon', actions: 'warn' }],
              after: { notice: { target: 'far', reenter: true } },
            },
            soon: {
              always: [{ guard: 'noEnd', target: 'none' }, { guard: 'notNear', target: 'far' }],
              after: { end: [{ guard: 'over', target: 'over' }, { target: 'soon', reenter: true }] },
            },
            over: { always: [{ guard: 'noEnd', target: 'none' }, { guard: 'notNear', target: 'far' }, { guard: 'notOver', target: 'soon' }] },
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
              on: {
                ASSIGN: { target: 'finding', reenter: true, actions: assign(({ event }) => ({ pin: event.worker })) },
                ARCHIVE: 'none',
                REMAKE_FINGERPRINT: { target: 'remaking', actions: assign({ remake: true }) },
              },
            },
            held: {
              on: {
                WORKER_LOST: { guard: 'mine', target: 'finding', actions: ['drop', assign(({ event }) => ({ moved: event.reason }))] },
                MOVE: { guard: 'mine', target: 'releasing', actions: assign(({ event }) => ({ prefer: event.to, moved: event.reason })) },
                ASSIGN: [
                  { guard: 'elsewhere', target: 'releasing', actions: assign(({ event }) => ({ pin: event.worker })) },
                  { actions: assign(({ event }) => ({ pin: event.worker })) },
                ],
                ARCHIVE: { target: 'releasing', actions: assign({ moved: 'archived' }) },
                // Its browser has to close: another one shows the new fingerprint.
                REMAKE_FINGERPRINT: { target: 'releasing', actions: assign(({ context }) => ({ remake: true, prefer: context.lease!.worker, moved: 'a new fingerprint' })) },
              },
            },
            releasing: {
              entry: 'drop',
              on: {
                RELEASED: [{ guard: 'releasedToRemake', target: 'remaking' }, { guard: 'releasedToArchive', target: 'none' }, { guard: 'released', target: 'finding' }],
                WORKER_LOST: [{ guard: 'releasedToRemake', target: 'remaking' }, { guard: 'releasedToArchive', target: 'none' }, { guard: 'released', target: 'finding' }],
                REMAKE_FINGERPRINT: { actions: assign({ remake: true }) },
              },
              after: { 25_000: [{ guard: 'remakes', target: 'remaking' }, { guard: 'archived', target: 'none' }, { target: 'finding' }] },
            },
            remaking: {
              invoke: {
                id: 'remake',
                src: 'remake',
                input: ({ context }) => ({ account: context.id, current: context.fingerprint }),
                onDone: [
                  { guard: 'archived', target: 'none', actions: assign(({ event }) => ({ remake: false, fingerprint: event.output.fingerprint })) },
                  { target: 'finding', actions: assign(({ event }) => ({ remake: false, fingerprint: event.output.fingerprint })) },
                ],
                onError: { target: 'remaking', reenter: true },
              },
            },
            /** Archived: no worker has it. */
            none: { on: { UNARCHIVE: 'finding', REMAKE_FINGERPRINT: { target: 'remaking', actions: assign({ remake: true }) } } },
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
