import { createHash } from 'node:crypto';

/** What the picture of one step of an effect is called: both sides know it before it has arrived. */
export const pictureName = (token: string, txn: string): string => `pic-${createHash('sha256').update(`${token}\n${txn}`).digest('hex').slice(0, 24)}`;
