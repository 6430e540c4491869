import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, openBrowser } from '../http/browse.ts';
import { PASSWORD } from '../http/fixture.ts';
import { SELECTORS } from '../http/seed-platforms.ts';
import { READERS, startDay } from './day.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

describe.each(READERS)('the house at %i px in %s', (width, lang) => {
  it('one signs in, reads what has happened, and chooses the dark and the other language', async () => {
    const d = await startDay(width, lang);
    const { page, t } = d;
    await page.context().clearCookies();
    await page.goto(`${d.base}/notifications`);
    // Without a mouse: the cursor stands where one begins.
    await page.keyboard.type('admin');
    await page.keyboard.press('Tab');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText(t('sign-in.wrong')).waitFor();
    await page.getByLabel(t('sign-in.password')).fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${d.base}/notifications`);
    const line = page.locator('.line.unread');
    expect(await line.count()).toBeGreaterThan(3);
    await d.button(t('notifications.read-all')).click();
    await d.toast(t('done.read'));
    expect(d.f.marks.flatMap((m) => m.what.notifications ?? [])).toContain('account-a4-9');
    d.happens(['notification'], (db) => db.exec('UPDATE notifications SET is_read = 1'));
    await line.first().waitFor({ state: 'detached' });

    await d.go('/settings');
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.getByLabel(t('settings.theme')).selectOption('dark');
    await page.locator('form[action="/settings/look"] button').click();
    await page.locator('html[data-theme=dark]').waitFor();
    expect(await ground()).not.toBe(light);
    const other = lang === 'en' ? 'zh-CN' : 'en';
    await page.getByLabel(t('settings.language')).selectOption(other);
    await page.locator('form[action="/settings/look"] button').click();
    await page.locator(`html[lang=${other}][data-theme=dark]`).waitFor();
    await page.getByRole('heading', { level: 1, name: other === 'en' ? 'Settings' : '设置' }).waitFor();
    await d.over(1);
  });

  it('a platform\'s selectors are tested, and a notification rule is made', async () => {
    const d = await startDay(width, lang);
    const { page, dialog, t } = d;
    await d.open('/platforms');
    await d.button(t('platforms.test'), page.locator('#platform-sandbox')).click();
    const asked: unknown[] = [];
    d.f.deps.selectors = async (worker, request) => {
      asked.push([worker, request]);
      return Buffer.from(JSON.stringify({ ok: true, ...SELECTORS }));
    };
    await dialog.getByLabel(t('platforms.test-account')).selectOption('a1');
    await d.button(t('platforms.test-go'), dialog).click();
    await dialog.getByText(t('platforms.sum', { found: 2, later: 1, missing: 1 })).waitFor();
    expect(await dialog.locator('.missing dt').allInnerTexts()).toEqual(['replySend']);
    expect(asked).toMatchObject([['worker-1', { op: 'selectors', account: 'a1', platform: 'sandbox' }]]);
    await d.button(t('close'), dialog.locator('footer')).click();
    await dialog.waitFor({ state: 'detached' });

    await d.open('/notifications/rules');
    await d.button(t('notices.new')).first().click();
    await dialog.locator('[name=name]').fill('夜班');
    await dialog.locator('[name=sink]').selectOption('hook');
    await dialog.getByLabel(t('notices.least')).selectOption('high');
    await dialog.getByLabel(t('notices.digest')).selectOption('15');
    await dialog.getByLabel(d.word('type', 'account_status'), { exact: true }).check();
    await dialog.locator('[name=account-a1]').check();
    await d.button(t('save'), dialog).click();
    await d.toast(t('done.created', { name: '夜班' }));
    const [made] = d.sent();
    expect(made).toMatchObject({ to: { kind: 'notifier' }, verb: 'create', payload: { name: '夜班', sink: 'hook', least: 'high', digestMinutes: 15, types: ['account_status'], accounts: ['a1'] } });
    await d.over();
  });

  it('data: what would go, an export, and one person\'s data deleted', async () => {
    const d = await startDay(width, lang);
    const { page, dialog, t } = d;
    d.happens([], (db) => db.exec('UPDATE notifications SET created_ms = created_ms - 864000000, created_at = created_at - 864000'));
    await d.open('/settings/data');
    await page.getByLabel(d.word('keep', 'notificationDays')).fill('5');
    await d.button(t('data.look')).click();
    await page.locator('#keep-look').getByRole('row', { name: d.word('old', 'notifications') }).waitFor();
    const days = async () => JSON.parse(new TextDecoder().decode((await d.f.deps.settings.get('fleet')) ?? Buffer.from('{}'))) as { notificationDays?: number };
    expect((await days()).notificationDays).not.toBe(5);
    await page.getByLabel(t('data.account')).selectOption('a1');
    const [download] = await Promise.all([page.waitForEvent('download'), d.button(t('data.download')).click()]);
    expect(download.suggestedFilename()).toMatch(/^conversations-.*\.csv$/);
    const rows = readFileSync(await download.path(), 'utf8');
    expect(rows).toContain('请问支持七天无理由吗');
    expect(d.f.audited).toMatchObject([{ event: 'TALKS_EXPORTED', about: 'account/a1' }]);

    await d.open('/inbox?item=c20');
    const name = await page.locator('.thread h2').innerText();
    const talk = await page.locator('.thread').getAttribute('data-thread');
    await page.locator(`#menu-talk-${talk} summary`).click();
    await d.button(t('data.erase-person')).click();
    await dialog.getByRole('heading', { name: t('data.erase-title', { name }) }).waitFor();
    // Not without the tick.
    await d.button(t('data.erase'), dialog).click();
    expect(await dialog.getByLabel(t('data.erase-sure')).evaluate((i: HTMLInputElement) => i.validity.valueMissing)).toBe(true);
    expect(d.sent()).toEqual([]);
    await dialog.getByLabel(t('data.erase-sure')).check();
    await d.button(t('data.erase'), dialog).click();
    await d.toast(t('done.erasing'));
    expect(d.sent()).toMatchObject([{ to: { kind: 'erasure' }, verb: 'create', payload: { platform: 'sandbox', person: expect.stringMatching(/^u\d$/) } }]);
    await d.over();
  });
});
