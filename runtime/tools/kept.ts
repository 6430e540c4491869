import { z } from 'zod';

/** Bytes that a tool answers: inline as base64, or by their name in the object store. */
export const kept = z.object({ name: z.string(), type: z.string(), bytes: z.number(), base64: z.string().optional(), object: z.string().optional() });
export const fileName = z.string().regex(/^[\w][\w. -]{0,99}$/, 'must be 1 to 100 letters, digits, dots, blanks and hyphens').describe('name of the file');
