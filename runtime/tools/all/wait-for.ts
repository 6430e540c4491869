import { z } from 'zod';
import { setTimeout as sleep } from 'node:timers/promises';
import { pageState, stateOf } from '../page-state.ts';
import { hasTarget, locate, targetFields, targetText } from '../target.ts';
import { defineTool } from '../tool.ts';
import { ToolFault } from '../tool-fault.ts';

export const waitFor = defineTool({
  name: 'wait_for',
  title: 'Wait',
  description: 'Waits until an element is there (or gone), the address fits a pattern, an expression is true, the page is loaded, or for some time.',
  input: z.object({
    ...targetFields,
    state: z.enum(['visible', 'hidden', 'attached', 'detached']).default('visible'),
    url: z.string().max(2000).optional().describe('address or glob, like **/done*'),
    expression: z.string().max(20_000).optional().describe('JavaScript that becomes true in the page'),
    load: z.enum(['domcontentloaded', 'load', 'networkidle']).optional(),
    ms: z.number().int().min(0).max(60_000).optional(),
  }),
  output: pageState,
  async run(io, { state, url, expression, load, ms, ...target }) {
    const { page, signal, timeoutMs: timeout } = io;
    if (!hasTarget(target) && !url && !expression && !load && ms === undefined) throw new ToolFault('invalid', 'wait_for: selector: give what to wait for: an element, url, expression, load or ms', 'selector');
    const missed = (what: string) => (error: Error) => {
      throw /Timeout \d+ ?ms exceeded/i.test(error.message) ? new ToolFault('timeout', `wait_for: ${what} within ${timeout} ms`) : error;
    };
    if (hasTarget(target)) await locate(page, 'wait_for', target).first().waitFor({ state, timeout }).catch(missed(`${targetText(target)} is not ${state}`));
    if (url) await page.waitForURL(url, { timeout, waitUntil: 'commit' }).catch(missed(`the address is not ${url.slice(0, 200)} but ${page.url().slice(0, 200)}`));
    if (expression) await page.waitForFunction(expression, undefined, { timeout }).catch(missed('the expression is not true'));
    if (load) await page.waitForLoadState(load, { timeout }).catch(missed(`the page is not at ${load}`));
    if (ms) await sleep(ms, undefined, { signal });
    return stateOf(page);
  },
});
