import { createHash } from 'node:crypto';

export type Shaped = { type: string; priority: number; group: string; requirements: object };

export type Lane = 'high' | 'normal' | 'low';
export const laneOf = (priority: number): Lane => (priority >= 8 ? 'high' : priority >= 4 ? 'normal' : 'low');

/** All that two tasks must have alike to wait for the same. */
export const shapeText = (t: Shaped): string => `${t.type}\n${t.group}\n${laneOf(t.priority)}\n${JSON.stringify(t.requirements)}`;

/** The same as a short name, for tables and messages. */
export const shapeKey = (text: string): string => createHash('sha1').update(text).digest('base64url').slice(0, 16);
