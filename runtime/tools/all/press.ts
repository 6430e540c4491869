import { z } from 'zod';
import { hasTarget, onElement, targetFields } from '../target.ts';
import { pageState, stateOf } from '../page-state.ts';
import { defineTool } from '../tool.ts';

export const press = defineTool({
  name: 'press',
  title: 'Press a key',
  description: 'Presses a key or a chord, like Enter, ArrowDown or Control+A, on an element or wherever the cursor is.',
  input: z.object({
    ...targetFields,
    key: z.string().min(1).max(60).describe('Enter, Tab, Escape, ArrowDown, a, Control+A'),
    times: z.number().int().min(1).max(100).default(1),
  }),
  output: pageState,
  async run(io, { key, times, ...target }) {
    if (!hasTarget(target)) for (let n = 0; n < times; n++) await io.page.keyboard.press(key);
    else
      await onElement(io.page, 'press', target, io.timeoutMs, async (element, timeout) => {
        for (let n = 0; n < times; n++) await element.press(key, { timeout });
      });
    return stateOf(io.page);
  },
});
