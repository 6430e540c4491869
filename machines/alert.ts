import { assign, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';

export type Severity = 'info' | 'warning' | 'critical';
export type AlertRule = {
  name: string;
  /** What is looked at: one of the metrics that masters know. */
  metric: string;
  op: 'above' | 'below';
  threshold: number;
  /** A breach is over only on the other side of this; null for the threshold itself. */
  clear: number | null;
  /** How long it must last before it fires. */
  for_seconds: number;
  /** Said again while it fires; 0 for once. */
  repeat_minutes: number;
  severity: Severity;
  /** The one worker, account or machine that is looked at; null for all. */
  only: string | null;
  enabled: boolean;
};

/** What is beyond the limit: a worker, an account, a machine, or `-` for the fleet as a whole. */
export type Breach = { subject: string; value: number };
export type AlertMoment = { at: number; what: 'pending' | 'firing' | 'again' | 'acknowledged' | 'snoozed' | 'resolved' | 'passed'; by?: string };

export type AlertContext = {
  id: string;
  rule: AlertRule;
  /** Comes with Troupe: it can be changed and switched off, not removed. */
  builtin: boolean;
  breaching: Breach[];
  since: number | null;
  firedAt: number | null;
  resolvedAt: number | null;
  /** Rises with each time that it fires; `said` with each time that it is told. */
  episode: number;
  said: number;
  acknowledgedBy: string | null;
  snoozedUntil: number | null;
  history: AlertMoment[];
  error: string | null;
  createdAt: number;
  updatedAt: number;
};
export type AlertInput = { id: string; rule: AlertRule; builtin?: boolean; at: number };
export type AlertEvent =
  | { type: 'SEEN'; breaching: Breach[] }
  | { type: 'ACKNOWLEDGE'; by?: string }
  | { type: 'SNOOZE'; minutes: number; by?: string }
  | { type: 'WAKE'; by?: string }
  | { type: 'UPDATE'; rule: Partial<AlertRule>; by?: string }
  | { type: 'REMOVE'; by?: string };

export type Announcement = { id: string; alert: string; name: string; what: 'firing' | 'resolved'; severity: Severity; breaching: Breach[]; text: string; at: number };

const KEPT = 30;
const SHOWN = 3;
const round = (n: number): string => String(Number(n.toPrecision(4)));

/** What is wrong, in a line. */
export function alertText({ op, threshold }: Pick<AlertRule, 'op' | 'threshold'>, breaching: readonly Breach[]): string {
  // Of what must not be at all, the limit says nothing.
  const none = op === 'above' && threshold === 0;
  const one = (b: Breach) => (none ? (b.subject === '-' ? round(b.value) : b.subject) : over(b));
  const over = (b: Breach) => `${b.subject === '-' ? '' : `${b.subject}: `}${round(b.value)} ${op === 'above' ? 'over' : 'under'} ${round(threshold)}`;
  const more = breaching.length - SHOWN;
  return `${breaching.slice(0, SHOWN).map(one).join('; ')}${more > 0 ? `; ${more} more` : ''}`;
}

const moment = (c: AlertContext, event: object, what: AlertMoment['what'], by?: string): AlertMoment[] => [{ at: stamp(event).at, what, ...(by ? { by } : {}) }, ...c.history].slice(0, KEPT);
const byOf = (event: object): string => (event as { by?: string }).by ?? 'an operator';

const announcement = (c: AlertContext, event: object, what: Announcement['what']): Announcement => ({
  id: `${c.id}-${c.episode}-${c.said}`, alert: c.id, name: c.rule.name, what, severity: c.rule.severity, breaching: c.breaching, text: what === 'resolved' ? 'it is over' : alertText(c.rule, c.breaching), at: stamp(event).at,
});

/** One rule and what has come of it: it must last, is told, is taken on by somebody, and is over. */
export const alertMachine = setup({
  types: { context: {} as AlertContext, input: {} as AlertInput, events: {} as AlertEvent },
  actors: {
    /** Hands it to every sink. */
    announce: effect<Announcement, null>(),
  },
  actions: {
    ...outward,
    see: assign(({ event }) => (event.type === 'SEEN' ? { breaching: event.breaching } : {})),
    begin: assign(({ context, event }) => ({ since: stamp(event).at, history: moment(context, event, 'pending') })),
    pass: assign(({ context, event }) => ({ breaching: [], since: null, history: moment(context, event, 'passed') })),
    fire: assign(({ context, event }) => ({ episode: context.episode + 1, said: 0, firedAt: stamp(event).at, since: context.since ?? stamp(event).at, resolvedAt: null, acknowledgedBy: null, history: moment(context, event, 'firing') })),
    say: assign(({ context }) => ({ said: context.said + 1 })),
    again: assign(({ context, event }) => ({ history: moment(context, event, 'again') })),
    resolve: assign(({ context, event }) => ({ breaching: [], resolvedAt: stamp(event).at, snoozedUntil: null, history: moment(context, event, 'resolved') })),
    acknowledge: assign(({ context, event }) => ({ acknowledgedBy: byOf(event), history: moment(context, event, 'acknowledged', byOf(event)) })),
    snooze: assign(({ context, event }) => (event.type === 'SNOOZE' ? { snoozedUntil: stamp(event).at + event.minutes * 60_000, history: moment(context, event, 'snoozed', byOf(event)) } : {})),
    wake: assign({ snoozedUntil: null }),
    rest: assign({ breaching: [], since: null }),
    update: assign(({ context, event }) => (event.type === 'UPDATE' ? { rule: { ...context.rule, ...event.rule }, updatedAt: stamp(event).at } : {})),
    noteFault: assign(({ event }) => ({ error: faultOf(event).message })),
    noteSaid: assign({ error: null }),
  },
  guards: {
    enabled: ({ context }) => context.rule.enabled,
    clear: ({ event }) => event.type === 'SEEN' && event.breaching.length === 0,
    atOnce: ({ context, event }) => event.type === 'SEEN' && event.breaching.length > 0 && context.rule.for_seconds === 0,
    breached: ({ event }) => event.type === 'SEEN' && event.breaching.length > 0,
    /** Somebody new is beyond the limit. */
    worse: ({ context, event }) => event.type === 'SEEN' && event.breaching.some((b) => !context.breaching.some((c) => c.subject === b.subject)),
    silenced: ({ context, event }) => (context.snoozedUntil ?? 0) > stamp(event).at,
    repeats: ({ context }) => context.rule.repeat_minutes > 0,
    own: ({ context }) => !context.builtin,
  },
  delays: {
    lasting: ({ context }) => context.rule.for_seconds * 1000,
    repeat: ({ context }) => Math.max(1, context.rule.repeat_minutes) * 60_000,
    snoozed: ({ context, event }) => Math.max(0, (context.snoozedUntil ?? 0) - stamp(event).at),
    settled: 60_000,
  },
}).createMachine({
  id: 'alert-v1',
  context: ({ input }) => ({
    id: input?.id, rule: input?.rule, builtin: input?.builtin ?? false, breaching: [], since: null, firedAt: null, resolvedAt: null, episode: 0, said: 0,
    acknowledgedBy: null, snoozedUntil: null, history: [], error: null, createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0,
  }),
  initial: 'choosing',
  on: {
    // Another limit is another question: what was beyond the old one is looked at anew.
    UPDATE: { target: '.choosing', actions: 'update' },
    REMOVE: { guard: 'own', target: '.removed' },
  },
  states: {
    choosing: { entry: 'rest', always: [{ guard: 'enabled', target: 'ok' }, { target: 'off' }] },
    off: {},
    ok: {
      on: {
        SEEN: [
          { guard: 'atOnce', target: 'firing', actions: ['see', 'fire'] },
          { guard: 'breached', target: 'pending', actions: ['see', 'begin'] },
        ],
        SNOOZE: { actions: 'snooze' },
        WAKE: { actions: 'wake' },
      },
    },
    pending: {
      on: {
        SEEN: [{ guard: 'clear', target: 'ok', actions: 'pass' }, { actions: 'see' }],
        SNOOZE: { actions: 'snooze' },
        WAKE: { actions: 'wake' },
      },
      after: { lasting: { target: 'firing', actions: 'fire' } },
    },
    firing: {
      initial: 'choosing',
      on: {
        ACKNOWLEDGE: { target: 'acknowledged', actions: 'acknowledge' },
        SNOOZE: { target: '.snoozed', actions: 'snooze' },
      },
      states: {
        choosing: { always: [{ guard: 'silenced', target: 'snoozed' }, { target: 'loud' }] },
        loud: {
          entry: 'say',
          invoke: { id: 'announce', src: 'announce', input: ({ context, event }) => announcement(context, event, 'firing'), onDone: { actions: 'noteSaid' }, onError: { actions: 'noteFault' } },
          on: {
            SEEN: [
              { guard: 'clear', target: '#alert-v1.resolved', actions: 'resolve' },
              { guard: 'worse', target: 'loud', reenter: true, actions: 'see' },
              { actions: 'see' },
            ],
          },
          after: { repeat: { guard: 'repeats', target: 'loud', reenter: true, actions: 'again' } },
        },
        snoozed: {
          on: {
            SEEN: [{ guard: 'clear', target: '#alert-v1.resolved', actions: 'resolve' }, { actions: 'see' }],
            WAKE: { target: 'loud', actions: 'wake' },
          },
          after: { snoozed: { target: 'loud', actions: 'wake' } },
        },
      },
    },
    acknowledged: {
      on: {
        SEEN: [
          { guard: 'clear', target: 'resolved', actions: 'resolve' },
          { guard: 'worse', target: 'firing', actions: ['see', 'again'] },
          { actions: 'see' },
        ],
        SNOOZE: { target: 'firing.snoozed', actions: 'snooze' },
      },
    },
    resolved: {
      entry: 'say',
      invoke: { id: 'announce', src: 'announce', input: ({ context, event }) => announcement(context, event, 'resolved'), onDone: { actions: 'noteSaid' }, onError: { actions: 'noteFault' } },
      on: {
        SEEN: [
          { guard: 'atOnce', target: 'firing', actions: ['see', 'fire'] },
          { guard: 'breached', target: 'pending', actions: ['see', 'begin'] },
        ],
        SNOOZE: { actions: 'snooze' },
        WAKE: { actions: 'wake' },
      },
      after: { settled: { target: 'ok', actions: 'rest' } },
    },
    removed: { type: 'final' },
  },
});
