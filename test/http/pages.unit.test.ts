import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture, type Fixture } from './fixture.ts';
import type { SeedText } from './seed.ts';

const PAGES = [
  '/', '/accounts', '/accounts?q=%22%3E%3Cscript%3Eq9', '/accounts/new', '/accounts/a1/edit', '/accounts/a1', '/accounts/a2', '/accounts/a1/proxy', '/accounts/a1/fingerprint', '/accounts/import', '/accounts?tag=%22%3E%3Cscript%3Eq9', '/proxies', '/proxies/p1', '/proxies/p2/edit', '/proxies/p1/remove', '/accounts/batch?action=proxy&pick-a1=1&pick-a9=1', '/accounts/a1/assign', ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `/logins/l${n}`), '/inbox', '/inbox?item=c20', '/inbox?item=m9', '/inbox?q=x%22%3E%3Cimg%20src%3Dx%20onerror%3D1%3Eq9',
  '/replies', '/replies?status=failed', '/notifications', '/workers', '/workers/batch?action=stop&pick-worker-1=1&pick-worker-4=1&pick-ghost=1', '/accounts/batch?action=pause&pick-a1=1&pick-a3=1', '/workers/new', '/workers/worker-1/edit', '/workers/worker-1/logs', '/actors', '/actors?q=%3Csvg%3Eq9', '/actors/account/a1', '/actors/worker/worker-3', '/actors/reply/r3', '/settings', '/api', '/sign-in?next=/%22%3E%3Cscript%3E', '/nowhere',
];

const PAYLOADS = [
  '<script>window.pwned=1</script>', '"><img src=x onerror="window.pwned=1">', "'><svg onload=window.pwned=1>", '" hx-get="/evil" hx-trigger="load', '" hx-on:click="window.pwned=1" x="', '<div data-hx-get="/evil" data-hx-trigger="load">', '</textarea><script>window.pwned=1</script>', '</title><script>window.pwned=1</script>',
  '${window.pwned=1}', '`${1}`', '<!--', ']]>', '<a href="javascript:window.pwned=1">x</a>', 'javascript:window.pwned=1', '\u202e<b>rtl', '<style>*{display:none}</style>', '<hx-partial hx-target="#main">x</hx-partial>', '&lt;script&gt;', "\\'\\\"><script>",
];

const textOf = (payload: string): SeedText => ({ author: payload, content: payload, post: payload, name: payload, error: payload, log: payload, id: payload });

