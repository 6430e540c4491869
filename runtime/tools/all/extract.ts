import { z } from 'zod';
import { defineTool } from '../tool.ts';
import { ToolFault } from '../tool-fault.ts';

const shape = {
  selector: z.string().max(2000).default('').describe('CSS selector below the item; empty for the item itself'),
  attr: z.string().max(100).optional().describe('attribute to take; its text when absent'),
  type: z.enum(['text', 'number', 'boolean', 'html', 'url']).default('text').describe('boolean: whether it is there'),
  all: z.boolean().default(false).describe('every match, as a list'),
  required: z.boolean().default(false),
};
const field = z.union([z.string().min(1).max(2000), z.strictObject({ ...shape, fields: z.record(z.string(), z.union([z.string().min(1).max(2000), z.strictObject(shape)])).optional().describe('objects of these fields, one a match') })]);

type Field = { selector: string; attr?: string; type: string; all: boolean; required: boolean; fields?: Record<string, Field> };

export const extract = defineTool({
  name: 'extract',
  title: 'Read data off the page',
  description: 'Reads fields by a schema: a name to a CSS selector, `selector@attr`, or {selector, attr, type, all, fields}. With `list`, one object for each match of it.',
  input: z.object({
    fields: z.record(z.string().min(1).max(100), field).refine((f) => Object.keys(f).length > 0, 'must hold at least one field').describe('{title: "h1", links: {selector: "a", attr: "href", all: true}}'),
    list: z.string().min(1).max(2000).optional().describe('CSS selector of the items'),
    limit: z.number().int().min(1).max(1000).default(200).describe('how many items at most'),
  }),
  output: z.object({ data: z.unknown(), count: z.number() }),
  async run(io, { fields, list, limit }) {
    const found = await io.page.evaluate(read, { fields: Object.fromEntries(Object.entries(fields).map(([k, f]) => [k, plain(f)])), list: list ?? null, limit });
    if ('missing' in found) {
      throw new ToolFault(found.bad ? 'invalid' : 'element-not-found', found.bad ? `extract: fields.${found.missing}: ${found.bad}` : `extract: fields.${found.missing}: nothing matches ${found.selector || 'it'}, and it is required`, `fields.${found.missing}`);
    }
    return { data: list ? found.items : (found.items[0] ?? null), count: found.items.length };
  },
});

function plain(f: string | (Omit<Field, 'fields'> & { fields?: Record<string, string | Omit<Field, 'fields'>> })): Field {
  if (typeof f === 'string') {
    const at = /^(.*)@([\w:-]+)$/s.exec(f);
    return { selector: at ? at[1]!.trim() : f, ...(at ? { attr: at[2] } : {}), type: 'text', all: false, required: false };
  }
  const { fields, ...rest } = f;
  return { ...rest, ...(fields ? { fields: Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, plain(v)])) } : {}) };
}

type Found = { items: Record<string, unknown>[] } | { missing: string; selector: string; bad?: string };

/** Runs in the page. */
function read({ fields, list, limit }: { fields: Record<string, Field>; list: string | null; limit: number }): Found {
  const CAP = 10_000;
  class Missing {
    name: string;
    selector: string;
    bad: string | undefined;
    constructor(name: string, selector: string, bad?: string) {
      this.name = name;
      this.selector = selector;
      this.bad = bad;
    }
  }
  const valueOf = (e: Element, f: Field): unknown => {
    if (f.fields) return itemOf(e, f.fields);
    if (f.type === 'boolean') return f.attr ? e.hasAttribute(f.attr) : true;
    if (f.type === 'html') return e.innerHTML.slice(0, CAP);
    const raw = f.attr ? e.getAttribute(f.attr) : 'value' in e && ['INPUT', 'TEXTAREA', 'SELECT'].includes(e.tagName) ? String((e as HTMLInputElement).value) : e.textContent;
    if (raw === null) return null;
    const text = raw.replace(/\s+/g, ' ').trim().slice(0, CAP);
    if (f.type === 'url') return URL.canParse(text, document.baseURI) ? new URL(text, document.baseURI).href : text;
    if (f.type !== 'number') return text;
    const hit = /-?\d[\d,\s]*(\.\d+)?/.exec(text);
    return hit ? Number(hit[0].replace(/[,\s]/g, '')) : null;
  };
  const itemOf = (root: Element | Document, of: Record<string, Field>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(of).map(([name, f]) => {
      const scope = f.selector === '' ? (root instanceof Document ? [root.documentElement] : [root]) : all(root, f.selector, name);
      if (scope.length === 0 && f.required) throw new Missing(name, f.selector);
      if (f.all) return [name, scope.slice(0, 1000).map((e) => valueOf(e, f))];
      return [name, scope[0] ? valueOf(scope[0], f) : f.type === 'boolean' ? false : null];
    }));
  const all = (root: Element | Document, selector: string, name: string): Element[] => {
    try {
      return [...root.querySelectorAll(selector)];
    } catch {
      throw new Missing(name, selector, `"${selector}" is no CSS selector`);
    }
  };
  try {
    return { items: list === null ? [itemOf(document, fields)] : all(document, list, 'list').slice(0, limit).map((e) => itemOf(e, fields)) };
  } catch (error) {
    if (error instanceof Missing) return { missing: error.name, selector: error.selector, ...(error.bad ? { bad: error.bad } : {}) };
    throw error;
  }
}
