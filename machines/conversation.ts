import { assign, setup } from 'xstate';
import { stamp } from './effect.ts';

export type ConversationContext = {
  id: string;
  account: string;
  type: 'comment' | 'message';
  /** Who writes to the account, by the platform's id, and the name last seen. */
  peer: string;
  peerName: string;
  post: string | null;
  postTitle: string | null;
  assignee: string | null;
  labels: string[];
  note: string;
  snoozedUntil: number | null;
  /** When the first item came that nobody has read; null when all is read. */
  unreadSince: number | null;
  /** The newest inbound item: when it was found, and its place in the data stream; what comes again is known by that. */
  lastInAt: number;
  lastSeq: number;
  by: string;
  createdAt: number;
  updatedAt: number;
};

export type ConversationInput = Pick<ConversationContext, 'id' | 'account' | 'type' | 'peer' | 'peerName' | 'post' | 'postTitle' | 'unreadSince' | 'lastInAt' | 'by'> & {
  /** As the view worked it out while nobody had acted on it. */
  state: 'open' | 'waiting';
  at: number;
};

export type ConversationEvent =
  | { type: 'ASSIGN'; to: string | null; by?: string }
  | { type: 'LABEL'; add: string[]; remove: string[]; by?: string }
  | { type: 'NOTE'; text: string; by?: string }
  | { type: 'OPEN'; by?: string }
  | { type: 'WAIT'; by?: string }
  | { type: 'SNOOZE'; until: number; by?: string }
  | { type: 'CLOSE'; by?: string }
  /** An inbound item was found; `seq` is its message of the data stream, `found` when that was. */
  | { type: 'ARRIVED'; seq: number; found: number }
  /** An answer went out that was written at `written`. */
  | { type: 'ANSWERED'; written: number }
  | { type: 'READ'; by?: string }
  | { type: 'UNREAD'; since: number; by?: string }
  | { type: 'REMOVE'; by?: string };

export const MOST_LABELS = 20;

/** One talk with one person: who looks after it, and whether it needs somebody now. It is made when a person first acts on it. */
export const conversationMachine = setup({
  types: { context: {} as ConversationContext, input: {} as ConversationInput & { answered?: boolean }, events: {} as ConversationEvent },
  actions: {
    assign: assign(({ event }) => (event.type === 'ASSIGN' ? { assignee: event.to, updatedAt: stamp(event).at } : {})),
    label: assign(({ context, event }) => (event.type === 'LABEL' ? { labels: [...new Set([...context.labels, ...event.add])].filter((l) => !event.remove.includes(l)).slice(0, MOST_LABELS), updatedAt: stamp(event).at } : {})),
    note: assign(({ event }) => (event.type === 'NOTE' ? { note: event.text, updatedAt: stamp(event).at } : {})),
    snooze: assign(({ event }) => (event.type === 'SNOOZE' ? { snoozedUntil: event.until, updatedAt: stamp(event).at } : {})),
    awake: assign({ snoozedUntil: null }),
    touched: assign(({ event }) => ({ updatedAt: stamp(event).at })),
    arrived: assign(({ context, event }) => (event.type === 'ARRIVED' ? { lastSeq: event.seq, lastInAt: Math.max(context.lastInAt, event.found), unreadSince: context.unreadSince ?? event.found, updatedAt: stamp(event).at } : {})),
    read: assign({ unreadSince: null }),
    /** What has ended says no more of whom it was with. */
    forget: assign({ peer: '', peerName: '', postTitle: null, note: '', labels: [] }),
    unread: assign(({ event }) => (event.type === 'UNREAD' ? { unreadSince: event.since } : {})),
  },
  guards: {
    fresh: ({ context, event }) => event.type === 'ARRIVED' && event.seq > context.lastSeq,
    /** What came after the answer was written still waits for one. */
    last: ({ context, event }) => event.type === 'ANSWERED' && event.written >= context.lastInAt,
    unread: ({ context }) => context.unreadSince !== null,
    startsWaiting: ({ event }) => (event as unknown as { input?: { state?: string } }).input?.state === 'waiting',
  },
  delays: {
    snooze: ({ context, event }) => Math.max(0, (context.snoozedUntil ?? 0) - stamp(event).at),
  },
}).createMachine({
  id: 'conversation-v1',
  context: ({ input }) => ({
    id: input?.id, account: input?.account, type: input?.type ?? 'comment', peer: input?.peer, peerName: input?.peerName ?? '', post: input?.post ?? null, postTitle: input?.postTitle ?? null,
    assignee: null, labels: [], note: '', snoozedUntil: null, unreadSince: input?.unreadSince ?? null, lastInAt: input?.lastInAt ?? 0, lastSeq: 0,
    by: input?.by ?? 'unknown', createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0,
  }),
  initial: 'choosing',
  on: {
    ASSIGN: { actions: 'assign' },
    LABEL: { actions: 'label' },
    NOTE: { actions: 'note' },
    OPEN: { target: '.open', actions: 'touched' },
    WAIT: { target: '.waiting', actions: 'touched' },
    SNOOZE: { target: '.snoozed', actions: 'snooze' },
    CLOSE: { target: '.closed', actions: 'touched' },
    ARRIVED: { guard: 'fresh', target: '.open', actions: 'arrived' },
    READ: { guard: 'unread', actions: 'read' },
    UNREAD: { actions: 'unread' },
    REMOVE: { target: '.removed', actions: 'forget' },
  },
  states: {
    choosing: { always: [{ guard: 'startsWaiting', target: 'waiting' }, { target: 'open' }] },
    open: { on: { ANSWERED: { guard: 'last', target: 'waiting', actions: 'touched' } } },
    /** The other side is to write next. */
    waiting: {},
    snoozed: { exit: 'awake', after: { snooze: 'open' }, on: { ANSWERED: { guard: 'last', target: 'waiting', actions: 'touched' } } },
    closed: {},
    removed: { type: 'final' },
  },
});
