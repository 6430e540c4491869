import type { Page } from 'playwright';
import { WorkerFault } from '../fault.ts';

const LIMIT = 8000;

/** A JPEG of what a page shows, scaled down by the browser itself. Throws WorkerFault `timeout` where the page does not draw. */
export async function pictureOf(page: Page, width: number, quality: number): Promise<Buffer> {
  const cdp = await page.context().newCDPSession(page);
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new WorkerFault('timeout', 'the page draws no picture of itself')), LIMIT)));
    const taken = (async () => {
      const { cssVisualViewport: view } = await cdp.send('Page.getLayoutMetrics');
      const scale = Math.min(1, width / Math.max(1, view.clientWidth));
      const { data } = await cdp.send('Page.captureScreenshot', { format: 'jpeg', quality, optimizeForSpeed: true, clip: { x: view.pageX, y: view.pageY, width: view.clientWidth, height: view.clientHeight, scale } });
      return Buffer.from(data, 'base64');
    })();
    taken.catch(() => undefined);
    return await Promise.race([taken, late]);
  } finally {
    clearTimeout(timer);
    void cdp.detach().catch(() => undefined);
  }
}
