import { createHash } from 'node:crypto';
import { shownTime } from '../base/shown-time.ts';
import type { GenericConfig } from './schema.ts';

export const hash = (...parts: string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 24);
export const sameText = (a: string, b: string): boolean => a.replace(/\s+/g, ' ').trim() === b.replace(/\s+/g, ' ').trim();

/** The last part of an address; anything else as it is. */
const tail = (value: string): string => (value.includes('/') ? decoded(value.split(/[?#]/, 1)[0]?.split('/').filter(Boolean).at(-1) ?? '') : value);

/** An id out of what a selector has read; empty when the pattern does not fit. */
export function idIn(config: GenericConfig, what: keyof GenericConfig['ids'], value: string): string {
  const pattern = config.ids[what];
  if (!pattern) return tail(value);
  const hit = new RegExp(pattern).exec(value);
  return hit ? (hit[1] ?? hit[0]) : '';
}

/** Epoch ms; `now` where it can't be read. */
export function timeIn(config: GenericConfig, value: string, now: number): number {
  const { format } = config.time;
  if (format === 'shown') return shownTime(value, now);
  const at = format === 'iso' ? Date.parse(value) : Number(value) * (format === 'seconds' ? 1000 : 1);
  return Number.isFinite(at) && value !== '' ? at : now;
}

/** An address of the site with its parts filled in. */
export const urlOf = (config: GenericConfig, name: string, parts: Record<string, string> = {}): string =>
  new URL((config.urls[name] ?? '').replace(/\{(\w+)\}/g, (_, part: string) => encodeURIComponent(parts[part] ?? '')), config.urls.base).href;

/** A link that a page shows, null when it leads off the site. */
export function linkOf(config: GenericConfig, href: string, from: string): string | null {
  if (href === '' || !URL.canParse(href, from)) return null;
  const url = new URL(href, from);
  return url.origin === new URL(config.urls.base).origin ? url.href : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
