import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { accountForm, assignForm } from '../../../views/account-form.ts';
import { accountActions, accountsPage, type Choices } from '../../../views/accounts.ts';
import type { Ctx } from '../../../views/context.ts';
import { accountGroups, accountTags, countAccounts, countListed, findAccount, listAccounts, newestPlatform, type AccountAsk, type AccountRow } from '../../read-model/queries/accounts.ts';
import { proxyNames } from '../../read-model/queries/proxies.ts';
import { listWorkers } from '../../read-model/queries/workers.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';
import { tagsOf } from '../accounts/tags-of.ts';
import { accountBatch } from './account-batch.ts';
import { accountCard } from './account-card.ts';
import { batchRoutes, runningBatches } from './batch.ts';

const PAGE = 36;
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
  maxLength: hour.default(null),
  tags: z.string().max(1000).optional(),
  proxyId: z.string().optional(),
  checkEvery: whole.optional(),
  noticeHours: whole.optional(),
  approve: z.literal('1').optional(),
  confirm: z.literal('1').optional(),
  /** The form with all its boxes: one that is missing is not ticked. */
  whole: z.literal('1').optional(),
});

/** The form's fields as the account's own command takes them. */
function payload(f: z.output<typeof form>): Record<string, unknown> {
  const proxy = f.proxyProtocol === '' ? null : { protocol: f.proxyProtocol, server: f.proxyServer, username: f.proxyUsername || null, ...(f.proxyPassword ? { password: f.proxyPassword } : {}) };
  const quiet = f.quietFrom === null || f.quietTo === null ? null : [f.quietFrom, f.quietTo % 24];
  return {
    name: f.name, group: f.group || null, platformAccount: f.platformAccount || null, monitorInterval: f.monitorInterval, proxy, limits: { perMinute: f.perMinute, perHour: f.perHour, quiet, ...(f.whole ? { maxLength: f.maxLength } : {}) },
    ...(f.tags === undefined ? {} : { tags: tagsOf(f.tags) }), ...(f.proxyId === undefined ? {} : { proxyId: f.proxyId || null }), ...(f.checkEvery === undefined ? {} : { checkEvery: f.checkEvery }), ...(f.noticeHours === undefined ? {} : { noticeHours: f.noticeHours }), ...(f.whole ? { approve: f.approve === '1' } : {}),
  };
}

export const choicesOf = (call: Call): Choices => ({ tags: accountTags(call.d.db), groups: accountGroups(call.d.db), proxies: proxyNames(call.d.db) });
const actions = (x: Ctx, call: Call) => accountActions(x, choicesOf(call));

/** The filter of the list in the address: what is asked, and the same as a query. */
export function accountFilter(call: Call): { ask: AccountAsk; filter: { search: string; status: string; tag: string; group: string; proxy: string; archived: boolean }; query: string } {
  const q = (name: string) => call.query(name) ?? '';
  const filter = { search: q('q'), status: q('status'), tag: q('tag'), group: q('group'), proxy: q('proxy'), archived: q('archived') === '1' };
  const given = Object.entries({ q: filter.search, status: filter.status, tag: filter.tag, group: filter.group, proxy: filter.proxy, archived: filter.archived ? '1' : '' }).filter(([, v]) => v !== '');
  const query = new URLSearchParams(given).toString();
  return { filter, query: query && `&${query}`, ask: { search: filter.search || undefined, status: filter.status || undefined, tag: filter.tag || undefined, group: filter.group || undefined, proxy: filter.proxy || undefined, archived: filter.archived } };
}

export const accountPages = (): Route[] => [
  page('get', '/accounts', 'read', (call) => {
    const x = context(call);
    const { ask, filter, query } = accountFilter(call);
    const fitting = countListed(call.d.db, ask);
    const at = Math.min(Math.max(1, Math.ceil(fitting / PAGE)), Math.max(1, Number(/^\d{1,6}$/.exec(call.query('page') ?? '')?.[0] ?? 1)));
    const accounts = listAccounts(call.d.db, { ...ask, limit: PAGE, offset: (at - 1) * PAGE });
    const choices = choicesOf(call);
    const proxies = new Map(choices.proxies.map((p) => [p.id, p]));
    return showPage(call, x, { title: x.t('nav.accounts'), topics: ['account', 'login', 'monitor', 'proxy', 'inbox', 'reply', 'notification'], main: accountsPage(x, { accounts: accounts.map((a) => accountCard(a, proxies)), filter, query, choices, mayAct: x.scope !== 'read', total: countAccounts(call.d.db).total, fitting, page: at, size: PAGE, batches: runningBatches(call, x, '/accounts', accountActions(x)) }) });
  }),
  ...batchRoutes({ ...accountBatch, actions }),
  page('get', '/accounts/new', 'operate', (call) => {
    const platforms = call.d.platforms().map((id) => ({ id, label: id }));
    return showPiece(accountForm(context(call), { id: null, platform: newestPlatform(call.d.db) ?? '', name: '', platformAccount: '', monitorInterval: 20, group: '', proxy: null, perMinute: 6, perHour: 60, quietFrom: null, quietTo: null, platforms, tags: '', proxyId: '', proxies: proxyNames(call.d.db), checkEvery: 60, noticeHours: 24, maxLength: null, approve: false, loggedIn: false }));
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
      tags: a.tags.join(', '), proxyId: a.proxyId ?? '', proxies: proxyNames(call.d.db), checkEvery: a.checkEvery, noticeHours: a.noticeHours, maxLength: a.limits.maxLength, approve: a.approve, loggedIn: a.loginStatus === 'logged_in',
    }));
  }),
  page('get', '/accounts/:id/assign', 'operate', (call) => {
    const a = account(call);
    const workers = listWorkers(call.d.db).map((w) => ({ id: w.id, name: w.name, online: w.link === 'connected', assigned: w.assigned, max: w.maxAccounts }));
    return showPiece(assignForm(context(call), { account: a.id, name: a.name, pinned: a.pinned, workers }));
  }),
  page('post', '/accounts/:id', 'operate', async (call) => {
    const f = await call.form(form);
    await call.command(at(call), 'update', { ...payload(f), ...(f.confirm ? { confirm: true } : {}) });
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
