import { z } from 'zod';
import { goTo, visited } from '../go-to.ts';
import { webUrl } from '../../../actors/web-url.ts';
import { defineTool } from '../tool.ts';
import { ToolFault } from '../tool-fault.ts';

export const navigate = defineTool({
  name: 'navigate',
  title: 'Go to an address',
  description: 'Sends the window to an address, or back, forward, or loads it anew.',
  input: z.object({
    url: webUrl.optional().describe('address to open; for action goto'),
    action: z.enum(['goto', 'back', 'forward', 'reload']).default('goto'),
    waitUntil: z.enum(['commit', 'domcontentloaded', 'load', 'networkidle']).default('domcontentloaded').describe('how far the page must be loaded'),
  }),
  output: z.object({ url: z.string(), title: z.string(), status: z.number() }),
  async run(io, { url, action, waitUntil }) {
    const how = { waitUntil, timeout: io.timeoutMs };
    if (action === 'goto') {
      if (!url) throw new ToolFault('invalid', 'navigate: url: is required', 'url');
      return goTo(io, url, waitUntil);
    }
    if (action === 'reload') return visited(io.page, await io.page.reload(how));
    return visited(io.page, action === 'back' ? await io.page.goBack(how) : await io.page.goForward(how));
  },
});
