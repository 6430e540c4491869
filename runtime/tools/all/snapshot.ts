import { z } from 'zod';
import { stateOf } from '../page-state.ts';
import { hasTarget, onElement, targetFields } from '../target.ts';
import { defineTool } from '../tool.ts';

const LARGEST = 100_000;

export const snapshot = defineTool({
  name: 'snapshot',
  title: 'Describe the page',
  description: 'The accessibility tree of the page or of one element as indented text. Each element has a ref, like [ref=e12], that click, type and the others take until the next snapshot.',
  input: z.object({ ...targetFields, depth: z.number().int().min(1).max(50).optional().describe('how deep'), largest: z.number().int().min(100).max(LARGEST).default(40_000).describe('characters at most') }),
  output: z.object({ url: z.string(), title: z.string(), tree: z.string(), cut: z.boolean() }),
  async run(io, { depth, largest, ...target }) {
    const how = { mode: 'ai' as const, ...(depth ? { depth } : {}) };
    const tree = hasTarget(target) ? await onElement(io.page, 'snapshot', target, io.timeoutMs, (element, timeout) => element.ariaSnapshot({ ...how, timeout })) : await io.page.ariaSnapshot({ ...how, timeout: io.timeoutMs });
    return { ...(await stateOf(io.page)), tree: tree.slice(0, largest), cut: tree.length > largest };
  },
});
