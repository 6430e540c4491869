import Database from 'better-sqlite3';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, openBrowser, site, visitor } from './browse.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

const ready = () => 'htmx' in window;

describe('accounts and proxies in a real Chromium', () => {
  it('an account\'s page changes under the reader, and its proxy only after a second word', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base);
    await page.goto(`${base}/accounts/a1`);
    await page.waitForFunction(ready);
    await page.locator('#account-statechart summary').click();
    await page.locator('#account-statechart svg').waitFor();

    const view = new Database(f.deps.db.name);
    view.prepare("UPDATE accounts SET last_check = ?, last_round = ? WHERE id = 'a1'").run(JSON.stringify({ at: Date.now(), ok: false, why: 'the proxy p1.example:8080 fails: it drops the connection' }), JSON.stringify({ at: Date.now(), ms: 0, comments: 0, messages: 0, error: 'the proxy p1.example:8080 fails: it drops the connection' }));
    view.close();
    f.deps.live.changed(['account/a1']);
    await page.getByText('The account is still logged in').waitFor();
    expect(await page.locator('#account-state').innerText()).toMatch(/logged in/);
    // What a reader has opened stays open.
    expect(await page.locator('#account-statechart').getAttribute('open')).not.toBeNull();

    await page.locator('#account-trouble').getByRole('button', { name: 'Change proxy' }).click();
    await page.locator('dialog[open] select[name=proxyId]').selectOption('p5');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('tick the box to change its proxy').waitFor();
    expect(f.sent.filter((s) => s.verb === 'update')).toEqual([]);
    await page.getByLabel('I know; change the proxy').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.toast').waitFor();
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'account', id: 'a1' }, verb: 'update', payload: { proxyId: 'p5', confirm: true } });
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    expect(complaints.filter((c) => !c.includes('409'))).toEqual([]);
    await context.close();
  });

  it('accounts come from a file that is looked at first; many get tags at once', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base, { width: 390 });
    await page.goto(`${base}/accounts`);
    await page.waitForFunction(ready);
    const file = join(tmpdir(), `accounts-${process.pid}.csv`);
    writeFileSync(file, 'platform,name,tags\nsandbox,New shop,vip;shop\nnowhere,X,\n');
    await page.locator('#menu-accounts summary').click();
    await page.getByRole('button', { name: 'Import accounts' }).click();
    await page.locator('dialog input[type=file]').setInputFiles(file);
    await page.getByRole('button', { name: 'Look first' }).click();
    await page.getByText('there is no platform nowhere').waitFor();
    await page.getByRole('button', { name: 'Import 1' }).click();
    await page.getByText('1 rows are bad').waitFor();
    expect(f.sent.filter((s) => s.verb === 'create')).toEqual([]);
    await page.getByLabel('Leave out the 1 bad rows').check();
    await page.getByRole('button', { name: 'Import 1' }).click();
    await page.locator('.toast').waitFor();
    expect(f.sent.filter((s) => s.verb === 'create').map((s) => s.payload)).toEqual([{ platform: 'sandbox', name: 'New shop', tags: ['vip', 'shop'] }]);
    await page.locator('dialog[open] footer').getByRole('button', { name: 'Close' }).click();

    for (const id of ['a1', 'a4']) await page.locator(`[name=pick-${id}]`).check();
    await page.getByRole('button', { name: 'Set tags' }).click();
    await page.fill('dialog[open] [name=tags]', 'autumn');
    await page.locator('dialog[open] button.main').click();
    await page.getByText('Set tags: 2 of 2 done').first().waitFor();
    expect(f.sent.slice(-2).map((s) => [s.to.id, s.payload])).toEqual([['a1', { tags: ['vip', '女装', 'autumn'] }], ['a4', { tags: ['autumn'] }]]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('a proxy is added by keys alone, and its check is seen when it comes', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base, { scheme: 'dark' });
    await page.goto(`${base}/proxies`);
    await page.waitForFunction(ready);
    await page.getByRole('button', { name: 'Add a proxy' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog[open] [name=name]').focus();
    for (const [i, text] of ['Night', null, 'nowhere', 'me', 'hush-hush'].entries()) {
      if (i > 0) await page.keyboard.press('Tab');
      if (text) await page.keyboard.type(text);
    }
    f.answers.next = () => ({ ok: false, code: 'invalid', message: 'server: must be host:port, like proxy.example:8080', field: 'server' });
    await page.keyboard.press('Enter');
    await page.locator('dialog[open] .form-error').getByText('must be host:port').waitFor();
    f.answers.next = () => ({ ok: true, state: 'x', seq: 1 });
    await page.fill('dialog[open] [name=server]', 'night.example:8080');
    await page.keyboard.press('Enter');
    await page.locator('.toast').waitFor();
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'proxy' }, verb: 'create', payload: { name: 'Night', protocol: 'http', server: 'night.example:8080', username: 'me', password: 'hush-hush', checkEvery: 10 } });

    await page.locator('#proxy-p2').getByRole('button', { name: 'Check' }).click();
    await page.getByText('The proxy is being checked').waitFor();
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'proxy', id: 'p2' }, verb: 'check' });
    const view = new Database(f.deps.db.name);
    view.prepare("UPDATE proxies SET status = 'healthy', last_check = ? WHERE id = 'p2'").run(JSON.stringify({ at: Date.now(), ok: true, ms: 77, exit: '198.51.100.4', error: null, worker: 'worker-1' }));
    view.close();
    f.deps.live.changed(['proxy']);
    await page.locator('#proxy-p2').getByText('198.51.100.4').waitFor();
    expect(await page.locator('#proxy-p2').innerText()).toMatch(/healthy[\s\S]*77 ms/);
    expect(complaints.filter((c) => !c.includes('422'))).toEqual([]);
    await context.close();
  });
});
