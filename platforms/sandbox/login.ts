import type { Page } from 'playwright';
import type { PlatformConfig } from '../contract.ts';
import { extract } from '../base/extract.ts';
import { locate, present, selectorsOf, timeoutOf } from '../base/locate.ts';
import type { QrSite } from '../base/qr-login.ts';

/** How the sandbox's login page is read and answered. */
export function sandboxLogin(config: PlatformConfig): QrSite {
  const panel = async (page: Page) => (await extract(page, ['[data-login]'], { version: { from: [':scope'], attribute: 'data-version' }, expires: { from: [':scope'], attribute: 'data-expires' }, what: { from: selectorsOf(config, 'challenge'), attribute: 'data-challenge' }, prompt: { from: selectorsOf(config, 'challenge') } }))[0];
  return {
    config,
    async look(page) {
      if (await present(page, config, 'userProfile')) return { is: 'in' };
      const now = await panel(page);
      const qr = await present(page, config, 'qrCode');
      if (qr) return { is: 'qr', key: now?.version ?? '', expiresAt: Number(now?.expires) || null, image: () => qr.screenshot() };
      if (await present(page, config, 'scanned')) return { is: 'scanned', prompt: 'Confirm the login on the phone.' };
      if (await present(page, config, 'challenge'))
        return { is: 'challenge', key: now?.version ?? '', what: now?.what === 'sms' ? 'sms' : 'slider', prompt: now?.prompt ?? '', image: () => page.screenshot() };
      if (await present(page, config, 'loginFailed')) return { is: 'failed', reason: 'the site refused the answers to its challenge' };
      return { is: 'nothing' };
    },
    async solve(page, what, value) {
      const form = await locate(page, config, 'challengeForm', timeoutOf(config, 'element', 5000));
      const field = form.locator('[name=answer]');
      if (what === 'slider') await field.evaluate((input, v) => void ((input as HTMLInputElement).value = v), value.trim());
      else await field.fill(value.trim());
      await form.locator('button').click();
    },
    async user(io, page) {
      const timeout = timeoutOf(config, 'element', 5000);
      const nickname = (await (await locate(page, config, 'userName', timeout)).textContent())?.trim() ?? '';
      const id = (await (await locate(page, config, 'userId', timeout)).textContent())?.trim() ?? '';
      const session = (await io.context.cookies(page.url())).find((cookie) => cookie.name === 'sid');
      return { user: { id, nickname, avatar: null }, validUntil: session && session.expires > 0 ? Math.round(session.expires * 1000) : null };
    },
  };
}
