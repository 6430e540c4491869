import { assign, setup } from 'xstate';
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
  createdAt: number;
  settledAt: number | null;
};

export type ReplyInput = { id: string; account: string; platform: string; to: ReplyTarget; text: string; by: string; verifyDelayMs?: number; at: number };

export type ReplyEvent =
  | { type: 'LEAVE'; epoch: number }
  | { type: 'WAITING'; why: string }
  | { type: 'CANCEL'; by?: string }
  | { type: 'RESEND'; by?: string }
  | { type: 'CHECK'; by?: string }
  | { type: 'MARK_POSTED'; by?: string }
  | { type: 'DISCARD'; by?: string };

const TRANSIENT = ['network', 'proxy', 'timeout', 'rate-limited', 'lost', 'element-not-found', 'fenced'];
const LOOKS = 2;

const looking = ({ context: c }: { context: ReplyContext }) => ({ account: c.account, platform: c.platform, worker: c.worker!, epoch: c.epoch, to: c.to, text: c.text, since: c.submittedAt ?? c.createdAt, proxy: c.proxy });

/** One reply, posted once: intent, leave, submit, confirm. After leave a doubt never becomes a second post. */
export const replyMachine = setup({
  types: { context: {} as ReplyContext, input: {} as ReplyInput, events: {} as ReplyEvent },
  actors: {
    /** Waits until the account may post: logged in, leased to a live worker, within its limits and hours. */
    claim: effect<{ account: string; reply: string; reading: boolean }, { worker: string; epoch: number; proxy: Proxy | null }>(),
    post: effect<{ account: string; platform: string; worker: string; epoch: number; reply: string; to: ReplyTarget; text: string; proxy: Proxy | null }, { remoteId: string | null }>(),
    find: effect<{ account: string; platform: string; worker: string; epoch: number; to: ReplyTarget; text: string; since: number; proxy: Proxy | null }, { remoteId: string | null; reliable: boolean }>(),
  },
  actions: {
    ...outward,
    claimed: assign(({ event }) => {
      const { worker, epoch, proxy } = (event as unknown as { output: { worker: string; epoch: number; proxy: Proxy | null } }).output;
      return { worker, epoch, proxy, waiting: null };
    }),
    fault: assign(({ event }) => ({ error: faultOf(event).message })),
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
    lookedEnough: ({ context }) => context.looked + 1 >= LOOKS,
  },
  delays: {
    retry: ({ context, event }) => Math.max(0, (context.retryAt ?? 0) - stamp(event).at),
    verify: ({ context }) => context.verifyDelayMs,
    sendWithin: 120_000,
    lookWithin: 300_000,
  },
}).createMachine({
  id: 'reply-v1',
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
    createdAt: input?.at ?? 0,
    settledAt: null,
  }),
  initial: 'queued',
  states: {
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
            onDone: { target: '#reply-v1.posting', actions: 'claimed' },
            onError: { target: '#reply-v1.failed', actions: 'fault' },
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
            CANCEL: '#reply-v1.cancelled',
          },
          after: { sendWithin: [{ guard: ({ context }) => context.attempt < context.maxAttempts, target: '#reply-v1.queued.waiting', actions: [assign({ error: 'the worker did not get ready to send within 2 minutes' }), 'again'] }, { target: '#reply-v1.failed', actions: assign({ error: 'the worker did not get ready to send within 2 minutes' }) }] },
        },
        submitting: {
          after: { sendWithin: { target: '#reply-v1.unknown', actions: assign({ error: 'no answer within 2 minutes after the leave to send' }) } },
        },
      },
    },
    confirming: {
      invoke: {
        id: 'find',
        src: 'find',
        input: looking,
        onDone: [
          { guard: 'seen', target: 'posted', actions: assign(({ event }) => ({ remoteId: event.output.remoteId })) },
          { guard: 'answered', target: 'posted' },
          { target: 'unknown', actions: assign({ error: 'the platform took it without an answer and does not show it' }) },
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
            onError: '#reply-v1.needs_human',
          },
        },
        asking: {
          invoke: {
            id: 'find',
            src: 'find',
            input: looking,
            onDone: [
              { guard: 'seen', target: '#reply-v1.posted', actions: assign(({ event }) => ({ remoteId: event.output.remoteId, error: null })) },
              { guard: 'lookedEnough', target: '#reply-v1.needs_human', actions: assign(({ context }) => ({ looked: context.looked + 1 })) },
              { target: 'waiting', actions: assign(({ context }) => ({ looked: context.looked + 1 })) },
            ],
            onError: { target: 'waiting', actions: 'fault' },
          },
        },
      },
    },
    needs_human: {
      tags: 'needs-person',
      on: {
        RESEND: { target: 'queued', actions: assign(({ context }) => ({ attempt: 1, submittedAt: null, looked: 0, error: null, by: context.by })) },
        CHECK: { target: 'unknown', actions: assign({ looked: 0 }) },
        MARK_POSTED: 'posted',
        DISCARD: 'cancelled',
      },
    },
    posted: { type: 'final', entry: 'settle' },
    failed: { type: 'final', entry: 'settle' },
    cancelled: { type: 'final', entry: 'settle' },
  },
});
