import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type RecordedState = {
  code: number;
  dead: boolean;
  comments: { id: string; author: string; text: string; replies: string[] }[];
  messages: { id: string; text: string; own: boolean }[];
};
export type RecordedPages = { login(state: RecordedState): string; home(): string; comments(state: RecordedState): string; messages(state: RecordedState): string; replyPath: string; replyAnswer: object };

export const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Serves pages of the shape of a real site: the markup is the recording's, the state is the test's. */
export async function recordedSite(pages: RecordedPages) {
  const state: RecordedState = {
    code: 1, dead: false,
    comments: [{ id: '7001', author: '小林', text: '好看！', replies: [] }, { id: '7002', author: 'Bo', text: 'where is this?', replies: [] }],
    messages: [{ id: '1', text: '你好', own: false }],
  };
  const sent: string[] = [];
  let session = 0;
  let confirmed = false;
  const now = () => JSON.stringify({ code: state.code, dead: state.dead, confirmed });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://site');
    const inside = session > 0 && request.headers.cookie?.includes(`sessionid=${session}`);
    const html = (body: string, headers: Record<string, string> = {}) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(`<!doctype html><meta charset="utf-8"><body>${body}</body>`);
    if (request.method === 'POST') {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { text, comment } = JSON.parse(body) as { text: string; comment?: string };
        sent.push(text);
        if (comment) state.comments.find((c) => c.id === comment)?.replies.push(text);
        else state.messages.push({ id: String(state.messages.length + 1), text, own: true });
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(pages.replyAnswer));
      });
      return;
    }
    if (url.pathname === '/refresh') {
      state.code++;
      state.dead = false;
      return html('');
    }
    if (url.pathname === '/state') return html(now());
    if (confirmed && url.pathname === '/login') {
      confirmed = false;
      session++;
      return html(pages.home(), { 'set-cookie': `sessionid=${session}; Max-Age=86400; Path=/` });
    }
    if (!inside) return html(pages.login(state) + poll(now()));
    return html(url.pathname === '/comments' ? pages.comments(state) : url.pathname === '/messages' ? pages.messages(state) : pages.home());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url, state, sent,
    confirm: () => (confirmed = true),
    logOut: () => session++,
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The site's own script: the page follows what the phone and the clock do, from the very state that it was drawn with. */
const poll = (drawn: string): string => `<script>
setInterval(async () => {
  if (!(await (await fetch('/state')).text()).includes(${JSON.stringify(drawn)})) location.reload();
}, 150);
</script>`;

/** Sends what the nearest editor holds, as the sites' scripts do. */
export const sendScript = (path: string): string => `<script>
function send(button, comment) {
  const box = button.closest('[data-box]').querySelector('textarea, [contenteditable]');
  fetch('${path}', { method: 'POST', body: JSON.stringify({ text: box.value ?? box.innerText, comment }) });
}
</script>`;

/** A 1x1-module stand-in for a code, different for each number. */
export const codePicture = (n: number): string => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="120" height="120"><rect width="120" height="120" fill="hsl(${n * 70} 60% 50%)"/></svg>`)}`;
