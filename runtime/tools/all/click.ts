import { z } from 'zod';
import { pageState, stateOf } from '../page-state.ts';
import { onElement, targetFields } from '../target.ts';
import { defineTool } from '../tool.ts';

export const click = defineTool({
  name: 'click',
  title: 'Click an element',
  description: 'Clicks an element once it can be clicked: it is scrolled into sight, and must be visible, still and not covered.',
  input: z.object({
    ...targetFields,
    button: z.enum(['left', 'right', 'middle']).default('left'),
    clicks: z.number().int().min(1).max(3).default(1).describe('2 for a double click'),
    modifiers: z.array(z.enum(['Alt', 'Control', 'Meta', 'Shift'])).max(4).default([]),
  }),
  output: pageState,
  async run(io, { button, clicks, modifiers, ...target }) {
    await onElement(io.page, 'click', target, io.timeoutMs, (element, timeout) => element.click({ button, clickCount: clicks, modifiers, timeout }));
    return stateOf(io.page);
  },
});
