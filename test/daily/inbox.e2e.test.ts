import type Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TalkRows } from '../../runtime/read-model/project-talks.ts';
import { closeBrowser, openBrowser } from '../http/browse.ts';
import { obeys } from '../http/obeys.ts';
import { READERS, startDay } from './day.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

/** A reply as the projector writes it. */
const reply = (db: Database.Database, row: { id: string; talk: string; target: string; text: string; status: string }): void => void db.prepare(`INSERT OR REPLACE INTO replies (id, conversation_id, account_id, platform, reply_type, target_id, target, content, by, status, attempt, max_attempts, created_at, created_ms, updated_ms) VALUES (@id, @talk, 'a1', 'sandbox', 'comment', @target, '{}', @text, 'user:admin', @status, 1, 4, @s, @now, @now)`).run({ ...row, now: Date.now(), s: Math.floor(Date.now() / 1000) });

describe.each(READERS)('the inbox at %i px in %s', (width, lang) => {
  it('a comment comes, is answered, and says what became of the answer', async () => {
    const d = await startDay(width, lang);
    const { page, t } = d;
    obeys(d.f);
    await d.open('/inbox');
    d.happens(['inbox'], (db) => new TalkRows(db).comment('a1', { id: 'new1', text: '刚刚下单了，什么时候发货？', author: { id: 'u77', name: '新来的' }, post: { id: 'p1', title: '秋冬新款' }, at: Date.now() }, Date.now() + 1000));
    const line = page.locator('.talk-line', { hasText: '新来的' });
    await line.getByText('刚刚下单了').waitFor();
    await line.locator('.badge', { hasText: '1' }).waitFor();
    if (d.wide) await page.keyboard.press('j');
    else await line.locator('a').click();
    const thread = page.locator('.thread');
    await thread.getByRole('heading', { name: '新来的' }).waitFor();
    const talk = (await thread.getAttribute('data-thread'))!;
    // What is open is read.
    await expect.poll(() => d.f.marks).toMatchObject([{ account: 'a1', what: { comments: ['new1'] }, by: 'user:admin' }]);
    d.sent();
    const box = page.getByPlaceholder(t('inbox.reply-to', { name: '新来的' }));
    if (d.wide) {
      await page.keyboard.press('r');
      await page.keyboard.type('今天就发～');
      await page.keyboard.press('Control+Enter');
    } else {
      await box.fill('今天就发～');
      await d.button(t('inbox.send'), thread).click();
    }
    await d.toast(t('done.reply-held'));
    await expect.poll(() => box.inputValue()).toBe('');
    const [made] = d.sent();
    expect(made).toMatchObject({ to: { kind: 'reply' }, verb: 'create', payload: { text: '今天就发～', account: 'a1', to: { type: 'comment', comment: 'new1', post: 'p1' } } });
    const state = page.locator(`#reply-state-${made!.to.id}`);
    for (const status of ['held', 'queued', 'submitting', 'posted']) {
      d.happens(['reply'], (db) => reply(db, { id: made!.to.id, talk, target: 'new1', text: '今天就发～', status }));
      await state.locator('.tag', { hasText: d.word('reply', status) }).waitFor();
    }
    expect(await state.innerText()).toContain('今天就发～');
    if (!d.wide) {
      await page.locator('.back').click();
      await line.waitFor();
    }
    await d.over();
  });

  it('a private message is answered with a canned answer, and one for later', async () => {
    const d = await startDay(width, lang);
    const { page, t } = d;
    obeys(d.f);
    await d.f.deps.settings.put('canned.ship', JSON.stringify({ title: 'Shipping', text: '您好 {{nickname}}，明天发出', group: '' }));
    await d.f.deps.settings.put('canned.size', JSON.stringify({ title: 'Size', text: 'M', group: '' }));
    d.happens(['inbox'], (db) => new TalkRows(db).message('a1', { id: 'pmnew', text: '三天了还没发货', sender: { id: 'u78', name: '着急的人' }, direction: 'inbound', at: Date.now() }, Date.now()));
    await d.open('/inbox?type=message');
    await page.locator('.talk-line', { hasText: '着急的人' }).locator('a').click();
    await page.locator('.thread').getByRole('heading', { name: '着急的人' }).waitFor();
    const box = page.locator('[data-draft]');
    await box.focus();
    await page.keyboard.type('/ship');
    await page.getByRole('option', { name: 'Shipping' }).waitFor();
    await expect.poll(() => page.locator('#canned-pop [role=option]').count()).toBe(1);
    await page.keyboard.press('Enter');
    await expect.poll(() => box.inputValue()).toBe('您好 着急的人，明天发出');
    d.sent();
    await page.keyboard.press('Control+Enter');
    await d.toast(t('done.reply-held'));
    expect(d.sent()).toMatchObject([{ to: { kind: 'reply' }, verb: 'create', payload: { text: '您好 着急的人，明天发出', to: { type: 'message', message: 'pmnew', sender: 'u78' } } }]);
    await box.fill('明早再说');
    await page.locator('.send-later summary').click();
    await page.getByLabel(t('talks.send-at')).fill('2036-01-01T09:00');
    await d.button(t('inbox.send')).click();
    await d.toast(t('done.reply-scheduled'));
    expect(d.sent()).toMatchObject([{ to: { kind: 'reply' }, verb: 'create', payload: { text: '明早再说', sendAt: new Date('2036-01-01T09:00').getTime() } }]);
    await d.over();
  });

  it('is tidied: labelled, assigned, snoozed, closed, taken back, narrowed and searched', async () => {
    const d = await startDay(width, lang);
    const { page, dialog, t } = d;
    obeys(d.f);
    await d.f.deps.users.put('mei', JSON.stringify({ name: 'mei', hash: 'x', scope: 'operate', first: false, changedAt: 1 }));
    await d.open('/inbox');
    const [first, second] = await page.locator('.talk-line').evaluateAll((list) => list.map((l) => l.id.replace('line-', '')));
    const line = (id: string) => page.locator(`#line-${id}`);
    const openLine = async (id: string) => {
      if (!d.wide && (await page.locator('.back').isVisible())) await page.locator('.back').click();
      await line(id).locator('a').click();
      await page.locator(`#thread-${id}`).waitFor();
    };
    /** By its key where there is a keyboard, else by its button. */
    const act = (key: string, what: string) => (d.wide ? page.keyboard.press(key) : page.locator(`.talk-actions [data-talk-act=${what}]`).click());
    await openLine(first!);
    d.sent();
    await act('l', 'label');
    await dialog.getByLabel(t('talks.labels-add')).fill('退款, vip');
    await page.keyboard.press('Enter');
    await d.toast(t('done.talk-label', { n: 1 }));
    await page.locator('.thread header').getByText('退款').waitFor();
    await act('a', 'assign');
    await dialog.getByLabel('mei', { exact: true }).check();
    await d.button(t('talks.assign'), dialog).click();
    await d.toast(t('done.talk-assign', { n: 1 }));
    await page.locator('.thread header').getByText('@mei').waitFor();
    await act('s', 'snooze');
    await dialog.getByLabel(t('talks.snooze-tomorrow')).check();
    await d.button(t('talks.snooze'), dialog).click();
    await d.toast(t('done.talk-snooze', { n: 1 }));
    await line(first!).waitFor({ state: 'detached' });
    const verbs = d.sent();
    expect(verbs.map((s) => [s.to, s.verb])).toEqual(['create', 'label', 'assign', 'snooze'].map((verb) => [{ kind: 'conversation', id: first }, verb]));
    expect([verbs[1]!.payload, verbs[2]!.payload]).toMatchObject([{ add: ['退款', 'vip'] }, { to: 'mei' }]);
    expect((verbs[3]!.payload as { until: number }).until).toBeGreaterThan(Date.now());

    await openLine(second!);
    await act('e', 'close');
    await d.toast(t('done.talk-close', { n: 1 }));
    await line(second!).waitFor({ state: 'detached' });
    if (d.wide) await page.keyboard.press('z');
    else await page.locator('.toast').getByRole('button', { name: t('talks.undo') }).last().click();
    await line(second!).waitFor({ state: d.wide ? 'visible' : 'attached' });
    expect(d.sent().slice(-2).map((s) => [s.to.id, s.verb])).toEqual([[second, 'close'], [second, 'open']]);

    // A filter that is asked for often becomes a tab.
    await d.open('/inbox');
    await page.locator('.talk-filters summary').click();
    await page.getByLabel(t('inbox.type'), { exact: true }).selectOption('message');
    await page.waitForURL(/type=message/);
    // On a phone the open menu lies over what comes after it.
    await page.locator('.talk-filters summary').click();
    await d.button(`＋ ${t('talks.save-filter')}`).click();
    await dialog.getByLabel(t('talks.filter-name')).fill('私信');
    await page.keyboard.press('Enter');
    await d.toast(t('done.filter', { name: '私信' }));
    await page.locator('.saved-tab a[aria-current=page]', { hasText: '私信' }).waitFor();
    await d.open('/inbox');
    await page.locator('.saved-tab').getByRole('link', { name: '私信' }).click();
    await page.waitForURL(/type=message/);
    expect(new Set(await page.locator('.talk-line .line-end .chip:first-child').allInnerTexts())).toEqual(new Set([d.word('type', 'message')]));

    await d.open('/inbox');
    if (d.wide) {
      await page.keyboard.press('/');
      await page.keyboard.type('链接');
    } else await page.getByRole('searchbox').fill('链接');
    await page.waitForURL(/q=/);
    await expect.poll(async () => [...new Set(await page.locator('.talk-line .line-text').allInnerTexts())]).toEqual(['蹲一个链接，想给妈妈也买一件']);
    await d.over();
  });
});
