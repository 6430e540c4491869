import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { loginDialog, type LoginModel } from '../../../views/login-dialog.ts';
import { findAccount } from '../../read-model/queries/accounts.ts';
import { findLogin, type LoginRow } from '../../read-model/queries/logins.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';

const MAGIC: [string, number[]][] = [['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]], ['image/jpeg', [0xff, 0xd8, 0xff]]];

export const loginPages = (): Route[] => [
  page('get', '/logins/:id', 'read', (call) => {
    const row = found(findLogin(call.d.db, call.param('id')) ?? waitingFor(call.param('id'), call.d), `login ${call.param('id')}`);
    return showPiece(loginDialog(context(call), loginModel(row)));
  }),
  page('post', '/logins/:id/answer', 'operate', async (call) => {
    const { txn, value } = await call.form(z.object({ txn: z.string().min(1).max(100), value: z.string().trim().min(1, 'must not be empty').max(200) }));
    await call.command({ kind: 'login', id: call.param('id') }, 'answer', { txn, value });
    return done(call, 'done.answer');
  }),
  page('post', '/logins/:id/cancel', 'operate', async (call) => {
    await call.command({ kind: 'login', id: call.param('id') }, 'cancel');
    return done(call, 'done.cancel');
  }),
  page('get', '/pictures/:name', 'read', async (call) => {
    const name = call.param('name');
    const bytes = found(/^[A-Za-z0-9][A-Za-z0-9_-]{0,120}$/.test(name) ? await arrived(call, name) : null, 'this picture');
    // Workers send these: only what really is a picture leaves here.
    const type = MAGIC.find(([, magic]) => magic.every((b, i) => bytes[i] === b))?.[0];
    if (!type) throw new Problem(415, 'no_picture', 'this is no PNG or JPEG');
    return new Response(bytes as BodyInit, { headers: { 'Content-Type': type, 'Content-Security-Policy': "default-src 'none'" } });
  }),
];

export const loginModel = (l: LoginRow): LoginModel => ({
  id: l.id, account: l.account, accountName: l.accountName, worker: l.worker, status: l.status, picture: l.picture, link: l.qrUrl && /^http:\/\/(127\.0\.0\.1|localhost)(:\d+)?\//.test(l.qrUrl) ? l.qrUrl : null, qrExpiresMs: l.qrExpiresMs, refreshed: l.refreshed,
  challenge: l.challenge, prompt: l.prompt, error: l.error, expiresMs: l.expiresAt * 1000,
});

/** A login that was just asked for and is not in the view yet. */
export const fresh = (id: string, account: string, accountName: string, worker: string | null, now: number): LoginRow => ({
  id, account, accountName, worker, status: 'pending', method: 'qrcode', picture: null, qrUrl: null, qrExpiresMs: null, txn: null, refreshed: 0, challenge: null, prompt: null, error: null,
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

/** A picture travels beside the event that names it and may be a moment behind. */
async function arrived(call: Call, name: string): Promise<Uint8Array | null> {
  for (let looks = 0; ; looks++) {
    const bytes = await call.d.pictures.get(name);
    if (bytes || looks >= 5 || !name.startsWith('pic-')) return bytes;
    await delay(200);
  }
}
