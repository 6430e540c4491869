import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { cookiesDialog, loginDialog, type LoginModel } from '../../../views/login-dialog.ts';
import { findAccount, type AccountRow } from '../../read-model/queries/accounts.ts';
import { findLogin, type LoginRow } from '../../read-model/queries/logins.ts';
import { isId } from '../../../transport/subjects.ts';
import { found, type Call } from '../call.ts';
import { methodFor, methodsOf } from '../login-start.ts';
import { context, done, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';

const MAGIC: [string, number[]][] = [['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]], ['image/jpeg', [0xff, 0xd8, 0xff]]];

export const loginPages = (): Route[] => [
  page('get', '/logins/:id', 'read', async (call) => {
    const id = call.param('id');
    const row = found(isId(id) ? await soon(() => findLogin(call.d.db, id) ?? waitingFor(id, call.d)) : null, `login ${id}`);
    return showPiece(loginDialog(context(call), modelOf(call, row)));
  }),
  page('post', '/accounts/:id/login', 'operate', (call) => begin(call, undefined)),
  page('get', '/accounts/:id/login/cookies', 'operate', (call) => showPiece(cookiesDialog(context(call), { account: call.param('id'), accountName: account(call).name, methods: methodsOf(call.d, account(call).platform) }))),
  page('post', '/accounts/:id/login/:method', 'operate', (call) => begin(call, call.param('method'))),
  page('post', '/logins/:id/answer', 'operate', async (call) => {
    const { txn, value } = await call.form(z.object({ txn: z.string().min(1).max(100), value: z.string().min(1, 'must not be empty').max(200) }));
    await call.command({ kind: 'login', id: call.param('id') }, 'answer', { txn, value });
    return done(call, 'done.answer');
  }),
  page('post', '/logins/:id/cancel', 'operate', async (call) => {
    await call.command({ kind: 'login', id: call.param('id') }, 'cancel');
    return done(call, 'done.cancel');
  }),
  page('get', '/pictures/:name', 'read', async (call) => {
    const name = call.param('name');
    const bytes = found(/^[A-Za-z0-9][A-Za-z0-9_-]{0,120}$/.test(name) ? await (name.startsWith('pic-') ? soon(() => call.d.pictures.get(name)) : call.d.pictures.get(name)) : null, 'this picture');
    // Workers send these: only what really is a picture leaves here.
    const type = MAGIC.find(([, magic]) => magic.every((b, i) => bytes[i] === b))?.[0];
    if (!type) throw new Problem(415, 'no_picture', 'this is no PNG or JPEG');
    return new Response(bytes as BodyInit, { headers: { 'Content-Type': type, 'Content-Security-Policy': "default-src 'none'" } });
  }),
];

const account = (call: Call): AccountRow => found(findAccount(call.d.db, call.param('id')), `account ${call.param('id')}`);

/** Starts a login by this method, or by the platform's first; where that takes a session from a person, it is asked for. */
async function begin(call: Call, asked: string | undefined): Promise<Response> {
  const a = account(call);
  const x = context(call);
  const methods = methodsOf(call.d, a.platform);
  const method = methodFor(call.d, a.platform, asked);
  if (method === 'cookies' && asked === undefined) return showPiece(cookiesDialog(x, { account: a.id, accountName: a.name, methods }));
  const { cookies } = method === 'cookies' ? await call.form(z.object({ cookies: z.string().default('') })) : { cookies: undefined };
  const answer = await call.command({ kind: 'account', id: a.id }, 'login', { method, ...(cookies === undefined ? {} : { cookies }) });
  const id = String(answer.login);
  return showPiece(loginDialog(x, modelOf(call, findLogin(call.d.db, id) ?? fresh(id, a.id, a.name, a.worker, call.d.now(), method))));
}

/** With the ways in that the account's platform has. */
function modelOf(call: Call, row: LoginRow): LoginModel {
  const platform = findAccount(call.d.db, row.account)?.platform;
  return { ...loginModel(row), methods: platform ? methodsOf(call.d, platform) : [] };
}

export const loginModel = (l: LoginRow): LoginModel => ({
  method: l.method, methods: [], id: l.id, account: l.account, accountName: l.accountName, worker: l.worker, status: l.status, picture: l.picture, link: l.qrUrl && /^http:\/\/(127\.0\.0\.1|localhost)(:\d+)?\//.test(l.qrUrl) ? l.qrUrl : null, qrExpiresMs: l.qrExpiresMs, refreshed: l.refreshed,
  challenge: l.challenge, prompt: l.prompt, error: l.error, expiresMs: l.expiresAt * 1000,
});

/** A login that was just asked for and is not in the view yet. */
export const fresh = (id: string, account: string, accountName: string, worker: string | null, now: number, method = 'qrcode'): LoginRow => ({
  id, account, accountName, worker, status: 'pending', method, picture: null, qrUrl: null, qrExpiresMs: null, txn: null, refreshed: 0, challenge: null, prompt: null, error: null,
  expiresAt: Math.floor(now / 1000) + 300, loggedInAt: null, createdAt: Math.floor(now / 1000),
});

function waitingFor(login: string, d: Parameters<typeof findWaiting>[0]): LoginRow | null {
  const a = findWaiting(d, login);
  return a && fresh(login, a.id, a.name, a.worker, d.now());
}

const findWaiting = (d: { db: Parameters<typeof findAccount>[0]; now(): number }, login: string) => {
  const row = d.db.prepare(`SELECT id FROM accounts WHERE login_session = ? AND login_status = 'logging_in'`).get(login) as { id: string } | undefined;
  return row ? findAccount(d.db, row.id) : null;
};

/** What is asked for may be a moment ahead of the view, and a picture of the event that names it. */
async function soon<T>(look: () => Promise<T | null> | T | null): Promise<T | null> {
  for (let looks = 0; ; looks++) {
    const seen = await look();
    if (seen || looks >= 5) return seen;
    await delay(200);
  }
}
