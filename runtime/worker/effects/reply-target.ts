import { z } from 'zod';

/** Where a reply goes, as it comes over the wire. */
export const replyTarget = z.discriminatedUnion('type', [
  z.object({ type: z.literal('comment'), comment: z.string().min(1), post: z.string() }),
  z.object({ type: z.literal('message'), message: z.string().min(1), sender: z.string().min(1) }),
]);
