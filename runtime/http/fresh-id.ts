import { randomBytes } from 'node:crypto';

/** An id that nobody else has: a letter for what it names, then ten hex digits. */
export const freshId = (letter: string): string => `${letter}${randomBytes(5).toString('hex')}`;
