import { request } from 'node:http';
import { connect } from 'node:net';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TalkRows } from '../../runtime/read-model/project-talks.ts';
import { PASSWORD } from './fixture.ts';
import { closeBrowser, openBrowser, site, visitor } from './browse.ts';

beforeAll(openBrowser);
afterAll(closeBrowser);

const PAGES = ['/', '/platforms', '/notifications/rules', '/alerts', '/canned', '/rules', '/settings/data', '/accounts', '/accounts/a1', '/proxies', '/proxies/p1', '/inbox', '/inbox?item=c20', '/replies', '/notifications', '/workers', '/workers/worker-1', '/workers/map', '/groups', '/machines', '/actors', '/actors/worker/worker-1', '/settings', '/api'];

describe('in a real Chromium', () => {
  it('all pages keep to the policy, load nothing from elsewhere, and fit a phone', async () => {
    const { f, base } = await site();
    for (const [width, scheme] of [[1280, 'light'], [390, 'dark']] as const) {
      const { context, page, complaints } = await visitor(f, base, { width, scheme });
      const foreign: string[] = [];
      page.on('request', (r) => !r.url().startsWith(base) && !r.url().startsWith('data:') && foreign.push(r.url()));
      for (const path of PAGES) {
        await page.goto(base + path);
        await page.waitForFunction(() => 'htmx' in window);
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${path} at ${width}`).toBeLessThanOrEqual(0);
        if (width > 800) continue;
        const outside = await page.evaluate(() => [...document.querySelectorAll<HTMLDetailsElement>('main .menu')].filter((menu) => {
          if (!menu.checkVisibility()) return false;
          menu.open = true;
          const box = menu.querySelector('.menu-list')!.getBoundingClientRect();
          menu.open = false;
          return box.width === 0 || box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight;
        }).map((menu) => menu.id || menu.className));
        expect(outside, `menus of ${path}`).toEqual([]);
      }
      expect([complaints, foreign]).toEqual([[], []]);
      await context.close();
    }
  });

  it('hostile text runs nothing', async () => {
    const hostile = '"><img src=x onerror="window.pwned=1"><svg onload="window.pwned=1"><script>window.pwned=1</script></textarea><script>window.pwned=1</script>';
    const { f, base } = await site({ author: hostile, content: hostile, post: hostile, name: hostile, error: hostile, log: hostile, id: hostile });
    const { context, page, complaints } = await visitor(f, base);
    for (const path of PAGES) {
      await page.goto(base + path);
      await page.waitForFunction(() => 'htmx' in window);
      expect(await page.evaluate(() => 'pwned' in window), path).toBe(false);
    }
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('signs in, and back to where one was going', async () => {
    const { f, base } = await site();
    const { context, page } = await visitor(f, base);
    await context.clearCookies();
    await page.goto(`${base}/workers`);
    await page.fill('[name=user]', 'admin');
    await page.fill('[name=password]', PASSWORD);
    await page.press('[name=password]', 'Enter');
    await page.waitForURL(`${base}/workers`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(/sign-in/);
    await context.close();
  });

  it('keeps what is being typed while the page changes under it, and answers by keys alone', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base);
    await page.goto(`${base}/inbox`);
    await page.waitForFunction(() => 'htmx' in window);
    await page.keyboard.press('j');
    await page.waitForSelector('.thread');
    const first = page.url();
    await page.waitForSelector('.line[aria-current]');
    await page.keyboard.press('j');
    await page.waitForURL((url) => url.href !== first);
    await page.keyboard.press('r');
    await page.keyboard.type('half a sent');
    const writer = new Database(f.deps.db.name);
    new TalkRows(writer).comment('a1', { id: 'new1', text: 'it came while typing', author: { id: 'u', name: 'Someone' }, post: { id: 'p', title: 't' }, at: Date.now() }, Date.now() + 1000);
    writer.close();
    f.deps.live.changed(['inbox']);
    await page.getByText('it came while typing').waitFor();
    await page.keyboard.type('ence');
    expect(await page.inputValue('textarea[name=text]')).toBe('half a sentence');
    await page.keyboard.press('Control+Enter');
    await page.locator('.toast').waitFor();
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'reply' }, verb: 'create', payload: { text: 'half a sentence' }, by: 'user:admin' });
    expect(await page.inputValue('textarea[name=text]')).toBe('');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.locator('#keys[open]').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('walks a login through its states in the open dialog, counting down', async () => {
    const { f, base } = await site();
    const { context, page } = await visitor(f, base);
    await page.goto(`${base}/accounts`);
    await page.locator('#account-a3').getByRole('button', { name: 'Show login' }).click();
    await page.locator('dialog .qr img').waitFor();
    expect(await page.locator('dialog .qr img').evaluate((i: HTMLImageElement) => i.decode().then(() => i.naturalWidth))).toBeGreaterThan(0);
    const count = page.locator('dialog .login-line .count');
    const before = await count.innerText();
    await expect.poll(() => count.innerText(), { timeout: 10_000 }).not.toBe(before);
    const writer = new Database(f.deps.db.name);
    const move = (status: string, more = '') => {
      writer.exec(`UPDATE login_sessions SET status = '${status}' ${more} WHERE id = 'l1'`);
      f.deps.live.changed(['login', 'login/l1']);
    };
    move('challenge', `, challenge = '{"what":"sms","prompt":"Sent to 138","picture":null,"txn":"t9"}'`);
    const code = page.locator('dialog input[name=value]');
    await code.fill('4711');
    const redrawn = page.waitForResponse(/\/logins\/l1$/);
    f.deps.live.changed(['login/l1']);
    await (await redrawn).finished();
    await page.waitForFunction(() => !document.querySelector('.htmx-request'));
    expect(await code.inputValue()).toBe('4711');
    await code.press('Enter');
    await page.locator('.toast').waitFor();
    expect(f.sent.at(-1)).toMatchObject({ to: { kind: 'login', id: 'l1' }, verb: 'answer', payload: { txn: 't9', value: '4711' } });
    move('confirming', ', challenge = NULL');
    await page.getByText('waiting for the platform').waitFor();
    move('failed', `, error_message = 'the code was wrong'`);
    await page.getByText('the code was wrong').waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => f.sent.at(-1)?.verb).toBe('login');
    move('success');
    await page.locator('dialog .qr.done').waitFor();
    await page.locator('dialog footer').getByRole('button', { name: 'Close' }).click();
    await page.locator('#dialog dialog').waitFor({ state: 'detached' });
    writer.close();
    await context.close();
  });

  it('asks before it removes, shows what was refused, and marks the field at fault', async () => {
    const { f, base } = await site();
    f.answers.next = (s) => (s.verb === 'create' ? { ok: false, code: 'invalid', message: 'port: must be free', field: 'port' } : { ok: false, code: 'conflict', message: 'worker/worker-4 is busy' });
    const { context, page } = await visitor(f, base);
    await page.goto(`${base}/workers`);
    await page.locator('#menu-worker-4 summary').click();
    await page.locator('#menu-worker-4').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
    expect(f.sent).toEqual([]);
    await page.locator('#menu-worker-4 summary').click();
    await page.locator('#menu-worker-4').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Yes' }).click();
    await page.locator('.toast.bad', { hasText: 'worker/worker-4 is busy' }).waitFor();
    await page.getByRole('button', { name: 'New worker' }).click();
    await page.fill('dialog [name=name]', 'five');
    await page.locator('label[for=tab-limits]').click();
    await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
    await page.locator('dialog [name=port][aria-invalid=true]').waitFor();
    expect(await page.locator('dialog .form-error').innerText()).toBe('port: must be free');
    expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).name)).toBe('port');
    await context.close();
  });

  it('leaves open what was opened, while the page changes under it', async () => {
    const { f, base } = await site();
    const { context, page } = await visitor(f, base);
    await page.goto(`${base}/workers`);
    await page.locator('#menu-worker-2 summary').click();
    const writer = new Database(f.deps.db.name);
    writer.exec(`UPDATE worker_configs SET name = 'Under a new name' WHERE worker_id = 'worker-2'`);
    writer.close();
    f.deps.live.changed(['worker', 'worker/worker-2']);
    await page.getByText('Under a new name').waitFor();
    expect(await page.locator('#menu-worker-2').getByRole('button', { name: 'Logs' }).isVisible()).toBe(true);
    await context.close();
  });

  it('names its pages in full on a phone, the rest behind one more', async () => {
    const { f, base } = await site();
    for (const lang of ['en-US', 'zh-CN']) {
      const { context, page } = await visitor(f, base, { width: 390, lang });
      await page.goto(`${base}/actors`);
      const labels = page.locator('#nav nav > :is(a, button) span');
      expect(await labels.count()).toBe(5);
      for (const label of await labels.all()) expect(await label.evaluate((e) => e.scrollWidth - e.clientWidth), await label.innerText()).toBeLessThanOrEqual(0);
      expect(await page.locator('#nav-rest').isVisible()).toBe(false);
      await page.locator('.nav-more').click();
      await page.locator('#nav-rest a[href="/settings"]').click();
      await page.waitForURL(`${base}/settings`);
      await context.close();
    }
  });

  it('acts on what was picked, after a look at what would happen; picks outlive a redraw', async () => {
    const { f, base } = await site();
    const { context, page } = await visitor(f, base);
    await page.goto(`${base}/workers`);
    await page.waitForFunction(() => 'htmx' in window);
    for (const id of ['worker-1', 'worker-4']) await page.locator(`#worker-${id} [data-pick]`).check();
    const writer = new Database(f.deps.db.name);
    writer.exec(`UPDATE worker_configs SET name = 'Drawn anew' WHERE worker_id = 'worker-2'`);
    const is = (status: string) => writer.prepare("UPDATE worker_runtime SET status = ? WHERE worker_id = 'worker-1'").run(status);
    f.answers.next = () => (is('stopping'), { ok: true, state: 'x', seq: 1 });
    f.deps.live.changed(['worker']);
    await page.getByText('Drawn anew').waitFor();
    await expect.poll(() => page.locator('[data-picked]').innerText()).toBe('2');
    await page.locator('.batch-actions').getByRole('button', { name: 'Stop' }).click();
    await page.locator('dialog').getByRole('button', { name: 'Stop (1)' }).click();
    await page.locator('#batch-progress', { hasText: '0 of 1' }).waitFor();
    // It goes on while nobody looks: over the list there is the way back.
    await page.reload();
    await page.locator('.running-batches').getByRole('button', { name: 'Show' }).click();
    await page.locator('#batch-progress', { hasText: '0 of 1' }).waitFor();
    is('stopped');
    await page.locator('#batch-progress', { hasText: 'Stop: 1 of 1 done' }).waitFor();
    writer.close();
    expect(f.sent.map((s) => [s.to.id, s.verb])).toEqual([['worker-1', 'stop']]);
    await context.close();
  });

  it('keeps a draft for each talk, until it is sent', async () => {
    const { f, base } = await site();
    const { context, page, complaints } = await visitor(f, base);
    const open = async (id: string) => {
      await page.locator(`#line-${id} a`).click();
      await page.locator(`#thread-${id}`).waitFor();
    };
    await page.goto(`${base}/inbox`);
    await page.waitForFunction(() => 'htmx' in window);
    const [one, two] = await page.locator('.inbox-list li').evaluateAll((lines) => lines.slice(0, 2).map((l) => l.id.replace('line-', '')));
    await open(one!);
    await page.fill('[data-reply]', 'for the first');
    await open(two!);
    expect(await page.inputValue('[data-reply]')).toBe('');
    await page.fill('[data-reply]', 'for the second');
    await open(one!);
    await page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>('[data-reply]')?.value === 'for the first');
    await page.reload();
    await page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>('[data-reply]')?.value === 'for the first');
    await page.locator('.reply-box').getByRole('button', { name: 'Send' }).click();
    await page.locator('.toast').waitFor();
    await page.reload();
    await page.waitForFunction(() => 'htmx' in window);
    expect(await page.inputValue('[data-reply]')).toBe('');
    await open(two!);
    await page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>('[data-reply]')?.value === 'for the second');
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('keeps the words of a reply that was refused, and says why beside them, once', async () => {
    const { f, base } = await site();
    f.answers.next = () => ({ ok: false, code: 'conflict', message: 'the same words under this comment are queued already (reply r1)', field: 'text' });
    const { context, page } = await visitor(f, base);
    await page.goto(`${base}/inbox?item=c20`);
    await page.waitForFunction(() => 'htmx' in window);
    await page.fill('textarea[name=text]', 'the same words');
    await page.locator('.reply-box').getByRole('button', { name: 'Send' }).click();
    await page.locator('.reply-box .form-error', { hasText: 'The same words under this comment are already there: queued' }).waitFor();
    expect(await page.inputValue('textarea[name=text]')).toBe('the same words');
    expect(await page.locator('.toast').count()).toBe(0);
    await context.close();
  });

  it('refreshes by itself, every five seconds, when the live connection is gone', async () => {
    const { f, base } = await site();
    const { context, page } = await visitor(f, base);
    await page.route('**/events?*', (route) => route.abort());
    await page.goto(`${base}/accounts`);
    await page.waitForFunction(() => 'htmx' in window);
    const writer = new Database(f.deps.db.name);
    writer.exec(`UPDATE accounts SET account_name = 'Renamed behind its back' WHERE id = 'a2'`);
    writer.close();
    await page.getByText('Renamed behind its back').waitFor({ timeout: 12_000 });
    await context.close();
  });
});

describe('over a real socket', () => {
  const port = (base: string) => Number(new URL(base).port);
  it('gives up on a body that never comes', async () => {
    const { f, base } = await site();
    const token = await f.token('admin');
    const status = await new Promise<number>((resolve, reject) => {
      const r = request(`${base}/api/v1/accounts`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'transfer-encoding': 'chunked' } }, (response) => resolve(response.statusCode!));
      r.on('error', reject);
      r.write('{"platform":');
    });
    expect(status).toBe(408);
  });

  it('answers odd request lines with an error and lives on', async () => {
    const { f, base } = await site();
    for (const line of ['TRACE /accounts HTTP/1.1', 'GET //accounts HTTP/1.1', 'GET http://evil.example/accounts HTTP/1.1', 'GET /%ZZ HTTP/1.1', 'GET /accounts/%00 HTTP/1.1', 'BREW /pot HTTP/1.1', 'GET /\\accounts HTTP/1.1']) {
      const answer = await new Promise<string>((resolve) => {
        const socket = connect(port(base), '127.0.0.1', () => socket.write(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`));
        let text = '';
        socket.on('data', (d) => (text += d));
        socket.on('close', () => resolve(text));
        socket.on('error', () => resolve(text));
      });
      expect(answer, line).toMatch(/^HTTP\/1\.1 (3|4)\d\d/);
      expect(answer, line).not.toContain('旗舰店');
    }
    expect((await fetch(`${base}/livez`)).status).toBe(200);
    expect(f.sent).toEqual([]);
  });
});
