import { html } from 'hono/html';
import type { User } from './store.ts';

export type Html = ReturnType<typeof html>;

/** A whole page. `user` is who is logged in. */
export const layout = (title: string, user: User | null, body: Html, script = false): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Sandbox</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/site.css">
${script ? html`<script src="/site.js" defer></script>` : ''}
</head>
<body>
<header class="top">
  <a class="brand" href="/"><span class="dot"></span>sandbox</a>
  <nav>
    <a href="/">Feed</a>
    ${user ? html`<a href="/creator">Studio</a><form method="post" action="/logout"><button class="link">Log out</button></form>` : html`<a href="/login">Log in</a>`}
    <a href="/control">Control</a>
  </nav>
</header>
<main>${body}</main>
</body>
</html>`;

export const avatar = (name: string, hue: number): Html => html`<span class="avatar" style="--hue:${hue}">${[...name][0] ?? '?'}</span>`;

export const time = (at: number): Html => {
  const date = new Date(at);
  return html`<time datetime="${date.toISOString()}">${date.toISOString().slice(0, 16).replace('T', ' ')}</time>`;
};

export const message = (title: string, text: string): Html => html`<section class="card center"><h1>${title}</h1><p>${text}</p><p><a href="/">Back to the feed</a></p></section>`;
