const REPLICA = (name: string): string => `import { createServer } from 'node:http';

// A small site of the same structure as the real one: grow it together with config.json.
// The contract's checks log in here, read, reply, and compare with the ledger.
const USER = { name: '${name}-user', password: 'secret' };
const PAGE = 5;
const escape = (text) => text.replace(/[&<>"]/g, (c) => \`&#\${c.charCodeAt(0)};\`);

export async function start() {
  const sessions = new Set();
  const sent = [];
  let next = 100;
  const comments = Array.from({ length: 7 }, (_, i) => ({ id: next++, by: ['ann', 'bo'][i % 2], post: 1 + (i % 3), text: \`comment \${i + 1}\`, at: Date.now() - (7 - i) * 3_600_000, replies: [] }));
  const letters = [{ id: next++, own: false, text: 'hello?', at: Date.now() - 60_000 }];

  const frame = (inside, body) => \`<!doctype html><meta charset="utf-8"><nav>\${inside ? \`<a class="me" href="/u/\${USER.name}">\${USER.name}</a>\` : '<a class="sign-in" href="/login">Sign in</a>'}</nav><main>\${body}</main>\`;
  const stamp = (at) => \`<time datetime="\${new Date(at).toISOString()}"></time>\`;
  const shown = (c) => \`<article class="comment" data-id="\${c.id}"><a class="by" href="/u/\${c.by}">\${c.by}</a> on <a class="post" href="/posts/\${c.post}">Post \${c.post}</a> \${stamp(c.at)}<p class="text">\${escape(c.text)}</p>\${c.replies.map((r) => \`<div class="own" data-id="\${r.id}"><p>\${escape(r.text)}</p>\${stamp(r.at)}</div>\`).join('')}</article>\`;
  const login = (error = '') => frame(false, \`<form method="post" action="/login"><input name="user" placeholder="User name"><input name="password" type="password" placeholder="Password"><button>Sign in</button></form>\${error && \`<p class="error">\${error}</p>\`}\`);
  const box = '<form method="post" class="answer"><textarea name="text"></textarea><button>Send</button></form>';

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://site');
    const inside = sessions.has(/sid=(\\w+)/.exec(request.headers.cookie ?? '')?.[1]);
    const html = (body, status = 200) => response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(body);
    const go = (location, headers = {}) => response.writeHead(303, { location, ...headers }).end();
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const post = request.method === 'POST';
    if (url.pathname === '/login' && post) {
      if (form.get('user') !== USER.name || form.get('password') !== USER.password) return html(login('Name or password is wrong'));
      sessions.add(\`s\${next}\`);
      return go('/home', { 'set-cookie': \`sid=s\${next++}; Path=/; HttpOnly; Max-Age=86400\` });
    }
    if (url.pathname === '/login') return html(login());
    if (!inside) return post ? go('/login') : html(frame(false, 'Please sign in.'));
    if (url.pathname === '/comments') {
      const at = Number(url.searchParams.get('page') ?? 1);
      const all = [...comments].reverse();
      return html(frame(true, all.slice((at - 1) * PAGE, at * PAGE).map(shown).join('') + (all.length > at * PAGE ? \`<a rel="next" href="/comments?page=\${at + 1}">older</a>\` : '')));
    }
    const comment = comments.find((c) => url.pathname === \`/posts/\${c.post}/\${c.id}\`);
    if (comment && post) {
      comment.replies.push({ id: next++, text: form.get('text'), at: Date.now() });
      sent.push(form.get('text'));
      return go(\`\${url.pathname}?sent=\${next - 1}\`);
    }
    if (comment) return html(frame(true, shown(comment) + box));
    if (url.pathname === '/messages') return html(frame(true, \`<div class="thread" data-last="\${letters.at(-1).id}"><a href="/messages/ann">Ann</a></div>\`));
    if (url.pathname === '/messages/ann' && post) {
      letters.push({ id: next++, own: true, text: form.get('text'), at: Date.now() });
      sent.push(form.get('text'));
      return go(\`/messages/ann?sent=\${next - 1}\`);
    }
    if (url.pathname === '/messages/ann') return html(frame(true, letters.map((l) => \`<div class="letter" data-id="\${l.id}"\${l.own ? ' data-own="yes"' : ''}><p>\${escape(l.text)}</p>\${stamp(l.at)}</div>\`).join('') + box));
    return html(frame(true, url.pathname === '/home' ? 'Home' : 'Nothing here.'), url.pathname === '/home' ? 200 : 404);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: \`http://127.0.0.1:\${server.address().port}\`,
    answer: async (step) => (step.what === 'account' ? USER.name : USER.password),
    logOutAll: async () => sessions.clear(),
    addComment: async (text) => void comments.push({ id: next++, by: 'ann', post: 1, text, at: Date.now(), replies: [] }),
    addMessage: async (text) => void letters.push({ id: next++, own: false, text, at: Date.now() }),
    sent: async () => [...sent],
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
`;

