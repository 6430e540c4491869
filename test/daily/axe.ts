import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
/** The rules that look at colours: all that a theme can change. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

type Found = { id: string; nodes: { target: string[]; why: string }[] };
declare const axe: { run(root: string | Document, options: object): Promise<{ violations: { id: string; nodes: { target: unknown[]; any: { message: string }[]; all: { message: string }[]; none: { message: string }[] }[] }[] }> };

/** What stands against WCAG 2.1 A and AA on the page as it is, one line a place. */
export async function violations(page: Page, only: 'all' | 'colours' = 'all', within: string | null = null): Promise<string[]> {
  // The page's policy forbids script from elsewhere, but not what the debugger evaluates.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(SOURCE);
  const found = await page.evaluate(
    async ({ runOnly, within }): Promise<Found[]> => {
      const { violations } = await axe.run(within ?? document, { runOnly, resultTypes: ['violations'] });
      return violations.map((v) => ({ id: v.id, nodes: v.nodes.map((n) => ({ target: n.target.map(String), why: [...n.any, ...n.all, ...n.none].map((c) => c.message).join('; ') })) }));
    },
    { within, runOnly: only === 'all' ? { type: 'tag', values: TAGS } : { type: 'rule', values: COLOURS } },
  );
  return found.flatMap((v) => v.nodes.map((n) => `${v.id} ${n.target.join(' ')}: ${n.why}`));
}

/** Each width and each theme; `FAULTS=all` puts every one with every other. */
const SCHEMES: Record<number, ('light' | 'dark')[]> = process.env['FAULTS'] === 'all' ? { 1280: ['light', 'dark'], 390: ['light', 'dark'] } : { 1280: ['light'], 390: ['dark'] };

/** The same at both widths, light and dark; a theme changes colours alone, so the other rules run once a width. */
export async function everyLook(page: Page, within: string | null = null): Promise<string[]> {
  const said: string[] = [];
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 844 });
    for (const colorScheme of SCHEMES[width]!) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const one of await violations(page, colorScheme === SCHEMES[width]![0] ? 'all' : 'colours', within)) said.push(`${width} px, ${colorScheme}: ${one}`);
    }
  }
  return said;
}
