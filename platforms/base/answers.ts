import type { Page, Response } from 'playwright';
import type { PlatformConfig } from '../contract.ts';
import type { AnswerConfig, CreatorConfig } from './creator-config.ts';

/** One row of a list, by the names of config.json; `children` are the rows inside it. */
export type Row = { values: Record<string, string>; children: Row[] };
type Heard = { rows: Row[]; more: boolean };

const known = new WeakMap<Page, Answers>();
const LARGEST = 5_000_000;
const CAP = 10_000;

/** What the pages of a site fetch for themselves as JSON, read on the way: nothing is asked for beside it. */
export class Answers {
  readonly #config: Record<string, AnswerConfig>;
  readonly #heard = new Map<string, Heard[]>();
  #waiting: (() => void)[] = [];

  private constructor(page: Page, config: CreatorConfig) {
    this.#config = config.answers;
    page.on('response', (response) => void this.#take(response));
  }

  /** The one of this page; it listens from the first call on. */
  static of(page: Page, config: PlatformConfig): Answers {
    const had = known.get(page);
    if (had) return had;
    const made = new Answers(page, { answers: {}, ...config } as CreatorConfig);
    known.set(page, made);
    return made;
  }

  has(name: string): boolean {
    return this.#config[name] !== undefined;
  }
  count(name: string): number {
    return this.#heard.get(name)?.length ?? 0;
  }
  rows(name: string): Row[] {
    return (this.#heard.get(name) ?? []).flatMap((h) => h.rows);
  }
  /** Whether the newest answer says that there is another page. */
  more(name: string): boolean {
    return this.#heard.get(name)?.at(-1)?.more ?? false;
  }
  forget(...names: string[]): void {
    for (const name of names) this.#heard.delete(name);
  }

  /** Waits for more than `count` answers of this name; false when none came in time. */
  async wait(name: string, count: number, ms: number): Promise<boolean> {
    if (!this.has(name)) return false;
    const until = performance.now() + ms;
    while (this.count(name) <= count) {
      const left = until - performance.now();
      if (left <= 0) return false;
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([new Promise<void>((done) => this.#waiting.push(done)), new Promise<void>((done) => (timer = setTimeout(done, left)))]);
      clearTimeout(timer);
    }
    return true;
  }

  async #take(response: Response): Promise<void> {
    const url = response.url();
    const name = Object.keys(this.#config).find((n) => this.#config[n]!.url.some((part) => url.includes(part)));
    if (!name || !response.ok() || response.request().method() === 'OPTIONS') return;
    try {
      const text = await response.text();
      if (text.length > LARGEST) return;
      const json = JSON.parse(text) as unknown;
      const config = this.#config[name]!;
      const list = at(json, config.list);
      const rows = (Array.isArray(list) ? list : list && typeof list === 'object' ? [list] : []).map((item) => rowOf(item, config.fields, config.nested));
      this.#heard.set(name, [...(this.#heard.get(name) ?? []), { rows, more: truthy(config.more ? at(json, config.more) : undefined) }]);
      this.#waiting.splice(0).forEach((done) => done());
    } catch {
      // No JSON, or the page went on before it was read: the page itself is read then.
    }
  }
}

const truthy = (value: unknown): boolean => value === true || (typeof value === 'number' && value > 0) || value === 'true' || value === '1';

/** The first of the paths that leads to anything. */
function at(json: unknown, all: readonly string[]): unknown {
  for (const path of all) {
    const value = path.split('.').reduce<unknown>((o, key) => (o !== null && typeof o === 'object' ? (o as Record<string, unknown>)[key] : undefined), json);
    if (value !== undefined && value !== null && value !== '') return value;
  }
  return undefined;
}

function rowOf(item: unknown, fields: Record<string, string[]>, nested?: AnswerConfig['nested']): Row {
  const values = Object.fromEntries(Object.entries(fields).map(([name, all]) => {
    const value = at(item, all);
    return [name, typeof value === 'object' || value === undefined ? '' : String(value).slice(0, CAP)];
  }));
  const inside = nested && at(item, nested.list);
  return { values, children: Array.isArray(inside) ? inside.map((child) => rowOf(child, nested!.fields)) : [] };
}
