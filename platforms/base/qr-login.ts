import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright';
import { PlatformFault, type Io, type PlatformConfig, type Step, type UserInfo } from '../contract.ts';
import { asFault } from './as-fault.ts';
import { timeoutOf } from './locate.ts';

/** What a login page shows at one look. `key` changes when the thing shown is a new one. */
export type Sight =
  | { is: 'qr'; key: string; expiresAt: number | null; image(): Promise<Buffer> }
  | { is: 'scanned'; prompt: string }
  | { is: 'challenge'; key: string; what: 'slider' | 'sms' | 'confirm'; prompt: string; image(): Promise<Buffer | null> }
  | { is: 'failed'; reason: string }
  | { is: 'in' }
  | { is: 'nothing' };

export type QrSite = {
  config: PlatformConfig;
  /** Called before the first page opens. */
  begin?(page: Page): void;
  /** What is said when the page shows nothing of what was waited for. */
  missing?: string;
  look(page: Page): Promise<Sight>;
  solve(page: Page, what: 'slider' | 'sms' | 'confirm', value: string): Promise<void>;
  user(io: Io, page: Page): Promise<{ user: UserInfo; validUntil: number | null }>;
};

const LOOK_EVERY = 400;

/** Watches a login page from its first QR code to the account's home, one step for each change. */
export async function* qrLogin(io: Io, site: QrSite, answer: (txn: string) => Promise<string>): AsyncGenerator<Step, void, void> {
  const { config } = site;
  try {
    const page = await io.page();
    site.begin?.(page);
    await page.goto(config.urls.login ?? '', { waitUntil: 'domcontentloaded', timeout: timeoutOf(config, 'navigation', 30_000) });
    yield* watchLogin(io, page, site, answer);
  } catch (error) {
    io.signal.throwIfAborted();
    throw asFault(error, `logging in to ${config.label}`);
  }
}

/** Follows an open login page to the account's home. Throws `refused` with the site's reason, or `timeout` when nobody finishes it. */
export async function* watchLogin(io: Io, page: Page, site: QrSite, answer: (txn: string) => Promise<string>): AsyncGenerator<Step, void, void> {
  const { config } = site;
  const until = performance.now() + timeoutOf(config, 'loginCheck', 300_000);
  const qrUntil = performance.now() + timeoutOf(config, 'qrCode', 30_000);
  let shown = '';
  while (performance.now() < until) {
    io.signal.throwIfAborted();
    const sight = await look(site, page);
    if (sight.is === 'in') {
      const { user, validUntil } = await site.user(io, page);
      yield { kind: 'done', id: 'done', txn: randomUUID(), user, validUntil };
      return;
    }
    if (sight.is === 'failed') throw new PlatformFault('refused', sight.reason);
    if (sight.is === 'nothing' && shown === '' && performance.now() > qrUntil) {
      await io.screenshot('login-without-code');
      throw new PlatformFault('element-not-found', site.missing ?? `no login code on ${config.label} (tried ${config.selectors.qrCode?.join(' | ')}): the site may have changed, see config.json and the screenshot`);
    }
    const now = sight.is === 'qr' || sight.is === 'challenge' ? `${sight.is}:${sight.key}` : sight.is;
    if (now !== shown && sight.is !== 'nothing') {
      shown = now;
      const txn = randomUUID();
      if (sight.is === 'qr') yield { kind: 'qr', id: 'scan', txn, image: await sight.image(), expiresAt: sight.expiresAt };
      if (sight.is === 'scanned') yield { kind: 'confirming', id: 'confirm', txn, prompt: sight.prompt };
      if (sight.is === 'challenge') {
        const { what, prompt } = sight;
        yield { kind: 'challenge', id: `challenge-${what}`, txn, what, prompt, image: await sight.image() };
        if (what !== 'confirm') await site.solve(page, what, await answer(txn));
      }
    }
    await sleep(LOOK_EVERY, undefined, { signal: io.signal });
  }
  throw new PlatformFault('timeout', `nobody finished the login on ${config.label} in time`);
}

/** One look; a page that is just changing shows nothing. */
const look = (site: QrSite, page: Page): Promise<Sight> =>
  site.look(page).catch((error: unknown) => {
    if (error instanceof Error && /context was destroyed|because of a navigation|frame was detached|not attached to the DOM/i.test(error.message)) return { is: 'nothing' };
    throw error;
  });
