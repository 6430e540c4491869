import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { accountForm, assignForm } from '../../../views/account-form.ts';
import { accountActions, accountsPage, type AccountCard } from '../../../views/accounts.ts';
import { countAccounts, countListed, findAccount, listAccounts, type AccountRow } from '../../read-model/queries/accounts.ts';
import { listWorkers } from '../../read-model/queries/workers.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { batchRoutes, runningBatches } from './batch.ts';

const PAGE = 20;
const whole = z.string().regex(/^\d{1,7}$/, 'must be a whole number').transform(Number);
const hour = z.union([z.literal('').transform(() => null), whole]);
const form = z.object({
  platform: z.string().optional(),
  name: z.string(),
  platformAccount: z.string().default(''),
  monitorInterval: whole,
  group: z.string().trim().default(''),
  proxyProtocol: z.string().default(''),
  proxyServer: z.string().default(''),
  proxyUsername: z.string().default(''),
  proxyPassword: z.string().default(''),
  perMinute: whole,
  perHour: whole,
  quietFrom: hour.default(null),
  quietTo: hour.default(null),
});

/** The form's fields as the account's own command takes them. */
function payload(f: z.output<typeof form>): Record<string, unknown> {
  const proxy = f.proxyProtocol === '' ? null : { protocol: f.proxyProtocol, server: f.proxyServer, username: f.proxyUsername || null, ...(f.proxyPassword ? { password: f.proxyPassword } : {}) };
  const quiet = f.quietFrom === null || f.quietTo === null ? null : [f.quietFrom, f.quietTo % 24];
  return { name: f.name, group: f.group || null, platformAccount: f.platformAccount || null, monitorInterval: f.monitorInterval, proxy, limits: { perMinute: f.perMinute, perHour: f.perHour, quiet } };
}

export const accountPages = (): Route[] => [
  page('get', '/accounts', 'read', (call) => {
    const x = context(call);
    const search = call.query('q') ?? '';
    const status = call.query('status') ?? '';
    const ask = { search: search || undefined, status: status || undefined };
    const fitting = countListed(call.d.db, ask);
    const at = Math.min(Math.max(1, Math.ceil(fitting / PAGE)), Math.max(1, Number(/^\d{1,6}$/.exec(call.query('page') ?? '')?.[0] ?? 1)));
    const accounts = listAccounts(call.d.db, { ...ask, limit: PAGE, offset: (at - 1) * PAGE });
    return showPage(call, x, { title: x.t('nav.accounts'), topics: ['account', 'login', 'monitor', 'inbox', 'reply', 'notification'], main: accountsPage(x, { accounts: accounts.map(card), search, status, total: countAccounts(call.d.db).total, fitting, page: at, size: PAGE, batches: runningBatches(call, x, '/accounts', accountActions(x)) }) });
  }),
  ...batchRoutes({
    base: '/accounts', kind: 'account', actions: accountActions,
    item(call, x, verb, id) {
      const a = findAccount(call.d.db, id);
      if (!a) return null;
      const able = { pause: a.activity !== 'paused', resume: a.activity === 'paused', crawl: a.activity === 'monitoring' }[verb];
      const why = able ? null : verb === 'crawl' ? x.t('accounts.crawl-why') : x.t('batch.already');
      return a.activity ? { id, name: a.name, state: a.activity, group: 'activity', why } : { id, name: a.name, state: a.loginStatus, group: 'state', why: verb === 'pause' ? null : why };
    },
  }),
  page('get', '/accounts/new', 'operate', (call) => {
    const platforms = call.d.platforms().map((id) => ({ id, label: id }));
    return showPiece(accountForm(context(call), { id: null, platform: platforms[0]?.id ?? '', name: '', platformAccount: '', monitorInterval: 20, group: '', proxy: null, perMinute: 6, perHour: 60, quietFrom: null, quietTo: null, platforms }));
  }),
  page('post', '/accounts', 'operate', async (call) => {
    const f = await call.form(form);
    await call.command({ kind: 'account', id: `a${randomBytes(5).toString('hex')}` }, 'create', { platform: f.platform, ...payload(f) });
    return done(call, 'done.created', { name: f.name });
  }),
  page('get', '/accounts/:id/edit', 'operate', (call) => {
    const a = account(call);
    return showPiece(accountForm(context(call), {
      id: a.id, platform: a.platform, name: a.name, platformAccount: a.accountId ?? '', monitorInterval: a.monitorInterval, group: a.group ?? '', platforms: [],
      proxy: a.proxy && { ...a.proxy, username: a.proxy.username ?? '' }, perMinute: a.limits.perMinute, perHour: a.limits.perHour, quietFrom: a.limits.quiet?.[0] ?? null, quietTo: a.limits.quiet?.[1] ?? null,
    }));
  }),
  page('get', '/accounts/:id/assign', 'operate', (call) => {
    const a = account(call);
    const workers = listWorkers(call.d.db).map((w) => ({ id: w.id, name: w.name, online: w.link === 'connected', assigned: w.assigned, max: w.maxAccounts }));
    return showPiece(assignForm(context(call), { account: a.id, name: a.name, pinned: a.pinned, workers }));
  }),
  page('post', '/accounts/:id', 'operate', async (call) => {
    const f = await call.form(form);
    await call.command(at(call), 'update', payload(f));
    return done(call, 'done.saved');
  }),
  page('post', '/accounts/:id/assign', 'operate', async (call) => {
    const { worker } = await call.form(z.object({ worker: z.string().default('') }));
    await call.command(at(call), 'assign', { worker: worker || null });
    return done(call, 'done.assign');
  }),
  ...(['pause', 'resume', 'crawl'] as const).map((verb) =>
    page('post', `/accounts/:id/${verb}`, 'operate', async (call) => {
      await call.command(at(call), verb);
      return done(call, `done.${verb}`);
    })),
  page('post', '/accounts/:id/remove', 'operate', async (call) => {
    await call.command(at(call), 'remove');
    return done(call, 'done.removed');
  }),
];

const at = (call: Call) => ({ kind: 'account', id: call.param('id') });
const account = (call: Call): AccountRow => found(findAccount(call.d.db, call.param('id')), `account ${call.param('id')}`);
const ms = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);

const card = (a: AccountRow): AccountCard => ({
  id: a.id, platform: a.platform, name: a.name, nickname: a.userInfo?.nickname ?? null, accountId: a.accountId, loginStatus: a.loginStatus, activity: a.activity, reason: a.reason, login: a.loginSession,
  worker: a.worker, pinned: a.pinned, leaseState: a.leaseState, monitorInterval: a.monitorInterval, monitorState: a.monitorState, nextRoundMs: a.nextRoundMs, lastRound: a.lastRound, group: a.group,
  lastLoginMs: ms(a.lastLoginTime), validUntilMs: ms(a.cookiesValidUntil), unread: a.unread,
});
