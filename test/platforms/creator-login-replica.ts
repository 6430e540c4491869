import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Replica } from '../../platforms/replica.ts';

export type Visit = { url: URL; method: string; body: Record<string, any>; json(value: unknown, status?: number): void; page(script: string, body?: string): void };
export type Site = {
  cookie: string;
  /** The markup of the login, by what it shows. */
  login: { qr(image: string): string; dead: string; verify(error: string): string; sms(sent: boolean, error: string): string; slider: string };
  /** Serves everything behind the login. False: there is no such thing. */
  serve(visit: Visit): boolean;
};
const CODE = '135790';
const PHONE = '13800138000';

export const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
/** A path that says nothing of what it holds. */
export const movedPath = (path: string): string => `/m/${Buffer.from(path).toString('base64url')}`;

/** Helpers of the site's own scripts: they fetch JSON and draw it. */
const LIB = `const esc = (t) => String(t).replace(/[&<>"]/g, (c) => '&#' + c.charCodeAt(0) + ';'); const get = async (p) => (await fetch(p)).json(); const post = async (p, b) => (await fetch(p, { method: 'POST', body: JSON.stringify(b) })).json(); const $ = (s, of = document) => of.querySelector(s);`;
/** Follows the state of the login as such pages do, and offers both ways in. */
const FOLLOW = `let way = 'qr', shown = '', busy = false;
const draw = async () => { if (busy) return; busy = true; try { const s = await get('/passport/state?way=' + way); const key = JSON.stringify(s); if (key === shown) return; shown = key; if (s.in) { await get('/passport/finish'); return location.reload(); } const kept = [...document.querySelectorAll('#login input')].map((i) => [i.placeholder, i.value]); $('#login').innerHTML = s.html; for (const i of document.querySelectorAll('#login input')) i.value = kept.find((k) => k[0] === i.placeholder)?.[1] ?? ''; } finally { busy = false; } }; setInterval(draw, 100); draw();
addEventListener('click', async (e) => { const act = e.target.closest('[data-act]')?.dataset.act; if (!act) return; if (act === 'way') { way = 'sms'; } else await post('/passport/' + act, { phone: $('#login .phone')?.value, code: $('#login .code')?.value }); draw(); });`;

/** A site with the login of a creator centre: a code that dies, a code by SMS after the scan, a login by SMS with a slider before it. */
export async function creatorReplica(site: Site, more: Pick<Replica, 'addComment' | 'addMessage' | 'sent'>): Promise<Replica> {
  const sessions = new Set<string>();
  let qr = 1;
  let state = { dead: false, verify: false, error: '', slider: false, sent: false, in: false };
  const reset = () => (state = { dead: false, verify: false, error: '', slider: false, sent: false, in: false });
  const image = () => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="120" height="120"><rect width="120" height="120" fill="hsl(${qr * 70} 60% 50%)"/></svg>`)}`;
  const shown = (way: string): string => {
    if (state.verify) return site.login.verify(state.error);
    if (way === 'sms') return site.login.sms(state.sent, state.error) + (state.slider ? site.login.slider : '');
    return state.dead ? site.login.dead : site.login.qr(image());
  };
  const passport = (path: string, body: Record<string, any>, url: URL, json: Visit['json'], response: ServerResponse): void => {
    if (path === 'state') return json({ html: shown(url.searchParams.get('way') ?? 'qr'), in: state.in });
    if (path === 'refresh') (qr++, (state.dead = false));
    if (path === 'send') state.slider = true;
    if (path === 'check') {
      if (body['code'] !== CODE || (!state.verify && body['phone'] !== PHONE)) state.error = '验证码错误';
      else state.in = true;
    }
    if (path === 'finish' && state.in) {
      const fresh = randomUUID();
      sessions.add(fresh);
      reset();
      response.setHeader('set-cookie', `${site.cookie}=${fresh}; Max-Age=86400; Path=/`);
    }
    json({});
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://site');
    if (url.pathname.startsWith('/m/')) url.pathname = Buffer.from(url.pathname.slice(3), 'base64url').toString();
    const inside = sessions.has(new RegExp(`${site.cookie}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1] ?? '');
    const html = (body: string) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html><meta charset="utf-8"><style>li, div { min-height: 4px }</style><body>${body}`);
    const json = (value: unknown, status = 200) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const body = request.method === 'POST' ? await bodyOf(request) : {};
    if (url.pathname.startsWith('/passport/')) return passport(url.pathname.slice(10), body, url, json, response);
    if (!inside) return request.headers['sec-fetch-dest'] === 'document' || !url.pathname.includes('/api') ? html(`<div id="login"></div><script>${LIB}${FOLLOW}</script>`) : json({ status_code: 8, code: -100 }, 401);
    const page = (script: string, markup = '') => html(`${markup}<script>${LIB}${script}</script>`);
    if (!site.serve({ url, method: request.method ?? 'GET', body, json, page })) json({ error: 'nothing here' }, 404);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    ...more,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async answer({ what }) {
      if (what === 'confirm') (state.slider = false), (state.sent = true);
      return what === 'phone' ? PHONE : CODE;
    },
    confirm: async () => void (state.verify = true),
    expireCode: async () => void (state.dead = true),
    logOutAll: async () => sessions.clear(),
    async stop() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, any>> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return JSON.parse(body || '{}') as Record<string, any>;
}
