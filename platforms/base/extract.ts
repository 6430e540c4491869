import type { Locator, Page } from 'playwright';

/** Where a value of an item stands: selectors in order (`:scope` is the item itself, `:scope.own` only if it has that class), each with an attribute to read or the item's text. */
export type Field = { from: readonly (string | { css: string; attribute: string })[]; attribute?: string };

const CAP = 10_000;

/** Reads every item of a list in one go, of the whole page or inside one element. Values are trimmed and capped at 10,000 characters; a missing one is an empty string. */
export function extract<K extends string>(from: Page | Locator, items: readonly string[], fields: Record<K, Field>): Promise<Record<K, string>[]> {
  const root = 'goto' in from ? from.locator(':root') : from;
  return root.evaluate(
    (root, { items, fields, cap }) => {
      const tried = <T>(find: () => T, otherwise: T): T => {
        try {
          return find();
        } catch {
          // A selector that this Chromium can't read leaves its place to the next one.
          return otherwise;
        }
      };
      const list = items.map((s) => tried(() => [...root.querySelectorAll(s)], [])).find((found) => found.length > 0) ?? [];
      return list.map((item) =>
        Object.fromEntries(
          Object.entries(fields).map(([key, { from, attribute: all }]) => {
            for (const each of from) {
              const { css, attribute } = typeof each === 'string' ? { css: each, attribute: all } : each;
              const own = /^:scope(?=[.[]|$)/.test(css) ? css.slice(6) || '*' : null;
              const element = own !== null ? (tried(() => item.matches(own), false) ? item : null) : tried(() => item.querySelector(css), null);
              const value = element && (attribute ? element.getAttribute(attribute) : element.textContent);
              if (value !== null && value !== undefined) return [key, value.trim().slice(0, cap)];
            }
            return [key, ''];
          }),
        ),
      );
    },
    { items: [...items], fields: fields as Record<string, Field>, cap: CAP },
  ) as Promise<Record<K, string>[]>;
}
