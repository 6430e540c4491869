import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, openBrowser, site, visitor } from '../http/browse.ts';
import { everyLook } from './axe.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

const PAGES = ['/', '/inbox', '/inbox?item=c20', '/inbox?view=items', '/replies', '/canned', '/rules', '/accounts', '/accounts/a1', '/accounts/a2', '/proxies', '/proxies/p1', '/platforms', '/notifications', '/notifications/rules', '/settings', '/settings/data', '/workers', '/workers/worker-1', '/workers/map', '/groups', '/machines', '/actors', '/actors/worker/worker-1', '/hub', '/tasks', '/tasks/t-failed', '/agents', '/queues', '/schedules', '/tasks/templates', '/alerts', '/api'];

describe('WCAG 2.1 A and AA', () => {
  it('no page has anything against them', { timeout: 120_000 }, async () => {
    const { f, base } = await site();
    const { context, page } = await visitor(f, base, { lang: 'zh-CN' });
    const said: string[] = [];
    for (const path of PAGES) {
      const r = await page.goto(base + path);
      expect.soft(r!.status(), path).toBe(200);
      await page.waitForFunction(() => 'htmx' in window);
      const t = Date.now();
      said.push(...(await everyLook(page, path)));
      console.log(path, Date.now() - t);
    }
    (await import('node:fs')).writeFileSync('/tmp/axe-said.txt', said.join('\n')); expect(said).toEqual([]);
    await context.close();
  });
});
