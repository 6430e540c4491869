import { chromium } from 'playwright';
import type { PlatformConfig } from '../../platforms/contract.ts';
import type { LoadedPlatform } from '../../platforms/load.ts';
import type { Replica } from '../../platforms/replica.ts';
import { findChromium } from '../browsers/find-chromium.ts';
import { launchOptions } from '../browsers/launch-options.ts';
import type { Stage } from './check-session.ts';

/** The same config.json with every absolute address led to the replica's host; paths stay as they are. */
export function ledTo(config: PlatformConfig, url: string, elementMs = 3000): PlatformConfig {
  const { origin } = new URL(url);
  const led = (value: string): string => value.replace(/^https?:\/\/[^/]+/, origin);
  return { ...config, urls: Object.fromEntries(Object.entries(config.urls).map(([name, value]) => [name, led(value)])), timeouts: { ...config.timeouts, element: Math.min(config.timeouts['element'] ?? 10_000, elementMs) } };
}

/** A loaded platform on a replica in a real Chromium. `stop` ends the browser and the replica. */
export async function onReplica(loaded: LoadedPlatform, replica: Replica): Promise<Stage> {
  if (!loaded.create || !loaded.config) throw new Error(`platform ${loaded.id} could not be loaded: ${loaded.reason}`);
  const platform = await loaded.create(ledTo(loaded.config, replica.url));
  const browser = await chromium.launch(launchOptions(await findChromium(), true));
  return {
    platform, replica,
    newContext: () => browser.newContext(),
    async stop() {
      await browser.close();
      await replica.stop();
    },
  };
}
