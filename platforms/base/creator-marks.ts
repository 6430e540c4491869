import { createHash } from 'node:crypto';
import type { Page } from 'playwright';
import type { AnswerConfig, CreatorConfig } from './creator-config.ts';
import { Answers } from './answers.ts';
import { shownTime } from './shown-time.ts';

/** The last part of an address; anything else as it is. */
export const tail = (value: string): string => (value.includes('/') ? (value.split(/[?#]/, 1)[0]?.split('/').filter(Boolean).at(-1) ?? '') : value);
export const flat = (text: string): string => text.replace(/\s+/g, ' ').trim();
export const hash = (...parts: string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 24);

/** A time of a JSON answer, else one as the page shows it; epoch ms. */
export function timeOf(config: AnswerConfig | undefined, value: string, now: number): number {
  if (!/^\d{9,14}$/.test(value)) return shownTime(value, now);
  return config?.time === 'milliseconds' ? Number(value) : Number(value) * 1000;
}

export type Self = { id: string; handle: string; name: string; avatar: string | null };

/** Whose session this page has, as the page has fetched it; null when it was not heard. */
export function selfOf(page: Page, config: CreatorConfig): Self | null {
  const row = Answers.of(page, config).rows('user').findLast((r) => r.values['id'] !== '' || r.values['handle'] !== '');
  if (!row) return null;
  const { id = '', handle = '', name = '', avatar = '' } = row.values;
  return { id, handle, name, avatar: /^https:/.test(avatar) ? avatar : null };
}
