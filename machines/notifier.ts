import { assign, enqueueActions, setup } from 'xstate';
import { outward, stamp } from './effect.ts';
import type { Notice, NoticeType, Priority } from './notice.ts';
import type { SinkMessage } from './sink.ts';

export type NotifierConfig = {
  name: string;
  /** The sink that it sends to. */
  sink: string;
  /** Only these; empty for all. */
  types: NoticeType[];
  accounts: string[];
  least: Priority;
  /** Minutes that it gathers before it sends, from the first; 0 sends at once. */
  digestMinutes: number;
};

/** A place in a stream: its message, and which of the notifications that came of it. */
export type Place = [seq: number, n: number];

export type NotifierContext = {
  id: string;
  config: NotifierConfig;
  /** From when on it counts; what was noticed before is nobody's news. */
  since: number;
  /** The last taken of each stream: what comes again changes nothing. */
  seen: Record<string, Place>;
  batch: Notice[];
  /** Beyond those that a digest names. */
  more: number;
  nextAt: number | null;
  /** Notifications handed over, and the messages that they made. */
  counts: { notices: number; messages: number };
  by: string;
  createdAt: number;
  updatedAt: number;
};
export type NotifierInput = { id: string; config: NotifierConfig; enabled: boolean; by: string; at: number };

export type Noticed = { type: 'NOTICES'; src: string; items: { place: Place; notice: Notice }[]; to: Place };
export type NotifierEvent = Noticed | { type: 'FLUSH'; by?: string } | { type: 'ON'; by?: string } | { type: 'OFF'; by?: string } | { type: 'UPDATE'; config: Partial<NotifierConfig>; by?: string } | { type: 'REMOVE'; by?: string };

/** A message names so many; of more it says how many. */
export const MOST_NAMED = 50;
const MINUTE = 60_000;
const TEXT = 2_000;
const RANK: readonly Priority[] = ['low', 'normal', 'high', 'urgent'];

export const later = (a: Place, b: Place | undefined): boolean => b === undefined || a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
const fresh = (c: NotifierContext, event: NotifierEvent): Notice[] => (event.type === 'NOTICES' ? event.items.filter((i) => later(i.place, c.seen[event.src])).map((i) => i.notice) : []);
const gravest = (items: readonly Notice[]): Priority => items.reduce<Priority>((most, i) => (RANK.indexOf(i.priority) > RANK.indexOf(most) ? i.priority : most), 'low');
const severityOf = (p: Priority): SinkMessage['severity'] => (p === 'urgent' ? 'critical' : p === 'high' ? 'warning' : 'info');

/** What a sink is handed for some notifications. */
export function messageOf(c: Pick<NotifierContext, 'id' | 'config'>, items: readonly Notice[], more: number, id: string, at: number): SinkMessage {
  const named = items.slice(0, MOST_NAMED);
  const lines = named.map((n) => `${n.accountName ? `[${n.accountName}] ` : ''}${n.title}: ${n.content}`);
  const text = lines.join('\n').slice(0, TEXT);
  return { id, alert: 'notification', name: named.length === 1 && more === 0 ? named[0]!.title : `${items.length + more} · ${c.config.name}`, what: 'firing', severity: severityOf(gravest(items)), breaching: [], text, at, notice: { rule: c.config.name, items: named, more: more + items.length - named.length } };
}

/** Sends on what is noticed: at once, or gathered for a while. Each notification once. */
export const notifierMachine = setup({
  types: { context: {} as NotifierContext, input: {} as NotifierInput, events: {} as NotifierEvent },
  actions: {
    ...outward,
    advance: assign(({ context, event }) => (event.type === 'NOTICES' && later(event.to, context.seen[event.src]) ? { seen: { ...context.seen, [event.src]: event.to } } : {})),
    send: enqueueActions(({ context, event, enqueue }) => {
      const items = fresh(context, event);
      if (items.length === 0 || event.type !== 'NOTICES') return;
      enqueue({ type: 'tell', params: { to: `sink/${context.config.sink}`, event: { type: 'SEND', message: messageOf(context, items, 0, `${context.id}-${event.src}-${event.to.join('.')}`, stamp(event).at) } } });
      enqueue.assign({ counts: { notices: context.counts.notices + items.length, messages: context.counts.messages + 1 } });
    }),
    collect: assign(({ context, event }) => {
      const items = fresh(context, event);
      const room = MOST_NAMED - context.batch.length;
      return { batch: [...context.batch, ...items.slice(0, room)], more: context.more + Math.max(0, items.length - room) };
    }),
    plan: assign(({ context, event }) => ({ nextAt: stamp(event).at + context.config.digestMinutes * MINUTE })),
    digest: enqueueActions(({ context, event, enqueue }) => {
      if (context.batch.length === 0) return;
      enqueue({ type: 'tell', params: { to: `sink/${context.config.sink}`, event: { type: 'SEND', message: messageOf(context, context.batch, context.more, `${context.id}-digest-${stamp(event).at}`, stamp(event).at) } } });
      enqueue.assign({ counts: { notices: context.counts.notices + context.batch.length + context.more, messages: context.counts.messages + 1 } });
    }),
    empty: assign({ batch: [], more: 0, nextAt: null }),
    begin: assign(({ event }) => ({ since: stamp(event).at })),
    update: assign(({ context, event }) => (event.type === 'UPDATE' ? { config: { ...context.config, ...event.config }, updatedAt: stamp(event).at } : {})),
  },
  guards: {
    enabled: ({ context }) => context.since > 0,
    gathers: ({ context }) => context.config.digestMinutes > 0,
    news: ({ context, event }) => fresh(context, event).length > 0,
  },
  delays: { digest: ({ context, event }) => Math.max(0, (context.nextAt ?? 0) - stamp(event).at) },
}).createMachine({
  id: 'notifier-v1',
  context: ({ input }) => ({ id: input?.id, config: input?.config, since: input?.enabled ? input.at : 0, seen: {}, batch: [], more: 0, nextAt: null, counts: { notices: 0, messages: 0 }, by: input?.by ?? 'unknown', createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0 }),
  initial: 'choosing',
  on: { UPDATE: { actions: 'update' }, REMOVE: '.removed' },
  states: {
    choosing: { always: [{ guard: 'enabled', target: 'live' }, { target: 'off' }] },
    off: { on: { ON: { target: 'live', actions: 'begin' } } },
    live: {
      initial: 'waiting',
      on: { OFF: { target: 'off', actions: ['digest', 'empty'] } },
      states: {
        waiting: {
          on: {
            NOTICES: [
              { guard: ({ context, event }) => fresh(context, event).length > 0 && context.config.digestMinutes > 0, target: 'gathering', actions: ['collect', 'advance', 'plan'] },
              { actions: ['send', 'advance'] },
            ],
          },
        },
        gathering: {
          after: { digest: { target: 'waiting', actions: ['digest', 'empty'] } },
          on: {
            NOTICES: { actions: ['collect', 'advance'] },
            FLUSH: { target: 'waiting', actions: ['digest', 'empty'] },
            /** A shorter wait counts from now. */
            UPDATE: [{ guard: ({ event }) => event.config.digestMinutes === 0, target: 'waiting', actions: ['update', 'digest', 'empty'] }, { target: 'gathering', reenter: true, actions: ['update', 'plan'] }],
          },
        },
      },
    },
    removed: { type: 'final' },
  },
});
