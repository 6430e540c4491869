/** A cookie as browsers take it; `expires` is epoch seconds, -1 for one that ends with the browser. */
export type Cookie = { name: string; value: string; domain: string; path: string; expires: number; httpOnly: boolean; secure: boolean; sameSite: 'Strict' | 'Lax' | 'None' };
export type SessionText = { cookies: Cookie[]; origins: { origin: string; localStorage: { name: string; value: string }[] }[]; /** How many were left out because their time is over. */ expired: number };

/** What is wrong with a text of cookies; never quotes a value. */
export class CookieFault extends Error {}

const MOST = 1000;
const DOMAIN = /^\.?([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
type Json = Record<string, unknown>;

/**
 * Reads a session out of a text: Netscape's cookies.txt, a JSON array as browser extensions write it, or Playwright's storage state.
 * `now` is epoch ms. Throws CookieFault that names the line or the cookie, and the field.
 */
export function readCookies(text: string, now: number): SessionText {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed === '') throw new CookieFault('is empty: paste what the browser\'s extension has exported');
  const read = trimmed.startsWith('[') || trimmed.startsWith('{') ? fromJson(trimmed) : fromNetscape(trimmed);
  if (read.cookies.length === 0 && read.origins.length === 0) throw new CookieFault('holds no cookie: export them while logged in to the site');
  if (read.cookies.length > MOST) throw new CookieFault(`holds ${read.cookies.length} cookies, ${MOST} are the most: export those of the one site`);
  const alive = read.cookies.filter((c) => c.expires === -1 || c.expires * 1000 > now);
  if (alive.length === 0 && read.cookies.length > 0) throw new CookieFault(`holds ${read.cookies.length} cookies, and the time of each is over: export them anew while logged in`);
  return { cookies: alive, origins: read.origins, expired: read.cookies.length - alive.length };
}

/** The part of a session that belongs to these sites: hosts, or the domains above them. */
export function ofSites(session: SessionText, hosts: readonly string[]): Pick<SessionText, 'cookies' | 'origins'> {
  const sites = new Set(hosts.map(siteOf));
  const fits = (host: string) => [...sites].some((site) => host === site || host.endsWith(`.${site}`));
  return { cookies: session.cookies.filter((c) => fits(c.domain.replace(/^\./, '').toLowerCase())), origins: session.origins.filter((o) => fits(new URL(o.origin).hostname)) };
}

/** What a host's cookies are shared under: the domain above it where it has one of its own. */
export function siteOf(host: string): string {
  const labels = host.toLowerCase().split('.');
  if (labels.length <= 2 || /^[\d.]+$|^\[|:/.test(host)) return host.toLowerCase();
  const rest = labels.slice(1);
  // `shop.com.cn` stands for itself: nothing is shared under com.cn.
  return rest.length === 2 && rest[1]!.length === 2 && rest[0]!.length <= 3 ? host.toLowerCase() : rest.join('.');
}

function fromJson(text: string): Omit<SessionText, 'expired'> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new CookieFault('begins as JSON and is none: it may have been cut off; paste all of it');
  }
  if (Array.isArray(json)) return { cookies: json.map(cookieOf), origins: [] };
  const { cookies, origins = [] } = json as { cookies?: unknown; origins?: unknown };
  if (!Array.isArray(cookies)) throw new CookieFault('cookies: is missing: a storage state holds {"cookies": […], "origins": […]}');
  if (!Array.isArray(origins)) throw new CookieFault('origins: must be a list');
  return { cookies: cookies.map(cookieOf), origins: origins.map(originOf) };
}

function cookieOf(given: unknown, index: number): Cookie {
  const c = (given ?? {}) as Json;
  const fault = (field: string, why: string) => new CookieFault(`cookie ${index + 1}${typeof c['name'] === 'string' && c['name'] !== '' ? ` (${c['name'].slice(0, 60)})` : ''}: ${field}: ${why}`);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new CookieFault(`cookie ${index + 1}: must be an object with name, value and domain`);
  for (const field of ['name', 'value'] as const) if (typeof c[field] !== 'string') throw fault(field, c[field] === undefined ? 'is missing' : 'must be a text');
  if (c['name'] === '') throw fault('name', 'is empty');
  const domain = c['domain'] ?? (typeof c['url'] === 'string' && URL.canParse(c['url']) ? new URL(c['url']).hostname : undefined);
  if (typeof domain !== 'string' || domain === '') throw fault('domain', 'is missing');
  if (!DOMAIN.test(domain)) throw fault('domain', 'is no domain');
  const until = c['expirationDate'] ?? c['expires'] ?? c['expiry'];
  return { name: c['name'] as string, value: c['value'] as string, domain, path: pathOf(c['path'], fault), expires: c['session'] === true ? -1 : expiryOf(until, fault), httpOnly: c['httpOnly'] === true, secure: c['secure'] === true, sameSite: sameSiteOf(c['sameSite'], c['secure'] === true, fault) };
}

