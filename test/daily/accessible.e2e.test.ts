import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, openBrowser, site, visitor } from '../http/browse.ts';
import { everyLook } from './axe.ts';

let base: string;
let page: Page;
beforeAll(async () => {
  await openBrowser();
  const opened = await site();
  base = opened.base;
  ({ page } = await visitor(opened.f, base, { lang: 'zh-CN' }));
  page.setDefaultTimeout(20_000);
});
afterAll(closeBrowser);

const PAGES = ['/', '/inbox', '/inbox?item=c20', '/inbox?view=items', '/replies', '/canned', '/rules', '/accounts', '/accounts/a1', '/accounts/a2', '/proxies', '/proxies/p1', '/platforms', '/notifications', '/notifications/rules', '/settings', '/settings/data', '/workers', '/workers/worker-1', '/workers/map', '/groups', '/machines', '/actors', '/actors/worker/worker-1', '/hub', '/tasks', '/tasks/t-failed', '/agents', '/queues', '/schedules', '/task-templates', '/streams', '/alerts', '/api'];
const DIALOGS = ['/accounts/new', '/accounts/a1/edit', '/accounts/a1/proxy', '/accounts/a1/fingerprint', '/accounts/a1/login/cookies', '/accounts/import', '/logins/l1', '/logins/l2', '/proxies/new', '/proxies/p1/remove', '/platforms/sandbox/test', '/inbox/ask/assign?ids=TALK', '/inbox/ask/snooze?ids=TALK', '/inbox/ask/label?ids=TALK', '/inbox/filters/new?query=type%3Dmessage', '/settings/data/erase?talk=TALK', '/canned/new', '/rules/new', '/notifications/rules/new', '/accounts/batch?action=tags&pick-a1=1&pick-a4=1', '/alerts/new', '/workers/new', '/tasks/new'];

const ready = () => page.waitForFunction(() => 'htmx' in window);
/** What is folded away is not looked at, so it is unfolded first; of hundreds that are alike, like the routes of the API, the first dozen. */
const unfold = () => page.evaluate(() => [...document.querySelectorAll<HTMLDetailsElement>('details:not(.menu)')].slice(0, 12).forEach((d) => (d.open = true)));

describe('nothing stands against WCAG 2.1 A and AA, wide and narrow, light and dark', () => {
  it.each(PAGES)('on %s', async (path) => {
    expect((await page.goto(base + path))!.status()).toBe(200);
    await ready();
    await unfold();
    expect(await everyLook(page)).toEqual([]);
  });

  describe('in a dialog', () => {
    let talk: string;
    beforeAll(async () => {
      await page.goto(`${base}/inbox?item=c20`);
      await ready();
      talk = (await page.locator('.thread').getAttribute('data-thread'))!;
    });

    it.each(DIALOGS)('%s', async (path) => {
      await page.evaluate((url) => void (window as unknown as { htmx: { ajax(verb: string, url: string, how: object): unknown } }).htmx.ajax('GET', url, { target: '#dialog', swap: 'innerHTML' }), path.replace('TALK', talk));
      await page.locator('#dialog dialog[open]').waitFor();
      await unfold();
      expect(await everyLook(page, '#dialog')).toEqual([]);
      await page.evaluate(() => document.querySelector<HTMLDialogElement>('#dialog dialog')?.close());
      await page.locator('#dialog dialog').waitFor({ state: 'detached' });
    });
  });

  it('at the door', async () => {
    await page.context().clearCookies();
    await page.goto(`${base}/sign-in`);
    expect(await everyLook(page)).toEqual([]);
  });
});
