import { randomBytes } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono, type Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { commentList, commentPage, studio, threadList, threadPage } from './creator-pages.ts';
import { layout, message } from './layout.ts';
import type { Moods, PostMode } from './moods.ts';
import type { Store, User } from './store.ts';

type Env = { Bindings: HttpBindings; Variables: { user: User } };
const PAGE = 20;

/** The pages that a creator works with, and the reply form whose every request counts. */
export function creatorRoutes(store: Store, moods: Moods): Hono<Env> {
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    const session = store.session(getCookie(c, 'sid') ?? '');
    const user = session && store.user(session.user);
    if (!user) return c.redirect('/login', 303);
    if (session.challenged) return c.redirect('/challenge', 303);
    c.set('user', user);
    await next();
  });
  const nonce = () => randomBytes(9).toString('base64url');
  const markup = () => moods.get().markup;
  const gone = (c: Context) => c.html(layout('Not found', null, message('Not found', 'It may have been deleted.')), 404);

  app.get('/', (c) => {
    const user = c.get('user');
    const counts = { comments: store.inbox(user.id, Number.MAX_SAFE_INTEGER, 1000).length, threads: store.threads(user.id).length };
    return c.html(layout('Studio', user, studio(user, counts, markup())));
  });
  app.get('/comments', (c) => {
    const user = c.get('user');
    const before = Number(c.req.query('before')) || Number.MAX_SAFE_INTEGER;
    const rows = store.inbox(user.id, before, PAGE + 1);
    return c.html(layout('Comments', user, commentList(rows.slice(0, PAGE), rows.length > PAGE, markup())));
  });
  const ownComment = (c: Context<Env>) => {
    const row = store.comment(Number(/^c(\d+)$/.exec(c.req.param('id') ?? '')?.[1]));
    return row && store.post(row.post)?.user === c.get('user').id ? row : null;
  };
  app.get('/comments/:id', (c) => {
    const row = ownComment(c);
    if (!row) return gone(c);
    return c.html(layout('Comment', c.get('user'), commentPage(row, store.replies(row.id), c.get('user'), nonce(), markup())));
  });
  app.get('/messages', (c) => c.html(layout('Messages', c.get('user'), threadList(store.threads(c.get('user').id), markup()))));
  app.get('/messages/:other', (c) => {
    const other = store.user(c.req.param('other'));
    if (!other) return gone(c);
    return c.html(layout('Messages', c.get('user'), threadPage(other, store.thread(c.get('user').id, other.id), c.get('user'), nonce(), markup())));
  });

  app.post('/comments/:id', async (c) => {
    const comment = ownComment(c);
    return comment ? post(c, { comment }, `/creator/comments/c${comment.id}`) : gone(c);
  });
  app.post('/messages/:other', async (c) => {
    const other = store.user(c.req.param('other'));
    return other ? post(c, { to: other.id }, `/creator/messages/${other.id}`) : gone(c);
  });

  async function post(c: Context<Env>, target: Parameters<Store['reply']>[1], back: string) {
    const form = await c.req.parseBody();
    const text = String(form.text ?? '').replaceAll('\r\n', '\n');
    if (text.trim() === '' || [...text].length > 500) return c.html(layout('Too long', c.get('user'), message('Not sent', 'A reply has 1 to 500 characters.')), 422);
    const mode: PostMode = moods.next();
    if (mode === 'rate-limit') return c.html(layout('Slow down', c.get('user'), message('Slow down', 'You are posting too fast.')), 429, { 'Retry-After': '5' });
    if (mode === 'fail-before') return c.html(layout('Error', c.get('user'), message('Something broke', 'Please try again later.')), 500);
    if (mode === 'reset-before') return reset(c);
    if (mode === 'slow') await new Promise((done) => setTimeout(done, Math.max(moods.get().slowMs, 1500)));
    const id = store.reply(c.get('user').id, target, text, String(form.nonce ?? ''));
    if (mode === 'fail-after') return c.html(layout('Error', c.get('user'), message('Something broke', 'Please try again later.')), 500);
    if (mode === 'reset-after') return reset(c);
    if (mode === 'hang-after') await new Promise<void>((done) => c.env.incoming.socket.once('close', () => done()));
    return c.redirect(`${back}?sent=${id}`, 303);
  }
  const reset = (c: Context<Env>): Response => {
    c.env.incoming.socket.resetAndDestroy();
    return RESPONSE_ALREADY_SENT;
  };
  return app;
}
