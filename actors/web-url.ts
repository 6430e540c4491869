import { z } from 'zod';

/** An address that a window may be sent to. */
export const webUrl = z
  .string()
  .trim()
  .max(4000)
  .refine((v) => v === 'about:blank' || (URL.canParse(v) && /^https?:$/.test(new URL(v).protocol)), 'must be an address that begins with http:// or https://');
