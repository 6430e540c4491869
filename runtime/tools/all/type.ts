import { z } from 'zod';
import { hasTarget, onElement, targetFields } from '../target.ts';
import { defineTool } from '../tool.ts';

export const type = defineTool({
  name: 'type',
  title: 'Type a text',
  description: 'Types into a field, or wherever the cursor is when no element is named. `input` is the text; what stood there is replaced unless clear is false.',
  input: z.object({
    ...targetFields,
    input: z.string().max(20_000).describe('what is typed'),
    clear: z.boolean().default(true).describe('empty the field first'),
    delayMs: z.number().int().min(0).max(1000).default(0).describe('pause between keys; 0 fills the field at once'),
    enter: z.boolean().default(false).describe('press Enter afterwards'),
  }),
  output: z.object({ value: z.string().nullable() }),
  limitMs: 60_000,
  async run(io, { input, clear, delayMs, enter, ...target }) {
    if (!hasTarget(target)) {
      if (delayMs > 0) await io.page.keyboard.type(input, { delay: delayMs });
      else await io.page.keyboard.insertText(input);
      if (enter) await io.page.keyboard.press('Enter');
      return { value: null };
    }
    return onElement(io.page, 'type', target, io.timeoutMs, async (element, timeout) => {
      if (delayMs === 0 && clear) await element.fill(input, { timeout });
      else {
        if (clear) await element.fill('', { timeout });
        await element.pressSequentially(input, { delay: delayMs, timeout });
      }
      const value = await element.evaluate((e) => ('value' in e ? String(e.value) : (e.textContent ?? '')).slice(0, 2000), undefined, { timeout });
      if (enter) await element.press('Enter', { timeout, noWaitAfter: true });
      return { value };
    });
  },
});
