import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { accountFields } from '../../../actors/account.ts';
import { countListed, findAccount, listAccounts, listRounds, type AccountRow } from '../../read-model/queries/accounts.ts';
import { anotherProxy } from '../../read-model/queries/proxies.ts';
import { findLogin, listLogins, type LoginRow } from '../../read-model/queries/logins.ts';
import { found, type Call } from '../call.ts';
import { methodFor } from '../login-start.ts';
import { Problem } from '../problem.ts';
import { fresh } from '../pages/login-pages.ts';
import type { Route } from '../routes.ts';
import { flag, id, paging, pathId, readQuery } from './query.ts';
import { answer, listHeaders, mount, readBody } from './respond.ts';
import { withIso } from './shape.ts';

const fields = {
  account_name: accountFields.name.optional(),
  name: accountFields.name.optional(),
  account_id: z.string().trim().max(100).nullish(),
  monitor_interval: accountFields.monitorInterval.optional(),
  proxy: accountFields.proxy.optional(),
  limits: accountFields.limits.optional(),
  group_name: accountFields.group.optional(),
  proxy_id: accountFields.proxyId.optional(),
  tags: accountFields.tags.optional(),
  check_every: accountFields.checkEvery.optional(),
  notice_hours: accountFields.noticeHours.optional(),
  approve_replies: accountFields.approve.optional(),
};
const creating = z.strictObject({ ...fields, platform: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'must be a platform id in lower-case letters, digits and hyphens') });
/** `confirm`: an account that is logged in goes out another way from now on. */
const changing = z.strictObject({ ...fields, confirm: z.boolean().optional() });
const rotating = z.strictObject({ confirm: z.boolean().optional() });
const remaking = z.strictObject({ confirm: z.boolean().optional() });
const assigning = z.strictObject({ worker_id: id.nullable() });
const moving = z.strictObject({ worker_id: id.nullable().default(null), reason: z.string().max(300).optional() });
const loggingIn = z.strictObject({ method: z.enum(['qrcode', 'cookies', 'sms', 'password']).optional(), cookies: z.string().optional(), worker_id: id.optional() });
const answering = z.strictObject({ txn: z.string().min(1).max(100), value: z.string().min(1).max(1000) });
const listing = z.object({ platform: z.string().max(31).optional(), login_status: z.string().max(20).optional(), search: z.string().max(100).optional(), tag: z.string().max(30).optional(), group_name: id.optional(), proxy_id: id.optional(), archived: flag.optional().meta({ description: 'true: only those in the archive; absent or false: none of them' }), ...paging(500) });
const TAG = 'accounts';
const LOGINS = 'logins';

