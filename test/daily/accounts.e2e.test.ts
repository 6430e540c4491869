import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, openBrowser } from '../http/browse.ts';
import { READERS, startDay } from './day.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

describe.each(READERS)('accounts at %i px in %s', (width, lang) => {
  it('one is added and logged in: by its code, by cookies after a field error, and through a challenge', async () => {
    const d = await startDay(width, lang);
    const { page, dialog, t } = d;
    await d.open('/accounts');
    await d.button(t('accounts.new')).first().click();
    await dialog.locator('[name=name]').fill('夜猫子');
    await dialog.locator('[name=tags]').fill('vip');
    await page.keyboard.press('Enter');
    await d.toast(t('done.created', { name: '夜猫子' }));
    await dialog.waitFor({ state: 'detached' });
    const [made] = d.sent();
    expect(made).toMatchObject({ to: { kind: 'account' }, verb: 'create', payload: { platform: 'sandbox', name: '夜猫子', tags: ['vip'] } });
    const id = made!.to.id;
    d.happens(['account'], (db) => db.prepare(`INSERT INTO accounts (id, platform, account_name, login_status, lease_state, assigned_worker_id, created_at, updated_at) VALUES (?, 'sandbox', '夜猫子', 'not_logged_in', 'held', 'worker-1', 1, 1)`).run(id));

    // The code comes, with the time that it holds.
    const begins = (login: string) => () => {
      d.happens([], (db) => db.prepare(`UPDATE accounts SET login_status = 'logging_in', login_session = ? WHERE id = ?`).run(login, id));
      return { ok: true as const, state: 'x', seq: 1, login };
    };
    d.f.answers.next = begins('l9');
    await d.button(t('accounts.login'), page.locator(`#account-${id}`)).click();
    await dialog.getByText(t('login.opening', { worker: 'worker-1' })).waitFor();
    expect(d.sent()).toEqual([{ to: { kind: 'account', id }, verb: 'login', payload: { method: 'qrcode' } }]);
    const login = (login: string, method: string, status: string, more: object = {}) => d.happens(['login'], (db) => {
      const row = { id: login, account_id: id, worker_id: 'worker-1', login_method: method, status, expires_at: Math.floor(Date.now() / 1000) + 200, created_at: 1, ...more };
      db.prepare(`INSERT OR REPLACE INTO login_sessions (${Object.keys(row).join(', ')}) VALUES (${Object.keys(row).map((k) => `@${k}`).join(', ')})`).run(row);
    });
    login('l9', 'qrcode', 'scanning', { picture: 'qr1', qr_expires_ms: Date.now() + 48_000, qr_txn: 't1' });
    const code = dialog.getByAltText(t('login.qr'));
    expect(await code.evaluate((i: HTMLImageElement) => i.decode().then(() => i.naturalWidth))).toBeGreaterThan(0);
    await dialog.getByText(t('login.qr-renewed-in')).locator('.count', { hasText: /^0:4\d$/ }).waitFor();

    // Cookies instead: what is refused is told at the field, and what was pasted stays.
    await d.button(d.word('method', 'cookies'), dialog).click();
    const box = dialog.locator('[name=cookies]');
    await box.fill('no cookies at all');
    d.f.answers.next = () => ({ ok: false, code: 'invalid', message: 'cookies: line 1 is no cookie of a cookies.txt', field: 'cookies' });
    await d.button(t('login.cookies-go'), dialog).click();
    await dialog.getByRole('alert').getByText('line 1 is no cookie').waitFor();
    expect([await box.getAttribute('aria-invalid'), await box.inputValue()]).toEqual(['true', 'no cookies at all']);
    d.f.answers.next = begins('l10');
    await box.fill('[{"name":"sid","value":"1","domain":"sandbox.example"}]');
    await d.button(t('login.cookies-go'), dialog).click();
    await dialog.locator('#login-l10').waitFor();
    expect(d.sent().at(-1)).toEqual({ to: { kind: 'account', id }, verb: 'login', payload: { method: 'cookies', cookies: '[{"name":"sid","value":"1","domain":"sandbox.example"}]' } });

    // The platform asks for more.
    d.f.answers.next = () => ({ ok: true, state: 'x', seq: 1 });
    login('l10', 'cookies', 'challenge', { challenge: JSON.stringify({ what: 'sms', prompt: '138****2046', picture: null, txn: 't9' }) });
    await dialog.getByText('138****2046').waitFor();
    await dialog.getByLabel(t('login.code')).fill('471100');
    await page.keyboard.press('Enter');
    await d.toast(t('done.answer'));
    expect(d.sent()).toEqual([{ to: { kind: 'login', id: 'l10' }, verb: 'answer', payload: { txn: 't9', value: '471100' } }]);
    login('l10', 'cookies', 'success');
    await dialog.getByText(t('login.success'), { exact: true }).waitFor();
    await d.button(t('close'), dialog.locator('footer')).click();
    await dialog.waitFor({ state: 'detached' });
    d.happens(['account'], (db) => db.prepare(`UPDATE accounts SET login_status = 'logged_in', activity = 'monitoring' WHERE id = ?`).run(id));
    await page.locator(`#account-${id}`).getByText(d.word('state', 'logged_in')).waitFor();
    await d.over(1);
  });

  it('a proxy is added and checked, and an account goes by it after a second word', async () => {
    const d = await startDay(width, lang);
    const { page, dialog, t } = d;
    await d.open('/proxies');
    await d.button(t('proxy.new')).click();
    await dialog.getByLabel(t('proxy.name')).fill('Night');
    await dialog.getByLabel(t('accounts.proxy-server')).fill('night.example:8080');
    await page.keyboard.press('Enter');
    await d.toast(t('done.created', { name: 'Night' }));
    const [made] = d.sent();
    expect(made).toMatchObject({ to: { kind: 'proxy' }, verb: 'create', payload: { name: 'Night', protocol: 'http', server: 'night.example:8080' } });
    const id = made!.to.id;
    d.happens(['proxy'], (db) => db.prepare(`INSERT INTO proxies (id, name, protocol, server, has_password, version, status, check_every, checks, by, created_ms, updated_ms) VALUES (?, 'Night', 'http', 'night.example:8080', 0, 1, 'unknown', 10, '[]', 'user:admin', 1, 1)`).run(id));
    const row = page.locator(`#proxy-${id}`);
    await d.button(t('proxy.check'), row).click();
    await d.toast(t('done.proxy-check'));
    expect(d.sent()).toMatchObject([{ to: { kind: 'proxy', id }, verb: 'check' }]);
    const look = JSON.stringify({ at: Date.now(), ok: true, ms: 88, exit: '198.51.100.4', error: null, worker: 'worker-1' });
    d.happens(['proxy'], (db) => db.prepare(`UPDATE proxies SET status = 'healthy', last_check = ?, checks = ? WHERE id = ?`).run(look, `[${look}]`, id));
    await row.getByText(d.word('proxy', 'healthy')).waitFor();
    await row.getByText('198.51.100.4').waitFor();
    await row.getByText('88 ms').waitFor();

    await d.open('/accounts/a1');
    await d.button(t('account.change-proxy')).first().click();
    await dialog.locator('[name=proxyId]').selectOption(id);
    await d.button(t('save'), dialog).click();
    await dialog.getByRole('alert').waitFor();
    expect(d.sent()).toEqual([]);
    await dialog.getByLabel(t('account.proxy-confirm')).check();
    await d.button(t('save'), dialog).click();
    await dialog.waitFor({ state: 'detached' });
    expect(d.sent()).toMatchObject([{ to: { kind: 'account', id: 'a1' }, verb: 'update', payload: { proxyId: id, confirm: true } }]);
    await d.over(1);
  });

  it('many come from a file with a bad row, and many change at once after a preview', async () => {
    const d = await startDay(width, lang);
    const { page, dialog, t } = d;
    await d.open('/accounts');
    await page.locator('#menu-accounts summary').click();
    await d.button(t('account.import')).click();
    await dialog.locator('input[type=file]').setInputFiles({ name: 'accounts.csv', mimeType: 'text/csv', buffer: Buffer.from('platform,name,tags\nsandbox,New shop,vip;shop\nnowhere,X,\n') });
    await expect.poll(() => dialog.getByLabel(t('import.text')).inputValue()).toContain('New shop');
    await d.button(t('import.look'), dialog).click();
    await dialog.getByText('there is no platform nowhere').waitFor();
    await Promise.all([page.waitForResponse((r) => r.request().method() === 'POST'), d.button(t('import.go', { n: 1 }), dialog).click()]);
    await dialog.getByText(t('account.import-bad', { n: 1 })).waitFor();
    expect(d.sent()).toEqual([]);
    await dialog.getByLabel(t('account.import-skip', { n: 1 })).check();
    await d.button(t('import.go', { n: 1 }), dialog).click();
    await d.toast(t('done.accounts-imported', { n: 1 }));
    expect(d.sent()).toMatchObject([{ verb: 'create', payload: { platform: 'sandbox', name: 'New shop', tags: ['vip', 'shop'] } }]);
    await d.button(t('close'), dialog.locator('footer')).click();
    await dialog.waitFor({ state: 'detached' });

    for (const id of ['a1', 'a2', 'a4']) await page.locator(`[name=pick-${id}]`).check();
    await d.button(t('accounts.crawl')).click();
    // It says what would happen to whom, and to whom not, before anything does.
    await dialog.getByRole('heading', { name: t('batch.title', { what: t('accounts.crawl'), n: 2, all: 3 }) }).waitFor();
    expect(await dialog.locator('.left-out').allInnerTexts()).toEqual([expect.stringContaining('小样日记')]);
    expect(d.sent()).toEqual([]);
    await d.button(t('batch.go', { what: t('accounts.crawl'), n: 2 }), dialog).click();
    await dialog.getByText(t('batch.done', { what: t('accounts.crawl'), ok: 2, all: 2 })).waitFor();
    expect(d.sent().map((s) => [s.to.id, s.verb])).toEqual([['a1', 'crawl'], ['a2', 'crawl']]);
    await d.over();
  });
});
