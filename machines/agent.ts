import { assign, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';
import type { Proxy } from './account.ts';

export type AgentPlace = { worker: string; incarnation: string; account: string | null; platform: string | null; epoch: number | null; proxy: Proxy | null };
export type AgentConfig = {
  name: string;
  /** The worker that it may not leave. */
  worker: string | null;
  group: string;
  account: string | null;
  url: string | null;
  viewport: { width: number; height: number } | null;
  /** Takes tasks that name no agent. */
  shared: boolean;
};
export type AgentInput = AgentConfig & { id: string; by: string; at: number };
export type AgentContext = AgentConfig & {
  id: string;
  by: string;
  place: AgentPlace | null;
  /** Why it has no place yet. */
  waiting: string | null;
  window: string | null;
  page: { url: string | null; title: string | null };
  task: string | null;
  /** In a row; a window that has worked clears them. */
  failures: number;
  restarts: number;
  retryAt: number | null;
  error: string | null;
  createdAt: number;
  openedAt: number | null;
};

export type AgentEvent =
  | { type: 'WAITING'; why: string }
  | { type: 'OPENED'; window: string; url: string | null; title: string | null }
  | { type: 'CHANGED'; url: string | null; title: string | null }
  | { type: 'TASK'; task: string }
  | { type: 'FREE'; task: string; ok?: boolean }
  | { type: 'RESTART'; by?: string }
  | { type: 'CLOSE'; by?: string };

/** So many in a row, then a person looks. */
const FAILURES = 5;
const STEADY = 60_000;
const LOST = ['lost', 'fenced', 'aborted'];

/** As it is opened first, and when its worker is lost. */
const looksForPlace = {
  id: 'place',
  src: 'place',
  input: ({ context: c, event }: { context: AgentContext; event: { type: string } }) => ({ agent: c.id, group: c.group, worker: c.worker, account: c.account, at: stamp(event).at || c.createdAt }),
  onDone: { target: 'open', actions: 'placed' },
  onError: { target: 'failed', actions: 'fault' },
} as const;

/** One browser page on a worker that works at tasks: opened again when it crashes, elsewhere when its worker is lost. */
export const agentMachine = setup({
  types: { context: {} as AgentContext, input: {} as AgentInput, events: {} as AgentEvent },
  actors: {
    /** Waits for a worker with room for one more window. */
    place: effect<{ agent: string; group: string; worker: string | null; account: string | null; at: number }, AgentPlace>(),
    keep: effect<{ worker: string; incarnation: string; agent: string; account: string | null; platform: string | null; epoch: number | null; proxy: Proxy | null; url: string | null; viewport: AgentConfig['viewport']; shared: boolean }, null>(),
  },
  actions: {
    ...outward,
    placed: assign(({ event }) => ({ place: (event as unknown as { output: AgentPlace }).output, waiting: null })),
    wait: assign(({ event }) => (event.type === 'WAITING' ? { waiting: event.why } : {})),
    opened: assign(({ event }) => (event.type === 'OPENED' ? { window: event.window, page: { url: event.url, title: event.title }, error: null, openedAt: stamp(event).at } : {})),
    changed: assign(({ event }) => (event.type === 'CHANGED' ? { page: { url: event.url, title: event.title } } : {})),
    take: assign(({ event }) => (event.type === 'TASK' ? { task: event.task } : {})),
    free: assign({ task: null, failures: 0 }),
    gone: assign({ window: null, task: null }),
    fault: assign(({ event }) => ({ error: faultOf(event).message })),
    lose: assign({ place: null }),
    again: assign(({ context, event }) => {
      const { at, rnd } = stamp(event);
      // One that stood for a while begins to count anew.
      const failures = context.openedAt !== null && at - context.openedAt > STEADY ? 1 : context.failures + 1;
      return { failures, restarts: context.restarts + 1, retryAt: Math.round(at + Math.min(1000 * 2 ** (failures - 1), 30_000) * (1 + 0.2 * rnd)) };
    }),
    fresh: assign(({ context }) => ({ failures: 0, restarts: context.restarts + 1, error: null, retryAt: null })),
    close: assign({ retryAt: null, waiting: null }),
  },
  guards: {
    full: ({ event }) => faultOf(event).kind === 'full',
    lost: ({ event }) => LOST.includes(faultOf(event).kind),
    enough: ({ context, event }) => faultOf(event).kind === 'refused' || (context.failures + 1 >= FAILURES && !(context.openedAt !== null && stamp(event).at - context.openedAt > STEADY)),
    mine: ({ context, event }) => event.type === 'FREE' && event.task === context.task,
  },
  delays: {
    retry: ({ context, event }) => Math.max(0, (context.retryAt ?? 0) - stamp(event).at),
    openWithin: 120_000,
  },
}).createMachine({
  id: 'agent-v1',
  context: ({ input }) => ({
    id: input?.id, by: input?.by ?? 'unknown', name: input?.name ?? input?.id ?? '', worker: input?.worker ?? null, group: input?.group ?? 'default', account: input?.account ?? null,
    url: input?.url ?? null, viewport: input?.viewport ?? null, shared: input?.shared ?? true,
    place: null, waiting: null, window: null, page: { url: null, title: null }, task: null, failures: 0, restarts: 0, retryAt: null, error: null, createdAt: input?.at ?? 0, openedAt: null,
  }),
  initial: 'placing',
  on: { CLOSE: '.closed' },
  states: {
    placing: {
      on: { WAITING: { actions: 'wait' } },
      invoke: looksForPlace,
    },
    open: {
      initial: 'opening',
      exit: 'gone',
      on: { RESTART: { target: 'placing', actions: ['fresh', 'lose'] }, CHANGED: { actions: 'changed' } },
      invoke: {
        id: 'keep',
        src: 'keep',
        input: ({ context: c }) => ({ ...c.place!, agent: c.id, url: c.page.url ?? c.url, viewport: c.viewport, shared: c.shared }),
        onDone: 'closed',
        onError: [
          { guard: 'full', target: 'placing', actions: 'lose' },
          { guard: 'lost', target: 'offline', actions: ['fault', 'lose'] },
          { guard: 'enough', target: 'failed', actions: ['fault', 'lose'] },
          { target: 'error', actions: ['fault', 'again', 'lose'] },
        ],
      },
      states: {
        opening: {
          on: { OPENED: { target: 'idle', actions: 'opened' }, TASK: { actions: 'take' }, FREE: { guard: 'mine', actions: assign({ task: null }) } },
          after: { openWithin: { target: '#agent-v1.error', actions: [assign({ error: 'its window did not open within 2 minutes' }), 'again', 'lose'] } },
        },
        idle: { always: { guard: ({ context }) => context.task !== null, target: 'busy' }, on: { TASK: { target: 'busy', actions: 'take' }, OPENED: { actions: 'opened' } } },
        busy: { on: { FREE: { guard: 'mine', target: 'idle', actions: 'free' }, TASK: { actions: 'take' }, OPENED: { actions: 'opened' } } },
      },
    },
    /** Its page or browser died: opened again in a moment. */
    error: { on: { RESTART: { target: 'placing', actions: 'fresh' } }, after: { retry: 'placing' } },
    /** It died again and again: a person looks. */
    failed: { on: { RESTART: { target: 'placing', actions: 'fresh' } } },
    /** Its worker was lost. */
    offline: {
      on: { WAITING: { actions: 'wait' }, RESTART: { target: 'offline', reenter: true, actions: 'fresh' } },
      invoke: looksForPlace,
    },
    closed: { type: 'final', entry: 'close' },
  },
});
