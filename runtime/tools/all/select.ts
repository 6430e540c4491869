import { z } from 'zod';
import { onElement, targetFields } from '../target.ts';
import { defineTool } from '../tool.ts';

export const select = defineTool({
  name: 'select',
  title: 'Choose from a list',
  description: 'Chooses options of a select element by value or by what they show.',
  input: z.object({ ...targetFields, options: z.union([z.string().max(500), z.array(z.string().max(500)).min(1).max(100)]).describe('values or labels') }),
  output: z.object({ selected: z.array(z.string()) }),
  async run(io, { options, ...target }) {
    const selected = await onElement(io.page, 'select', target, io.timeoutMs, (element, timeout) => element.selectOption(options, { timeout }));
    return { selected };
  },
});
