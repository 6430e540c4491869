import { z } from 'zod';
import { replyMachine } from '../machines/reply.ts';
import { bind } from './binding.ts';
import { ID } from './id.ts';

const remote = z.string().min(1).max(200);
export const replyTarget = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('comment'), comment: remote, post: remote }),
  z.strictObject({ type: z.literal('message'), message: remote, sender: remote }),
]);

const text = z.string().max(5000, 'must be 5000 characters at most').refine((t) => t.trim().length > 0, 'must not be empty');
const moment = z.number().int().min(0).max(4_102_444_800_000);
/** Milliseconds in which a reply that was just written can be taken back. */
export const HOLD_MOST = 60_000;
const replyId = z.string().regex(ID, 'must be the id of a reply');

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
        account: z.string().regex(ID, 'must be an account id'),
        platform: z.string().max(31).optional(),
        to: replyTarget,
        text,
        verifyDelayMs: z.number().int().min(50).max(600_000).optional(),
        conversation: replyId.optional(),
        sendAt: moment.optional(),
        holdMs: z.number().int().min(0).max(HOLD_MOST).optional(),
        approve: z.boolean().optional(),
        retryOf: replyId.optional(),
      }),
      input: (p, { id, by }) => ({ ...p, id, by }),
    },
    cancel: plain('CANCEL'),
    approve: { schema: z.strictObject({ text: text.optional() }), event: (p, { by }) => ({ type: 'APPROVE', ...p, by }) },
    reject: plain('REJECT'),
    change: { schema: z.strictObject({ text: text.optional(), sendAt: moment.optional() }).refine((p) => p.text !== undefined || p.sendAt !== undefined, 'give text or sendAt'), event: (p, { by }) => ({ type: 'CHANGE', ...p, by }) },
    'send-now': plain('SEND_NOW'),
    resend: { ...plain('RESEND'), answer: (_, context) => ({ reply: context?.['replacedBy'] ?? null }) },
    check: plain('CHECK'),
    'mark-posted': plain('MARK_POSTED'),
    discard: plain('DISCARD'),
  },
  migrations: {
    'reply-v1': (stored: { context: { id: string } }) => ({ ...stored, context: { conversation: null, sendAt: null, holdUntil: null, approve: false, decidedBy: null, decidedAt: null, retryOf: null, replacedBy: null, first: stored.context.id, tries: 1, rule: null, evidence: null, ...stored.context } }),
  },
  events: { APPROVE: nothing, REJECT: nothing, SEND_NOW: nothing, CANCEL: nothing, RESEND: nothing, CHECK: nothing, MARK_POSTED: nothing, DISCARD: nothing },
  effects: { claim: { on: 'master' }, post: { on: 'worker', once: true }, find: { on: 'worker' } },
});
