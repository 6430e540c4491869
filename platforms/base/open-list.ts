import type { Page } from 'playwright';
import { PlatformFault, type Io, type PlatformConfig } from '../contract.ts';
import { selectorsOf, timeoutOf } from './locate.ts';
import { noWall, visit } from './visit.ts';

/** Opens a page and waits for its list, or for the note (`<item>None`) that it is empty. A 404 is `refused`. */
export async function openList(io: Io, config: PlatformConfig, url: string, item: string): Promise<Page> {
  const elementMs = timeoutOf(config, 'element', 10_000);
  const { page, status } = await visit(io, config, url);
  if (status === 404 || status === 410) throw new PlatformFault('refused', `what is looked for is not on ${config.label} any more (${status})`);
  await waitForList(page, config, item, elementMs).catch(async () => {
    await noWall(page, config);
    await io.screenshot(`no-${item}`);
    throw new PlatformFault('element-not-found', `no ${item} on ${config.label} within ${elementMs} ms (tried ${[...selectorsOf(config, item), ...(config.selectors[`${item}None`] ?? [])].join(' | ')}): the site may have changed, see config.json and the screenshot`);
  });
  return page;
}

/** Waits for the list or the note that it is empty. */
export const waitForList = (page: Page, config: PlatformConfig, item: string, timeout: number): Promise<void> =>
  [...selectorsOf(config, item), ...(config.selectors[`${item}None`] ?? [])].map((s) => page.locator(s)).reduce((a, b) => a.or(b)).first().waitFor({ timeout });
