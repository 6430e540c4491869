import { assign, setup } from 'xstate';
import { outward, stamp } from './effect.ts';

/** Words of which one (or all) must stand in the text, or a pattern in RE2's language. */
export type RuleMatch = { words: string[]; all: boolean } | { pattern: string };

export type RuleConfig = {
  name: string;
  /** Rules are asked in this order, the smallest first. */
  order: number;
  match: RuleMatch;
  /** Only these; empty for all. */
  accounts: string[];
  platforms: string[];
  types: ('comment' | 'message')[];
  /** The id of a canned answer, or the words themselves. */
  answer: { canned: string } | { text: string };
  perHour: number;
  /** One answer to one person in so many hours; 0 for no such limit. */
  perPersonHours: number;
  /** What was written longer ago is left alone. */
  maxAgeHours: number;
  /** What it answers is asked of no rule after it. */
  stop: boolean;
  /** Its answers wait for somebody's yes. */
  approve: boolean;
};

export type RuleOutcome = 'answered' | 'would' | 'per_hour' | 'per_person' | 'too_long' | 'no_answer';

/** One item that fitted, and what came of it. */
export type RuleDid = { item: string; account: string; type: 'comment' | 'message'; target: string; conversation: string; person: string; name: string; text: string; answer: string | null; reply: string | null; outcome: RuleOutcome; why: string | null };

export type RuleContext = {
  id: string;
  config: RuleConfig;
  /** Answers of the last hour: [minute since 1970, how many]. */
  hour: [number, number][];
  /** The last people answered: [who, minute since 1970]; older ones are in the log. */
  people: [string, number][];
  /** The last items taken: what comes again changes nothing. */
  items: string[];
  counts: { matched: number; answered: number };
  last: RuleDid | null;
  by: string;
  createdAt: number;
  updatedAt: number;
};
export type RuleInput = { id: string; config: RuleConfig; by: string; at: number };

/** `reply` is the whole input of the reply; `seen` says that the log knows an answer to this person within the time. */
export type Matched = { type: 'MATCHED'; did: Omit<RuleDid, 'outcome' | 'reply'>; reply: { id: string; [key: string]: unknown } | null; seen: boolean; long: boolean };
export type RuleEvent = Matched | { type: 'GO_LIVE'; by?: string } | { type: 'DRY_RUN'; by?: string } | { type: 'OFF'; by?: string } | { type: 'UPDATE'; config: Partial<RuleConfig>; by?: string } | { type: 'REMOVE'; by?: string };

const KEPT = 150;
const MINUTE = 60_000;

const matched = (event: object): Matched => event as Matched;
const minuteOf = (event: object): number => Math.floor(stamp(event).at / MINUTE);
const lately = (c: RuleContext, minute: number): [number, number][] => c.hour.filter(([m]) => m > minute - 60);
const did = (outcome: RuleOutcome) => ({ context: c, event }: { context: RuleContext; event: object }): Partial<RuleContext> => {
  const { did: item, reply } = matched(event);
  const answered = outcome === 'answered';
  const minute = minuteOf(event);
  const [last] = c.hour.slice(-1);
  const hour = lately(c, minute);
  return {
    last: { ...item, outcome, reply: answered ? reply!.id : null },
    items: [...c.items, item.item].slice(-KEPT),
    counts: { matched: c.counts.matched + 1, answered: c.counts.answered + (answered ? 1 : 0) },
    ...(answered ? { hour: last?.[0] === minute ? [...hour.slice(0, -1), [minute, last[1] + 1]] : [...hour, [minute, 1]], people: [...c.people.filter(([p]) => p !== item.person), [item.person, minute] as [string, number]].slice(-KEPT) } : {}),
  };
};

/** A rule that answers by itself: what fits, how often, and what it did. New ones only say what they would do. */
export const ruleMachine = setup({
  types: { context: {} as RuleContext, input: {} as RuleInput, events: {} as RuleEvent },
  actions: {
    ...outward,
    update: assign(({ context, event }) => (event.type === 'UPDATE' ? { config: { ...context.config, ...event.config }, updatedAt: stamp(event).at } : {})),
    touched: assign(({ event }) => ({ updatedAt: stamp(event).at })),
    would: assign(did('would')),
    noAnswer: assign(did('no_answer')),
    tooLong: assign(did('too_long')),
    perPerson: assign(did('per_person')),
    perHour: assign(did('per_hour')),
    answered: assign(did('answered')),
  },
  guards: {
    again: ({ context, event }) => context.items.includes(matched(event).did.item),
    noAnswer: ({ event }) => matched(event).reply === null,
    long: ({ event }) => matched(event).long,
    person: ({ context, event }) => {
      const { config, people } = context;
      const since = minuteOf(event) - config.perPersonHours * 60;
      return config.perPersonHours > 0 && (matched(event).seen || people.some(([who, m]) => who === matched(event).did.person && m > since));
    },
    full: ({ context, event }) => lately(context, minuteOf(event)).reduce((n, [, k]) => n + k, 0) >= context.config.perHour,
  },
}).createMachine({
  id: 'rule-v1',
  context: ({ input }) => ({ id: input?.id, config: input?.config, hour: [], people: [], items: [], counts: { matched: 0, answered: 0 }, last: null, by: input?.by ?? 'unknown', createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0 }),
  initial: 'dry_run',
  on: {
    GO_LIVE: { target: '.live', actions: 'touched' },
    DRY_RUN: { target: '.dry_run', actions: 'touched' },
    OFF: { target: '.off', actions: 'touched' },
    UPDATE: { actions: 'update' },
    REMOVE: '.removed',
  },
  states: {
    /** Writes down what it would answer, and sends nothing. */
    dry_run: { on: { MATCHED: [{ guard: 'again' }, { guard: 'noAnswer', actions: 'noAnswer' }, { guard: 'long', actions: 'tooLong' }, { actions: 'would' }] } },
    live: {
      on: {
        MATCHED: [
          { guard: 'again' },
          { guard: 'noAnswer', actions: 'noAnswer' },
          { guard: 'long', actions: 'tooLong' },
          { guard: 'person', actions: 'perPerson' },
          { guard: 'full', actions: 'perHour' },
          { actions: ['answered', { type: 'tell', params: ({ event }) => ({ to: `reply/${event.reply!.id}`, start: event.reply! }) }] },
        ],
      },
    },
    off: {},
    removed: { type: 'final' },
  },
});
