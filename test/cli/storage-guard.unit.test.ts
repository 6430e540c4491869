import { expect, it } from 'vitest';
import { verdict } from '../../runtime/supervisor/storage-guard.ts';

const MB = 2 ** 20;

it.each([
  [{ appends: 2, room: 900 * MB, sinceRestart: Infinity }, 'wait'],
  [{ appends: 3, room: 900 * MB, sinceRestart: Infinity }, 'restart'],
  [{ appends: 3, room: 63 * MB, sinceRestart: Infinity }, 'no-room'],
  [{ appends: 9, room: 900 * MB, sinceRestart: 59_000 }, 'wait'],
  [{ appends: 9, room: 900 * MB, sinceRestart: 61_000 }, 'restart'],
] as const)('%o: %s', (seen, is) => {
  expect(verdict(seen)).toBe(is);
});
