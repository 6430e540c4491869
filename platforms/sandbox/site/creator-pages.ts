import { html } from 'hono/html';
import { avatar, time, type Html } from './layout.ts';
import type { CommentRow, MessageRow, Store, User } from './store.ts';

type Markup = 'v1' | 'v2';

export const studio = (user: User, counts: { comments: number; threads: number }, markup: Markup): Html => html`
  <section class="${markup === 'v1' ? 'card user-profile' : 'box me-card'}" data-account="${user.id}">
    <div class="who">${avatar(user.name, user.hue)}<div><h1 class="${markup === 'v1' ? 'user-name' : 'me-title'}">${user.name}</h1><span class="soft">@<span class="${markup === 'v1' ? 'user-id' : 'me-handle'}">${user.id}</span></span></div></div>
    <p>${user.bio}</p>
  </section>
  <section class="card row"><a class="button" href="/creator/comments">Comments (${counts.comments})</a><a class="button" href="/creator/messages">Messages (${counts.threads})</a></section>`;

const commentCard = (c: CommentRow, markup: Markup): Html => markup === 'v1'
  ? html`<article class="card comment-item" data-comment-id="c${c.id}">
      <div class="who"><a class="comment-author" href="/u/${c.user}">${c.name}</a> on <a class="comment-post" href="/p/${c.post}">${c.title}</a> ${time(c.at)}</div>
      <p class="comment-text">${c.text}</p><a class="comment-link" href="/creator/comments/c${c.id}">Reply</a></article>`
  : html`<li class="box note" data-cid="c${c.id}"><header class="who"><a class="by" href="/u/${c.user}">${c.name}</a></header>
      <p class="words">${c.text}</p><footer class="soft"><a class="about" href="/p/${c.post}">${c.title}</a> ${time(c.at)} <a class="open" href="/creator/comments/c${c.id}">Answer</a></footer></li>`;

export const commentList = (items: CommentRow[], more: boolean, markup: Markup): Html => html`<h1>Comments on your posts</h1>
  ${items.length === 0 ? html`<p class="soft empty">No comments yet. Add one on the <a href="/">feed</a> or the <a href="/control">control page</a>.</p>` : ''}
  ${items.map((c) => commentCard(c, markup))}
  ${more ? html`<a class="older" rel="next" href="/creator/comments?before=${items.at(-1)?.id}">Older</a>` : ''}`;

export const commentPage = (c: CommentRow, replies: CommentRow[], user: User, nonce: string, markup: Markup): Html => html`
  ${commentCard(c, markup)}
  ${replies.map((r) => html`<div class="${r.user === user.id ? 'mine own-reply' : 'mine other-reply'}" data-reply-id="c${r.id}"><div class="who">${r.name} ${time(r.at)}</div><p class="reply-text">${r.text}</p></div>`)}
  ${replyForm(`/creator/comments/c${c.id}`, nonce, markup)}`;

const replyForm = (action: string, nonce: string, markup: Markup): Html => html`<form class="${markup === 'v1' ? 'card stack reply-form' : 'box stack answer-box'}" method="post" action="${action}">
  <input type="hidden" name="nonce" value="${nonce}">
  <textarea name="text" maxlength="500" required placeholder="Write a reply" aria-label="Reply"></textarea>
  <button class="${markup === 'v1' ? 'reply-send' : 'answer-go'}">Send</button></form>`;

export const threadList = (threads: ReturnType<Store['threads']>, markup: Markup): Html => html`<h1>Messages</h1>
  ${threads.length === 0 ? html`<p class="soft empty">No messages yet.</p>` : ''}
  ${threads.map((t) => html`<article class="${markup === 'v1' ? 'card thread-item' : 'box talk'}" data-last="m${t.last}"><div class="who">${avatar(t.name, t.hue)}<a class="${markup === 'v1' ? 'thread-link' : 'talk-open'}" href="/creator/messages/${t.other}">${t.name}</a> ${time(t.at)}</div><p class="soft">${t.text.slice(0, 80)}</p></article>`)}`;

export const threadPage = (other: User, items: MessageRow[], user: User, nonce: string, markup: Markup): Html => html`
  <h1 class="thread-name">${other.name}</h1>
  ${items.map((m) => html`<div class="${markup === 'v1' ? 'card message-item' : 'box line'} ${m.sender === user.id ? 'mine' : ''}" data-message-id="m${m.id}" data-direction="${m.sender === user.id ? 'outbound' : 'inbound'}"><p class="${markup === 'v1' ? 'message-text' : 'line-words'}">${m.text}</p>${time(m.at)}</div>`)}
  ${replyForm(`/creator/messages/${other.id}`, nonce, markup)}`;
