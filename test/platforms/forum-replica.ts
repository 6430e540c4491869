import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Replica } from '../../platforms/replica.ts';

type Comment = { id: number; by: string; topic: number; text: string; at: number; replies: { id: number; text: string; at: number }[] };
type Letter = { id: number; with: string; own: boolean; text: string; at: number };

const PAGE = 5;
const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const USER = { name: 'gardener', password: 'rake & hoe', code: '246810' };

/** A small forum: a login form with a second factor, notices by pages, topics, private letters, and forms that post. */
export async function start(): Promise<Replica> {
  const sessions = new Map<string, 'half' | 'in'>();
  const sent: string[] = [];
  let next = 100;
  const comments: Comment[] = Array.from({ length: 12 }, (_, i) => ({ id: next++, by: ['Ann', 'Bo', 'Cyd'][i % 3]!, topic: 1 + (i % 2), text: `comment number ${i + 1}`, at: Date.now() - (12 - i) * 3_600_000, replies: [] }));
  const letters: Letter[] = [{ id: next++, with: 'ann', own: false, text: 'hello?', at: Date.now() - 7_200_000 }, { id: next++, with: 'ann', own: true, text: 'hello!', at: Date.now() - 7_100_000 }, { id: next++, with: 'bo', own: false, text: 'any seeds left?', at: Date.now() - 3_000_000 }];

  const frame = (inside: boolean, body: string) => `<!doctype html><meta charset="utf-8"><title>Forum</title><nav>${inside ? `<a class="me" href="/u/${USER.name}">Gardener Joe</a> <form action="/logout" method="post"><button>Log out</button></form>` : '<a class="signin" href="/login">Sign in</a>'}</nav><main>${body}</main>`;
  const commentRow = (c: Comment) => `<article class="notice" id="c${c.id}"><a class="by" href="/u/${c.by.toLowerCase()}">${c.by}</a> wrote under <a class="topic" href="/topic/${c.topic}?from=notices">Topic ${c.topic}</a> <time datetime="${new Date(c.at).toISOString()}">then</time><div class="body">${escape(c.text)}</div>
    ${c.replies.map((r) => `<div class="mine" id="r${r.id}"><p>${escape(r.text)}</p><time datetime="${new Date(r.at).toISOString()}"></time></div>`).join('')}</article>`;
  const loginForm = (error = '') => frame(false, `<form method="post" action="/login"><input name="user" placeholder="User name"><input name="password" type="password" placeholder="Password"><button class="go">Sign in</button></form>${error && `<p class="error">${error}</p>`}`);
  const codeForm = (error = '') => frame(false, `<form method="post" action="/code"><p class="ask">The code of your app</p><input name="code" placeholder="6 digits"><button class="go">Go on</button></form>${error && `<p class="wrong">${error}</p>`}`);

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://forum');
    const sid = /sid=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    const inside = sessions.get(sid) === 'in';
    const html = (body: string, status = 200, headers: Record<string, string> = {}) => void response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(body);
    const go = (to: string, headers: Record<string, string> = {}) => void response.writeHead(303, { location: to, ...headers }).end();
    const form = request.method === 'POST' ? await formOf(request) : new URLSearchParams();
    const path = `${request.method} ${url.pathname}`;
    if (path === 'GET /login') return html(sessions.get(sid) === 'half' ? codeForm() : loginForm());
    if (path === 'POST /login') {
      if (form.get('user') !== USER.name || form.get('password') !== USER.password) return html(loginForm('Name or password is wrong'));
      const fresh = randomUUID();
      sessions.set(fresh, 'half');
      return html(codeForm(), 200, { 'set-cookie': `sid=${fresh}; Path=/; HttpOnly; Max-Age=86400` });
    }
    if (path === 'POST /code') {
      if (form.get('code') !== USER.code) return html(codeForm('That was not it'));
      sessions.set(sid, 'in');
      return go('/me');
    }
    if (!inside) return request.method === 'POST' ? go('/login') : html(frame(false, '<p>Please sign in.</p>'));
    if (path === 'GET /me') return html(frame(true, '<h1>Your page</h1>'));
    if (path === 'GET /notices') {
      const n = Number(url.searchParams.get('page') ?? 1);
      const all = [...comments].reverse();
      return html(frame(true, all.slice((n - 1) * PAGE, n * PAGE).map(commentRow).join('') + (all.length > n * PAGE ? `<a rel="next" href="/notices?page=${n + 1}">older</a>` : '')));
    }
    const one = /^\/topic\/(\d+)\/(\w+)$/.exec(url.pathname);
    if (one) {
      const comment = comments.find((c) => c.topic === Number(one[1]) && `${c.id}` === one[2]);
      if (!comment) return html(frame(true, '<p>Gone.</p>'), 404);
      if (request.method !== 'POST') return html(frame(true, `${commentRow(comment)}<form method="post"><textarea name="text"></textarea><button class="post">Post</button></form>`));
      const reply = { id: next++, text: form.get('text') ?? '', at: Date.now() };
      comment.replies.push(reply);
      sent.push(reply.text);
      return go(`${url.pathname}#r${reply.id}`);
    }
    if (path === 'GET /letters') {
      const people = [...new Set([...letters].reverse().map((l) => l.with))];
      return html(frame(true, people.map((who) => `<div class="talk"><a href="/letters/${who}">${who}</a><span class="count">${letters.filter((l) => l.with === who).length}</span></div>`).join('')));
    }
    const who = /^\/letters\/(\w+)$/.exec(url.pathname)?.[1];
    if (who) {
      const talk = letters.filter((l) => l.with === who);
      if (talk.length === 0) return html(frame(true, 'Nobody.'), 404);
      if (request.method === 'POST') {
        const letter = { id: next++, with: who, own: true, text: form.get('text') ?? '', at: Date.now() };
        letters.push(letter);
        sent.push(letter.text);
        return go(url.pathname);
      }
      return html(frame(true, `${talk.map((l) => `<div class="letter ${l.own ? 'own' : ''}" data-id="${l.id}"${l.own ? ' data-own="1"' : ''}><p>${escape(l.text)}</p><time datetime="${new Date(l.at).toISOString()}"></time></div>`).join('')}<form method="post"><textarea name="text"></textarea><button class="post">Send</button></form>`));
    }
    return html(frame(true, 'Nothing here.'), 404);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: async ({ what }) => (what === 'account' ? USER.name : what === 'password' ? USER.password : USER.code),
    logOutAll: async () => sessions.clear(),
    addComment: async (text) => void comments.push({ id: next++, by: 'Dee', topic: 1, text, at: Date.now(), replies: [] }),
    addMessage: async (text) => void letters.push({ id: next++, with: 'bo', own: false, text, at: Date.now() }),
    sent: async () => [...sent],
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return new URLSearchParams(body);
}
