import type { Page } from 'playwright';
import type { Io, Platform, PlatformConfig } from '../../../platforms/contract.ts';
import type { AccountBrowser } from '../../browsers/browser-pool.ts';
import { proxySpec } from '../../browsers/proxy-door.ts';
import { WorkerFault, withEvidence } from '../fault.ts';
import type { EffectContext } from './effect-context.ts';
import { beginTrace, dropTrace, keepEvidence, keepPicture } from './evidence.ts';

export type Stage = {
  platform: Platform;
  config: PlatformConfig;
  browser: AccountBrowser;
  io: Io;
  /** Runs one call of the platform within a time; a platform that hangs becomes a fault `timeout`. */
  call<T>(doing: string, work: () => Promise<T>, limitMs?: number): Promise<T>;
  /** Stores what its page shows now; null when it has none, or too much was stored this hour. */
  picture(): Promise<string | null>;
};

/** What a login types in is in its trace: it has none. */
type Kind = { traced?: boolean };
const OWN = ['aborted', 'fenced', 'lost'];

const CALL = 60_000;
const CLOSE = 5000;

/** Opens the account's browser with one page for this effect. A page that did its work is kept for the next effect in a burst, any other is closed. */
export async function withPlatform<T>(ctx: EffectContext, input: { account: string; platform: string; proxy: unknown }, work: (stage: Stage) => Promise<T>, { traced = true }: Kind = {}): Promise<T> {
  const { platform, config } = ctx.platform(input.platform);
  const proxy = proxySpec.safeParse(input.proxy);
  if (!proxy.success) throw new WorkerFault('refused', `the proxy of account ${input.account} is not usable: ${proxy.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`);
  return ctx.pool.use(input.account, proxy.data, async (browser) => {
    let page: Page | null = null;
    const io: Io = {
      account: input.account,
      context: browser.context,
      signal: ctx.signal,
      async page() {
        if (!page || page.isClosed()) page = await browser.pages.take();
        return page;
      },
      log: (level, message) => ctx.log(level, 'task', message, { account: input.account, platform: platform.id }),
      screenshot: async (name) => {
        if (page && !page.isClosed()) await browser.screenshot(page, name).catch(() => undefined);
      },
    };
    const call = <R>(doing: string, run: () => Promise<R>, limitMs = config.timeouts.call ?? CALL): Promise<R> => within(run(), limitMs, `${platform.label} took over ${limitMs} ms for ${doing}`, ctx.signal);
    let kept = false;
    const tracing = traced && (await beginTrace(browser.context, `${platform.id} for ${input.account}`, browser.traces));
    const picture = async () => page && !page.isClosed() ? keepPicture(ctx, input.account, page) : null;
    try {
      const result = await work({ platform, config, browser, io, call, picture });
      if (tracing) await dropTrace(browser.context);
      kept = page !== null && (await browser.pages.keep(page));
      return result;
    } catch (error) {
      const mine = ctx.signal.aborted || (error instanceof WorkerFault && OWN.includes(error.kind));
      if (!mine) throw withEvidence(error, await keepEvidence(ctx, { account: input.account, context: browser.context, page, tracing }));
      if (tracing) void dropTrace(browser.context);
      throw error;
    } finally {
      if (page && !kept && !(await closed(page))) {
        ctx.log('warn', 'system', 'a page does not close: its browser is closed instead', { account: input.account });
        void ctx.pool.close(input.account, true);
      }
    }
  });
}

async function closed(page: Page): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((done) => (timer = setTimeout(() => done(false), CLOSE)));
  return Promise.race([page.close().then(() => true, () => true), late]).finally(() => clearTimeout(timer));
}

async function within<T>(work: Promise<T>, ms: number, message: string, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WorkerFault('timeout', message)), ms);
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
    if (stop) signal.removeEventListener('abort', stop);
  }
}
