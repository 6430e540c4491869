import type { Context } from 'hono';
import { Problem } from './problem.ts';

const CSP = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

/** On every answer, whatever it is. */
export function secureHeaders(c: Context, response: Response): void {
  const h = response.headers;
  h.set('Content-Security-Policy', CSP);
  h.set('X-Content-Type-Options', 'nosniff');
  h.set('Referrer-Policy', 'no-referrer');
  h.set('Cross-Origin-Opener-Policy', 'same-origin');
  h.set('Cross-Origin-Resource-Policy', 'same-origin');
  h.set('X-Frame-Options', 'DENY');
  if (!h.has('Cache-Control')) h.set('Cache-Control', 'no-store');
  if (isTls(c)) h.set('Strict-Transport-Security', 'max-age=31536000');
}

export const isTls = (c: Context): boolean => new URL(c.req.url).protocol === 'https:' || c.req.header('x-forwarded-proto') === 'https';

/**
 * Refuses what another site could have sent with a person's cookie: the browser must say that the request is the page's own,
 * by Sec-Fetch-Site, or by an Origin that is this host where the browser sends no Sec-Fetch-Site.
 */
export function refuseForged(c: Context): void {
  const site = c.req.header('sec-fetch-site');
  if (site === 'same-origin' || site === 'none') return;
  if (site !== undefined) throw new Problem(403, 'forged', `Sec-Fetch-Site is ${site.slice(0, 20)}: send this from Troupe's own pages, or use a bearer token`);
  const origin = c.req.header('origin');
  if (origin === undefined) throw new Problem(403, 'forged', 'neither Sec-Fetch-Site nor Origin was sent: send this from a browser, or use a bearer token');
  if (!URL.canParse(origin) || new URL(origin).host !== c.req.header('host')) throw new Problem(403, 'forged', `Origin is ${origin.slice(0, 100)}, but this is ${c.req.header('host') ?? 'unknown'}: behind a proxy, pass the Host header on`);
}

/** Without sign-in only a name of this machine is served, so that no other site's name can point here. */
export function refuseForeignHost(c: Context): void {
  const host = (c.req.header('host') ?? '').replace(/:\d+$/, '');
  if (!/^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(host)) throw new Problem(403, 'foreign_host', `Host is ${host.slice(0, 100)}: while AUTH_DISABLED=1, open it as 127.0.0.1 or localhost`);
}

/** The peer's address, for limits; never a header that the peer may write. */
export function peer(c: Context): string {
  const incoming = (c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined)?.incoming;
  return incoming?.socket?.remoteAddress ?? 'unknown';
}
