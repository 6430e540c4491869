import { assign, enqueueActions, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';
import type { Proxy } from './account.ts';

export type ReplyTarget = { type: 'comment'; comment: string; post: string } | { type: 'message'; message: string; sender: string };

export type ReplyContext = {
  id: string;
  account: string;
  platform: string;
  to: ReplyTarget;
  text: string;
  by: string;
  worker: string | null;
  epoch: number;
  proxy: Proxy | null;
  attempt: number;
  maxAttempts: number;
  retryAt: number | null;
  /** When the leave to send was stored; from then on nothing is sent again by itself. */
  submittedAt: number | null;
  remoteId: string | null;
  /** How often the platform was asked and said no. */
  looked: number;
  error: string | null;
  /** Why it is still in the queue, in words for an operator. */
  waiting: string | null;
  verifyDelayMs: number;
  /** The talk that it belongs to; null where that is not known. */
  conversation: string | null;
  /** Not before then; null for as soon as may be. */
  sendAt: number | null;
  /** Until then whoever wrote it may take it back. */
  holdUntil: number | null;
  approve: boolean;
  /** Who approved or rejected it. */
  decidedBy: string | null;
  decidedAt: number | null;
  /** The attempt before this one, and the one after it; `first` is the one that it began with, `tries` counts them. */
  retryOf: string | null;
  replacedBy: string | null;
  first: string;
  tries: number;
  /** The rule that wrote it; null for a person. */
  rule: string | null;
  /** What was seen when the platform was last asked. */
  evidence: Evidence | null;
  createdAt: number;
  settledAt: number | null;
};

/** `picture` names an object of the results store; `saw` is what the page showed under the target. */
export type Evidence = { picture: string | null; saw: string | null };

export type ReplyInput = Pick<ReplyContext, 'id' | 'account' | 'platform' | 'to' | 'text' | 'by'> & {
  verifyDelayMs?: number;
  conversation?: string | null;
  sendAt?: number | null;
  /** Milliseconds in which it may be taken back. */
  holdMs?: number;
  /** Waits for somebody's yes. */
  approve?: boolean;
  retryOf?: string | null;
  first?: string;
  tries?: number;
  rule?: string | null;
  at: number;
};

export type ReplyEvent =
  | { type: 'LEAVE'; epoch: number }
  | { type: 'WAITING'; why: string }
  | { type: 'CANCEL'; by?: string }
  | { type: 'RESEND'; by?: string }
  | { type: 'CHECK'; by?: string }
  | { type: 'MARK_POSTED'; by?: string }
  | { type: 'DISCARD'; by?: string }
  | { type: 'APPROVE'; text?: string; by?: string }
  | { type: 'REJECT'; by?: string }
  | { type: 'CHANGE'; text?: string; sendAt?: number; by?: string }
  | { type: 'SEND_NOW'; by?: string };

const TRANSIENT = ['network', 'proxy', 'timeout', 'rate-limited', 'lost', 'element-not-found', 'fenced'];
const LOOKS = 2;

/** Ids of later attempts: the first one's with a number. */
export const nextId = ({ first, tries }: Pick<ReplyContext, 'first' | 'tries'>): string => `${first.slice(0, 58)}-${tries + 1}`;
const seenBy = (event: object): Evidence | null => {
  const e = event as { output?: { evidence?: Evidence | null }; error?: { evidence?: Partial<Evidence> | null } };
  const evidence = e.output?.evidence ?? e.error?.evidence ?? null;
  return evidence && { picture: evidence.picture ?? null, saw: evidence.saw ?? null };
};
const looking = ({ context: c }: { context: ReplyContext }) => ({ account: c.account, platform: c.platform, worker: c.worker!, epoch: c.epoch, to: c.to, text: c.text, since: c.submittedAt ?? c.createdAt, proxy: c.proxy });

/** One reply, posted once: intent, leave, submit, confirm. After leave a doubt never becomes a second post. */
export const replyMachine = setup({
  types: { context: {} as ReplyContext, input: {} as ReplyInput, events: {} as ReplyEvent },
  actors: {
    /** Waits until the account may post: logged in, leased to a live worker, within its limits and hours. */
    claim: effect<{ account: string; reply: string; reading: boolean }, { worker: string; epoch: number; proxy: Proxy | null }>(),
    post: effect<{ account: string; platform: string; worker: string; epoch: number; reply: string; to: ReplyTarget; text: string; proxy: Proxy | null }, { remoteId: string | null }>(),
    find: effect<{ account: string; platform: string; worker: string; epoch: number; to: ReplyTarget; text: string; since: number; proxy: Proxy | null }, { remoteId: string | null; reliable: boolean; evidence?: Evidence | null }>(),
  },
  actions: {
    ...outward,
    claimed: assign(({ event }) => {
      const { worker, epoch, proxy } = (event as unknown as { output: { worker: string; epoch: number; proxy: Proxy | null } }).output;
      return { worker, epoch, proxy, waiting: null };
    }),
    fault: assign(({ context, event }) => ({ error: faultOf(event).message, evidence: seenBy(event) ?? context.evidence })),
    saw: assign(({ context, event }) => ({ evidence: seenBy(event) ?? context.evidence })),
    decided: assign(({ context, event }) => ({ decidedBy: (event as { by?: string }).by ?? null, decidedAt: stamp(event).at, text: event.type === 'APPROVE' ? (event.text ?? context.text) : context.text })),
    change: assign(({ context, event }) => (event.type === 'CHANGE' ? { text: event.text ?? context.text, sendAt: event.sendAt ?? context.sendAt } : {})),
    replace: assign(({ context }) => ({ replacedBy: nextId(context) })),
    again: assign(({ context, event }) => {
      const delay = 1000 * 2 ** (context.attempt - 1) * (1 + 0.2 * stamp(event).rnd);
      return { attempt: context.attempt + 1, submittedAt: null, retryAt: Math.round(stamp(event).at + delay) };
    }),
    settle: assign(({ event }) => ({ settledAt: stamp(event).at })),
  },
  guards: {
    currentEpoch: ({ context, event }) => event.type === 'LEAVE' && event.epoch === context.epoch,
    /** Nothing has left: either no leave was ever given, or the worker swears that the button was not pressed. */
    provenUnsent: ({ context, event }) => context.submittedAt === null || faultOf(event).sent === 'no',
    mayRetry: ({ context, event }) => context.attempt < context.maxAttempts && (context.submittedAt === null || faultOf(event).sent === 'no') && TRANSIENT.includes(faultOf(event).kind),
    seen: ({ event }) => (event as unknown as { output?: { remoteId: string | null } }).output?.remoteId != null,
    answered: ({ context }) => context.remoteId !== null,
    approval: ({ context }) => context.approve,
    later: ({ context, event }) => context.sendAt !== null && context.sendAt > (stamp(event).at || context.createdAt),
    held: ({ context }) => context.holdUntil !== null,
    lookedEnough: ({ context }) => context.looked + 1 >= LOOKS,
  },
  delays: {
    retry: ({ context, event }) => Math.max(0, (context.retryAt ?? 0) - stamp(event).at),
    verify: ({ context }) => context.verifyDelayMs,
    send: ({ context, event }) => Math.max(0, (context.sendAt ?? 0) - (stamp(event).at || context.createdAt)),
    hold: ({ context, event }) => Math.max(0, (context.holdUntil ?? 0) - (stamp(event).at || context.createdAt)),
    sendWithin: 120_000,
    lookWithin: 300_000,
  },
}).createMachine({
  id: 'reply-v2',
  context: ({ input }) => ({
    id: input?.id,
    account: input?.account,
    platform: input?.platform,
    to: input?.to,
    text: input?.text,
    by: input?.by ?? 'unknown',
    worker: null,
    epoch: 0,
    proxy: null,
    attempt: 1,
    maxAttempts: 4,
    retryAt: null,
    submittedAt: null,
    remoteId: null,
    looked: 0,
    error: null,
    waiting: null,
    verifyDelayMs: input?.verifyDelayMs ?? 10_000,
    conversation: input?.conversation ?? null,
    sendAt: input?.sendAt ?? null,
    holdUntil: input?.holdMs ? input.at + input.holdMs : null,
    approve: input?.approve ?? false,
    decidedBy: null,
    decidedAt: null,
    retryOf: input?.retryOf ?? null,
    replacedBy: null,
    first: input?.first ?? input?.id,
    tries: input?.tries ?? 1,
    rule: input?.rule ?? null,
    evidence: null,
    createdAt: input?.at ?? 0,
    settledAt: null,
  }),
  initial: 'choosing',
  states: {
    choosing: { always: [{ guard: 'approval', target: 'awaiting_approval' }, { guard: 'later', target: 'scheduled' }, { guard: 'held', target: 'held' }, { target: 'queued' }] },
    awaiting_approval: {
      tags: 'needs-person',
      on: {
        APPROVE: [{ guard: 'later', target: 'scheduled', actions: 'decided' }, { target: 'queued', actions: 'decided' }],
        REJECT: { target: 'rejected', actions: 'decided' },
        CHANGE: { actions: 'change' },
        CANCEL: 'cancelled',
      },
    },
    scheduled: {
      after: { send: 'queued' },
      on: { CHANGE: { target: 'scheduled', reenter: true, actions: 'change' }, SEND_NOW: 'queued', CANCEL: 'cancelled' },
    },
    /** Just written: for a moment it can be taken back for good. */
    held: { after: { hold: 'queued' }, on: { SEND_NOW: 'queued', CANCEL: 'cancelled' } },
    queued: {
      initial: 'claiming',
      on: { CANCEL: 'cancelled' },
      states: {
        waiting: { after: { retry: 'claiming' } },
        claiming: {
          on: { WAITING: { actions: assign(({ event }) => ({ waiting: event.why })) } },
          invoke: {
            id: 'claim',
            src: 'claim',
            input: ({ context }) => ({ account: context.account, reply: context.id, reading: false }),
            onDone: { target: '#reply-v2.posting', actions: 'claimed' },
            onError: { target: '#reply-v2.failed', actions: 'fault' },
          },
        },
      },
    },
    posting: {
      invoke: {
        id: 'post',
        src: 'post',
        input: ({ context }) => ({ account: context.account, platform: context.platform, worker: context.worker!, epoch: context.epoch, reply: context.id, to: context.to, text: context.text, proxy: context.proxy }),
        onDone: { target: 'confirming', actions: assign(({ event }) => ({ remoteId: event.output.remoteId, error: null })) },
        onError: [
          { guard: 'mayRetry', target: 'queued.waiting', actions: ['fault', 'again'] },
          { guard: 'provenUnsent', target: 'failed', actions: 'fault' },
          { target: 'unknown', actions: 'fault' },
        ],
      },
      initial: 'claimed',
      states: {
        claimed: {
          on: {
            LEAVE: { guard: 'currentEpoch', target: 'submitting', actions: assign(({ event }) => ({ submittedAt: stamp(event).at })) },
            CANCEL: '#reply-v2.cancelled',
          },
          after: { sendWithin: [{ guard: ({ context }) => context.attempt < context.maxAttempts, target: '#reply-v2.queued.waiting', actions: [assign({ error: 'the worker did not get ready to send within 2 minutes' }), 'again'] }, { target: '#reply-v2.failed', actions: assign({ error: 'the worker did not get ready to send within 2 minutes' }) }] },
        },
        submitting: {
          after: { sendWithin: { target: '#reply-v2.unknown', actions: assign({ error: 'no answer within 2 minutes after the leave to send' }) } },
        },
      },
    },
    confirming: {
      invoke: {
        id: 'find',
        src: 'find',
        input: looking,
        onDone: [
          { guard: 'seen', target: 'posted', actions: ['saw', assign(({ event }) => ({ remoteId: event.output.remoteId }))] },
          { guard: 'answered', target: 'posted' },
          { target: 'unknown', actions: ['saw', assign({ error: 'the platform took it without an answer and does not show it' })] },
        ],
        onError: [{ guard: 'answered', target: 'posted' }, { target: 'unknown', actions: 'fault' }],
      },
      after: { lookWithin: [{ guard: 'answered', target: 'posted' }, { target: 'unknown' }] },
    },
    unknown: {
      tags: 'doubt',
      initial: 'waiting',
      after: { lookWithin: 'needs_human' },
      on: { CHECK: { target: 'unknown', reenter: true } },
      states: {
        waiting: { after: { verify: 'claiming' } },
        claiming: {
          invoke: {
            id: 'claim',
            src: 'claim',
            input: ({ context }) => ({ account: context.account, reply: context.id, reading: true }),
            onDone: { target: 'asking', actions: 'claimed' },
            onError: '#reply-v2.needs_human',
          },
        },
        asking: {
          invoke: {
            id: 'find',
            src: 'find',
            input: looking,
            onDone: [
              { guard: 'seen', target: '#reply-v2.posted', actions: ['saw', assign(({ event }) => ({ remoteId: event.output.remoteId, error: null }))] },
              { guard: 'lookedEnough', target: '#reply-v2.needs_human', actions: ['saw', assign(({ context }) => ({ looked: context.looked + 1 }))] },
              { target: 'waiting', actions: ['saw', assign(({ context }) => ({ looked: context.looked + 1 }))] },
            ],
            onError: { target: 'waiting', actions: 'fault' },
          },
        },
      },
    },
    needs_human: {
      tags: 'needs-person',
      on: {
        /** Another attempt with an id of its own: what became of this one stays to be seen here. */
        RESEND: {
          target: 'replaced',
          actions: [
            'replace',
            {
              type: 'tell',
              params: ({ context: c, event }) => ({
                to: `reply/${c.replacedBy}`,
                start: { id: c.replacedBy, account: c.account, platform: c.platform, to: c.to, text: c.text, by: event.by ?? c.by, verifyDelayMs: c.verifyDelayMs, conversation: c.conversation, retryOf: c.id, first: c.first, tries: c.tries + 1, rule: c.rule },
              }),
            },
          ],
        },
        CHECK: { target: 'unknown', actions: assign({ looked: 0 }) },
        MARK_POSTED: 'posted',
        DISCARD: 'cancelled',
      },
    },
    posted: {
      type: 'final',
      entry: [
        'settle',
        enqueueActions(({ context, enqueue }) => {
          if (context.conversation !== null) enqueue({ type: 'tell', params: { to: `conversation/${context.conversation}`, event: { type: 'ANSWERED', written: context.createdAt } } });
        }),
      ],
    },
    failed: { type: 'final', entry: 'settle' },
    cancelled: { type: 'final', entry: 'settle' },
    rejected: { type: 'final', entry: 'settle' },
    /** Sent again: the new attempt goes on. */
    replaced: { type: 'final', entry: 'settle' },
  },
});
