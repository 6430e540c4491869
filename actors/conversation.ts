import { z } from 'zod';
import { conversationMachine, MOST_LABELS } from '../machines/conversation.ts';
import { bind } from './binding.ts';
import { ID } from './id.ts';

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });
const remote = z.string().min(1).max(200);

export const conversationLabel = z.string().trim().min(1, 'must not be empty').max(40, 'must be 40 characters at most').refine((l) => !/[,\u0000-\u001f]/.test(l), 'must not hold a comma');
export const colleague = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must be the name of a user');
const labels = z.array(conversationLabel).max(MOST_LABELS);

/** What the view knows of a talk that nobody has acted on; `conversationId` of it is the actor's id. Times are epoch milliseconds. */
export const conversationStart = z.strictObject({
  account: z.string().regex(ID, 'must be an account id'),
  type: z.enum(['comment', 'message']),
  peer: remote,
  peerName: z.string().max(200),
  post: z.string().max(200).nullable(),
  postTitle: z.string().max(500).nullable(),
  state: z.enum(['open', 'waiting']).default('open'),
  unreadSince: z.number().int().min(0).nullable().default(null),
  lastInAt: z.number().int().min(0).default(0),
});

/** A talk's public commands: all are taken in every state, so that an action for many needs no look before. */
export const conversation = bind({
  kind: 'conversation',
  machine: conversationMachine,
  stamp: true,
  again: true,
  commands: {
    create: { schema: conversationStart, input: (p, { id, by }) => ({ ...p, id, by }) },
    assign: { schema: z.strictObject({ to: colleague.nullable() }), event: (p, { by }) => ({ type: 'ASSIGN', to: p.to, by }) },
    label: { schema: z.strictObject({ add: labels.default([]), remove: labels.default([]) }), event: (p, { by }) => ({ type: 'LABEL', add: p.add, remove: p.remove, by }) },
    note: { schema: z.strictObject({ text: z.string().max(2000, 'must be 2000 characters at most') }), event: (p, { by }) => ({ type: 'NOTE', text: p.text, by }) },
    open: plain('OPEN'),
    wait: plain('WAIT'),
    snooze: { schema: z.strictObject({ until: z.number().int().min(0).max(4_102_444_800_000) }), event: (p, { by }) => ({ type: 'SNOOZE', until: p.until, by }) },
    close: plain('CLOSE'),
    remove: plain('REMOVE'),
  },
  events: {
    ARRIVED: z.strictObject({ seq: z.number().int().min(1), found: z.number().int().min(0) }),
    ANSWERED: z.strictObject({ written: z.number().int().min(0) }),
    READ: z.strictObject({ by: z.string().max(100).optional() }), UNREAD: z.strictObject({ since: z.number().int().min(0), by: z.string().max(100).optional() }),
    OPEN: nothing, WAIT: nothing, CLOSE: nothing, REMOVE: nothing,
  },
  effects: {},
});
