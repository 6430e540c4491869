import { createHash } from 'node:crypto';
import type { Page } from 'playwright';
import type { PlatformConfig } from '../contract.ts';
import { Answers } from './answers.ts';
import type { CreatorConfig } from './creator-config.ts';
import { selfOf } from './creator-marks.ts';
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
    begin: (page) => void Answers.of(page, config),
    async look(page) {
      if (await shown(page, 'userProfile')) return { is: 'in' };
      const sms = await shown(page, 'smsInput');
      if (sms) return { is: 'challenge', key: `sms:${await textOf(page, 'challengeError')}`, what: 'sms', prompt: (await textOf(page, 'challengePrompt')) || '请输入短信验证码', image: () => page.screenshot() };
      if (await shown(page, 'slider')) return { is: 'challenge', key: 'slider', what: 'confirm', prompt: '请在有窗口的浏览器中完成滑块验证 (HEADLESS=0)', image: () => page.screenshot() };
      const dead = await shown(page, 'qrExpired');
      if (dead) {
        await ((await shown(page, 'qrRefresh')) ?? dead).click();
        // Once is enough, however slow the new one comes.
        await dead.waitFor({ state: 'hidden', timeout: 3000 }).catch(() => undefined);
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
      const answers = Answers.of(page, config);
      if (answers.has('user')) await answers.wait('user', 0, Math.min(3000, timeoutOf(config, 'element', 10_000)));
      const self = selfOf(page, config as CreatorConfig);
      const shownAvatar = await (await shown(page, 'userAvatar'))?.getAttribute('src');
      const avatar = self?.avatar ?? (shownAvatar && /^https:/.test(shownAvatar) ? shownAvatar : null);
      const id = self?.handle || self?.id || (await valueOf(page, config, 'userId')).replace(/^.*[:：]\s*/, '');
      const nickname = self?.name || (await valueOf(page, config, 'userName'));
      const names = new Set(config.selectors.sessionCookie);
      const session = (await io.context.cookies()).find((c) => names.has(c.name) && c.expires > 0);
      return { user: { id: id || nickname, nickname, avatar }, validUntil: session ? Math.round(session.expires * 1000) : Date.now() + WEEK };
    },
  };
}
