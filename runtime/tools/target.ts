import type { FrameLocator, Locator, Page } from 'playwright';
import { z } from 'zod';
import { ToolFault } from './tool-fault.ts';

/** How an element is named: one of selector, ref, role, text or label. */
export const targetFields = {
  selector: z.string().min(1).max(2000).optional().describe('CSS selector, or an XPath after xpath='),
  ref: z.string().regex(/^(f\d+)?e\d+$/, 'must be a ref of a snapshot, like e12').optional().describe('element of the last snapshot, like e12'),
  role: z.string().regex(/^[a-z]{2,30}$/, 'must be an ARIA role, like button').optional().describe('ARIA role, like button or link; with name to narrow it'),
  name: z.string().max(500).optional().describe('accessible name that goes with role'),
  text: z.string().min(1).max(500).optional().describe('text that the element holds'),
  label: z.string().min(1).max(500).optional().describe('label of a form field'),
  exact: z.boolean().default(false).describe('name, text and label must fit as a whole'),
  nth: z.number().int().min(0).max(10_000).optional().describe('which of several matches, counted from 0'),
  frame: z.string().min(1).max(2000).optional().describe('CSS selector of the iframe to look in'),
};
export type Target = { selector?: string; ref?: string; role?: string; name?: string; text?: string; label?: string; exact?: boolean; nth?: number; frame?: string };

export const hasTarget = (t: Target): boolean => [t.selector, t.ref, t.role, t.text, t.label].some((v) => v !== undefined);

/** The named element. Throws ToolFault where none is named, or two ways at once. */
export function locate(page: Page, tool: string, t: Target): Locator {
  const given = (['selector', 'ref', 'role', 'text', 'label'] as const).filter((k) => t[k] !== undefined);
  if (given.length !== 1) throw new ToolFault('invalid', `${tool}: ${given.length === 0 ? 'no element is named' : `${given.join(' and ')} are given`}: give one of selector, ref, role, text or label`, given[1] ?? 'selector');
  const root: Page | FrameLocator = t.frame ? page.frameLocator(t.frame) : page;
  const found = within(root, t);
  return t.nth === undefined ? found : found.nth(t.nth);
}

function within(root: Page | FrameLocator, t: Target): Locator {
  if (t.ref) return root.locator(`aria-ref=${t.ref}`);
  if (t.selector) return root.locator(t.selector);
  if (t.role) return root.getByRole(t.role as Parameters<Page['getByRole']>[0], t.name === undefined ? {} : { name: t.name, exact: t.exact });
  if (t.label) return root.getByLabel(t.label, { exact: t.exact });
  return root.getByText(t.text!, { exact: t.exact });
}

/** The element in words, for messages. */
export const targetText = (t: Target): string => (t.ref ? `ref ${t.ref}` : t.role ? `${t.role}${t.name ? ` "${t.name}"` : ''}` : t.selector ? `selector ${t.selector}` : t.label ? `label "${t.label}"` : `text "${t.text}"`).slice(0, 200);

/** Runs something on the element; one that doesn't show up is said to be missing, not late. */
export async function onElement<T>(page: Page, tool: string, t: Target, timeoutMs: number, work: (element: Locator, leftMs: number) => Promise<T>): Promise<T> {
  const element = locate(page, tool, t);
  const until = performance.now() + timeoutMs;
  try {
    await element.waitFor({ state: 'attached', timeout: timeoutMs });
  } catch (error) {
    if (/Timeout \d+ ?ms exceeded/i.test((error as Error).message)) throw new ToolFault('element-not-found', `${tool}: nothing matches ${targetText(t)} within ${timeoutMs} ms: check it with snapshot, or wait_for it first`, t.selector ? 'selector' : 'ref');
    throw error;
  }
  return work(element, Math.max(100, until - performance.now()));
}
