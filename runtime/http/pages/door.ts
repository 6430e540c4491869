import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { z } from 'zod';
import { renderDocument } from '../../../views/html.ts';
import { signInPage } from '../../../views/sign-in.ts';
import type { Call } from '../call.ts';
import { isTls, peer } from '../guard.ts';
import { COOKIE } from '../identity.ts';
import { plainContext } from '../page.ts';
import { RateLimit } from '../rate-limit.ts';
import { page, type Route } from '../routes.ts';
import { closeSession, openSession, readSession } from '../sessions.ts';
import { findUser, signIn } from '../users.ts';

const TRIES = 10;
const MINUTE = 60_000;
const form = z.object({ user: z.string().max(100).default(''), password: z.string().max(1000).default(''), next: z.string().max(2000).default('/') });

/** Sign in and out. */
export function doorRoutes(): Route[] {
  const byPeer = new RateLimit(TRIES, MINUTE);
  const byUser = new RateLimit(TRIES, MINUTE);
  const show = (call: Call, status: number, model: { error: string | null; next: string; user: string }) =>
    new Response(renderDocument(signInPage(plainContext(call.c, call.d), model)), { status, headers: { 'Content-Type': 'text/html; charset=utf-8', ...(status === 429 ? { 'Retry-After': '60' } : {}) } });
  return [
    page('get', '/sign-in', 'public', (call) => show(call, 200, { error: null, next: ours(call.query('next')), user: '' })),
    page('post', '/sign-in', 'public', async (call) => {
      const { d, c } = call;
      const given = await call.form(form);
      const next = ours(given.next);
      const { t } = plainContext(c, d);
      const name = given.user.trim().toLowerCase();
      // Both are counted, so that neither one address nor one name can be tried faster.
      const allowed = [byPeer.allow(peer(c), d.now()), byUser.allow(name, d.now())].every(Boolean);
      if (!allowed) return show(call, 429, { error: t('sign-in.slow'), next, user: given.user });
      const user = await signIn(d.users, name, given.password);
      if (!user) {
        d.log('warn', 'a sign-in failed', { from: peer(c) });
        // What is no user's name may be a password that was typed in the wrong place.
        const known = await findUser(d.users, name);
        await call.note('SIGN_IN_REFUSED', `user/${known ? name : 'unknown'}`, `user:${known ? name : 'unknown'}`);
        return show(call, 401, { error: t('sign-in.wrong'), next, user: given.user });
      }
      await closeSession(d.sessions, getCookie(c, COOKIE));
      await call.note('SIGNED_IN', `user/${user.name}`, `user:${user.name}`);
      setCookie(c, COOKIE, await openSession(d.sessions, user.name, d.now()), { httpOnly: true, sameSite: 'Lax', secure: isTls(c), path: '/', maxAge: 12 * 3600 });
      return c.redirect(next, 303);
    }),
    page('post', '/sign-out', 'public', async (call) => {
      const who = await readSession(call.d.sessions, call.d.users, getCookie(call.c, COOKIE), call.d.now(), false);
      await closeSession(call.d.sessions, getCookie(call.c, COOKIE));
      if (who) await call.note('SIGNED_OUT', `user/${who.name}`, `user:${who.name}`);
      deleteCookie(call.c, COOKIE, { path: '/' });
      return call.c.redirect('/sign-in', 303);
    }),
  ];
}

/** Only a path of ours; another site's address becomes the first page. */
const ours = (next: string | undefined): string => (next && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) && !next.startsWith('/sign-') ? next : '/');
