import { Hono, type Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { randomBytes } from 'node:crypto';
import { isLoopback } from '../config.ts';
import { Call, requestId, type Who } from './call.ts';
import { isDialog } from './page.ts';
import { peer, refuseForeignHost, refuseForged, secureHeaders } from './guard.ts';
import { COOKIE, Identity } from './identity.ts';
import { Metrics } from './metrics.ts';
import type { Deps } from './ports.ts';
import { problemAnswer } from './problem-answer.ts';
import { Problem } from './problem.ts';
import { RateLimit } from './rate-limit.ts';
import { routeTable } from './route-table.ts';
import type { Route } from './routes.ts';
import { scopeCovers } from './users.ts';

const NOBODY: Who = { name: 'nobody', scope: 'read', via: 'session' };
/** Requests a second from one address. */
const BURST = 100;

/** The whole surface as one Hono app, made of the route table alone: what is not in it is 404. */
export function makeApp(d: Deps): Hono {
  const app = new Hono({ strict: true });
  const metrics = new Metrics(d);
  const table = routeTable(metrics);
  const identity = new Identity(d);
  const limit = new RateLimit(BURST, 1000);
  app.use('*', async (c, next) => {
    const began = performance.now();
    (c as Context).set('request', randomBytes(8).toString('hex'));
    await next();
    c.res.headers.set('X-Request-Id', requestId(c));
    metrics.request(c.req.method, c.res.status, performance.now() - began);
    secureHeaders(c, c.res);
  });
  for (const route of table) {
    app.on(route.method.toUpperCase(), route.path, async (c) => {
      try {
        // Behind a proxy everyone is 127.0.0.1: what limits there is the proxy.
        if (!isLoopback(peer(c)) && !limit.allow(peer(c), d.now())) throw new Problem(429, 'too_many_requests', 'more than 100 requests a second from this address: slow down', { headers: { 'Retry-After': '1' } });
        const answer = await run(route, c, d, identity);
        return isDialog(answer) && isVisit(c) ? aboveItsPage(route, c, table) : answer;
      } catch (error) {
        return problemAnswer(c, d, route.kind, asProblem(error, c, d));
      }
    });
  }
  app.notFound((c) => {
    const others = allowed(table, c.req.path);
    const problem = others.length > 0
      ? new Problem(405, 'method_not_allowed', `${c.req.method} is not possible here; allowed: ${others.join(', ')}`, { headers: { Allow: others.join(', ') } })
      : new Problem(404, 'not_found', `there is nothing at ${c.req.path.slice(0, 200)}`);
    return problemAnswer(c, d, isApi(c.req.path) ? 'api' : 'page', problem);
  });
  app.onError((error, c) => problemAnswer(c, d, isApi(c.req.path) ? 'api' : 'page', asProblem(error, c, d)));
  return app;
}

async function run(route: Route, c: Context, d: Deps, identity: Identity): Promise<Response> {
  if (d.authDisabled && route.needs !== 'public') refuseForeignHost(c);
  const who = await identity.of(c);
  if (route.needs !== 'public') {
    if (!who) throw new Problem(401, 'not_signed_in', 'sign in, or send a valid token as Authorization: Bearer', { headers: { 'WWW-Authenticate': 'Bearer realm="troupe"' } });
    if (!scopeCovers(who.scope, route.needs)) throw new Problem(403, 'forbidden', `this needs the scope ${route.needs}, and ${who.name} has ${who.scope}`);
  }
  if (route.method !== 'get' && who?.via !== 'token') refuseForged(c);
  if (route.path === '/sign-out') identity.forget(getCookie(c, COOKIE));
  return route.handle(new Call(c, d, who ?? NOBODY));
}

/** An address that was typed in, kept or opened in a new tab; our own pages ask through htmx. */
const isVisit = (c: Context): boolean => c.req.method === 'GET' && c.req.header('hx-request') !== 'true' && (c.req.header('accept') ?? '').startsWith('text/html');

/** The page nearest above a dialog's address, which opens the dialog (static/app.js). */
function aboveItsPage(route: Route, c: Context, table: readonly Route[]): Response {
  const { pathname, search } = new URL(c.req.url);
  const pattern = route.path.split('/');
  let depth = pattern.length - 1;
  while (depth > 1 && !table.some((r) => r.method === 'get' && r.path === pattern.slice(0, depth).join('/'))) depth--;
  const page = pathname.split('/').slice(0, depth).join('/') || '/';
  return new Response(null, { status: 303, headers: { Location: `${page}#dialog=${encodeURIComponent(pathname + search)}` } });
}

const isApi = (path: string) => /^\/(api|rpc|mcp|openapi\.json|metrics|livez|readyz|healthz|health)(\/|$)/.test(path) && path !== '/api';

function asProblem(error: unknown, c: Context, d: Deps): Problem {
  if (error instanceof Problem) return error;
  if (!d.connected() || /^(TimeoutError|RequestError|NoRespondersError|ConnectionError|ClosedConnectionError|DrainingConnectionError)$/.test((error as Error)?.name)) {
    return new Problem(503, 'unavailable', 'NATS does not answer: check that nats-server runs, then try again', { headers: { 'Retry-After': '5' } });
  }
  const id = requestId(c);
  d.log('error', 'a request failed', { id, method: c.req.method, path: c.req.path, error: (error as Error)?.stack ?? String(error) });
  return new Problem(500, 'internal', id);
}

function allowed(table: readonly Route[], path: string): string[] {
  const fits = (route: Route) => {
    const want = route.path.split('/');
    const is = path.split('/');
    return want.length === is.length && want.every((part, i) => (part.startsWith(':') ? is[i] !== '' : part === is[i]));
  };
  return [...new Set(table.filter(fits).map((r) => r.method.toUpperCase()))];
}
