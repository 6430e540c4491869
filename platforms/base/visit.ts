import type { Page, Response } from 'playwright';
import { PlatformFault, type Io, type PlatformConfig } from '../contract.ts';
import { asFault } from './as-fault.ts';
import { bare, present, timeoutOf } from './locate.ts';

/**
 * Opens an address and says what stands in the way: logged-out, challenged, rate-limited, network.
 * Returns the page and the answer's status (0 when there was none).
 */
export async function visit(io: Io, config: PlatformConfig, url: string): Promise<{ page: Page; status: number }> {
  const page = await io.page();
  const answer = await goTo(page, url, timeoutOf(config, 'navigation', 30_000)).catch((error: unknown) => {
    throw asFault(error, `opening ${bare(url)}`);
  });
  const status = answer?.status() ?? 0;
  if (status === 429) throw new PlatformFault('rate-limited', `${config.label} answered 429 on ${bare(url)}: wait before the next round`);
  if (status >= 500) throw new PlatformFault('network', `${config.label} answered ${status} on ${bare(url)}`);
  await noWall(page, config);
  return { page, status };
}

/** A page that still follows a form that was sent before goes first. */
async function goTo(page: Page, url: string, timeout: number): Promise<Response | null> {
  for (let tried = 1; ; tried++) {
    try {
      return await page.goto(url, { waitUntil: 'domcontentloaded', timeout });
    } catch (error) {
      if (tried === 4 || !/interrupted by another navigation/.test((error as Error).message)) throw error;
      await page.waitForLoadState('domcontentloaded', { timeout: 5000 }).catch(() => undefined);
    }
  }
}

/** Throws when the page is a login or a challenge instead of what was asked for. */
export async function noWall(page: Page, config: PlatformConfig): Promise<void> {
  const shown = async (name: string) => config.selectors[name] !== undefined && (await present(page, config, name)) !== null;
  if (await shown('challenged')) throw new PlatformFault('challenged', `${config.label} wants to see a person: log the account in again and solve what it shows`);
  if (await shown('loggedOut')) throw new PlatformFault('logged-out', `${config.label} shows its login: the session is over, log the account in again`);
}
