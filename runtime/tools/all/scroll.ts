import { z } from 'zod';
import { hasTarget, onElement, targetFields } from '../target.ts';
import { defineTool } from '../tool.ts';

export const scroll = defineTool({
  name: 'scroll',
  title: 'Scroll',
  description: 'Scrolls the page by some px, to its top or bottom, or until an element is in sight. Answers where it stands.',
  input: z.object({
    ...targetFields,
    dx: z.number().min(-100_000).max(100_000).default(0).describe('px to the right'),
    dy: z.number().min(-100_000).max(100_000).default(0).describe('px down'),
    to: z.enum(['top', 'bottom']).optional(),
  }),
  output: z.object({ x: z.number(), y: z.number(), height: z.number(), atEnd: z.boolean() }),
  async run(io, { dx, dy, to, ...target }) {
    if (hasTarget(target)) await onElement(io.page, 'scroll', target, io.timeoutMs, (element, timeout) => element.scrollIntoViewIfNeeded({ timeout }));
    return io.page.evaluate(
      ({ dx, dy, to }) => {
        const root = document.scrollingElement ?? document.documentElement;
        if (to) window.scrollTo({ top: to === 'top' ? 0 : root.scrollHeight, behavior: 'instant' });
        else if (dx !== 0 || dy !== 0) window.scrollBy({ left: dx, top: dy, behavior: 'instant' });
        return { x: Math.round(window.scrollX), y: Math.round(window.scrollY), height: root.scrollHeight, atEnd: window.scrollY + window.innerHeight >= root.scrollHeight - 2 };
      },
      { dx, dy, to },
    );
  },
});
