import type { Page } from 'playwright';
import { z } from 'zod';

/** Where a window is: what most tools answer. */
export const pageState = z.object({ url: z.string(), title: z.string() });

export async function stateOf(page: Page): Promise<z.infer<typeof pageState>> {
  return { url: page.url().slice(0, 4000), title: (await page.title().catch(() => '')).slice(0, 500) };
}
