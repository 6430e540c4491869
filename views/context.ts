import type { TextKey } from './texts/zh-CN.ts';

export type Lang = 'zh-CN' | 'en';
export type Theme = 'auto' | 'light' | 'dark';
/** Each covers those before it. `control`: acting in a window by hand. */
export const SCOPES = ['read', 'operate', 'control', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** The addresses of what pages load. */
export type Assets = { css: string; app: string; htmx: string; sse: string; plot: string; plotCss: string; plots: string; live: string; talks: string; notices: string };

/** Something that everyone must know before they act: shown on top of every page. */
export type Banner = { tone: 'bad' | 'warn'; title: string; text: string; /** Where more is said. */ href?: string };

/** What every page is drawn with. `now` is epoch milliseconds. */
export type Ctx = {
  /** A text in the reader's language, `{name}` filled in. */
  t(key: TextKey, params?: Record<string, string | number>): string;
  /** The word for a value of ours, like a state; the value itself where there is no word. */
  word(group: string, value: string): string;
  lang: Lang;
  theme: Theme;
  now: number;
  user: string;
  scope: Scope;
  /** Path and query of this page. */
  url: string;
  /** Where the live connection goes on from: what had happened when this page was drawn. */
  since: string;
  badges: { inbox: number; replies: number; notifications: number };
  banners: Banner[];
  assets: Assets;
};

/** Fills texts in; unknown names stay visible. */
export function texts(table: Record<string, string>): Pick<Ctx, 't' | 'word'> {
  return {
    t: (key, params) => (table[key] ?? key).replace(/\{(\w+)\}/g, (whole, name: string) => (params && name in params ? String(params[name]) : whole)),
    word: (group, value) => table[`${group}.${value}`] ?? value,
  };
}
