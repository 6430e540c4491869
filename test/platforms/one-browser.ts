import { chromium, type Browser, type BrowserContext } from 'playwright';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { launchOptions } from '../../runtime/browsers/launch-options.ts';

/** A real Chromium for a test, with a fresh context for each who asks. */
export async function oneBrowser(): Promise<{ newContext(): Promise<BrowserContext>; close(): Promise<void> }> {
  const browser: Browser = await chromium.launch(launchOptions(await findChromium(), true));
  return { newContext: () => browser.newContext(), close: () => browser.close() };
}
