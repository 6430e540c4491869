import { expect, test } from 'vitest';
import { shownTime } from '../../platforms/base/shown-time.ts';

const now = Date.parse('2026-03-05T10:30:00+08:00');
const beijing = (text: string) => Date.parse(`${text}+08:00`);

test.each([
  ['刚刚', now],
  ['3分钟前', now - 3 * 60_000],
  ['2小时前', now - 2 * 3_600_000],
  ['4天前', now - 4 * 86_400_000],
  ['昨天 23:15', beijing('2026-03-04T23:15:00')],
  ['前天 08:05', beijing('2026-03-03T08:05:00')],
  ['09:12', beijing('2026-03-05T09:12:00')],
  ['03-01', beijing('2026-03-01T00:00:00')],
  ['12-24', beijing('2025-12-24T00:00:00')],
  ['2024-07-01 12:00', beijing('2024-07-01T12:00:00')],
  ['2024年7月1日', beijing('2024-07-01T00:00:00')],
  ['whenever', now],
])('%s', (text, at) => expect(shownTime(text, now)).toBe(at));
