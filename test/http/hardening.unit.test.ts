import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { listen } from '../../runtime/http/listen.ts';
import { createToken, readToken } from '../../runtime/http/tokens.ts';
import { fixture, PASSWORD, type Fixture } from './fixture.ts';

/** Every derivation of a key, in order: its salt, length and cost. */
const derived = vi.hoisted(() => [] as { salt: string; length: number; cost: unknown }[]);
vi.mock('node:crypto', async (original) => {
  const real = await original<typeof import('node:crypto')>();
  const scrypt = (...args: Parameters<typeof real.scrypt>) => {
    derived.push({ salt: Buffer.from(args[1] as Buffer).toString('hex'), length: args[2], cost: args[3] });
    return real.scrypt(...args);
  };
  return { ...real, scrypt, default: { ...real, scrypt } };
});

let f: Fixture;
let cookie: string;
beforeAll(async () => {
  f = await fixture();
  cookie = await f.cookie();
});
afterAll(() => f.close());
beforeEach(() => void (f.clock.now += 61_000));

describe('htmx on our pages', () => {
  const source = readFileSync(createRequire(import.meta.url).resolve('htmx.org/dist/htmx.js'), 'utf8');
  const settings = (html: string) => JSON.parse(/<meta name="htmx-config" content="([^"]+)"/.exec(html)![1]!.replace(/&quot;|&#34;/g, '"')) as Record<string, unknown>;

  it('asks its own origin only, keeps no page, writes no style, and takes two extensions', async () => {
    for (const path of ['/', '/inbox', '/settings', '/sign-in', '/no-such-page']) {
      const html = await (await f.get(path, { cookie })).text();
      expect(settings(html), path).toMatchObject({ mode: 'same-origin', history: 'reload', includeIndicatorCSS: false, extensions: 'sse,troupe' });
      expect(Number(settings(html)['defaultTimeout']), path).toBeLessThanOrEqual(30_000);
    }
  });

  it('is told so in words that this version of it knows', async () => {
    const known = /this\.config = \{(.*?)\n\s+\}/s.exec(source)![1]!;
    const words = [...known.matchAll(/^\s+(\w+):/gm)].map((m) => m[1]);
    expect(words).toContain('mode');
    expect(words).toEqual(expect.arrayContaining(Object.keys(settings(await (await f.get('/', { cookie })).text()))));
    // What older versions call it: if they come back, they must be set.
    for (const word of ['allowEval', 'allowScriptTags', 'selfRequestsOnly', 'historyCacheSize', 'includeIndicatorStyles', 'allowNestedOobSwaps']) expect(words).not.toContain(word);
    expect(source).toContain("ctx.request.mode = this.config.mode;  // mode is security-sensitive, never allow per-element override");
    // Only an extension keeps pages, and it is not among those taken.
    expect(source).not.toMatch(/localStorage|sessionStorage/);
  });

  it('can evaluate nothing: no page lets a script in that is not a file of ours', async () => {
    for (const path of ['/', '/inbox', '/replies', '/accounts', '/workers', '/notifications', '/actors', '/settings', '/api', '/sign-in']) {
      const response = await f.get(path, { cookie });
      const rules = Object.fromEntries(response.headers.get('content-security-policy')!.split(';').map((r) => [r.trim().split(' ')[0], r.trim().split(' ').slice(1).join(' ')]));
      expect([rules['default-src'], rules['script-src'], rules['object-src'], rules['base-uri'], rules['form-action']], path).toEqual(["'self'", "'self'", "'none'", "'none'", "'self'"]);
      const html = await response.text();
      expect(html, path).not.toMatch(/<script(?![^>]* src="\/static\/)|<style|\shx-on|\son[a-z]+=|="(?:js|javascript):/i);
      expect([...html.matchAll(/\shx-(?:vals|headers|config)=("[^"]*"|'[^']*')/g)].map((m) => m[1]!.slice(1, 12)).filter((v) => !/^(\{|&quot;|&#123;)/.test(v)), path).toEqual([]);
    }
  });
});

describe('a wrong sign-in', () => {
  const signIn = async (user: string, password: string) => {
    derived.length = 0;
    const response = await f.post('/sign-in', new URLSearchParams({ user, password, next: '/' }).toString(), { 'accept-language': 'en' });
    const html = (await response.text()).replace(/ value(="[^"]*")?(?=>)/g, '').replace(/ data-now="\d+"/, '');
    return { status: response.status, html, work: derived.map(({ length, cost }) => ({ length, cost })), salts: derived.map((d) => d.salt), cookies: response.headers.getSetCookie() };
  };

  it('costs one derivation of the same size, and says the same, whoever it names', async () => {
    const wrong = await signIn('admin', 'not-the-password');
    expect(wrong).toMatchObject({ status: 401, cookies: [], work: [{ length: 32, cost: { N: 32_768, r: 8, p: 1 } }] });
    for (const [user, password] of [['nobody', 'not-the-password'], ['nobody', PASSWORD], ['admin', ''], ['', ''], ['__proto__', 'x'], ['constructor', 'x'], ['../admin', 'x'], ['管理员', 'x'], ['admin', 'x'.repeat(1000)]] as const) {
      f.clock.now += 61_000;
      const other = await signIn(user, password);
      expect([other.status, other.work, other.cookies], user).toEqual([401, wrong.work, []]);
      expect(other.html, user).toBe(wrong.html);
    }
  });

  it('is told from a right one by nothing before the comparison', async () => {
    const right = await signIn('admin', PASSWORD);
    expect([right.status, right.work.length]).toEqual([303, 1]);
    const wrong = await signIn('admin', 'x');
    expect(wrong.work).toEqual(right.work);
    expect(wrong.salts).toEqual(right.salts);
    expect((await signIn('nobody', 'x')).salts).not.toEqual(right.salts);
  });
});

describe('tokens', () => {
  const asks = async (text: string) => (await f.get('/api/v1/accounts', { authorization: `Bearer ${text}` })).status;
  it('may be two of one name while one takes over; the old one is dead with its next request', async () => {
    const about = { name: 'crm', scope: 'read', by: 'admin' } as const;
    const old = await createToken(f.deps.tokens, about, f.clock.now);
    const fresh = await createToken(f.deps.tokens, about, f.clock.now);
    expect(fresh.text).not.toBe(old.text);
    expect([await asks(old.text), await asks(fresh.text)]).toEqual([200, 200]);
    const revoked = await f.post(`/settings/tokens/${old.token.id}/revoke`, '', { cookie: await f.cookie(), 'hx-request': 'true' });
    expect(revoked.status).toBe(200);
    expect([await asks(old.text), await asks(fresh.text)]).toEqual([401, 200]);
  });

  it('are good whole only: neither id nor secret goes with another', async () => {
    const one = await createToken(f.deps.tokens, { name: 'a', scope: 'admin', by: 'admin' }, f.clock.now);
    const two = await createToken(f.deps.tokens, { name: 'b', scope: 'read', by: 'admin' }, f.clock.now);
    const [, id, secret] = /^trp_(\w{12})_(.+)$/.exec(one.text)!;
    const crossed = `trp_${id}_${two.text.slice(17)}`;
    for (const text of [crossed, `trp_${two.token.id}_${secret}`, `trp_${'0'.repeat(12)}_${secret}`, `trp_${id}_${'A'.repeat(43)}`, one.text.slice(0, -1), `${one.text}A`, one.token.hash]) {
      expect(await readToken(f.deps.tokens, text), text.slice(0, 20)).toBeNull();
      expect(await asks(text)).toBe(401);
    }
    expect(await readToken(f.deps.tokens, one.text)).toMatchObject({ name: 'a' });
  });
});

describe('connections', () => {
  const request = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';
  /** What one connection hears of one request; null when it is closed unheard. */
  const ask = async (socket: Socket): Promise<string | null> => {
    const heard = Promise.race([once(socket, 'data').then(([d]) => String(d)), once(socket, 'close').then(() => null)]).catch(() => null);
    socket.write(request);
    return heard;
  };

  it('beyond the most are closed unheard, and those that are open go on', async () => {
    const server = await listen(f.app.fetch, '127.0.0.1', 0, 3);
    const { port } = server.address() as AddressInfo;
    const open = async () => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      return socket;
    };
    try {
      const held = [await open(), await open(), await open()];
      for (const s of held) expect(await ask(s)).toMatch(/^HTTP\/1\.1 200/);
      for (let i = 0; i < 20; i++) expect(await ask(await open())).toBeNull();
      for (const s of held) expect(await ask(s)).toMatch(/^HTTP\/1\.1 200/);
      held[0]!.destroy();
      await vi.waitFor(async () => expect(await ask(await open())).toMatch(/^HTTP\/1\.1 200/));
      expect(await ask(held[2]!)).toMatch(/^HTTP\/1\.1 200/);
      held.forEach((s) => s.destroy());
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
