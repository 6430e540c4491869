import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, openBrowser, site, visitor } from './browse.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

const ready = (page: Page) => page.waitForFunction(() => 'htmx' in window);
/** Pictures of windows come from a worker, and none runs here. */
const about = (complaints: string[]) => complaints.filter((c) => !/status of (404|503|504)/.test(c));

describe('work in a real Chromium', () => {
  it('a task is put together step by step, and the steps go out in the order in which they stand', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base);
    await page.goto(`${base}/tasks/new`);
    await page.locator('#dialog dialog[open] [name=title]').waitFor();
    expect(page.url()).toBe(`${base}/tasks`);
    await page.goto(`${base}/tasks#dialog=${encodeURIComponent('//elsewhere.example/x')}`);
    await page.reload();
    await ready(page);
    // An address that is none does not stop the page.
    await page.goto(`${base}/tasks#dialog=http://%`);
    await page.reload();
    await ready(page);
    await page.getByRole('button', { name: 'New task' }).click();
    const dialog = page.locator('#dialog dialog');
    await dialog.locator('[name=title]').fill('Prices');
    await dialog.locator('[name=type]').selectOption('scrape');
    const steps = dialog.locator('#steps > li');
    for (const [i, tool] of ['wait_for', 'navigate', 'scroll'].entries()) {
      await dialog.getByRole('button', { name: 'Add a step' }).click();
      await steps.nth(i).locator('select').first().selectOption(tool);
      await steps.nth(i).locator(`select:has(option[value="${tool}"]:checked)`).first().waitFor();
      await expect.poll(() => steps.nth(i).locator('.sub.grow').innerText()).not.toBe('');
    }
    await steps.nth(0).locator('[name$=-arg-selector]').fill('.price');
    await steps.nth(1).locator('[name$=-arg-url]').fill('https://shop.example/');
    await steps.nth(1).getByRole('button', { name: 'Move up' }).click();
    await steps.nth(2).getByRole('button', { name: 'Remove' }).click();
    expect(await steps.count()).toBe(2);
    await dialog.locator('[name=priority]').fill('9');
    await dialog.getByRole('button', { name: 'Start' }).click();
    await page.locator('.toast', { hasText: 'Prices' }).waitFor();
    expect(f.sent.find((s) => s.to.kind === 'task')).toMatchObject({ verb: 'create', payload: { title: 'Prices', type: 'scrape', priority: 9, payload: { actions: [{ tool: 'navigate', args: { url: 'https://shop.example/' } }, { tool: 'wait_for', args: { selector: '.price' } }] } } });

    await page.getByRole('button', { name: 'New task' }).click();
    await dialog.locator('[name=title]').fill('Who am I');
    await dialog.locator('[name=type]').selectOption('shell');
    expect(await dialog.locator('#steps').isVisible()).toBe(false);
    await dialog.getByRole('button', { name: 'Start' }).click();
    await dialog.locator('[name=command][aria-invalid=true]').waitFor();
    await dialog.locator('[name=command]').fill('id');
    await dialog.getByRole('button', { name: 'Start' }).click();
    await page.locator('.toast', { hasText: 'Who am I' }).waitFor();
    expect(about(complaints)).toEqual(['Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)']);
    await context.close();
  });

  it('many are cancelled after a look, and those that failed run again with other input', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base);
    await page.goto(`${base}/tasks?status=open`);
    await ready(page);
    await page.locator('[data-pick]').nth(0).check();
    await page.locator('[data-pick]').nth(1).check();
    await page.locator('.batch-actions').getByRole('button', { name: 'Cancel task' }).click();
    await page.locator('#dialog dialog').getByRole('button', { name: /Cancel task/ }).click();
    await expect.poll(() => f.sent.filter((s) => s.verb === 'cancel').length).toBe(2);
    await page.locator('#dialog dialog').getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('button', { name: /^Cancel all/ }).click();
    await page.locator('#dialog dialog').getByRole('button', { name: /^Cancel task/ }).click();
    await page.locator('.toast', { hasText: /of 34/ }).waitFor();
    await page.goto(`${base}/tasks?status=dead`);
    await ready(page);
    await page.locator('#task-t-failed').getByRole('button', { name: 'Run again' }).click();
    const dialog = page.locator('#dialog dialog');
    await dialog.locator('[name=url]').fill('https://shop.example/other');
    await dialog.getByRole('button', { name: 'Run again' }).click();
    await page.locator('.toast').waitFor();
    expect(JSON.stringify(f.sent.at(-1))).toContain('https://shop.example/other');
    expect(about(complaints)).toEqual([]);
    await context.close();
  });

  it('a template is written, used, and put on a schedule that says when it comes', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base);
    await page.goto(`${base}/task-templates`);
    await ready(page);
    await page.getByRole('button', { name: 'New template' }).first().click();
    const dialog = page.locator('#dialog dialog');
    await dialog.locator('[name=name]').fill('prices');
    await dialog.getByRole('button', { name: 'Add a parameter' }).click();
    await dialog.locator('[name^=p-][name$=-name]').fill('page');
    await dialog.locator('[name^=p-][name$=-type]').selectOption('url');
    await dialog.locator('[name^=p-][name$=-required]').check();
    await dialog.locator('[name=title]').fill('Prices of {{page}}');
    await dialog.locator('[name=url]').fill('{{page}}');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.locator('#template-prices').waitFor();
    await page.locator('#template-prices').getByRole('button', { name: 'Use' }).click();
    await dialog.locator('[name=param-page]').fill('https://shop.example/');
    await dialog.getByRole('button', { name: 'Start' }).click();
    await page.locator('.toast', { hasText: 'Prices of https://shop.example/' }).waitFor();
    await page.locator('#menu-prices summary').click();
    await page.locator('#menu-prices').getByRole('button', { name: 'New schedule' }).click();
    await dialog.locator('[name=cron]').waitFor();
    expect(await dialog.locator('[name=every]').isVisible()).toBe(false);
    await dialog.locator('[name=cron]').fill('61 * * * *');
    await dialog.locator('#schedule-preview.bad-text').waitFor();
    await dialog.locator('[name=kind]').selectOption('every');
    expect(await dialog.locator('[name=cron]').isVisible()).toBe(false);
    await dialog.locator('#schedule-preview:not(.bad-text)').waitFor();
    await dialog.locator('[name=param-page]').fill('https://shop.example/');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect.poll(() => f.sent.at(-1)?.to.kind).toBe('schedule');
    expect(f.sent.at(-1)!.payload).toMatchObject({ when: { everyMs: 600_000 }, makes: { template: 'prices', params: { page: 'https://shop.example/' } } });
    expect(about(complaints)).toEqual([]);
    await context.close();
  });

  it('agents are opened and queues are held', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base);
    await page.goto(`${base}/agents`);
    await ready(page);
    await page.getByRole('button', { name: 'New agent' }).click();
    const dialog = page.locator('#dialog dialog');
    await dialog.locator('[name=count]').fill('2');
    await dialog.getByRole('button', { name: 'Open' }).click();
    await expect.poll(() => f.sent.filter((s) => s.to.kind === 'agent' && s.verb === 'create').length).toBe(2);
    await page.goto(`${base}/queues`);
    await ready(page);
    await page.locator('#queue-gpu').getByRole('button', { name: 'Pause' }).click();
    expect(await dialog.locator('[name=name]').inputValue()).toBe('gpu');
    await dialog.locator('[name=scope]').selectOption('fleet');
    expect(await dialog.locator('[name=name]').isVisible()).toBe(false);
    await dialog.locator('[name=scope]').selectOption('group');
    await dialog.locator('[name=reason]').fill('maintenance');
    await dialog.getByRole('button', { name: 'Pause' }).click();
    await expect.poll(() => f.sent.at(-1)).toMatchObject({ to: { kind: 'gate', id: 'group-gpu' }, verb: 'pause', payload: { reason: 'maintenance' } });
    await page.locator('#pause-queue-gpu\\.low').getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => f.sent.at(-1)).toMatchObject({ to: { id: 'queue-gpu--low' }, verb: 'resume' });
    expect(about(complaints)).toEqual([]);
    await context.close();
  });

  it('nothing is wider than a phone, in either language', async () => {
    const { f, base } = await site();
    for (const lang of ['en-US', 'zh-CN']) {
      const { context, page, complaints } = await visitor(f, base, { width: 390, lang, scheme: 'dark' });
      for (const path of ['/hub', '/tasks', '/tasks/t-failed', '/tasks/t-running', '/agents', '/agents/w-1', '/queues', '/schedules', '/task-templates', '/streams']) {
        await page.goto(base + path);
        await ready(page);
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${path} in ${lang}`).toBeLessThanOrEqual(0);
      }
      expect(about(complaints)).toEqual([]);
      await context.close();
    }
  });
});
