import { z } from 'zod';
import { accountPage, type AccountModel } from '../../../views/account.ts';
import { fingerprintDialog, proxyDialog } from '../../../views/account-dialogs.ts';
import { findAccount, listRounds, workerProxy, type AccountRow } from '../../read-model/queries/accounts.ts';
import { findActor } from '../../read-model/queries/actors.ts';
import { listAudit } from '../../read-model/queries/audit.ts';
import { loginsOf } from '../../read-model/queries/logins.ts';
import { anotherProxy, findProxy, proxyNames } from '../../read-model/queries/proxies.ts';
import { fileOf } from '../accounts/file-of.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { accountCard } from './account-card.ts';
import { chartOf, present } from './actor-pages.ts';

const LOGINS = 10;
const AUDIT = 15;

/** One account's own page and what it opens. */
export const oneAccountPages = (): Route[] => [
  page('get', '/accounts/:id', 'read', async (call) => {
    const x = context(call);
    const a = one(call);
    return showPage(call, x, { title: a.name, topics: [`account/${a.id}`, 'proxy', 'login', 'inbox', 'reply', 'notification'], main: accountPage(x, await model(call, a, x.scope !== 'read')) });
  }),
  page('get', '/accounts/:id/rounds/:index/:what', 'read', async (call) => {
    const a = one(call);
    const r = found(listRounds(call.d.db, a.id).find((l) => String(l.index) === call.param('index')) ?? null, 'this round: the last 20 are kept');
    const what = call.param('what');
    const name = found((what === 'picture' ? r.evidence?.picture : what === 'trace' ? r.evidence?.trace : null) ?? null, 'this evidence');
    const bytes = found(await call.d.result(name), 'this evidence: it is kept for 7 days');
    const type = what === 'trace' ? 'application/zip' : bytes[0] === 0xff ? 'image/jpeg' : 'image/png';
    return fileOf(bytes, type, what === 'trace' ? `${a.id}-${r.index}-trace.zip` : null);
  }),
  page('get', '/accounts/:id/proxy', 'operate', (call) => {
    const a = one(call);
    const other = anotherProxy(call.d.db, a.proxyId);
    return showPiece(proxyDialog(context(call), { account: a.id, name: a.name, loggedIn: a.loginStatus === 'logged_in', current: a.proxyId, own: a.proxy && `${a.proxy.protocol}://${a.proxy.server}`, proxies: proxyNames(call.d.db), other: other && { id: other.id, name: other.name } }));
  }),
  page('post', '/accounts/:id/proxy', 'operate', async (call) => {
    const a = one(call);
    const { proxyId, confirm } = await call.form(z.object({ proxyId: z.string(), confirm: z.literal('1').optional() }));
    if (a.loginStatus === 'logged_in' && !confirm && (proxyId || null) !== a.proxyId) throw new Problem(409, 'conflict', context(call).t('account.proxy-must-confirm'), { field: 'confirm' });
    await call.command({ kind: 'account', id: a.id }, 'update', { proxyId: proxyId || null, ...(confirm ? { confirm: true } : {}) });
    return done(call, 'done.saved');
  }),
  page('get', '/accounts/:id/fingerprint', 'operate', (call) => {
    const a = one(call);
    return showPiece(fingerprintDialog(context(call), { account: a.id, name: a.name, loggedIn: a.loginStatus === 'logged_in' }));
  }),
  page('post', '/accounts/:id/fingerprint', 'operate', async (call) => {
    const a = one(call);
    const { confirm } = await call.form(z.object({ confirm: z.literal('1').optional() }));
    if (!confirm) throw new Problem(409, 'conflict', context(call).t('account.fingerprint-must-confirm'), { field: 'confirm' });
    await call.command({ kind: 'account', id: a.id }, 'fingerprint', { confirm: true });
    return done(call, 'done.fingerprint');
  }),
  ...(['check', 'archive', 'unarchive'] as const).map((verb) =>
    page('post', `/accounts/:id/${verb}`, 'operate', async (call) => {
      await call.command({ kind: 'account', id: one(call).id }, verb);
      return done(call, verb === 'check' ? 'done.account-check' : verb === 'archive' ? 'done.archived' : 'done.unarchived');
    })),
];

const one = (call: Call): AccountRow => found(findAccount(call.d.db, call.param('id')), `account ${call.param('id')}`);

async function model(call: Call, a: AccountRow, mayAct: boolean): Promise<AccountModel> {
  const { db } = call.d;
  const row = findActor(db, 'account', a.id);
  const now = row && (await present(call, row));
  return {
    card: accountCard(a, new Map(proxyNames(db).map((p) => [p.id, p]))), user: a.userInfo, checkEvery: a.checkEvery, noticeHours: a.noticeHours, lastCheck: a.lastCheck, limits: a.limits, approve: a.approve, epoch: a.epoch, previous: a.previous, moved: a.movedReason,
    out: wayOut(call, a), fingerprint: a.fingerprint, remaking: a.remaking,
    rounds: listRounds(db, a.id).map((r) => ({ index: r.index, atMs: r.atMs, ms: r.ms, comments: r.comments, messages: r.messages, error: r.error, picture: Boolean(r.evidence?.picture), trace: Boolean(r.evidence?.trace) })),
    logins: loginsOf(db, a.id, LOGINS).map((l) => ({ id: l.id, status: l.status, method: l.method, worker: l.worker, error: l.error, createdMs: l.createdAt * 1000, doneMs: l.loggedInAt && l.loggedInAt * 1000 })),
    audit: listAudit(db, { actor: `account/${a.id}`, limit: AUDIT }).map((e) => ({ by: e.by, event: e.event, atMs: e.atMs })),
    chart: chartOf('account'), active: now?.active ?? [], allowed: now?.allowed ?? [], mayAct,
  };
}

/** By which proxy it goes, and whose choice that is. */
function wayOut(call: Call, a: AccountRow): AccountModel['out'] {
  const { db } = call.d;
  if (a.proxyId === null && a.proxy) return { id: null, name: `${a.proxy.protocol}://${a.proxy.server}`, status: null, exit: null, from: 'own' };
  const id = a.proxyId ?? (a.worker && workerProxy(db, a.worker));
  if (!id) return null;
  const p = findProxy(db, id);
  return { id, name: p?.name ?? id, status: p?.status ?? null, exit: p?.last?.exit ?? null, from: a.proxyId ? 'account' : 'worker' };
}