export const accountApi = (): Route[] => [
  ...mount('get', '/accounts', 'read', { tag: TAG, summary: 'All accounts', query: listing, answer: '{success, accounts}' }, (call) => {
    const q = readQuery(call, listing);
    const ask = { platform: q.platform, status: q.login_status, search: q.search, tag: q.tag, group: q.group_name, proxy: q.proxy_id, archived: q.archived };
    const rows = listAccounts(call.d.db, { ...ask, limit: q.limit, offset: q.offset });
    return answer(call, { success: true, accounts: rows.map(accountRow) }, 200, listHeaders(call, countListed(call.d.db, ask), { limit: q.limit, offset: q.offset, given: rows.length }));
  }),
  ...mount('post', '/accounts', 'operate', { tag: TAG, summary: 'Create an account', body: creating, answer: '{success, account}', status: 201 }, async (call) => {
    const given = await readBody(call, creating);
    const name = given.account_name ?? given.name;
    if (name === undefined) throw new Problem(422, 'invalid', 'account_name: is required', { field: 'account_name' });
    const account = `a${randomBytes(5).toString('hex')}`;
    const done = await call.command({ kind: 'account', id: account }, 'create', { platform: given.platform, ...patch(given), name });
    return answer(call, { success: true, account: { id: account, platform: given.platform, account_name: name, account_id: given.account_id ?? null, monitor_interval: given.monitor_interval ?? 20, login_status: 'not_logged_in', state: done.state } }, 201, { Location: `/api/v1/accounts/${account}` });
  }),
  ...mount('get', '/accounts/:id', 'read', { tag: TAG, summary: 'One account', answer: '{success, account}' }, (call) => answer(call, { success: true, account: accountRow(one(call)) })),
  ...(['put', 'patch'] as const).flatMap((method) =>
    mount(method, '/accounts/:id', 'operate', { tag: TAG, summary: 'Change an account; fields that are not given stay', body: changing, answer: '{success, account}' }, async (call) => {
      const row = one(call);
      const { confirm, ...given } = await readBody(call, changing);
      const change = patch(given);
      await call.command({ kind: 'account', id: row.id }, 'update', { ...change, ...(confirm ? { confirm } : {}) });
      return answer(call, { success: true, account: { ...accountRow(row), ...(change['name'] ? { account_name: change['name'] } : {}), ...(change['monitorInterval'] ? { monitor_interval: change['monitorInterval'] } : {}), ...Object.fromEntries(Object.entries({ proxy_id: given.proxy_id, tags: given.tags, check_every: given.check_every, notice_hours: given.notice_hours, approve_replies: given.approve_replies, group_name: given.group_name }).filter(([, v]) => v !== undefined)) } });
    })),
  ...mount('delete', '/accounts/:id', 'operate', { tag: TAG, summary: 'Remove an account', answer: '{success}' }, async (call) => simple(call, 'remove')),
  ...(['pause', 'resume', 'crawl'] as const).flatMap((verb) => mount('post', `/accounts/:id/${verb}`, 'operate', { tag: TAG, summary: { pause: 'Pause monitoring', resume: 'Go on monitoring', crawl: 'Look for news now' }[verb], answer: '{success, state}' }, (call) => simple(call, verb))),
  ...(['check', 'archive', 'unarchive'] as const).flatMap((verb) => mount('post', `/accounts/:id/${verb}`, 'operate', { tag: TAG, summary: { check: 'Look now whether the session holds', archive: 'Keep it with its session, without monitoring and without a worker', unarchive: 'Take it out of the archive' }[verb], answer: '{success, state}' }, (call) => simple(call, verb))),
  ...mount('post', '/accounts/:id/rotate-proxy', 'operate', { tag: TAG, summary: 'Give it another healthy proxy, the one with the fewest accounts; one that is logged in needs `confirm`', body: rotating, answer: '{success, proxy_id}' }, async (call) => {
    const row = one(call);
    const { confirm } = await readBody(call, rotating);
    const other = anotherProxy(call.d.db, row.proxyId);
    if (!other) throw new Problem(409, 'conflict', 'there is no other healthy proxy: add one, or check those that there are');
    await call.command({ kind: 'account', id: row.id }, 'update', { proxyId: other.id, ...(confirm ? { confirm } : {}) });
    return answer(call, { success: true, id: row.id, proxy_id: other.id, previous_proxy_id: row.proxyId });
  }),
  ...mount('get', '/accounts/:id/rounds', 'read', { tag: TAG, summary: 'Its last 20 rounds, the newest first', answer: '{success, rounds}' }, (call) => answer(call, { success: true, rounds: listRounds(call.d.db, one(call).id).map((r) => ({ at: new Date(r.atMs).toISOString(), ms: r.ms, comments: r.comments, messages: r.messages, error: r.error, evidence: r.evidence })) })),
  ...mount('get', '/accounts/:id/fingerprint', 'read', { tag: TAG, summary: 'Its fingerprint, as its browser shows it; null until its first login', answer: '{success, fingerprint}' }, (call) => answer(call, { success: true, id: one(call).id, fingerprint: one(call).fingerprint })),
  ...mount('post', '/accounts/:id/fingerprint', 'operate', { tag: TAG, summary: 'Make another fingerprint: the platform takes it for another computer, so `confirm` must be true', body: remaking, answer: '{success, state}' }, async (call) => {
    const { confirm } = await readBody(call, remaking);
    if (!confirm) throw new Problem(409, 'conflict', 'confirm: the platform may ask for a proof, or for a new login, when an account comes from another computer', { field: 'confirm' });
    const done = await call.command({ kind: 'account', id: one(call).id }, 'fingerprint', { confirm });
    return answer(call, { success: true, id: call.param('id'), state: done.state });
  }),
  ...mount('post', '/accounts/:id/assign', 'operate', { tag: TAG, summary: 'Pin to a worker; null for any', body: assigning, answer: '{success, state}' }, async (call) => {
    const { worker_id } = await readBody(call, assigning);
    const done = await call.command({ kind: 'account', id: pathId(call) }, 'assign', { worker: worker_id });
    return answer(call, { success: true, id: call.param('id'), state: done.state });
  }),
  ...mount('post', '/accounts/:id/move', 'operate', { tag: TAG, summary: 'Move to another worker once; null for the best one', body: moving, answer: '{success, state}' }, async (call) => {
    const row = one(call);
    const { worker_id, reason } = await readBody(call, moving);
    const done = await call.command({ kind: 'account', id: row.id }, 'move', { epoch: row.epoch, to: worker_id, ...(reason ? { reason } : {}) });
    return answer(call, { success: true, id: row.id, state: done.state });
  }),
  ...mount('post', '/accounts/:id/login', 'operate', { tag: LOGINS, summary: 'Start a login by one of the platform\'s methods, the first when none is named; cookies: a session as cookies.txt, JSON list or storage state', body: loggingIn, answer: '{success, session}', status: 202 }, async (call) => {
    const row = one(call);
    const { method: asked, cookies, worker_id } = await readBody(call, loggingIn);
    const method = methodFor(call.d, row.platform, asked ?? (cookies === undefined ? undefined : 'cookies'));
    if (worker_id) await call.command({ kind: 'account', id: row.id }, 'assign', { worker: worker_id });
    const done = await call.command({ kind: 'account', id: row.id }, 'login', { method, ...(cookies === undefined ? {} : { cookies }) });
    const login = String(done.login);
    return answer(call, { success: true, session_id: login, session: loginRow(findLogin(call.d.db, login) ?? fresh(login, row.id, row.name, row.worker, call.d.now())) }, 202, { Location: `/api/v1/login-sessions/${login}` });
  }),
  ...mount('get', '/login-sessions', 'read', { tag: LOGINS, summary: 'Logins, newest first', query: z.object(paging(50)), answer: '{success, sessions}' }, (call) => {
    const { limit, offset } = readQuery(call, z.object(paging(50)));
    const rows = listLogins(call.d.db, limit, offset);
    return answer(call, { success: true, sessions: rows.map(loginRow) }, 200, listHeaders(call, null, { limit, offset, given: rows.length }));
  }),
  ...mount('get', '/login-sessions/:id', 'read', { tag: LOGINS, summary: 'One login', answer: '{success, session}' }, (call) => answer(call, { success: true, session: loginRow(found(findLogin(call.d.db, pathId(call)), `login ${call.param('id')}`)) })),
  ...mount('post', '/login-sessions/:id/answer', 'operate', { tag: LOGINS, summary: 'Answer a challenge: `txn` says which', body: answering, answer: '{success, state}' }, async (call) => {
    const done = await call.command({ kind: 'login', id: pathId(call) }, 'answer', await readBody(call, answering));
    return answer(call, { success: true, session_id: call.param('id'), state: done.state });
  }),
  ...mount('post', '/login-sessions/:id/cancel', 'operate', { tag: LOGINS, summary: 'Cancel a login', answer: '{success, state}' }, async (call) => {
    const done = await call.command({ kind: 'login', id: pathId(call) }, 'cancel');
    return answer(call, { success: true, session_id: call.param('id'), state: done.state });
  }),
];

