import { createHash } from 'node:crypto';
import type { Page } from 'playwright';
import type { PlatformConfig } from '../contract.ts';
import { locate, present, timeoutOf, valueOf } from './locate.ts';
import type { QrSite } from './qr-login.ts';

/** How long such sites keep a session, when its cookie doesn't say. */
const WEEK = 7 * 24 * 3_600_000;

/** A login page of a creator centre, read by the selectors of config.json. A dead code is renewed by a click. */
export function creatorLogin(config: PlatformConfig): QrSite {
  const shown = (page: Page, name: string) => (config.selectors[name] ? present(page, config, name) : Promise.resolve(null));
  const textOf = async (page: Page, name: string): Promise<string> => ((await (await shown(page, name))?.textContent()) ?? '').trim().slice(0, 200);
  return {
    config,
    async look(page) {
      if (await shown(page, 'userProfile')) return { is: 'in' };
      const sms = await shown(page, 'smsInput');
      if (sms) return { is: 'challenge', key: `sms:${await textOf(page, 'challengeError')}`, what: 'sms', prompt: (await textOf(page, 'challengePrompt')) || '请输入短信验证码', image: () => page.screenshot() };
      if (await shown(page, 'slider')) return { is: 'challenge', key: 'slider', what: 'confirm', prompt: '请在有窗口的浏览器中完成滑块验证 (HEADLESS=0)', image: () => page.screenshot() };
      const dead = await shown(page, 'qrExpired');
      if (dead) {
        await ((await shown(page, 'qrRefresh')) ?? dead).click();
        return { is: 'nothing' };
      }
      if (await shown(page, 'scanned')) return { is: 'scanned', prompt: '请在手机上确认登录' };
      const qr = await shown(page, 'qrCode');
      if (!qr) return { is: 'nothing' };
      const image = await qr.screenshot();
      const source = (await qr.getAttribute('src')) ?? '';
      return { is: 'qr', key: createHash('sha256').update(source || image).digest('hex'), expiresAt: null, image: async () => image };
    },
    async solve(page, _what, value) {
      const timeout = timeoutOf(config, 'element', 10_000);
      await (await locate(page, config, 'smsInput', timeout)).fill(value.trim());
      await (await locate(page, config, 'smsSubmit', timeout)).click();
    },
    async user(io, page) {
      const avatar = await (await shown(page, 'userAvatar'))?.getAttribute('src');
      const id = (await valueOf(page, config, 'userId')).replace(/^.*[:：]\s*/, '');
      const nickname = await valueOf(page, config, 'userName');
      const names = new Set(config.selectors.sessionCookie);
      const session = (await io.context.cookies()).find((c) => names.has(c.name) && c.expires > 0);
      return { user: { id: id || nickname, nickname, avatar: avatar && /^https:/.test(avatar) ? avatar : null }, validUntil: session ? Math.round(session.expires * 1000) : Date.now() + WEEK };
    },
  };
}
