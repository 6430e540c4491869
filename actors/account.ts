import { z } from 'zod';
import { accountMachine } from '../machines/account.ts';
import { bind } from './binding.ts';
import { ID, groupShape } from './id.ts';
import { readCookies } from './read-cookies.ts';

const name = z.string().trim().min(1).max(100);
const proxy = z.strictObject({
  protocol: z.enum(['http', 'https', 'socks5']),
  server: z.string().regex(/^[a-zA-Z0-9.-]{1,253}:\d{1,5}$|^\[[0-9a-fA-F:]{2,45}\]:\d{1,5}$/, 'must be host:port'),
  username: z.string().max(200).nullish().transform((v) => v ?? null),
  password: z.string().max(500).optional(),
});
const hour = z.number().int().min(0).max(23);
const limits = z.strictObject({ perMinute: z.number().int().min(1).max(600), perHour: z.number().int().min(1).max(10_000), quiet: z.tuple([hour, hour]).nullable(), maxLength: z.number().int().min(1).max(100_000).nullable().optional() });

export const accountFields = {
  name,
  platformAccount: z.string().trim().max(100).nullish().transform((v) => v || null),
  monitorInterval: z.number().int().min(5).max(86_400),
  proxy: proxy.nullable(),
  limits,
  proxyId: z.string().regex(ID, 'must be the id of a proxy').nullable(),
  tags: z.array(z.string().trim().min(1, 'must not be empty').max(30).regex(/^[^,;|"\r\n]+$/, 'must hold no comma, semicolon, quote or line end')).max(20).transform((all) => [...new Set(all)]),
  checkEvery: z.number().int().min(0).max(10_080),
  noticeHours: z.number().int().min(1).max(720),
  approve: z.boolean(),
  group: groupShape.nullable(),
};

/** `cookies` is the session as text, for the method of that name; it is sealed, and the worker fetches it from the vault. */
export const loginFields = z.strictObject({
  method: z.enum(['qrcode', 'cookies', 'sms', 'password']).default('qrcode'),
  cookies: z.string().max(300_000, 'has more than 300,000 characters: export the cookies of the one site').optional(),
}).superRefine(({ method, cookies }, issues) => {
  const refuse = (message: string) => issues.addIssue({ code: 'custom', path: ['cookies'], message });
  if (method !== 'cookies') return void (cookies !== undefined && refuse(`is for the method cookies, not for ${method}`));
  if (cookies === undefined) return refuse('is missing: the method cookies needs a session as cookies.txt, JSON or storage state');
  try {
    readCookies(cookies, Date.now());
  } catch (error) {
    refuse((error as Error).message);
  }
});

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });
const without = (p: { password?: string } | null | undefined) => (p ? { ...p, password: undefined } : p);
const sealed = [{ path: 'proxy.password', field: 'proxy' }];

/** An account's public commands and who does its work. */
export const account = bind({
  kind: 'account',
  machine: accountMachine,
  stamp: true,
  commands: {
    create: {
      schema: z.strictObject({
        platform: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'must be a platform id in lower-case letters, digits and hyphens'),
        name,
        platformAccount: accountFields.platformAccount,
        monitorInterval: accountFields.monitorInterval.default(20),
        proxy: accountFields.proxy.default(null),
        limits: limits.default({ perMinute: 6, perHour: 60, quiet: null }),
        group: accountFields.group.default(null),
        proxyId: accountFields.proxyId.default(null),
        tags: accountFields.tags.default([]),
        checkEvery: accountFields.checkEvery.default(60),
        noticeHours: accountFields.noticeHours.default(24),
        approve: accountFields.approve.default(false),
      }),
      secrets: sealed,
      input: (p, { id }) => ({ id, platform: p.platform, name: p.name, platformAccount: p.platformAccount, monitorInterval: p.monitorInterval, proxy: without(p.proxy) ?? null, limits: p.limits, group: p.group, proxyId: p.proxyId, tags: p.tags, checkEvery: p.checkEvery, noticeHours: p.noticeHours, approve: p.approve }),
    },
    update: {
      schema: z.strictObject({ name: name.optional(), platformAccount: accountFields.platformAccount.optional(), monitorInterval: accountFields.monitorInterval.optional(), proxy: proxy.nullable().optional(), limits: limits.optional(), group: accountFields.group.optional(), proxyId: accountFields.proxyId.optional(), tags: accountFields.tags.optional(), checkEvery: accountFields.checkEvery.optional(), noticeHours: accountFields.noticeHours.optional(), approve: accountFields.approve.optional(), /** A session that is logged in goes out another way from now on. */ confirm: z.boolean().optional() }),
      secrets: sealed,
      event: ({ confirm: _, ...p }, { by }) => ({ type: 'UPDATE', by, patch: { ...p, ...(p.proxy === undefined ? {} : { proxy: without(p.proxy) }), ...(p.limits ? { limits: { maxLength: null, ...p.limits } } : {}) } }),
    },
    login: {
      schema: loginFields,
      secrets: [{ path: 'cookies', field: 'cookies' }],
      event: (p, { fresh, by }) => ({ type: 'LOGIN', login: `l${fresh}`, method: p.method, by }),
      answer: (e) => ({ login: e.login }),
    },
    pause: plain('PAUSE'),
    resume: plain('RESUME'),
    crawl: plain('CRAWL_NOW'),
    check: plain('CHECK_SESSION'),
    archive: plain('ARCHIVE'),
    unarchive: plain('UNARCHIVE'),
    /** `confirm`: the platform may take the account for one on a new machine. */
    fingerprint: { schema: z.strictObject({ confirm: z.literal(true, 'must be true: the platform may ask for a proof when an account looks like another machine') }), event: (_, { by }) => ({ type: 'REMAKE_FINGERPRINT', by }) },
    assign: { schema: z.strictObject({ worker: z.string().regex(ID, 'must be a worker id').nullable() }), event: (p, { by }) => ({ type: 'ASSIGN', worker: p.worker, by }) },
    move: {
      schema: z.strictObject({ epoch: z.number().int().min(0), to: z.string().regex(ID, 'must be a worker id').nullable().default(null), reason: z.string().max(300).default('moved by an operator') }),
      event: (p, { by }) => ({ type: 'MOVE', ...p, by }),
    },
    remove: plain('REMOVE'),
  },
  events: {
    LOGIN_DONE: z.object({ login: z.string(), user: z.object({ id: z.string(), nickname: z.string(), avatar: z.string().nullable() }), validUntil: z.number().nullable(), fingerprint: z.record(z.string(), z.unknown()).nullable() }),
    LOGIN_FAILED: z.object({ login: z.string(), reason: z.string() }),
    LOGIN_CANCELLED: z.object({ login: z.string() }),
    SESSION_LOST: z.object({ reason: z.string(), epoch: z.number() }),
    WORKER_LOST: z.object({ epoch: z.number(), reason: z.string() }),
    MOVE: z.object({ epoch: z.number(), to: z.string().nullable(), reason: z.string() }),
    RELEASED: z.object({ epoch: z.number() }),
    LOGIN: z.object({ login: z.string(), method: z.string().optional() }),
    PAUSE: nothing,
    RESUME: nothing,
    CRAWL_NOW: nothing,
    CHECK_SESSION: nothing,
    ARCHIVE: nothing,
    UNARCHIVE: nothing,
    ASSIGN: z.object({ worker: z.string().nullable() }),
    REMOVE: nothing,
  },
  effects: { assign: { on: 'master' }, forget: { on: 'master' }, check: { on: 'worker' }, remake: { on: 'master' } },
  migrations: {
    'account-v1': (stored: Stored) => toV3({ ...stored, context: { group: null, prefer: null, last: null, moved: null, ...stored.context } }),
    'account-v2': toV3,
  },
});

type Stored = { value: unknown; context: Record<string, unknown> };

/** Sessions get their checks, and an end only where there is one. */
function toV3(stored: Stored): Stored {
  const { value, context } = stored;
  const more = { proxyId: null, tags: [], archived: false, checkEvery: 60, lastCheck: null, noticeHours: 24, warnedAt: null, approve: false, remake: false };
  const active = (value as { active?: { session: unknown; lease: unknown } }).active;
  if (!active) return { ...stored, context: { ...more, ...context } };
  const inside = (active.session as { logged_in?: unknown }).logged_in;
  const session = inside === 'monitoring' ? { logged_in: { monitoring: 'begun' } } : active.session;
  return {
    ...stored,
    value: { active: { ...active, session, expiry: 'none' } },
    context: { ...more, ...context, limits: { maxLength: null, ...(context['limits'] as object) }, validUntil: inside === undefined ? null : (context['validUntil'] ?? null) },
  };
}
