import type { Page } from 'playwright';
import type { Io } from '../../platforms/contract.ts';
import { elementOf } from '../../platforms/base/locate.ts';
import type { SelectorReport, SelectorsRequest } from '../../transport/protocol.ts';
import type { BrowserPool } from '../browsers/browser-pool.ts';
import type { ProxySpec } from '../browsers/proxy-door.ts';
import { faultOf, WorkerFault } from './fault.ts';
import type { Fence } from './fence.ts';
import type { PlatformShelf } from './platform-shelf.ts';

type Around = { pool: BrowserPool; fence: Fence; platforms: PlatformShelf };

const LONGEST = 45_000;
const SETTLE = 2500;
/** These are names of cookies. */
const NO_SELECTORS = ['sessionCookie'];

/** Goes through the platform's pages in the account's own browser, in a page of its own, and counts what each selector matches. Changes nothing. */
export async function selectorTest({ pool, fence, platforms }: Around, { account, platform: id, epoch }: SelectorsRequest): Promise<SelectorReport> {
  if (!fence.holds(account, epoch)) throw new WorkerFault('conflict', `this worker does not act for ${account} now: ask again in a moment`);
  const { platform, config } = platforms.get(id);
  const proxy = pool.proxyOf(account);
  // Without the proxy that it always takes, the account must not be seen at all.
  if (proxy === undefined) throw new WorkerFault('conflict', 'the account has not been used on this worker yet: wait for its next round, then test again');
  const report: SelectorReport = { pages: [], rows: Object.entries(config.selectors).filter(([name]) => !NO_SELECTORS.includes(name)).map(([name, list]) => ({ name, fallbacks: list.map((selector) => ({ selector, error: null, matches: {} })) })) };
  const signal = AbortSignal.timeout(LONGEST);
  await pool.use(account, proxy, async (browser) => {
    const page = await browser.context.newPage();
    const stop = () => void page.close().catch(() => undefined);
    signal.addEventListener('abort', stop, { once: true });
    const io: Io = { account, context: browser.context, signal, page: async () => page, log: () => undefined, screenshot: async () => undefined };
    const seen = async (name: string, error: string | null = null) => {
      await page.waitForLoadState('networkidle', { timeout: SETTLE }).catch(() => undefined);
      report.pages.push({ name, url: page.url().split(/[?#]/, 1)[0]!.slice(0, 500), error });
      await count(page, name, report);
    };
    try {
      const tour = platform.tour?.(io);
      if (tour) {
        try {
          for await (const name of tour) await seen(name.slice(0, 60));
        } catch (error) {
          await seen('…', faultOf(error).message);
        }
      } else {
        for (const [name, url] of Object.entries(config.urls)) {
          if (!/^https?:/.test(url) || url.includes('{') || name === 'base' || signal.aborted) continue;
          const error = await page.goto(url, { waitUntil: 'domcontentloaded', timeout: 15_000 }).then(() => null, (e: unknown) => faultOf(e).message);
          await seen(name, error);
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await page.close().catch(() => undefined);
    }
  });
  return report;
}

async function count(page: Page, on: string, report: SelectorReport): Promise<void> {
  for (const { fallbacks } of report.rows) {
    for (const one of fallbacks) {
      const css = elementOf(one.selector);
      const attribute = /^@(.+)$/.exec(css)?.[1];
      try {
        one.matches[on] = await page.locator(attribute ? `[${attribute}]` : css).count();
      } catch (error) {
        one.error ??= faultOf(error).message.slice(0, 300);
      }
    }
  }
}
