import { z } from 'zod';
import { replyMachine } from '../machines/reply.ts';
import { bind } from './binding.ts';

const remote = z.string().min(1).max(200);
export const replyTarget = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('comment'), comment: remote, post: remote }),
  z.strictObject({ type: z.literal('message'), message: remote, sender: remote }),
]);

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });

/** A reply's public commands. `post` is irreversible: offered again to a worker that forgot it, it comes back as lost. */
export const reply = bind({
  kind: 'reply',
  machine: replyMachine,
  stamp: true,
  commands: {
    create: {
      schema: z.strictObject({
        account: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be an account id'),
        platform: z.string().max(31).optional(),
        to: replyTarget,
        text: z.string().max(5000).refine((t) => t.trim().length > 0, 'must not be empty'),
        verifyDelayMs: z.number().int().min(50).max(600_000).optional(),
      }),
      input: (p, { id, by }) => ({ id, account: p.account, platform: p.platform, to: p.to, text: p.text, by, ...(p.verifyDelayMs ? { verifyDelayMs: p.verifyDelayMs } : {}) }),
    },
    cancel: plain('CANCEL'),
    resend: plain('RESEND'),
    check: plain('CHECK'),
    'mark-posted': plain('MARK_POSTED'),
    discard: plain('DISCARD'),
  },
  events: { CANCEL: nothing, RESEND: nothing, CHECK: nothing, MARK_POSTED: nothing, DISCARD: nothing },
  effects: { claim: { on: 'master' }, post: { on: 'worker', once: true }, find: { on: 'worker' } },
});