type MakeFault = (field: string, why: string) => CookieFault;

function pathOf(path: unknown, fault: MakeFault): string {
  if (path === undefined || path === null || path === '') return '/';
  if (typeof path !== 'string' || !path.startsWith('/')) throw fault('path', 'must begin with /');
  return path;
}

function expiryOf(until: unknown, fault: MakeFault): number {
  if (until === undefined || until === null || until === '' || until === 0 || until === -1) return -1;
  const at = typeof until === 'string' && !/^\d+(\.\d+)?$/.test(until) ? Date.parse(until) / 1000 : Number(until);
  if (!Number.isFinite(at) || at < 0) throw fault('expires', 'must be seconds since 1970, or a date');
  // Some write milliseconds.
  return Math.floor(at > 1e11 ? at / 1000 : at);
}

function sameSiteOf(given: unknown, secure: boolean, fault: MakeFault): Cookie['sameSite'] {
  if (given === undefined || given === null || given === '' || given === 'unspecified') return 'Lax';
  const known = { strict: 'Strict', lax: 'Lax', none: 'None', no_restriction: 'None' } as const;
  const value = typeof given === 'string' ? known[given.toLowerCase() as keyof typeof known] : undefined;
  if (!value) throw fault('sameSite', 'must be strict, lax, none or no_restriction');
  // Browsers take "None" with Secure only.
  return value === 'None' && !secure ? 'Lax' : value;
}

function originOf(given: unknown, index: number): SessionText['origins'][number] {
  const o = given as { origin?: unknown; localStorage?: unknown };
  if (typeof o?.origin !== 'string' || !URL.canParse(o.origin)) throw new CookieFault(`origins: ${index + 1}: origin: must be an address`);
  const list = o.localStorage ?? [];
  if (!Array.isArray(list) || list.some((i: Json) => typeof i?.['name'] !== 'string' || typeof i?.['value'] !== 'string')) throw new CookieFault(`origins: ${index + 1}: localStorage: must be a list of {name, value}`);
  return { origin: new URL(o.origin).origin, localStorage: (list as { name: string; value: string }[]).map(({ name, value }) => ({ name, value })) };
}

function fromNetscape(text: string): Omit<SessionText, 'expired'> {
  const cookies: Cookie[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const httpOnly = raw.startsWith('#HttpOnly_');
    const line = httpOnly ? raw.slice('#HttpOnly_'.length) : raw;
    if (line.trim() === '' || (line.startsWith('#') && !httpOnly)) continue;
    const parts = line.split('\t');
    const fault = (field: string, why: string) => new CookieFault(`line ${index + 1}: ${field}: ${why}`);
    if (parts.length < 7) {
      if (parts.length === 1 && index === 0 && /^(cookie:\s*)?[^=\s;]+=/i.test(line)) throw new CookieFault('is a Cookie header, which does not say of which site: export cookies.txt, JSON or a storage state');
      throw new CookieFault(`line ${index + 1}: has ${parts.length} field${parts.length === 1 ? '' : 's'}, 7 are needed with tabs between: domain, subdomains, path, secure, expires, name, value`);
    }
    const [domain, subdomains, path, secure, expires, name, ...value] = parts as [string, string, string, string, string, string, ...string[]];
    if (!DOMAIN.test(domain)) throw fault('domain', 'is no domain');
    for (const [field, flag] of [['subdomains', subdomains], ['secure', secure]] as const) if (!/^(TRUE|FALSE)$/i.test(flag)) throw fault(field, 'must be TRUE or FALSE');
    if (!/^-?\d+(\.\d+)?$/.test(expires)) throw fault('expires', 'must be seconds since 1970, 0 for a session');
    if (name === '') throw fault('name', 'is empty');
    cookies.push({ name, value: value.join('\t'), domain: /^true$/i.test(subdomains) && !domain.startsWith('.') ? `.${domain}` : domain, path: pathOf(path, fault), expires: Number(expires) <= 0 ? -1 : expiryOf(expires, fault), httpOnly, secure: /^true$/i.test(secure), sameSite: 'Lax' });
  }
  return { cookies, origins: [] };
}
