import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export type PageSite = { url: string; host: string; posts: string[]; stop(): Promise<void> };

const page = (title: string, body: string) => `<!doctype html><html lang="en"><head><title>${title}</title></head><body style="margin:0">${body}</body></html>`;

const PAGES: Record<string, string> = {
  '/': page('Home', `<h1>Shop</h1><a href="/form">to the form</a> <a href="/popup" target="_blank">pop up</a>
    <ul>${[1, 2, 3].map((n) => `<li class="item" data-id="${n}"><b>Thing ${n}</b> <span class="price">$1,${n}00.50</span> <a href="/thing/${n}">more</a></li>`).join('')}</ul>`),
  '/form': page('Form', `<form method="post" action="/form"><label>User <input name="user" id="user"></label><label>Colour <select name="colour"><option value="r">Red</option><option value="g">Green</option></select></label>
    <input type="file" name="file" id="file"><button id="send">Send</button></form><a href="/file.txt" download>file</a><p id="keys"></p>
    <script>document.addEventListener('keydown', (e) => document.getElementById('keys').textContent += e.key + ' '); setTimeout(() => document.body.insertAdjacentHTML('beforeend', '<p id=late>late</p>'), 300)</script>`),
  '/popup': page('Popup', '<h1>popped</h1><button onclick="window.close()">close</button>'),
  '/pad': page('Pad', `<input id="box"><div id="pad" style="width:100vw;height:85vh;background:#cde"></div><script>window.hits = []; pad.addEventListener('click', (e) => { hits.push([e.clientX, e.clientY]); document.title = 'Pad ' + hits.length; })</script>`),
  '/tall': page('Tall', '<div style="height:5000px">tall</div><p id="end">end</p>'),
};

/** A small site that windows visit in tests. */
export async function pageSite(): Promise<PageSite> {
  const posts: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const path = (request.url ?? '/').split('?', 1)[0]!;
      if (request.method === 'POST') {
        posts.push(await read(request));
        return response.writeHead(200, { 'content-type': 'text/html' }).end(page('Sent', '<h1>thanks</h1>'));
      }
      if (path === '/file.txt') return response.writeHead(200, { 'content-type': 'text/plain', 'content-disposition': 'attachment; filename="file.txt"' }).end(`cookies: ${request.headers.cookie ?? 'none'}`);
      if (path === '/hang') return;
      if (path === '/inward') return response.writeHead(302, { location: 'http://192.168.0.1/' }).end();
      response.writeHead(PAGES[path] ? 200 : 404, { 'content-type': 'text/html' }).end(PAGES[path] ?? page('Not found', '<h1>404</h1>'));
    })();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`, host, posts,
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
