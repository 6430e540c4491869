import Database from 'better-sqlite3';
import type { Locator, Page } from 'playwright';
import { expect } from 'vitest';
import { texts, type Ctx, type Lang } from '../../views/context.ts';
import { en } from '../../views/texts/en.ts';
import { zhCN } from '../../views/texts/zh-CN.ts';
import { site, visitor } from '../http/browse.ts';
import type { Fixture, Sent } from '../http/fixture.ts';

/** Each width and each language; `FAULTS=all` puts every one with every other. */
export const READERS: [width: number, lang: Lang][] = process.env['FAULTS'] === 'all' ? [[1280, 'zh-CN'], [1280, 'en'], [390, 'zh-CN'], [390, 'en']] : [[1280, 'en'], [390, 'zh-CN']];

/** Somebody at work on a seeded app of their own, and what they see in words. */
export type Day = Pick<Ctx, 't' | 'word'> & {
  f: Fixture;
  base: string;
  page: Page;
  /** A desk with a keyboard; else a phone. */
  wide: boolean;
  /** Opens a page and waits until it is live. */
  open(path: string): Promise<void>;
  /** Opens a page by the bar of the app. */
  go(path: string): Promise<void>;
  /** Changes the view as the projector would, and tells the page. */
  happens(topics: string[], change: (db: Database.Database) => void): void;
  button(text: string, within?: Locator | Page): Locator;
  dialog: Locator;
  /** Says yes in the dialog that asks whether one is sure. */
  sure(): Promise<void>;
  toast(text: string): Promise<void>;
  /** The commands since the last time one asked. */
  sent(): { to: Sent['to']; verb: string; payload: unknown }[];
  /** Ends it: the page fits its screen and the console is silent, but for refusals that were wanted. */
  over(refusals?: number): Promise<void>;
};

/** What a page asks so as to draw itself. */
const LOOKS = ['inspect', 'history', 'turn'];
const ready = (page: Page) => page.waitForFunction(() => 'htmx' in window);

export async function startDay(width: number, lang: Lang): Promise<Day> {
  const { f, base } = await site();
  const { context, page, complaints } = await visitor(f, base, { width, lang });
  page.setDefaultTimeout(15_000);
  const words = texts(lang === 'en' ? en : zhCN);
  const wide = width > 800;
  let asked = 0;
  const day: Day = {
    ...words, f, base, page, wide,
    dialog: page.locator('#dialog dialog[open]'),
    open: async (path) => {
      await Promise.all([page.waitForResponse(/\/events/), page.goto(base + path)]);
      await ready(page);
    },
    go: async (path) => {
      const link = page.locator(`#nav a[href="${path}"]`);
      await ready(page);
      if (!(await link.isVisible())) await page.locator('.nav-more').click();
      await Promise.all([page.waitForResponse(/\/events/), link.click()]);
      await page.waitForURL(`${base}${path}`);
      await ready(page);
    },
    happens: (topics, change) => {
      const db = new Database(f.deps.db.name);
      change(db);
      db.close();
      f.deps.live.changed(topics);
    },
    button: (text, within = page) => within.getByRole('button', { name: text, exact: true }),
    sure: () => page.locator('dialog[role=alertdialog]').getByRole('button', { name: words.t('confirm.ok') }).click(),
    toast: (text) => page.locator('.toast', { hasText: text }).first().waitFor(),
    sent: () => f.sent.slice(asked, (asked = f.sent.length)).filter((s) => !LOOKS.includes(s.verb)).map(({ to, verb, payload }) => ({ to, verb, payload })),
    over: async (refusals = 0) => {
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      expect(complaints.filter((c) => !/status of 4(01|09|22)/.test(c))).toEqual([]);
      expect(complaints).toHaveLength(refusals);
      await context.close();
    },
  };
  return day;
}