/** Elements and the names of their attributes, as a browser's tokenizer sees them; `<br id=a>` and `<br id=b>` are alike. */
function shape(html: string): string[] {
  const tags = html.replace(/<!--[\s\S]*?-->/g, '').match(/<\/?[a-zA-Z][^\s>/]*(?:\s+[^\s=>/]+(?:="[^"]*")?)*\s*\/?>/g) ?? [];
  return tags.map((tag) => tag.replace(/="[^"]*"/g, ''));
}

const NOW = 1_800_000_000_000;
let plain: Fixture;
/** Every page with harmless words, each at its own moment, so that countdowns stand alike. */
const harmless = new Map<string, string[]>();
beforeAll(async () => {
  plain = await fixture({ text: textOf('harmless words'), now: NOW, accounts: true });
  for (const path of PAGES) harmless.set(path, shape(await pageOf(plain, path)));
});
afterAll(() => plain.close());

async function pageOf(f: Fixture, path: string, lang = 'en'): Promise<string> {
  f.clock.now += 20;
  const response = await f.get(path, { cookie: `${await f.cookie()}; troupe_lang=${lang}` });
  expect(response.status, path).toBe(path === '/nowhere' ? 404 : 200);
  expect(response.headers.get('content-security-policy'), path).toBe("default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'");
  expect([response.headers.get('x-content-type-options'), response.headers.get('referrer-policy'), response.headers.get('cache-control'), response.headers.get('x-powered-by')], path).toEqual(['nosniff', 'no-referrer', 'no-store', null]);
  return response.text();
}

describe('what strangers write', () => {
  it.each(PAYLOADS)('adds no element and no attribute to any page: %s', async (payload) => {
    const f = await fixture({ text: textOf(payload), now: NOW, accounts: true });
    try {
      for (const path of PAGES) expect(shape(await pageOf(f, path)), path).toEqual(harmless.get(path));
    } finally {
      f.close();
    }
  });

  it('is in the pages at all: the comparison would see it', async () => {
    const f = await fixture({ text: textOf('A-MARK-TO-FIND') });
    for (const path of ['/', '/accounts', '/inbox?item=c20', '/replies', '/notifications', '/workers', '/workers/worker-1/logs', '/actors/account/a1', '/logins/l2', '/accounts/a1/edit']) expect(await pageOf(f, path), path).toContain('A-MARK-TO-FIND');
    f.close();
    expect(shape('<p title="x"><b>1</b></p>')).not.toEqual(shape('<p title="x" onclick="y"><b>1</b></p>'));
  });
});

describe('pages', () => {
  it('speak Chinese unless asked for English, by cookie or by the browser', async () => {
    const cookie = await plain.cookie();
    const lang = async (headers: Record<string, string>) => /<html lang="([^"]+)"/.exec(await (await plain.get('/accounts', { cookie, ...headers })).text())![1];
    expect(await lang({})).toBe('zh-CN');
    expect(await lang({ 'accept-language': 'fr,de;q=0.8' })).toBe('zh-CN');
    expect(await lang({ 'accept-language': 'en-GB,en;q=0.9,zh;q=0.8' })).toBe('en');
    expect(await lang({ cookie: `${cookie}; troupe_lang=zh-CN`, 'accept-language': 'en' })).toBe('zh-CN');
  });

  it('leave no text untranslated and name no key', async () => {
    for (const lang of ['en', 'zh-CN']) for (const path of PAGES) expect(await pageOf(plain, path, lang), path).not.toMatch(/>(nav|accounts|inbox|workers|actor|replies|login|settings|overview)\.[a-z-]+</);
  });

  it('load nothing from elsewhere, and everything that they load is there', async () => {
    const cookie = await plain.cookie();
    const page = await (await plain.get('/', { cookie })).text();
    const loaded = [...page.matchAll(/(?:src|href)="(\/static\/[^"]+)"/g)].map((m) => m[1]!);
    expect(loaded.length).toBeGreaterThan(4);
    for (const path of loaded) expect((await plain.get(path)).status, path).toBe(200);
    for (const path of PAGES) expect([...(await pageOf(plain, path)).matchAll(/(?:src|href|action)="(https?:)?\/\/[^"]*"/g)], path).toEqual([]);
  });

  it('say what to do next while there is nothing', async () => {
    const f = await fixture({ empty: true });
    for (const path of ['/', '/accounts', '/inbox', '/replies', '/notifications', '/workers', '/actors']) expect(await pageOf(f, path), path).toMatch(/class="(empty|well)/);
    f.close();
  });

  it('give every disabled control its reason, on hover and in sight', async () => {
    for (const path of PAGES) {
      const page = await pageOf(plain, path);
      for (const [whole] of page.matchAll(/<button[^>]* disabled[^>]*>.*?<\/button>(<small class="why">[^<]+<\/small>)?/g)) expect(whole, path).toMatch(/title="[^"]+".*<small class="why">/);
    }
  });

  it('tell when NATS is down, and when nothing is written', async () => {
    const f = await fixture();
    const cookie = `${await f.cookie()}; troupe_lang=en`;
    const first = async () => (await f.get('/', { cookie })).text();
    expect(await first()).not.toContain('NATS is down');
    f.deps.connected = () => false;
    expect(await first()).toContain('NATS is down');
    f.deps.connected = () => true;
    f.deps.view = () => ({ safe: { stream: 'TROUPE_JOURNAL', why: 'it is shorter than before' }, fault: null, at: 0 });
    expect(await pageOf(f, '/workers')).toContain('TROUPE_JOURNAL: it is shorter than before');
    expect((await f.get('/readyz')).status).toBe(503);
    expect((await f.get('/livez')).status).toBe(200);
    f.close();
  });

  it('show who may not see them no values of variables', async () => {
    const token = await plain.token('read');
    const config = await (await plain.get('/api/v1/worker-configs/worker-1', { authorization: `Bearer ${token}` })).text();
    expect(config).toContain('API_SECRET');
    expect(config).not.toContain('hidden-value');
  });

  it('keep a line of a log one line, whatever was logged', async () => {
    const f = await fixture({ text: textOf('one\r\n2026-01-01T00:00:00Z error forged\u001b[2J\u0000\u2028end') });
    const text = await (await f.get('/api/v1/workers/worker-1/logs?format=text&limit=20', { authorization: `Bearer ${await f.token('read')}` })).text();
    expect(text.trimEnd().split('\n')).toHaveLength(20);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(text).toContain('one\\r\\n2026');
    f.close();
  });

  it('send pictures only when they are pictures', async () => {
    const cookie = await plain.cookie();
    await plain.deps.pictures.put('good', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]));
    await plain.deps.pictures.put('bad', '<svg onload="window.pwned=1">');
    const good = await plain.get('/pictures/good', { cookie });
    expect([good.status, good.headers.get('content-type'), good.headers.get('cache-control')]).toEqual([200, 'image/png', 'no-store']);
    expect((await plain.get('/pictures/bad', { cookie })).status).toBe(415);
    expect((await plain.get('/pictures/%2e%2e%2fusers', { cookie })).status).toBe(404);
  });
});
