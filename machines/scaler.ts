import { assign, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';

export type ScalerConfig = {
  enabled: boolean;
  /** Decides and says so, and does nothing. */
  dry_run: boolean;
  min: number;
  max: number;
  /** What one worker should have: accounts assigned, or work that waits and runs. */
  metric: 'accounts' | 'work';
  target: number;
  cooldown_seconds: number;
  /** The template that new workers are made from. */
  template: string;
};

export type SeenWorker = { id: string; phase: string; link: string; accounts: number; busy: number; ours: boolean };
/** What the fleet looks like to one group: its workers, and what they should carry. */
export type Seen = { workers: SeenWorker[]; accounts: number; work: number };
export type Decision = { at: number; do: 'out' | 'in' | 'hold'; have: number; want: number; why: string; worker: string | null; dry: boolean; error: string | null };

export type ScalerContext = { id: string; config: ScalerConfig; decisions: Decision[]; lastActionAt: number | null; createdAt: number; updatedAt: number };
export type ScalerInput = { id: string; config: ScalerConfig; at: number };
export type ScalerEvent = { type: 'LOOK'; seen: Seen } | { type: 'UPDATE'; config: Partial<ScalerConfig>; by?: string } | { type: 'REMOVE'; by?: string };

const KEPT = 50;
const UP = new Set(['starting', 'running']);

export type Plan = { do: 'out' | 'in' | 'hold'; have: number; want: number; why: string; worker: string | null };

/** What one look asks for. Workers that are on their way count; one that is busy or holds the last place of the minimum never goes. */
export function plan(group: string, c: ScalerConfig, seen: Seen): Plan {
  const up = seen.workers.filter((w) => UP.has(w.phase));
  const have = up.length;
  const load = c.metric === 'accounts' ? seen.accounts : seen.work;
  const asked = Math.ceil(load / c.target);
  const want = Math.min(c.max, Math.max(c.min, asked));
  const load_ = `${load} ${c.metric === 'accounts' ? 'accounts' : 'pieces of work'} at ${c.target} a worker ask for ${asked}`;
  const bounds = asked > c.max ? `, ${c.max} at most` : asked < c.min ? `, ${c.min} at least` : '';
  const base = { have, want, worker: null };
  if (have < want) return { ...base, do: 'out', why: `${load_}${bounds}; ${have} run` };
  if (have > want) {
    const idle = up.filter((w) => w.ours && w.phase === 'running' && w.busy === 0).sort((a, b) => a.accounts - b.accounts || b.id.localeCompare(a.id))[0];
    if (idle) return { ...base, do: 'in', worker: idle.id, why: `${load_}${bounds}; ${have} run, ${idle.id} is the least loaded` };
    return { ...base, do: 'hold', why: `${load_}${bounds}; ${have} run, and none of ${group}'s own workers is free to go` };
  }
  return { ...base, do: 'hold', why: `${load_}${bounds}; ${have} run` };
}

/** Keeps the number of a group's workers at what their load asks for: one step at a time, a rest after each. */
export const scalerMachine = setup({
  types: { context: {} as ScalerContext, input: {} as ScalerInput, events: {} as ScalerEvent },
  actors: {
    /** Starts one more worker of the group: one that is stopped, else a new one from the template. */
    scaleOut: effect<{ group: string; template: string; step: string }, { worker: string }>(),
    /** Drains one. */
    scaleIn: effect<{ group: string; worker: string }, { worker: string }>(),
  },
  actions: {
    ...outward,
    decide: assign(({ context, event }) => {
      if (event.type !== 'LOOK') return {};
      const p = plan(context.id, context.config, event.seen);
      const decision: Decision = { at: stamp(event).at, ...p, dry: context.config.dry_run, error: null };
      return { decisions: [decision, ...context.decisions].slice(0, KEPT), lastActionAt: context.config.dry_run ? context.lastActionAt : stamp(event).at };
    }),
    did: assign(({ context, event }) => ({ decisions: withLast(context, { worker: (event as unknown as { output: { worker: string } }).output.worker }) })),
    failed: assign(({ context, event }) => ({ decisions: withLast(context, { error: faultOf(event).message }) })),
    update: assign(({ context, event }) => (event.type === 'UPDATE' ? { config: { ...context.config, ...event.config }, updatedAt: stamp(event).at } : {})),
  },
  guards: {
    enabled: ({ context }) => context.config.enabled,
    disabled: ({ context }) => !context.config.enabled,
    out: ({ context, event }) => event.type === 'LOOK' && !context.config.dry_run && plan(context.id, context.config, event.seen).do === 'out',
    in: ({ context, event }) => event.type === 'LOOK' && !context.config.dry_run && plan(context.id, context.config, event.seen).do === 'in',
    /** Said once for each new answer, not with every look. */
    news: ({ context, event }) => {
      if (event.type !== 'LOOK') return false;
      const p = plan(context.id, context.config, event.seen);
      const last = context.decisions[0];
      return p.have !== p.want && (!last || last.do !== p.do || last.want !== p.want || last.have !== p.have || last.dry !== context.config.dry_run);
    },
  },
  delays: { cooldown: ({ context }) => context.config.cooldown_seconds * 1000 },
}).createMachine({
  id: 'scaler-v1',
  context: ({ input }) => ({ id: input?.id, config: input?.config, decisions: [], lastActionAt: null, createdAt: input?.at ?? 0, updatedAt: input?.at ?? 0 }),
  initial: 'choosing',
  on: { UPDATE: { target: '.choosing', actions: 'update' }, REMOVE: '.removed' },
  states: {
    choosing: { always: [{ guard: 'enabled', target: 'watching' }, { target: 'off' }] },
    off: {},
    watching: {
      on: {
        LOOK: [
          { guard: 'out', target: 'scaling_out', actions: 'decide' },
          { guard: 'in', target: 'scaling_in', actions: 'decide' },
          { guard: 'news', actions: 'decide' },
        ],
      },
    },
    scaling_out: {
      on: { UPDATE: { actions: 'update' } },
      invoke: {
        id: 'scaleOut',
        src: 'scaleOut',
        input: ({ context }) => ({ group: context.id, template: context.config.template, step: String(context.lastActionAt) }),
        onDone: { target: 'cooling', actions: 'did' },
        onError: { target: 'cooling', actions: 'failed' },
      },
    },
    scaling_in: {
      on: { UPDATE: { actions: 'update' } },
      invoke: {
        id: 'scaleIn',
        src: 'scaleIn',
        input: ({ context }) => ({ group: context.id, worker: context.decisions[0]!.worker! }),
        onDone: { target: 'cooling', actions: 'did' },
        onError: { target: 'cooling', actions: 'failed' },
      },
    },
    cooling: { on: { UPDATE: { actions: 'update' } }, after: { cooldown: 'choosing' } },
    removed: { type: 'final' },
  },
});

const withLast = (c: ScalerContext, more: Partial<Decision>): Decision[] => c.decisions.map((d, i) => (i === 0 ? { ...d, ...more } : d));
