import type { Locator, Page } from 'playwright';
import type { PlatformConfig } from '../contract.ts';
import { selectorsOf } from './locate.ts';

/** The nth item of a list, counted as `extract` counts: by the first selector that finds any. */
export async function itemAt(page: Page, config: PlatformConfig, name: string, index: number): Promise<Locator> {
  const all = selectorsOf(config, name);
  for (const s of all) if ((await page.locator(s).count()) > 0) return page.locator(s).nth(index);
  return page.locator(all[0]!).nth(index);
}