const SELECTORS = {
  userProfile: ['nav a.me'], loggedOut: ['nav a.sign-in'], userName: ['nav a.me'], userId: ['nav a.me@href'], sessionCookie: ['sid'],
  loginUser: ['input[name=user]'], loginPassword: ['input[name=password]'], loginSubmit: ["form[action='/login'] button"], loginError: ['p.error'],
  commentItem: ['article.comment'], commentId: ['@data-id'], commentText: ['.text'], commentAuthor: ['a.by'], commentAuthorId: ['a.by@href'], commentPost: ['a.post'], commentPostId: ['a.post@href'], commentTime: ['time@datetime'], commentNext: ["a[rel='next']@href"],
  replyText: ['form.answer textarea'], replySend: ['form.answer button'], ownReply: ['.own'], ownReplyId: ['@data-id'], ownReplyText: ['p'], ownReplyTime: ['time@datetime'],
  threadItem: ['.thread'], threadId: ['a@href'], threadName: ['a'], threadLast: ['@data-last'], threadLink: ['a@href'],
  messageItem: ['.letter'], messageId: ['@data-id'], messageText: ['p'], messageOwn: ['@data-own'], messageTime: ['time@datetime'],
};

const CONFIG = (name: string, generic: boolean): string => `${JSON.stringify({
  platform: name, label: name, ...(generic ? { extends: 'generic' } : {}),
  urls: generic
    ? { base: 'https://site.example', login: '/login', home: '/home', comments: '/comments', comment: '/posts/{post}/{comment}', messages: '/messages', thread: '/messages/{sender}' }
    : Object.fromEntries(['login', 'home', 'comments', 'posts', 'messages'].map((path) => [path, `https://site.example/${path}`])),
  ...(generic ? { methods: ['password', 'cookies'] } : {}),
  selectors: SELECTORS,
  ...(generic ? { limits: { maxLength: 500 }, reply: { id: 'sent=(\\d+)', verifyReliable: true } } : {}),
  timeouts: { navigation: 30_000, element: 10_000, loginCheck: 300_000, press: 15_000, call: 60_000 },
}, null, 2)}\n`;

const MODULE = (name: string): string => `const MAX_LENGTH = 500;
const PAGES = 5;
const tail = (href) => decodeURIComponent(href.split(/[?#]/, 1)[0].split('/').at(-1) ?? '');

/** The platform ${name}. \`kit\` holds what Troupe brings along: its names are explained in platforms/kit.ts. */
export function create(config, kit) {
  const { PlatformFault, asFault, checkSession, creatorLogin, extract, fieldOf, flowList, itemAt, locate, openList, selectorsOf, startFlow } = kit;
  const FLOWS = ['password', 'cookies'];
  const patience = config.timeouts.element ?? 10_000;
  const guarded = (doing, work) => work().catch((error) => { throw asFault(error, doing); });
  const read = (from, item, fields) => extract(from, selectorsOf(config, item), Object.fromEntries(fields.map(([key, name]) => [key, fieldOf(config, name)])));

  const commentsOn = (page) => read(page, 'commentItem', [['id', 'commentId'], ['text', 'commentText'], ['author', 'commentAuthor'], ['authorId', 'commentAuthorId'], ['post', 'commentPost'], ['postId', 'commentPostId'], ['at', 'commentTime'], ['next', 'commentNext']]);
  const messagesOn = (page) => read(page, 'messageItem', [['id', 'messageId'], ['text', 'messageText'], ['own', 'messageOwn'], ['at', 'messageTime']]);
  const urlOf = (to) => (to.type === 'comment' ? \`\${config.urls.posts}/\${encodeURIComponent(to.post)}/\${encodeURIComponent(to.comment)}\` : \`\${config.urls.messages}/\${encodeURIComponent(to.sender)}\`);
  const openTarget = (to, io) => openList(io, config, urlOf(to), to.type === 'comment' ? 'commentItem' : 'messageItem');

  return {
    id: config.platform,
    label: config.label,
    flows: flowList(FLOWS),
    can: { comments: true, messages: true, replyComment: true, replyMessage: true, maxLength: MAX_LENGTH, verifyReliable: true },

    login: (flow, io, answer) => startFlow(flow, FLOWS, io, { ...creatorLogin(config), async user(io, page) {
      const { user, validUntil } = await creatorLogin(config).user(io, page);
      return { user: { ...user, id: tail(user.id) }, validUntil };
    } }, answer),

    check: (io) => guarded('checking the session', () => checkSession(io, config)),

    comments: (since, io) => guarded('reading comments', async () => {
      const rows = [];
      let url = config.urls.comments;
      for (let n = 0; url && n < PAGES; n++) {
        const page = await openList(io, config, url, 'commentItem');
        rows.push(...(await commentsOn(page)));
        if (since !== null && rows.some((row) => Number(row.id) <= Number(since))) break;
        const [{ next } = { next: '' }] = await extract(page, ['body'], { next: fieldOf(config, 'commentNext') });
        url = next ? new URL(next, page.url()).href : null;
      }
      const items = rows.filter((row) => since === null || Number(row.id) > Number(since)).reverse().map((row) => ({
        id: row.id, text: row.text, author: { id: tail(row.authorId), name: row.author }, post: { id: tail(row.postId), title: row.post }, at: Date.parse(row.at) || Date.now(),
      }));
      return { items, cursor: items.at(-1)?.id ?? since };
    }),

    messages: (since, io) => guarded('reading messages', async () => {
      const list = await openList(io, config, config.urls.messages, 'threadItem');
      const threads = await read(list, 'threadItem', [['name', 'threadName'], ['last', 'threadLast'], ['href', 'threadLink']]);
      const items = [];
      for (const thread of threads.filter((t) => since === null || Number(t.last) > Number(since))) {
        const page = await openList(io, config, new URL(thread.href, config.urls.messages).href, 'messageItem');
        for (const row of await messagesOn(page)) {
          if (since !== null && Number(row.id) <= Number(since)) continue;
          items.push({ id: row.id, text: row.text, direction: row.own ? 'outbound' : 'inbound', sender: row.own ? { id: io.account, name: io.account } : { id: tail(thread.href), name: thread.name }, at: Date.parse(row.at) || Date.now() });
        }
      }
      items.sort((a, b) => Number(a.id) - Number(b.id));
      return { items, cursor: threads.reduce((newest, t) => (newest === null || Number(t.last) > Number(newest) ? t.last : newest), since) };
    }),

    // Everything up to the press may be done again; the press happens once and says what it proves.
    prepare: (to, text, io) => guarded('preparing the reply', async () => {
      if (text.trim() === '' || [...text].length > MAX_LENGTH) throw new PlatformFault('refused', \`a reply on \${config.label} has 1 to \${MAX_LENGTH} characters\`);
      const page = await openTarget(to, io);
      await (await locate(page, config, 'replyText', patience)).fill(text);
      const send = await locate(page, config, 'replySend', patience);
      let pressed = false;
      return {
        async press() {
          if (pressed) throw new PlatformFault('refused', 'this reply was pressed before', 'maybe');
          pressed = true;
          const answered = page.waitForResponse((r) => r.request().method() === 'POST', { timeout: config.timeouts.press ?? 15_000 });
          answered.catch(() => undefined);
          const landed = page.waitForEvent('framenavigated', { timeout: 5000 }).catch(() => undefined);
          try {
            await send.click({ noWaitAfter: true });
            const answer = await answered;
            await landed;
            if (answer.status() === 303) return { remoteId: /sent=(\\d+)/.exec(answer.headers().location ?? '')?.[1] ?? null };
            throw new PlatformFault('unknown', \`\${config.label} answered \${answer.status()} to the reply\`, 'maybe');
          } catch (error) {
            throw asFault(error, 'sending the reply', 'maybe');
          }
        },
      };
    }),

    find: (to, text, since, io) => guarded('looking for the reply', async () => {
      const page = await openTarget(to, io);
      const rows = to.type === 'comment' ? await read(await itemAt(page, config, 'commentItem', 0), 'ownReply', [['id', 'ownReplyId'], ['text', 'ownReplyText'], ['at', 'ownReplyTime']]) : (await messagesOn(page)).filter((row) => row.own);
      io.saw?.(rows.map((row) => row.text).join('\\n'));
      const hit = rows.findLast((row) => Date.parse(row.at) >= since - 60_000 && row.text.trim() === text.trim());
      return hit ? { remoteId: hit.id } : null;
    }),
  };
}
`;

const TEST = (name: string): string => `import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

// node --test ${name}/   (TROUPE names the program where \`troupe\` is not on the PATH)
test('${name} keeps the contract of platforms', () => {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  const { status, stdout, stderr } = spawnSync(process.env.TROUPE ?? 'troupe', ['platform', 'check', '${name}', '--dir', root], { encoding: 'utf8' });
  assert.equal(status, 0, \`\${stdout}\\n\${stderr}\`);
});
`;

const README = (name: string, generic: boolean): string => `# ${name}

A platform of Troupe. \`config.json\` holds the addresses and, for each name, selectors in order of preference (\`selector@attribute\` reads an
attribute, \`@attribute\` one of the item itself).${generic ? ' With `"extends": "generic"` that is all it takes.' : ' `platform.js` says what the platform can and does it.'}

- \`replica.js\` is a small site of the same structure. Make it like the real one: its pages, its forms, its refusals.
- \`troupe platform check ${name} --dir ..\` runs the whole contract on it in a real Chromium; \`node --test\` does the same.
- With \`TROUPE_PLATFORMS_DIR\` set to the folder above, workers have it; unless NODE_ENV is production they load it anew when a file changes.
- What was checked against the replica only: everything. Say here what was seen to work on the real site, and when.
`;

/** The files of a new platform, by name: a whole one that passes its own check. */
export const skeleton = (name: string, generic: boolean): Record<string, string> => ({
  'config.json': CONFIG(name, generic),
  ...(generic ? {} : { 'platform.js': MODULE(name) }),
  'replica.js': REPLICA(name),
  'check.test.js': TEST(name),
  'package.json': '{ "type": "module", "private": true }\n',
  'README.md': README(name, generic),
});
