import Database from 'better-sqlite3';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBrowser, openBrowser, site, visitor } from './browse.ts';
import { obeys } from './obeys.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

const ready = (page: Page) => page.waitForFunction(() => 'htmx' in window);
/** Opens a page and waits until it is live. */
const openLive = async (page: Page, url: string) => {
  await Promise.all([page.waitForResponse(/\/events/), page.goto(url)]);
  await ready(page);
};
const openId = (page: Page) => page.locator('.thread').getAttribute('data-thread');
const rows = (page: Page) => page.locator('.talk-line').evaluateAll((list) => list.map((l) => l.id.replace('line-', '')));

describe('a day in the inbox, by keys', () => {
  it('moves, reads, labels, assigns, snoozes, closes and takes back', async () => {
    const { f, base } = await site();
    obeys(f);
    await f.deps.users.put('mei', JSON.stringify({ name: 'mei', hash: 'x', scope: 'operate', first: false, changedAt: 1 }));
    const { context, page, complaints } = await visitor(f, base);
    await openLive(page, `${base}/inbox`);
    const [first, second, third] = await rows(page);
    await page.keyboard.press('j');
    await page.locator(`#thread-${first}`).waitFor();
    // What is opened is read, and stays so.
    await expect.poll(() => f.marks.length).toBe(1);
    await page.locator(`#line-${first} .badge`).waitFor({ state: 'detached' });
    await page.keyboard.press('u');
    await page.locator(`#line-${first} .badge`).waitFor();
    expect(f.marks.at(-1)!.what.unread).toBe(true);
    await page.keyboard.press('l');
    await page.locator('dialog input[name=add]').fill('refund, vip');
    await page.keyboard.press('Enter');
    await page.locator(`#line-${first}`, { hasText: 'refund' }).waitFor();
    await page.keyboard.press('a');
    await page.locator('dialog').getByText('mei', { exact: true }).click();
    await page.locator('dialog').getByRole('button', { name: 'Assign' }).click();
    await page.locator(`#line-${first}`, { hasText: '@mei' }).waitFor();
    await page.keyboard.press('s');
    await page.locator('dialog').getByText('Until tomorrow 9:00').click();
    await page.locator('dialog').getByRole('button', { name: 'Snooze' }).click();
    // It has left the list, and the next one is open.
    await page.locator(`#thread-${second}`).waitFor();
    await page.locator(`#line-${first}`).waitFor({ state: 'detached' });
    expect(f.sent.filter((s) => s.to.kind === 'conversation').map((s) => s.verb)).toEqual(['create', 'label', 'assign', 'snooze']);
    await page.keyboard.press('e');
    await page.locator(`#thread-${third}`).waitFor();
    await page.locator(`#line-${second}`).waitFor({ state: 'detached' });
    await page.keyboard.press('z');
    await page.locator(`#line-${second}`).waitFor();
    expect(f.sent.at(-1)).toMatchObject({ to: { id: second }, verb: 'open' });
    await page.keyboard.press('?');
    await page.locator('#keys[open]', { hasText: 'Close the conversation' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('链接');
    await page.waitForURL(/q=/);
    await expect.poll(async () => (await page.locator('.talk-line .line-text').allTextContents()).every((t) => t.includes('链接'))).toBe(true);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('does it to many that are picked, and takes all of it back', async () => {
    const { f, base } = await site();
    obeys(f);
    const { context, page, complaints } = await visitor(f, base, { lang: 'zh-CN' });
    await openLive(page, `${base}/inbox`);
    const [one, two, three] = await rows(page);
    await page.keyboard.press('j');
    await page.locator(`#thread-${one}`).waitFor();
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.locator(`#thread-${two}`).waitFor();
    await page.keyboard.press('x');
    await page.locator('[data-picked]', { hasText: '2' }).waitFor();
    // News draw the list anew: what is picked stays picked.
    f.deps.live.changed(['inbox']);
    await page.waitForResponse(/\/inbox/);
    expect(await page.locator('[data-pick]:checked').count()).toBe(2);
    await page.keyboard.press('e');
    await page.locator('.toast', { hasText: '已关闭 2 个会话' }).waitFor();
    await page.locator(`#line-${one}`).waitFor({ state: 'detached' });
    await page.locator(`#thread-${three}`).waitFor();
    await page.locator('.toast').getByRole('button', { name: '撤销' }).click();
    await page.locator(`#line-${one}`).waitFor();
    await page.locator(`#line-${two}`).waitFor();
    expect(await page.locator('[data-pick]:checked').count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe('the box for an answer', () => {
  it('takes canned answers by /, keeps a draft on the server, counts, and gives words back that are taken back', async () => {
    const { f, base } = await site();
    obeys(f);
    await f.deps.settings.put('canned.hello', JSON.stringify({ title: 'Greeting', text: 'Hello {{nickname}}!', group: '' }));
    await f.deps.settings.put('canned.size', JSON.stringify({ title: 'Size', text: 'We have it in M', group: '' }));
    const { context, page, complaints } = await visitor(f, base);
    await page.goto(`${base}/inbox?item=c21`);
    await ready(page);
    const id = await openId(page);
    const box = page.locator('[data-draft]');
    await box.focus();
    await page.keyboard.type('/si');
    await page.locator('#canned-pop [role=option]', { hasText: 'Size' }).waitFor();
    await expect.poll(() => page.locator('#canned-pop [role=option]').count()).toBe(1);
    await page.keyboard.press('Enter');
    expect(await box.inputValue()).toBe('We have it in M');
    await page.keyboard.type('. /greet');
    await page.locator('#canned-pop [role=option]', { hasText: 'Greeting' }).waitFor();
    await expect.poll(() => page.locator('#canned-pop [role=option]').count()).toBe(1);
    const saved = page.waitForResponse((r) => r.url().endsWith('/inbox/draft'));
    await page.keyboard.press('Tab');
    expect(await box.inputValue()).toBe('We have it in M. Hello 阿哲的厨房!');
    await saved;
    // Another machine: nothing but the server knows it.
    const other = await visitor(f, base);
    await other.page.goto(`${base}/inbox?c=${id}`);
    expect(await other.page.locator('[data-draft]').inputValue()).toBe('We have it in M. Hello 阿哲的厨房!');
    await other.context.close();
    await box.fill('x'.repeat(501));
    await page.locator('[data-count]', { hasText: '501 / 500' }).waitFor();
    expect(await page.locator('.reply-box button.main').isDisabled()).toBe(true);
    await box.fill('A short one');
    await page.keyboard.press('Control+Enter');
    const toast = page.locator('.toast', { hasText: 'Sending' });
    await toast.waitFor();
    expect(await box.inputValue()).toBe('');
    const sent = f.sent.at(-1)!;
    expect(sent).toMatchObject({ verb: 'create', payload: { text: 'A short one', holdMs: 5000 } });
    const db = new Database(f.deps.db.name);
    db.prepare(`INSERT INTO replies (id, conversation_id, account_id, platform, reply_type, target_id, target, content, by, status, attempt, max_attempts, created_at, created_ms, updated_ms) VALUES (?, ?, 'a1', 'sandbox', 'comment', 'pc20', '{}', 'A short one', 'user:admin', 'held', 1, 4, 1, 1, 1)`).run(sent.to.id, id);
    db.close();
    await toast.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => box.inputValue()).toBe('A short one');
    expect(f.sent.at(-1)).toMatchObject({ to: { id: sent.to.id }, verb: 'cancel' });
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('fits a phone: from the list into a talk, an answer for later, and back', async () => {
    const { f, base } = await site();
    obeys(f);
    const { context, page, complaints } = await visitor(f, base, { width: 390, scheme: 'dark' });
    await openLive(page, `${base}/inbox`);
    await page.locator('.talk-line a').first().click();
    await page.locator('.thread').waitFor();
    await page.fill('[data-draft]', 'tomorrow, then');
    await page.locator('.send-later summary').click();
    await page.fill('[name=send_at]', '2036-01-01T09:00');
    await page.locator('.reply-box button.main').click();
    await expect.poll(() => (f.sent.at(-1)?.payload as { sendAt?: number } | undefined)?.sendAt).toBe(new Date('2036-01-01T09:00').getTime());
    await page.locator('.back').click();
    await page.locator('.talk-line').first().waitFor();
    for (const path of ['/canned', '/rules', '/inbox?view=items', '/replies']) {
      await page.goto(base + path);
      await ready(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), path).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe('what waits for a person', () => {
  it('is decided with what was seen, approved with other words, or put off', async () => {
    const { f, base } = await site();
    const db = new Database(f.deps.db.name);
    db.exec(`UPDATE replies SET evidence = '{"picture":"shot","saw":"nothing of ours"}' WHERE id = 'r3'; UPDATE replies SET status = 'awaiting_approval', error_message = NULL WHERE id = 'r5'; UPDATE replies SET status = 'scheduled', send_ms = 4000000000000 WHERE id = 'r6'`);
    db.close();
    f.deps.result = async () => await f.deps.pictures.get('qr1');
    const { context, page, complaints } = await visitor(f, base);
    await page.goto(`${base}/replies`);
    await ready(page);
    const card = page.locator('#decide-r3');
    await card.getByText('nothing of ours').waitFor();
    expect(await card.locator('img').evaluate((i: HTMLImageElement) => i.decode().then(() => i.naturalWidth))).toBeGreaterThan(0);
    await card.getByRole('button', { name: 'Send again' }).click();
    f.answers.next = () => ({ ok: true, state: 'replaced', reply: 'r3-2' });
    await page.locator('dialog[role=alertdialog]').getByRole('button', { name: 'Yes, do it' }).click();
    await page.locator('.toast', { hasText: 'Sent again' }).waitFor();
    await page.locator('#approve-r5').getByRole('button', { name: 'Change' }).click();
    await page.locator('dialog textarea').fill('better words');
    await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
    await page.locator('.toast', { hasText: 'Changed' }).waitFor();
    await page.locator('#approve-r5').getByRole('button', { name: 'Approve' }).click();
    await page.locator('.toast', { hasText: 'Approved' }).waitFor();
    await page.locator('#reply-row-r6').getByRole('button', { name: 'Send now' }).click();
    await page.locator('.toast', { hasText: 'Sending now' }).waitFor();
    expect(f.sent.map((s) => [s.to.id, s.verb, s.payload])).toEqual([['r3', 'resend', {}], ['r5', 'change', { text: 'better words' }], ['r5', 'approve', {}], ['r6', 'send-now', {}]]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('is spared by a rule: made, tried and let loose', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base);
    await openLive(page, `${base}/rules`);
    await page.getByRole('button', { name: 'New rule' }).first().click();
    const dialog = page.locator('dialog[open]');
    await dialog.locator('[name=name]').fill('Price');
    await dialog.locator('[name=how]').selectOption('pattern');
    await dialog.locator('[name=pattern]').fill('(a)\\1');
    await dialog.locator('[name=text]').fill('Hi {{nickname}}, see our page');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.locator('.form-error', { hasText: 'looks back or ahead' }).waitFor();
    expect(await dialog.locator('[name=pattern]').getAttribute('aria-invalid')).toBe('true');
    await dialog.locator('[name=pattern]').fill('价格|how much');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    const made = f.sent.at(-1)!;
    expect(made).toMatchObject({ to: { kind: 'rule' }, verb: 'create', payload: { match: { pattern: '价格|how much' } } });
    const db = new Database(f.deps.db.name);
    db.prepare(`INSERT INTO rules (id, name, status, position, config, matched, answered, created_by, created_ms, updated_ms) VALUES (?, 'Price', 'dry_run', 100, ?, 0, 0, 'user:admin', 1, 1)`).run(made.to.id, JSON.stringify(made.payload));
    db.close();
    f.deps.live.changed(['rule']);
    await page.locator(`#rule-${made.to.id}`).waitFor();
    await page.reload();
    await ready(page);
    await page.locator('.rule-try input').fill('How much is it?');
    await page.keyboard.press('Enter');
    await page.locator('.rule-tried', { hasText: 'see our page' }).waitFor();
    await page.locator(`#rule-${made.to.id}`).getByRole('button', { name: 'Switch on' }).click();
    await page.locator('dialog[role=alertdialog]').getByRole('button', { name: 'Yes, do it' }).click();
    await page.locator('.toast', { hasText: 'answers from now on' }).waitFor();
    expect(f.sent.at(-1)).toMatchObject({ to: { id: made.to.id }, verb: 'live' });
    // The console tells of the answer that was refused.
    expect(complaints.filter((c) => !c.includes('422'))).toEqual([]);
    await context.close();
  });
});
