import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, openBrowser } from '../http/browse.ts';
import { READERS, startDay } from './day.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

describe.each(READERS)('replies and rules at %i px in %s', (width, lang) => {
  it('what is in doubt is decided by three buttons with what was seen; others are approved or rejected', async () => {
    const d = await startDay(width, lang);
    const { page, t } = d;
    d.f.deps.result = async () => await d.f.deps.pictures.get('qr1');
    d.happens([], (db) => db.exec(`UPDATE replies SET status = 'needs_human', evidence = '{"picture":"shot","saw":"nothing of ours"}', error_message = 'no answer came' WHERE id IN ('r2', 'r3', 'r4'); UPDATE replies SET status = 'awaiting_approval', error_message = NULL WHERE id IN ('r0', 'r5')`));
    await d.open('/replies');
    const card = (id: string) => page.locator(`#decide-${id}`);
    await card('r3').getByText('nothing of ours').waitFor();
    const shot = card('r3').getByAltText(t('replies.evidence'));
    await shot.scrollIntoViewIfNeeded();
    expect(await shot.evaluate((i: HTMLImageElement) => i.decode().then(() => i.naturalWidth))).toBeGreaterThan(0);
    await page.locator('#nav .badge', { hasText: '5' }).first().waitFor();
    const becomes = (id: string, status: string) => {
      d.happens(['reply'], (db) => db.prepare('UPDATE replies SET status = ? WHERE id = ?').run(status, id));
      return card(id).waitFor({ state: 'detached' });
    };
    await d.button(t('replies.there'), card('r2')).click();
    await d.sure();
    await d.toast(t('done.mark-posted'));
    await becomes('r2', 'posted');
    d.f.answers.next = () => ({ ok: true, state: 'replaced', seq: 1, reply: 'r3-2' });
    await d.button(t('replies.resend'), card('r3')).click();
    await d.sure();
    await d.toast(t('done.resent'));
    await becomes('r3', 'replaced');
    d.f.answers.next = () => ({ ok: true, state: 'cancelled', seq: 1 });
    await d.button(t('replies.give-up'), card('r4')).click();
    await d.sure();
    await d.toast(t('done.discard'));
    await becomes('r4', 'cancelled');
    expect(d.sent().map((s) => [s.to.id, s.verb])).toEqual([['r2', 'mark-posted'], ['r3', 'resend'], ['r4', 'discard']]);

    await d.button(t('replies.approve'), page.locator('#approve-r5')).click();
    await d.toast(t('done.approve'));
    await d.button(t('replies.reject'), page.locator('#approve-r0')).click();
    // Whoever says no has rejected nothing.
    await page.locator('dialog[role=alertdialog]').getByRole('button', { name: t('cancel') }).click();
    expect(d.sent().map((s) => [s.to.id, s.verb])).toEqual([['r5', 'approve']]);
    await d.button(t('replies.reject'), page.locator('#approve-r0')).click();
    await d.sure();
    await d.toast(t('done.reject'));
    expect(d.sent().map((s) => [s.to.id, s.verb])).toEqual([['r0', 'reject']]);
    await d.over();
  });

  it('a rule is made, tried and switched on', async () => {
    const d = await startDay(width, lang);
    const { page, dialog, t } = d;
    await d.open('/rules');
    await d.button(t('rules.new')).first().click();
    await dialog.locator('[name=name]').fill('价格');
    await dialog.locator('[name=words]').fill('多少钱\nhow much');
    await dialog.locator('[name=text]').fill('{{nickname}}：见主页');
    await d.button(t('save'), dialog).click();
    await d.toast(t('done.created', { name: '价格' }));
    const [made] = d.sent();
    expect(made).toMatchObject({ to: { kind: 'rule' }, verb: 'create', payload: { name: '价格', match: { words: ['多少钱', 'how much'], all: false } } });
    const id = made!.to.id;
    d.happens(['rule'], (db) => db.prepare(`INSERT INTO rules (id, name, status, position, config, matched, answered, created_by, created_ms, updated_ms) VALUES (?, '价格', 'dry_run', 100, ?, 0, 0, 'user:admin', 1, 1)`).run(id, JSON.stringify(made!.payload)));
    const row = page.locator(`#rule-${id}`);
    await row.getByText(d.word('rule', 'dry_run'), { exact: true }).first().waitFor();
    await d.open('/rules');
    await page.getByPlaceholder(t('rules.try-text')).fill('请问多少钱');
    await page.keyboard.press('Enter');
    await page.locator('.rule-tried').getByText('见主页').waitFor();
    await page.locator('.rule-tried').getByText(t('rules.try-dry')).waitFor();
    expect(d.sent()).toEqual([]);
    await d.button(t('rules.go-live'), row).click();
    await d.sure();
    await d.toast(t('done.live', { name: '价格' }));
    expect(d.sent()).toMatchObject([{ to: { kind: 'rule', id }, verb: 'live' }]);
    d.happens(['rule'], (db) => db.prepare(`UPDATE rules SET status = 'live' WHERE id = ?`).run(id));
    await row.locator('.tag', { hasText: d.word('rule', 'live') }).waitFor();
    await d.over();
  });
});
