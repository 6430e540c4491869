import { z } from 'zod';
import { proxyForm, proxyPage, proxiesPage, removeProxyDialog } from '../../../views/proxies.ts';
import { listAccounts } from '../../read-model/queries/accounts.ts';
import { listTurns } from '../../read-model/queries/actors.ts';
import { findProxy, listProxies, workersOfProxy, type ProxyRow } from '../../read-model/queries/proxies.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { page, type Route } from '../routes.ts';

const form = z.object({ name: z.string(), protocol: z.string(), server: z.string(), username: z.string().default(''), password: z.string().default(''), drop_password: z.literal('1').optional(), checkEvery: z.string().regex(/^\d{1,5}$/, 'must be a whole number').transform(Number), note: z.string().default('') });
const TURNS = 12;
const WITH = ['inbox', 'reply', 'notification'];

/** The ways out that accounts go by: health, history, who uses them. */
export const proxyPages = (): Route[] => [
  page('get', '/proxies', 'read', (call) => {
    const x = context(call);
    return showPage(call, x, { title: x.t('nav.proxies'), topics: ['proxy', 'account', ...WITH], main: proxiesPage(x, { proxies: listProxies(call.d.db), mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/proxies/new', 'operate', (call) => showPiece(proxyForm(context(call), null))),
  page('post', '/proxies', 'operate', async (call) => {
    const { drop_password: _, password, ...f } = await call.form(form);
    await call.command({ kind: 'proxy', id: freshId('p') }, 'create', { ...f, username: f.username || null, password: password || null });
    return done(call, 'done.created', { name: f.name });
  }),
  page('get', '/proxies/:id', 'read', (call) => {
    const x = context(call);
    const p = one(call);
    const users = listAccounts(call.d.db, { proxy: p.id, archived: null }).map((a) => ({ id: a.id, name: a.name, platform: a.platform, status: a.loginStatus }));
    const history = listTurns(call.d.db, { kind: 'proxy', id: p.id, limit: 200 }).filter((t) => t.by !== null && /^(user|token|operator)/.test(t.by)).slice(0, TURNS);
    return showPage(call, x, { title: p.name, topics: [`proxy/${p.id}`, 'account', ...WITH], main: proxyPage(x, { proxy: p, accounts: users, workers: workersOfProxy(call.d.db, p.id), history, mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/proxies/:id/edit', 'operate', (call) => showPiece(proxyForm(context(call), one(call)))),
  page('post', '/proxies/:id', 'operate', async (call) => {
    const p = one(call);
    const { drop_password: drop, password, ...f } = await call.form(form);
    await call.command({ kind: 'proxy', id: p.id }, 'update', { ...f, username: f.username || null, ...(password ? { password } : drop ? { password: null } : {}) });
    return done(call, 'done.saved');
  }),
  ...(['check', 'enable', 'disable'] as const).map((verb) =>
    page('post', `/proxies/:id/${verb}`, 'operate', async (call) => {
      await call.command({ kind: 'proxy', id: one(call).id }, verb);
      return done(call, verb === 'check' ? 'done.proxy-check' : verb === 'enable' ? 'done.proxy-enable' : 'done.proxy-disable');
    })),
  page('get', '/proxies/:id/remove', 'operate', (call) => {
    const p = one(call);
    return showPiece(removeProxyDialog(context(call), { id: p.id, name: p.name, accounts: listAccounts(call.d.db, { proxy: p.id, archived: null }).map((a) => a.name), workers: workersOfProxy(call.d.db, p.id).map((w) => w.name) }));
  }),
  page('post', '/proxies/:id/remove', 'operate', async (call) => {
    const p = one(call);
    const { confirm } = await call.form(z.object({ confirm: z.literal('1').optional() }));
    await call.command({ kind: 'proxy', id: p.id }, 'remove', confirm ? { confirm: true } : {});
    return done(call, 'done.removed', { name: p.name });
  }),
];

const one = (call: Call): ProxyRow => found(findProxy(call.d.db, call.param('id')), `proxy ${call.param('id')}`);
