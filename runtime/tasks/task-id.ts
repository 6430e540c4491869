import { createHash } from 'node:crypto';

/** The id of the task of a key: the same key names the same task, whoever sends it by whatever way. */
export const taskIdOfKey = (key: string): string => `k${createHash('sha256').update(key).digest('hex').slice(0, 24)}`;
