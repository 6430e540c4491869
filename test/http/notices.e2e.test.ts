import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { closeBrowser, openBrowser, site, visitor } from './browse.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

it('tells on every open page what is high or urgent, once, and by the browser itself where that was turned on', async () => {
  const { f, base } = await site();
  const { context, page, complaints } = await visitor(f, base);
  await context.grantPermissions(['notifications'], { origin: base });
  await context.addInitScript(() => {
    const told: string[] = [];
    class Told extends EventTarget {
      static permission = 'granted';
      static requestPermission = async () => 'granted';
      constructor(title: string, about: { body: string; tag: string }) {
        super();
        told.push(`${about.tag}: ${title}: ${about.body}`);
      }
      close(): void {}
    }
    Object.assign(window, { Notification: Told, told });
  });
  const told = () => page.evaluate(() => (window as unknown as { told: string[] }).told);
  const notice = (n: number, priority: string) => {
    const db = new Database(f.deps.db.name);
    db.prepare("INSERT INTO notifications (key, type, account_id, title, content, priority, created_at, created_ms) VALUES (?, 'system', NULL, ?, 'look at it', ?, ?, ?)").run(`new-${n}`, `News ${n}`, priority, Math.floor(Date.now() / 1000), Date.now());
    db.close();
    f.deps.live.changed(['notification']);
  };
  await page.goto(`${base}/accounts`);
  await page.waitForFunction(() => localStorage.getItem('troupe-noticed') !== null);
  // What was there before is no news.
  expect(await page.locator('.toast.news').count()).toBe(0);
  notice(1, 'normal');
  notice(2, 'urgent');
  await page.locator('.toast.news', { hasText: 'News 2' }).waitFor();
  expect(await page.locator('.toast.news').allInnerTexts()).toHaveLength(1);
  expect(await told()).toEqual([]);

  await page.goto(`${base}/notifications`);
  const button = page.locator('[data-desktop]');
  await button.click();
  expect([await button.getAttribute('aria-pressed'), await button.innerText()]).toEqual(['true', 'Desktop notifications: on']);
  notice(3, 'high');
  await page.locator('.toast.news', { hasText: 'News 3' }).waitFor();
  expect(await told()).toEqual(['new-3: News 3: look at it']);
  // Many at once are three and a word for the rest.
  for (let n = 10; n < 16; n++) notice(n, 'high');
  await page.locator('.toast.news', { hasText: 'more new notifications' }).waitFor();
  const other = await context.newPage();
  await other.goto(`${base}/inbox`);
  await other.waitForFunction(() => 'htmx' in window);
  expect(await other.locator('.toast.news').count()).toBe(0);
  await button.click();
  expect(await button.getAttribute('aria-pressed')).toBe('false');
  expect(complaints).toEqual([]);
  await context.close();
});
