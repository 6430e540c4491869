import type { Page } from 'playwright';

/** Where a value of an item stands: selectors in order (`:scope` is the item itself) and the attribute, or its text. */
export type Field = { from: readonly string[]; attribute?: string };

const CAP = 10_000;

/** Reads every item of a list in one go. Values are trimmed and capped at 10,000 characters; a missing one is an empty string. */
export function extract<K extends string>(page: Page, items: readonly string[], fields: Record<K, Field>): Promise<Record<K, string>[]> {
  return page.evaluate(
    ({ items, fields, cap }) => {
      const list = items.map((s) => [...document.querySelectorAll(s)]).find((found) => found.length > 0) ?? [];
      return list.map((item) =>
        Object.fromEntries(
          Object.entries(fields).map(([key, field]) => {
            const { from, attribute } = field as { from: readonly string[]; attribute?: string };
            const element = from.map((s) => (s === ':scope' ? item : item.querySelector(s))).find((e) => e !== null && (!attribute || e.hasAttribute(attribute)));
            const value = element ? (attribute ? element.getAttribute(attribute) : element.textContent) : '';
            return [key, (value ?? '').trim().slice(0, cap)];
          }),
        ),
      );
    },
    { items: [...items], fields: fields as Record<string, Field>, cap: CAP },
  ) as Promise<Record<K, string>[]>;
}
