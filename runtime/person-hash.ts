import { createHash } from 'node:crypto';

/** Whom an erasure is about, as streams may say it: tells a person apart without naming one. */
export const personHash = (account: string, person: string): string => createHash('sha256').update(`${account}\n${person}`).digest('hex').slice(0, 32);
