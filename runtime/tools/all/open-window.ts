import { z } from 'zod';
import { goTo } from '../go-to.ts';
import { stateOf } from '../page-state.ts';
import { webUrl } from '../../../actors/web-url.ts';
import { defineTool } from '../tool.ts';

export const openWindow = defineTool({
  name: 'open_window',
  title: 'Open the window',
  description: 'Opens the window, at an address and in a size if given. A window that is open already is brought there.',
  input: z.object({
    url: webUrl.optional().describe('address to open; an empty page when absent'),
    width: z.number().int().min(200).max(3840).optional().describe('width of the view, px'),
    height: z.number().int().min(200).max(2160).optional().describe('height of the view, px'),
    waitUntil: z.enum(['commit', 'domcontentloaded', 'load', 'networkidle']).default('domcontentloaded'),
  }),
  output: z.object({ url: z.string(), title: z.string(), status: z.number().optional() }),
  async run(io, { url, width, height, waitUntil }) {
    const now = io.page.viewportSize();
    if (width || height) await io.page.setViewportSize({ width: width ?? now?.width ?? 1280, height: height ?? now?.height ?? 800 });
    return url ? goTo(io, url, waitUntil) : stateOf(io.page);
  },
});
