import type { BrowserContext } from 'playwright';
import type { PlatformConfig } from '../../../platforms/contract.ts';
import { ofSites, readCookies, siteOf } from '../../../actors/read-cookies.ts';
import { WorkerFault } from '../fault.ts';
import type { EffectContext } from './effect-context.ts';

const FIELD = 'cookies';

/**
 * Puts the session that somebody has handed in into the account's browser, in place of the one that it had. `settle(false)` brings that
 * back. Either way the text is taken out of the vault: it was for one login. Throws WorkerFault `refused` with what to do.
 */
export async function givenSession(ctx: EffectContext, about: { account: string; epoch: number }, context: BrowserContext, config: PlatformConfig): Promise<{ settle(good: boolean): Promise<void> }> {
  const { account, epoch } = about;
  const { value } = await ctx.link.ask('vault-get', { account, epoch, field: FIELD }, 15_000, ctx.signal);
  if (typeof value !== 'string' || value === '') throw new WorkerFault('refused', 'the cookies that were handed in are gone: hand them in again');
  const forget = () => ctx.link.ask('vault-put', { account, epoch, field: FIELD, value: '' }, 15_000).then(() => undefined, (error: Error) => ctx.log('warn', 'task', `the cookies that were handed in are still in the vault: ${error.message}`, { account }));
  try {
    const session = readCookies(value, Date.now());
    const hosts = Object.values(config.urls).flatMap((url) => (/^https?:/.test(url) && URL.canParse(url) ? [new URL(url).hostname] : []));
    const own = ofSites(session, hosts);
    if (own.cookies.length === 0) throw new WorkerFault('refused', `none of the ${session.cookies.length} cookies is of ${[...new Set(hosts.map(siteOf))].join(' or ')}: export them while logged in there`);
    const before = await context.storageState();
    await context.setStorageState(own);
    ctx.log('info', 'task', `a session of ${own.cookies.length} cookies is tried`, { account, others: session.cookies.length - own.cookies.length, expired: session.expired });
    return {
      async settle(good) {
        if (!good) await context.setStorageState(before).catch((error: Error) => ctx.log('warn', 'task', `the session from before is not back: ${error.message}`, { account }));
        await forget();
      },
    };
  } catch (error) {
    await forget();
    throw error;
  }
}