async function simple(call: Call, verb: string): Promise<Response> {
  const done = await call.command({ kind: 'account', id: pathId(call) }, verb);
  return answer(call, { success: true, id: call.param('id'), state: done.state });
}

const one = (call: Call): AccountRow => found(findAccount(call.d.db, pathId(call)), `account ${call.param('id')}`);

/** The API's names as the account's own commands have them; only what was given. */
function patch(given: Omit<z.output<typeof changing>, 'confirm'>): Record<string, unknown> {
  const name = given.account_name ?? given.name;
  return Object.fromEntries(Object.entries({ name, platformAccount: given.account_id, monitorInterval: given.monitor_interval, proxy: given.proxy, limits: given.limits, group: given.group_name, proxyId: given.proxy_id, tags: given.tags, checkEvery: given.check_every, noticeHours: given.notice_hours, approve: given.approve_replies }).filter(([, v]) => v !== undefined));
}

/** Days until its session ends, to a tenth; null when it is not logged in. */
const daysLeft = (a: AccountRow): number | null => (a.cookiesValidUntil === null ? null : Math.round((a.cookiesValidUntil - Date.now() / 1000) / 8640) / 10);

const accountRow = (a: AccountRow): Record<string, unknown> => withIso({
  id: a.id, platform: a.platform, account_name: a.name, account_id: a.accountId, user_info: a.userInfo, status: a.status, login_status: a.loginStatus, activity: a.activity, reason: a.reason, login_session: a.loginSession,
  monitor_interval: a.monitorInterval, proxy: a.proxy, limits: a.limits, last_login_time: a.lastLoginTime, cookies_valid_until: a.cookiesValidUntil, assigned_worker_id: a.worker, pinned_worker_id: a.pinned, group_name: a.group, previous_worker_id: a.previous, moved_reason: a.movedReason, lease_state: a.leaseState,
  monitor_state: a.monitorState, next_round_at: a.nextRoundMs && Math.floor(a.nextRoundMs / 1000), last_round: a.lastRound, unread: a.unread, proxy_id: a.proxyId, tags: a.tags, archived: a.archived, check_every: a.checkEvery, last_check: a.lastCheck && { at: new Date(a.lastCheck.at).toISOString(), ok: a.lastCheck.ok, why: a.lastCheck.why }, days_left: daysLeft(a), notice_hours: a.noticeHours, approve_replies: a.approve, created_at: a.createdAt, updated_at: a.updatedAt,
});

const loginRow = (l: LoginRow): Record<string, unknown> => withIso({
  id: l.id, session_id: l.id, account_id: l.account, worker_id: l.worker, status: l.status, login_method: l.method, qr_code: l.picture && `/pictures/${l.picture}`, qr_code_url: l.qrUrl, qr_expires_at: l.qrExpiresMs && Math.floor(l.qrExpiresMs / 1000), refreshed: l.refreshed,
  challenge: l.challenge, prompt: l.prompt, error_message: l.error, expires_at: l.expiresAt, logged_in_at: l.loggedInAt, created_at: l.createdAt,
});
