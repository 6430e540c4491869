import { assign, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';
import type { Proxy, User } from './account.ts';

/** What the person sees: a picture by name (the bytes are in the pictures bucket), never the bytes. */
export type Qr = { picture: string; url: string | null; txn: string; expiresAt: number | null };
/** What is asked for: done elsewhere (confirm), or typed in. */
export type Asked = 'slider' | 'sms' | 'confirm' | 'account' | 'password' | 'phone';
export type Challenge = { what: Asked; prompt: string; picture: string | null; txn: string };

export type LoginContext = {
  id: string;
  account: string;
  platform: string;
  method: string;
  proxy: Proxy | null;
  worker: string | null;
  epoch: number;
  qr: Qr | null;
  /** How often the platform's code was renewed. */
  refreshed: number;
  challenge: Challenge | null;
  prompt: string | null;
  user: User | null;
  error: string | null;
  createdAt: number;
  expiresAt: number;
  loggedInAt: number | null;
};

export type LoginInput = { id: string; account: string; platform: string; method: string; proxy: Proxy | null; at: number };

export type LoginEvent =
  | { type: 'LEASED'; worker: string; epoch: number }
  | { type: 'WORKER_LOST'; reason: string }
  | { type: 'QR'; picture: string; url: string | null; txn: string; expiresAt: number | null }
  | { type: 'CHALLENGE'; what: Asked; prompt: string; picture: string | null; txn: string }
  | { type: 'CONFIRMING'; prompt: string }
  | { type: 'ANSWER'; txn: string; ref: string; by?: string }
  | { type: 'CANCEL'; by?: string };

const PATIENCE = 300_000;

/** Walks one account through its platform's login until it holds a session, or five minutes are over. */
export const loginMachine = setup({
  types: { context: {} as LoginContext, input: {} as LoginInput, events: {} as LoginEvent },
  actors: {
    login: effect<
      { account: string; platform: string; worker: string; epoch: number; method: string; proxy: Proxy | null },
      { user: User; validUntil: number | null; fingerprint: Record<string, unknown> | null }
    >(),
  },
  actions: {
    ...outward,
    fail: assign((_, p: { error: string }) => ({ error: p.error, qr: null, challenge: null })),
  },
  guards: {
    /** The worker is gone and nobody has seen anything yet: the next worker may begin anew. */
    lostUnseen: ({ context, event }) => faultOf(event).kind === 'lost' && context.qr === null && context.challenge === null && context.prompt === null,
    thisChallenge: ({ context, event }) => event.type === 'ANSWER' && context.challenge?.txn === event.txn,
  },
  delays: { patience: PATIENCE },
}).createMachine({
  id: 'login-v1',
  context: ({ input }) => ({
    id: input?.id,
    account: input?.account,
    platform: input?.platform,
    method: input?.method ?? 'qrcode',
    proxy: input?.proxy ?? null,
    worker: null,
    epoch: 0,
    qr: null,
    refreshed: 0,
    challenge: null,
    prompt: null,
    user: null,
    error: null,
    createdAt: input?.at ?? 0,
    expiresAt: (input?.at ?? 0) + PATIENCE,
    loggedInAt: null,
  }),
  initial: 'open',
  states: {
    open: {
      initial: 'pending',
      after: { patience: 'expired' },
      on: {
        CANCEL: 'cancelled',
        WORKER_LOST: { target: 'failed', actions: { type: 'fail', params: ({ event }) => ({ error: `the worker was lost: ${event.reason}` }) } },
      },
      states: {
        pending: { on: { WORKER_LOST: {}, LEASED: { target: 'running', actions: assign(({ event }) => ({ worker: event.worker, epoch: event.epoch })) } } },
        running: {
          invoke: {
            id: 'login',
            src: 'login',
            input: ({ context }) => ({ account: context.account, platform: context.platform, worker: context.worker!, epoch: context.epoch, method: context.method, proxy: context.proxy }),
            onDone: {
              target: '#login-v1.success',
              actions: [
                assign(({ event }) => ({ user: event.output.user, loggedInAt: stamp(event).at, qr: null, challenge: null })),
                {
                  type: 'tell',
                  params: ({ context, event }) => ({ to: `account/${context.account}`, event: { type: 'LOGIN_DONE', login: context.id, user: event.output.user, validUntil: event.output.validUntil, fingerprint: event.output.fingerprint } }),
                },
              ],
            },
            onError: [
              { guard: 'lostUnseen', target: '#login-v1.open.pending' },
              { target: '#login-v1.failed', actions: { type: 'fail', params: ({ event }) => ({ error: faultOf(event).message }) } },
            ],
          },
          initial: 'pending',
          on: {
            QR: { target: '.scanning', actions: assign(({ context, event }) => ({ qr: { picture: event.picture, url: event.url, txn: event.txn, expiresAt: event.expiresAt }, refreshed: context.qr ? context.refreshed + 1 : 0, challenge: null })) },
            CHALLENGE: { target: '.challenge', actions: assign(({ event }) => ({ challenge: { what: event.what, prompt: event.prompt, picture: event.picture, txn: event.txn }, qr: null })) },
            CONFIRMING: { target: '.confirming', actions: assign(({ event }) => ({ prompt: event.prompt, qr: null, challenge: null })) },
          },
          states: {
            pending: { on: { WORKER_LOST: '#login-v1.open.pending' } },
            scanning: { tags: 'needs-person' },
            challenge: {
              tags: 'needs-person',
              on: {
                ANSWER: { guard: 'thisChallenge', target: 'confirming', actions: [{ type: 'signal', params: ({ event }) => ({ effect: 'login', data: { txn: event.txn, ref: event.ref } }) }, assign({ challenge: null, prompt: null })] },
              },
            },
            confirming: {},
          },
        },
      },
    },
    success: { type: 'final' },
    failed: { type: 'final', entry: { type: 'tell', params: ({ context }) => ({ to: `account/${context.account}`, event: { type: 'LOGIN_FAILED', login: context.id, reason: context.error ?? 'no reason given' } }) } },
    expired: { type: 'final', entry: { type: 'tell', params: ({ context }) => ({ to: `account/${context.account}`, event: { type: 'LOGIN_FAILED', login: context.id, reason: `nobody ${context.method === 'qrcode' ? 'scanned the code' : 'finished the login'} within 5 minutes` } }) } },
    cancelled: { type: 'final', entry: { type: 'tell', params: ({ context }) => ({ to: `account/${context.account}`, event: { type: 'LOGIN_CANCELLED', login: context.id } }) } },
  },
});
