import { z } from 'zod';
import { onElement, hasTarget, targetFields } from '../target.ts';
import { defineTool } from '../tool.ts';
import { ToolFault } from '../tool-fault.ts';

export const cdpClick = defineTool({
  name: 'cdp_click',
  title: 'Click at a point',
  description: 'Presses and releases the mouse at a point of the view by the browser’s own input events, whatever is there; with an element, at its middle.',
  input: z.object({
    ...targetFields,
    x: z.number().min(0).max(10_000).optional().describe('px from the left of the view'),
    y: z.number().min(0).max(10_000).optional().describe('px from its top'),
    button: z.enum(['left', 'right', 'middle']).default('left'),
    clicks: z.number().int().min(1).max(3).default(1),
  }),
  output: z.object({ x: z.number(), y: z.number() }),
  async run(io, { x, y, button, clicks, ...target }) {
    const at = hasTarget(target) ? await middle() : x !== undefined && y !== undefined ? { x, y } : null;
    if (!at) throw new ToolFault('invalid', 'cdp_click: x: give x and y, or one of selector, ref, role, text or label', 'x');
    const cdp = await io.page.context().newCDPSession(io.page);
    try {
      await cdp.send('Input.dispatchMouseEvent', { type: 'mouseMoved', ...at });
      for (let n = 1; n <= clicks; n++) {
        await cdp.send('Input.dispatchMouseEvent', { type: 'mousePressed', ...at, button, clickCount: n });
        await cdp.send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...at, button, clickCount: n });
      }
    } finally {
      await cdp.detach().catch(() => undefined);
    }
    return at;

    function middle(): Promise<{ x: number; y: number }> {
      return onElement(io.page, 'cdp_click', target, io.timeoutMs, async (element, timeout) => {
        await element.scrollIntoViewIfNeeded({ timeout });
        const box = await element.boundingBox({ timeout });
        if (!box || box.width === 0) throw new ToolFault('element-not-found', 'cdp_click: the element has no place on the page: it is hidden', 'selector');
        return { x: Math.round(box.x + box.width / 2), y: Math.round(box.y + box.height / 2) };
      });
    }
  },
});
