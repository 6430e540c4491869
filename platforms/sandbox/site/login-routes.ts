import { randomBytes } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { html } from 'hono/html';
import QRCode from 'qrcode';
import { layout, message } from './layout.ts';
import { loginPanel, phoneDone, phonePage } from './login-pages.ts';
import type { Moods } from './moods.ts';
import type { LoginRow, Store } from './store.ts';

/** How long a used login still lets the other pages of its browser in. */
const USED_MS = 10_000;

/** Login by a code that a phone confirms. */
export function loginRoutes(store: Store, moods: Moods): Hono {
  const app = new Hono();
  const mood = () => moods.get();

  /** A code that nobody has confirmed dies with its time, scanned or not. */
  const over = (login: LoginRow): boolean => ['qr', 'scanned'].includes(login.state) && login.expires <= Date.now();

  /** This browser's login; a dead code is replaced at once, any other but a fresh one or a question when the page is opened anew. */
  const current = (c: Context, fresh: boolean): LoginRow => {
    const key = getCookie(c, 'login') ?? randomBytes(18).toString('base64url');
    const row = store.login(key);
    const dead = !row || over(row) || (fresh && !['qr', 'challenge'].includes(row.state));
    setCookie(c, 'login', key, { httpOnly: true, sameSite: 'Lax', path: '/' });
    return dead ? store.newLogin(key, mood().qrMs, mood().challenge) : row;
  };
  const panel = async (c: Context, fresh: boolean) => {
    const login = current(c, fresh);
    const url = `${new URL(c.req.url).origin}/phone?code=${login.code}`;
    return loginPanel(login, await QRCode.toDataURL(url, { margin: 2, width: 240 }), url, mood().markup);
  };

  /** Another page of this browser may have finished the login. */
  const inside = (c: Context): boolean => store.session(getCookie(c, 'sid') ?? '')?.challenged === 0;

  app.get('/login', async (c) => (inside(c) ? c.redirect('/creator', 303) : c.html(layout('Log in', null, await panel(c, true), true))));
  app.get('/login/panel', async (c) => c.html(inside(c) ? html`<section data-login="done"></section>` : await panel(c, false)));

  app.get('/phone', (c) => {
    const code = c.req.query('code') ?? '';
    const login = store.loginByCode(code);
    if (!login || over(login)) return c.html(layout('Phone', null, message('This code is over', 'Scan the new one on the other screen.')), 410);
    if (login.state === 'qr') store.setLogin(login.key, 'scanned');
    return c.html(layout('Phone', null, login.user ? phoneDone(login) : phonePage(code, store.demoUsers())));
  });

  app.post('/phone', async (c) => {
    const form = await c.req.parseBody();
    const login = store.loginByCode(String(form.code ?? ''));
    const user = store.user(String(form.user ?? ''));
    if (!login || login.user || !['qr', 'scanned'].includes(login.state) || over(login))
      return c.html(layout('Phone', null, message('This code is over', 'Scan the new one on the other screen.')), 410);
    if (!user?.demo) return c.html(layout('Phone', null, message('Who are you?', 'Pick one of the demo users.')), 422);
    store.setLogin(login.key, login.challenge === 'none' ? 'done' : 'challenge', user.id);
    return c.html(layout('Phone', null, phoneDone(login)));
  });

  app.post('/login/challenge', async (c) => {
    const login = store.login(getCookie(c, 'login') ?? '');
    if (login?.state !== 'challenge') return c.redirect('/login', 303);
    const given = String((await c.req.parseBody()).answer ?? '').trim();
    const right = login.challenge === 'slider' ? given !== '' && Math.abs(Number(given) - Number(login.secret)) <= 2 : given === login.secret;
    if (right) store.setLogin(login.key, 'done');
    else {
      store.missLogin(login.key);
      if (login.tries + 1 >= 3) store.setLogin(login.key, 'failed');
    }
    return c.redirect(right ? '/login/finish' : '/login/retry', 303);
  });
  app.get('/login/retry', async (c) => c.html(layout('Log in', null, await panel(c, false), true)));

  app.get('/login/finish', (c) => {
    const login = store.login(getCookie(c, 'login') ?? '');
    // Several pages of one browser may see the end of its login at once: none of them is shown a new code.
    const finished = login?.state === 'done' || (login?.state === 'used' && login.expires > Date.now());
    if (!finished || !login.user) return c.redirect(inside(c) ? '/creator' : '/login', 303);
    const session = store.newSession(login.user, mood().sessionMs);
    store.useLogin(login.key, USED_MS);
    setCookie(c, 'sid', session.id, { httpOnly: true, sameSite: 'Lax', path: '/', expires: new Date(session.expires) });
    return c.redirect('/creator', 303);
  });

  app.post('/logout', (c) => {
    store.logout(getCookie(c, 'sid') ?? '');
    setCookie(c, 'sid', '', { path: '/', maxAge: 0 });
    return c.redirect('/', 303);
  });

  app.get('/challenge', (c) => c.html(layout('One question', null, html`<section class="card center" data-challenged><h1>Is this still you?</h1>
    <p class="challenge-wall">The site wants to see a person before it goes on. Log in again.</p><p><a class="button" href="/login">Log in</a></p></section>`)));
  return app;
}
