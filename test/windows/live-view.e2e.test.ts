import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrowserPool } from '../../runtime/browsers/browser-pool.ts';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { createUser } from '../../runtime/http/users.ts';
import { CastHub } from '../../runtime/http/windows/cast-hub.ts';
import { Takeovers } from '../../runtime/http/windows/takeovers.ts';
import type { WindowsPort } from '../../runtime/http/windows/windows-port.ts';
import { openTools } from '../../runtime/tools/registry.ts';
import type { Window } from '../../runtime/worker/windows/window.ts';
import { WindowDesk } from '../../runtime/worker/windows/window-desk.ts';
import { Windows } from '../../runtime/worker/windows/windows.ts';
import { closeBrowser, openBrowser, site as hub, visitor } from '../http/browse.ts';
import { until } from '../worker/until.ts';
import { pageSite, type PageSite } from './page-site.ts';

let dir: string;
let site: PageSite;
let pool: BrowserPool;
let windows: Windows;
let desk: WindowDesk;
let window: Window;
let idleMs = 60_000;
const heard = new Map<string, Set<(message: Uint8Array) => void>>();
/** The wire between the page and the worker, without NATS. */
const wire: WindowsPort = {
  ask: async (_, request) => Buffer.from(await desk.take(Buffer.from(JSON.stringify(request)))),
  listen(_, agent, take) {
    const all = heard.get(agent) ?? new Set();
    heard.set(agent, all.add(take));
    return () => void all.delete(take);
  },
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'live-'));
  site = await pageSite();
  pool = new BrowserPool({ dir, mode: 'profile', chromium: await findChromium(), headless: true, allow: [site.host], log: () => undefined, vault: { get: async () => null, put: async () => undefined } });
  windows = new Windows({ pool, tools: openTools(null), log: () => undefined, max: () => 4 });
  desk = new WindowDesk({ windows, cast: (agent, message) => heard.get(agent)?.forEach((take) => take(message)), store: async () => undefined, idleMs: () => idleMs });
  window = await windows.open('g1', { account: null, proxy: null, viewport: { width: 1000, height: 800 } }, new AbortController().signal);
  await window.page.goto(`${site.url}/pad`);
  await openBrowser();
});
afterAll(async () => {
  await closeBrowser();
  await windows.closeAll();
  await pool.closeAll(false);
  await site.stop();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

/** The page of Troupe with one agent, whose window is the one above. */
async function stage() {
  const { f, base } = await hub();
  Object.assign(f.deps, { windows: wire, casts: new CastHub(wire), takeovers: new Takeovers(wire) });
  const { default: Database } = await import('better-sqlite3');
  const db = new Database(f.deps.db.name);
  db.prepare(`INSERT OR REPLACE INTO agents (id, name, worker_id, status, group_name, restarts, created_by, created_ms, updated_ms) VALUES ('g1', 'Pad', 'worker-1', 'idle', 'default', 0, 'user:admin', 1, 1)`).run();
  db.close();
  return { f, base };
}
const hits = (of = window.page) => of.evaluate(() => (globalThis as unknown as { hits: [number, number][] }).hits);
const shown = (page: Page) => page.locator('.live-stage img').waitFor();

describe('the live view', () => {
  it('shows the window; who takes it over clicks, types and turns it at the right place; others see who; what was done is in the audit', async () => {
    const { f, base } = await stage();
    const { page, complaints } = await visitor(f, base);
    await page.goto(`${base}/agents/g1/view`);
    await shown(page);
    expect(await page.locator('.live-stage img').evaluate((e: HTMLImageElement) => [e.getAttribute('width'), e.getAttribute('height'), e.naturalWidth > 300])).toEqual(['1000', '800', true]);
    await page.locator('.live-stage').click();
    expect(await hits()).toEqual([]);
    expect(await page.locator('[data-live-who]').innerText()).toContain('read-only');

    await page.getByRole('button', { name: 'Take over' }).click();
    await page.getByText('You have taken over').waitFor();
    const box = (await page.locator('.live-stage img').boundingBox())!;
    expect(Math.abs(box.width / box.height - 1000 / 800)).toBeLessThan(0.02);
    await page.mouse.click(box.x + box.width * 0.25, box.y + box.height * 0.5);
    const [x, y] = await until('the click arrives', async () => (await hits())[0]);
    expect([Math.abs(x - 250) < 4, Math.abs(y - 400) < 4], `${x},${y}`).toEqual([true, true]);

    const field = (await window.page.locator('#box').boundingBox())!;
    await page.mouse.click(box.x + ((field.x + 20) / 1000) * box.width, box.y + ((field.y + field.height / 2) / 800) * box.height);
    await page.keyboard.type('hello');
    await page.keyboard.press('Backspace');
    await until('the keys arrive', async () => (await window.page.locator('#box').inputValue()) === 'hell');

    const password = await createUser(f.deps.users, 'bob', 'operate', Date.now() - 600_000);
    expect(password).not.toBeNull();
    const bob = await f.cookie('bob');
    const post = (path: string, body: object, cookie = bob) => fetch(base + path, { method: 'POST', redirect: 'manual', headers: { cookie, origin: base, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    expect((await post('/agents/g1/control', {})).status).toBe(403);
    await createUser(f.deps.users, 'eve', 'control', Date.now() - 600_000);
    const eve = await f.cookie('eve');
    expect((await post('/agents/g1/control', {}, eve)).status).toBe(409);
    expect((await post('/agents/g1/input', { holder: 'a'.repeat(24), inputs: [{ is: 'text', text: 'x' }] }, eve)).status).toBe(409);
    const other = await visitor(f, base, { lang: 'zh-CN' });
    await other.context.clearCookies();
    await other.context.addCookies([{ name: 'troupe_session', value: eve.split('=')[1]!, url: base }]);
    await other.page.goto(`${base}/agents/g1/view`);
    await other.page.getByText('admin 正在接管').waitFor();
    expect(await other.page.getByRole('button', { name: '接管' }).isDisabled()).toBe(true);

    await page.locator('[name=url]').fill(`${site.url}/tall`);
    await page.locator('[name=url]').press('Enter');
    await until('it goes there', () => window.page.url().endsWith('/tall'));
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await until('it turns', async () => {
      await page.mouse.wheel(0, 300);
      return (await window.page.evaluate(() => scrollY)) > 200;
    });
    await page.getByRole('button', { name: 'Hand back' }).click();
    await other.page.getByText('无人接管').waitFor();
    idleMs = 1500;
    await other.page.getByRole('button', { name: '接管' }).click();
    await other.page.getByText('由你接管').waitFor();
    await page.getByText('eve has taken over').waitFor();
    await page.getByText('Nobody has taken over').waitFor({ timeout: 15_000 });
    idleMs = 60_000;
    const done = await until('both are in the audit', () => (f.audited.length >= 4 ? f.audited : null));
    expect(done.map((a) => [a.by, a.about, a.event])).toEqual([['user:admin', 'agent/g1', 'takes control'], ['user:admin', 'agent/g1', 'control ends: handed back'], ['user:eve', 'agent/g1', 'takes control'], ['user:eve', 'agent/g1', 'control ends: idle for a minute']]);
    expect(complaints.filter((c) => !/status of 4/.test(c))).toEqual([]);
    await other.context.close();
    await page.context().close();
    await until('nobody looks any more', () => f.deps.casts.open === 0);
  });

  it('lends a hand in the window of a login, which goes back to it', async () => {
    const { f, base } = await stage();
    // A page of its own, as a login has: a page is filmed once at a time.
    const { page: own } = await windows.open('g2', { account: null, proxy: null, viewport: { width: 1000, height: 800 } }, new AbortController().signal);
    await own.goto(`${site.url}/pad`);
    const takeBack = windows.lend('login-l2', own, 'a4');
    const { page, context, complaints } = await visitor(f, base);
    const lent: Promise<Page> = page.waitForEvent('popup');
    await page.goto(`${base}/accounts`);
    await page.waitForFunction(() => 'htmx' in globalThis);
    await page.locator('#account-a4').waitFor();
    await page.evaluate(() => (globalThis as unknown as { htmx: { ajax(verb: string, url: string, o: object): void } }).htmx.ajax('GET', '/logins/l2', { target: '#dialog', swap: 'innerHTML' }));
    await page.locator('#dialog').getByRole('link', { name: 'live view' }).click();
    const live = await lent;
    await shown(live);
    expect(await live.locator('.live-stage img').evaluate((e: HTMLImageElement) => e.naturalWidth > 300)).toBe(true);
    await live.getByRole('button', { name: 'Take over' }).click();
    await live.getByText('You have taken over').waitFor();
    const before = (await hits(own)).length;
    const box = (await live.locator('.live-stage img').boundingBox())!;
    await live.mouse.click(box.x + box.width * 0.5, box.y + box.height * 0.5);
    const [x, y] = await until('the click arrives', async () => (await hits(own))[before]);
    expect([Math.abs(x - 500) < 4, Math.abs(y - 400) < 4], `${x},${y}`).toEqual([true, true]);

    await createUser(f.deps.users, 'bob', 'operate', Date.now() - 600_000);
    const refused = await fetch(`${base}/logins/l2/control`, { method: 'POST', redirect: 'manual', headers: { cookie: await f.cookie('bob'), origin: base, 'content-type': 'application/json' }, body: '{}' });
    expect(refused.status).toBe(403);
    await live.getByRole('button', { name: 'Hand back' }).click();
    await live.getByText('Nobody has taken over').waitFor();
    const done = await until('both are in the audit', () => (f.audited.length >= 2 ? f.audited : null));
    expect(done.map((a) => [a.by, a.about, a.event])).toEqual([['user:admin', 'login/l2', 'takes control'], ['user:admin', 'login/l2', 'control ends: handed back']]);
    takeBack();
    await live.getByText('The window is closed').waitFor();
    expect([own.isClosed(), (await fetch(`${base}/logins/l3/view`, { headers: { cookie: await f.cookie() } })).status]).toEqual([false, 409]);
    expect(complaints).toEqual([]);
    await context.close();
    await until('nobody looks any more', () => f.deps.casts.open === 0);
  });

  it('works by touch on a phone', async () => {
    const { f, base } = await stage();
    await window.page.goto(`${site.url}/pad`);
    const { context } = await visitor(f, base);
    const cookies = await context.cookies();
    const phone = await context.browser()!.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: 'en-US' });
    await phone.addCookies(cookies);
    const page = await phone.newPage();
    await page.goto(`${base}/agents/g1/view`);
    await shown(page);
    await page.getByRole('button', { name: 'Take over' }).tap();
    await page.getByText('You have taken over').waitFor();
    const box = (await page.locator('.live-stage img').boundingBox())!;
    expect(box.width).toBeLessThanOrEqual(390);
    await page.touchscreen.tap(box.x + box.width * 0.75, box.y + box.height * 0.25);
    const [x, y] = await until('the tap arrives', async () => (await hits())[0]);
    expect([Math.abs(x - 750) < 8, Math.abs(y - 200) < 8], `${x},${y}`).toEqual([true, true]);
    await window.page.locator('#box').focus();
    await page.locator('[data-live-type] input').fill('from a phone');
    await page.getByRole('button', { name: 'Send' }).tap();
    await page.getByRole('button', { name: 'Backspace' }).tap();
    await until('the text arrives', async () => (await window.page.locator('#box').inputValue()) === 'from a phon');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await window.close();
    await page.getByText('The window is closed').waitFor();
    await phone.close();
    await context.close();
  });
});
