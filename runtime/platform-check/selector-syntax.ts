import { chromium } from 'playwright';
import { findChromium } from '../browsers/find-chromium.ts';
import { launchOptions } from '../browsers/launch-options.ts';
import { elementOf } from '../../platforms/base/locate.ts';

/** These are names of cookies. */
const NO_SELECTORS = ['sessionCookie'];

/** Selectors that no browser can read, by their place in config.json. */
export async function selectorFaults(selectors: Record<string, string[]>): Promise<{ field: string; message: string }[]> {
  const browser = await chromium.launch(launchOptions(await findChromium(), true));
  try {
    const page = await browser.newPage();
    const faults: { field: string; message: string }[] = [];
    for (const [name, list] of Object.entries(selectors)) {
      if (NO_SELECTORS.includes(name)) continue;
      for (const [index, selector] of list.entries()) {
        const css = elementOf(selector);
        // An attribute of the item itself names no element.
        if (css.startsWith('@')) continue;
        await page.locator(css).count().catch((error: Error) => faults.push({ field: `selectors.${name}.${index}`, message: `${JSON.stringify(selector)} can't be read: ${error.message.split('\n', 1)[0]!.replace(/^locator\.count: /, '').slice(0, 200)}` }));
      }
    }
    return faults;
  } finally {
    await browser.close();
  }
}
