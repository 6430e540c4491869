import type { Locator, Page } from 'playwright';
import { PlatformFault, type PlatformConfig } from '../contract.ts';

/** The selectors of one name; a missing name is a mistake in config.json, and said so. */
export function selectorsOf(config: PlatformConfig, name: string): string[] {
  const list = config.selectors[name];
  if (!list?.length) throw new PlatformFault('element-not-found', `config.json of ${config.platform} has no selectors.${name}`);
  return list;
}

/** A selector without the attribute that it may read: `a.me@href`. */
export const elementOf = (selector: string): string => selector.replace(/(?<=.)@[a-zA-Z_][\w:.-]*$/, '');
const attributeOf = (selector: string): string | null => /.@([a-zA-Z_][\w:.-]*)$/.exec(selector)?.[1] ?? null;

export const timeoutOf = (config: PlatformConfig, name: string, otherwise: number): number => config.timeouts[name] ?? otherwise;

/** Waits until one of the named selectors matches and returns the first in the order of config.json. */
export async function locate(page: Page, config: PlatformConfig, name: string, timeout: number): Promise<Locator> {
  const list = selectorsOf(config, name);
  try {
    await list.map((s) => page.locator(elementOf(s))).reduce((a, b) => a.or(b)).first().waitFor({ state: 'visible', timeout });
  } catch {
    throw new PlatformFault('element-not-found', `no ${name} on ${bare(page.url())} within ${timeout} ms (tried ${list.join(' | ')}): the site may have changed, see config.json`);
  }
  return (await present(page, config, name)) ?? page.locator(elementOf(list[0] ?? '')).first();
}

/** The first visible match now, or null. */
export async function present(page: Page, config: PlatformConfig, name: string): Promise<Locator | null> {
  for (const selector of selectorsOf(config, name)) {
    const found = page.locator(elementOf(selector)).first();
    if (await found.isVisible()) return found;
  }
  return null;
}

/** What the first match says now, trimmed, at most 200 characters; empty when none is there. */
export async function valueOf(page: Page, config: PlatformConfig, name: string): Promise<string> {
  for (const selector of config.selectors[name] ?? []) {
    const found = page.locator(elementOf(selector)).first();
    if ((await found.count()) === 0) continue;
    const attribute = attributeOf(selector);
    const value = attribute ? await found.getAttribute(attribute) : await found.textContent();
    if (value?.trim()) return value.trim().slice(0, 200);
  }
  return '';
}

/** An address without its query, which may hold tokens. */
export const bare = (url: string): string => url.split(/[?#]/, 1)[0] ?? '';
