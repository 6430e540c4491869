import { Hono } from 'hono';
import { getCookie } from 'hono/cookie';
import { html } from 'hono/html';
import { avatar, layout, message, time } from './layout.ts';
import type { Store } from './store.ts';

/** What everybody sees: the feed, a post, and a box to comment under it. */
export function publicRoutes(store: Store): Hono {
  const app = new Hono();
  const me = (sid: string | undefined) => store.user(store.session(sid ?? '')?.user ?? '') ?? null;

  app.get('/', (c) => c.html(layout('Feed', me(getCookie(c, 'sid')), html`${store.posts().map((p) => html`<article class="card">
    <div class="who">${avatar(p.name, p.hue)}<a href="/u/${p.user}">${p.name}</a> ${time(p.at)}</div>
    <h2><a href="/p/${p.id}">${p.title}</a></h2><p>${p.body}</p><a class="soft" href="/p/${p.id}">${p.comments} comments</a></article>`)}`)));

  app.get('/u/:id', (c) => {
    const user = store.user(c.req.param('id'));
    if (!user) return c.html(layout('Not found', null, message('Nobody here', 'There is no such user.')), 404);
    const posts = store.posts().filter((p) => p.user === user.id);
    return c.html(layout(user.name, me(getCookie(c, 'sid')), html`<section class="card"><div class="who">${avatar(user.name, user.hue)}<h1>${user.name}</h1></div><p>${user.bio}</p></section>
      ${posts.map((p) => html`<article class="card"><h2><a href="/p/${p.id}">${p.title}</a></h2><p>${p.body}</p></article>`)}`));
  });

  app.get('/p/:id', (c) => {
    const post = store.post(Number(c.req.param('id')));
    if (!post) return c.html(layout('Not found', null, message('Not found', 'There is no such post.')), 404);
    const people = store.users().filter((u) => u.id !== post.user);
    return c.html(layout(post.title, me(getCookie(c, 'sid')), html`<article class="card"><h1>${post.title}</h1>${time(post.at)}<p>${post.body}</p></article>
      ${store.commentsOfPost(post.id).map((r) => html`<div class="card ${r.parent === null ? '' : 'mine'}" id="c${r.id}"><div class="who"><a href="/u/${r.user}">${r.name}</a> ${time(r.at)}</div><p>${r.text}</p></div>`)}
      <form class="card stack" method="post" action="/p/${post.id}"><h2>Say something</h2>
        <label>As <select name="user">${people.map((u) => html`<option value="${u.id}" ${u.id === 'visitor' ? 'selected' : ''}>${u.name}</option>`)}</select></label>
        <textarea name="text" maxlength="2000" required placeholder="Write a comment" aria-label="Comment"></textarea><button>Comment</button></form>`));
  });

  app.post('/p/:id', async (c) => {
    const post = store.post(Number(c.req.param('id')));
    const form = await c.req.parseBody();
    const user = store.user(String(form.user ?? ''));
    const text = String(form.text ?? '').replaceAll('\r\n', '\n').slice(0, 2000);
    if (!post || !user || text.trim() === '') return c.html(layout('Not sent', null, message('Not sent', 'Pick a post, a name and some words.')), 422);
    const id = store.addComment(post.id, user.id, text);
    return c.redirect(`/p/${post.id}#c${id}`, 303);
  });
  return app;
}
