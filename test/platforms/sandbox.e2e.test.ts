import { createRequire } from 'node:module';
import { PNG } from 'pngjs';
import type jsqrType from 'jsqr';
import { loadPlatforms } from '../../platforms/load.ts';
import { platformCases } from '../contracts/platform.case.ts';
import { demoSite } from '../worker/demo-site.ts';
import { oneBrowser } from './one-browser.ts';

const jsqr = createRequire(import.meta.url)('jsqr') as typeof jsqrType.default;

platformCases('sandbox', async () => {
  const site = await demoSite();
  process.env.SANDBOX_URL = site.url;
  const platform = (await loadPlatforms()).find((p) => p.id === 'sandbox')!.platform!;
  const browser = await oneBrowser();
  return {
    platform,
    newContext: browser.newContext,
    async confirm(qr) {
      const { data, width, height } = PNG.sync.read(qr);
      const url = jsqr(new Uint8ClampedArray(data), width, height)!.data;
      await site.scan(url);
      await site.confirm(url, 'mei');
      return null;
    },
    expireCode: async () => void (await site.control('expire-qr')),
    logOutAll: async () => void (await site.control('logout-all')),
    addComment: async (text) => void (await site.control('comment', { user: 'visitor', post: 1, text })),
    addMessage: async (text) => void (await site.control('message', { user: 'visitor', to: 'mei', text })),
    sent: async () => (await site.ledger()).map((row) => row.text),
    async stop() {
      await browser.close();
      await site.stop();
    },
  };
});
