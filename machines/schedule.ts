import { assign, setup } from 'xstate';
import { effect, faultOf, stamp } from './effect.ts';

/** When a schedule is due: by cron in a time zone, every so many milliseconds, or once. */
export type ScheduleWhen = { cron: string; timezone: string } | { everyMs: number } | { at: number };
/** What it makes each time: a task as `task create` takes it, or a template with its values. */
export type ScheduledTask = { template: string; params: Record<string, unknown> } | { task: Record<string, unknown> };

export type ScheduleConfig = {
  title: string;
  when: ScheduleWhen;
  makes: ScheduledTask;
  /** When the task before is not finished: make another, or leave this time out. */
  overlap: 'make' | 'skip';
  /** After a time in which nothing ran: make one task for all that was missed, or none. */
  missed: 'one' | 'none';
};

export type Fired = { at: number; due: number; task: string | null; skipped: string | null; error: string | null };
export type ScheduleContext = {
  id: string;
  config: ScheduleConfig;
  /** The next time, epoch milliseconds; null when there is none. */
  nextAt: number | null;
  /** Counts the times: part of the task's id, so that each is made once. */
  count: number;
  /** The last ones, newest first. */
  fired: Fired[];
  error: string | null;
  createdAt: number;
  updatedAt: number;
  by: string;
};
export type ScheduleInput = { id: string; config: ScheduleConfig; by: string; at: number };
export type ScheduleEvent =
  | { type: 'PAUSE'; by?: string }
  | { type: 'RESUME'; by?: string }
  | { type: 'NOW'; by?: string }
  | { type: 'UPDATE'; config: Partial<ScheduleConfig>; by?: string }
  | { type: 'REMOVE'; by?: string };

const KEPT = 20;

const output = (event: object): Record<string, unknown> => (event as { output: Record<string, unknown> }).output;
/** What the effect is told of this time. */
const firing = ({ context: c }: { context: ScheduleContext }) => ({ schedule: c.id, count: c.count, makes: c.config.makes, title: c.config.title, overlap: c.config.overlap, last: c.fired.find((f) => f.task)?.task ?? null, by: c.by });
const note = (c: ScheduleContext, one: Fired): Fired[] => [one, ...c.fired].slice(0, KEPT);

/** Makes tasks by the clock: each time once, also across crashes, and never a heap of those that were missed. */
export const scheduleMachine = setup({
  types: { context: {} as ScheduleContext, input: {} as ScheduleInput, events: {} as ScheduleEvent },
  actors: {
    /** The first time after `after` (epoch ms), null when there is none; intervals count from `anchor`. Fails where the cron line can't be read. */
    nextTime: effect<{ when: ScheduleWhen; after: number; anchor: number }, { at: number | null }>(),
    /** Makes the task of this time; asked twice, made once. `skipped` says why none was made. */
    fire: effect<{ schedule: string; count: number; makes: ScheduledTask; title: string; overlap: 'make' | 'skip'; last: string | null; by: string }, { task: string | null; skipped: string | null }>(),
  },
  actions: {
    planned: assign(({ event }) => ({ nextAt: (output(event)['at'] as number | null) ?? null, error: null })),
    unplan: assign({ nextAt: null }),
    fault: assign(({ event }) => ({ error: faultOf(event).message })),
    update: assign(({ context, event }) => (event.type === 'UPDATE' ? { config: { ...context.config, ...event.config }, updatedAt: stamp(event).at, error: null } : {})),
    count: assign(({ context }) => ({ count: context.count + 1 })),
    missed: assign(({ context, event }) => ({ fired: note(context, { at: stamp(event).at, due: context.nextAt ?? 0, task: null, skipped: 'missed', error: null }) })),
    did: assign(({ context, event }) => ({ fired: note(context, { at: stamp(event).at, due: context.nextAt ?? stamp(event).at, task: (output(event)['task'] as string | null) ?? null, skipped: (output(event)['skipped'] as string | null) ?? null, error: null }) })),
    failed: assign(({ context, event }) => ({ fired: note(context, { at: stamp(event).at, due: context.nextAt ?? stamp(event).at, task: null, skipped: null, error: faultOf(event).message }) })),
  },
  guards: {
    none: ({ event }) => output(event)['at'] == null,
    once: ({ context }) => 'at' in context.config.when,
    late: ({ context, event }) => context.config.missed === 'none' && context.nextAt !== null && stamp(event).at - context.nextAt > 60_000,
  },
  delays: {
    due: ({ context, event }) => Math.max(0, (context.nextAt ?? 0) - stamp(event).at),
  },
}).createMachine({
  id: 'schedule-v1',
  context: ({ input }) => ({ id: input?.id, config: input?.config, nextAt: null, count: 0, fired: [], error: null, createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0, by: input?.by ?? 'unknown' }),
  initial: 'planning',
  on: { REMOVE: '.removed', UPDATE: { target: '.planning', actions: 'update' } },
  states: {
    planning: {
      on: { PAUSE: { target: 'paused', actions: 'unplan' } },
      invoke: {
        id: 'nextTime',
        src: 'nextTime',
        input: ({ context, event }) => ({ when: context.config.when, after: stamp(event).at, anchor: context.createdAt }),
        onDone: [{ guard: 'none', target: 'ended', actions: 'planned' }, { target: 'waiting', actions: 'planned' }],
        onError: { target: 'error', actions: 'fault' },
      },
    },
    waiting: {
      on: { PAUSE: { target: 'paused', actions: 'unplan' }, NOW: { target: 'firing', actions: 'count' } },
      after: { due: [{ guard: 'late', target: 'planning', actions: 'missed' }, { target: 'firing', actions: 'count' }] },
    },
    firing: {
      on: { UPDATE: { actions: 'update' } },
      invoke: {
        id: 'fire',
        src: 'fire',
        input: firing,
        onDone: [{ guard: 'once', target: 'ended', actions: 'did' }, { target: 'planning', actions: 'did' }],
        onError: [{ guard: 'once', target: 'error', actions: ['failed', 'fault'] }, { target: 'planning', actions: 'failed' }],
      },
    },
    paused: {
      on: { RESUME: 'planning', UPDATE: { actions: 'update' }, NOW: { target: 'firingPaused', actions: 'count' } },
    },
    /** Once by hand, without waking the clock. */
    firingPaused: {
      on: { UPDATE: { actions: 'update' } },
      invoke: {
        id: 'fire',
        src: 'fire',
        input: firing,
        onDone: { target: 'paused', actions: 'did' },
        onError: { target: 'paused', actions: 'failed' },
      },
    },
    /** Its time can't be worked out, or its one time failed: a person looks. */
    error: { on: { NOW: { target: 'firing', actions: 'count' } } },
    ended: { on: { NOW: { target: 'firing', actions: 'count' } } },
    removed: { type: 'final' },
  },
});
