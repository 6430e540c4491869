import { assign, enqueueActions, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';
import type { Proxy } from './account.ts';

export type TaskType = 'scrape' | 'test' | 'automation' | 'shell';
export type TaskPayload = {
  url?: string;
  actions?: { tool: string; args: Record<string, unknown>; note?: string }[];
  command?: string;
  env?: Record<string, string>;
  cwd?: string;
  keep?: boolean;
};
export type TaskRequirements = {
  account?: string;
  worker?: string;
  agent?: string;
  labels?: Record<string, string>;
  min?: { cpu?: number; memoryMb?: number; gpu?: boolean | number };
  forwardTo?: string[];
  forwardAfterMs?: number;
};

/** Where an attempt goes. `agent` is the window that it works in; null for one of its own. */
export type TaskPlace = { worker: string; incarnation: string; agent: string | null; account: string | null; platform: string | null; epoch: number | null; proxy: Proxy | null };
export type TaskArtefact = { name: string; type: string; object: string; bytes: number };
export type TaskOutcome = { result: unknown; object: string | null; artefacts: TaskArtefact[]; agent: string | null; ms: number };

export type TaskInput = {
  id: string;
  /** The running number. */
  seq: number;
  title: string;
  description: string;
  type: TaskType;
  priority: number;
  group: string;
  payload: TaskPayload;
  requirements: TaskRequirements;
  timeoutMs: number;
  retries: number;
  after: string[];
  notBefore: number | null;
  key: string | null;
  template: string | null;
  schedule: string | null;
  replayOf: string | null;
  by: string;
  /** Where it goes at once, when there was room as it was asked for; absent or null while it has to wait. */
  place?: TaskPlace | null;
  at: number;
};

export type TaskContext = Omit<TaskInput, 'at' | 'retries' | 'place'> & {
  maxAttempts: number;
  /** The attempt that runs or comes next; what was lost with its worker does not count, up to a bound. */
  attempt: number;
  /** How often it was given to a worker. */
  placings: number;
  losses: number;
  place: TaskPlace | null;
  /** The worker that had no room after all. */
  avoid: string | null;
  createdAt: number;
  assignedAt: number | null;
  startedAt: number | null;
  finishedAt: number | null;
  retryAt: number | null;
  outcome: Omit<TaskOutcome, 'ms'> | null;
  /** What attempts left that failed, like a picture of the page; absent where there is none. */
  kept?: TaskArtefact[];
  error: { kind: string; message: string } | null;
};

export type TaskEvent =
  | { type: 'STARTED'; agent: string | null }
  | { type: 'KEPT'; artefact: TaskArtefact }
  | { type: 'CANCEL'; by?: string };

/** Never tried again: the same would come of it. */
const FINAL = ['refused'];
/** The worker went: no fault of the task. */
const LOST = ['lost', 'fenced', 'aborted'];
const LOSSES = 5;
const MOST_KEPT = 10;

const outputOf = <T>(event: object): T => (event as { output: T }).output;
const kindOf = (event: object): string => faultOf(event).kind;

/** One piece of work: waits its turn, runs on a worker, is tried again where that may help. */
export const taskMachine = setup({
  types: { context: {} as TaskContext, input: {} as TaskInput, events: {} as TaskEvent },
  actors: {
    /** Waits until the tasks that it runs after have ended; fails when one of them did not complete. */
    depend: effect<{ task: string; after: string[] }, null>(),
    /** Waits for a worker with room that may do it. */
    place: effect<{ task: string; seq: number; type: TaskType; priority: number; group: string; requirements: TaskRequirements; avoid: string | null; at: number }, TaskPlace>(),
    work: effect<
      { worker: string; incarnation: string; task: string; attempt: number; type: TaskType; title: string; payload: TaskPayload; account: string | null; platform: string | null; epoch: number | null; proxy: Proxy | null; agent: string | null; timeoutMs: number },
      TaskOutcome
    >(),
  },
  actions: {
    ...outward,
    placed: assign(({ context, event }) => ({ place: outputOf<TaskPlace>(event), placings: context.placings + 1, assignedAt: stamp(event).at, startedAt: null, retryAt: null, avoid: null })),
    kept: assign(({ context, event }) => (event.type === 'KEPT' ? { kept: [...(context.kept ?? []), event.artefact].slice(-MOST_KEPT) } : {})),
    started: assign(({ event }) => ({ startedAt: stamp(event).at })),
    // The end is in it: each assignment copies the whole context.
    did: assign(({ context, event }) => {
      const { result, object, artefacts, agent, ms } = outputOf<TaskOutcome>(event);
      return { finishedAt: stamp(event).at, outcome: { result: result ?? null, object: object ?? null, artefacts: artefacts ?? [], agent: agent ?? null }, error: null, startedAt: context.startedAt ?? Math.max(context.assignedAt ?? 0, Math.round(stamp(event).at - (ms ?? 0))) };
    }),
    fault: assign(({ event }) => ({ error: { kind: kindOf(event), message: faultOf(event).message } })),
    overtime: assign(({ context }) => ({ error: { kind: 'timeout', message: `not finished within ${context.timeoutMs / 1000} s` } })),
    lose: assign(({ context }) => ({ losses: context.losses + 1, place: null })),
    turnedAway: assign(({ context }) => ({ avoid: context.place?.worker ?? null, place: null })),
    again: assign(({ context, event }) => {
      const delay = 1000 * 2 ** (context.attempt - 1) * (1 + 0.2 * stamp(event).rnd);
      return { attempt: context.attempt + 1, retryAt: Math.round(stamp(event).at + delay), place: null };
    }),
    end: assign(({ event }) => ({ finishedAt: stamp(event).at })),
    take: enqueueActions(({ context, enqueue }) => {
      if (context.place?.agent) enqueue({ type: 'tell', params: { to: `agent/${context.place.agent}`, event: { type: 'TASK', task: context.id } } });
    }),
    free: enqueueActions(({ context, event, enqueue }) => {
      if (context.place?.agent) enqueue({ type: 'tell', params: { to: `agent/${context.place.agent}`, event: { type: 'FREE', task: context.id, ok: event.type.startsWith('xstate.done.') } } });
    }),
  },
  guards: {
    later: ({ context, event }) => context.notBefore !== null && context.notBefore > (stamp(event).at || context.createdAt),
    depends: ({ context }) => context.after.length > 0,
    hasPlace: ({ context }) => context.place !== null,
    full: ({ event }) => kindOf(event) === 'full',
    lost: ({ context, event }) => LOST.includes(kindOf(event)) && context.losses < LOSSES,
    mayRetry: ({ context, event }) => context.attempt < context.maxAttempts && !FINAL.includes(kindOf(event)),
    hasAttempts: ({ context }) => context.attempt < context.maxAttempts,
    timeout: ({ event }) => kindOf(event) === 'timeout',
  },
  delays: {
    start: ({ context, event }) => Math.max(0, (context.notBefore ?? 0) - (stamp(event).at || context.createdAt)),
    retry: ({ context, event }) => Math.max(0, (context.retryAt ?? 0) - stamp(event).at),
    /** The worker ends the work at its time-out; this one is for a worker that doesn't. */
    overtime: ({ context }) => context.timeoutMs + 3_000,
  },
}).createMachine({
  id: 'task-v1',
  context: ({ input }) => ({
    id: input?.id,
    seq: input?.seq ?? 0,
    title: input?.title ?? '',
    description: input?.description ?? '',
    type: input?.type ?? 'automation',
    priority: input?.priority ?? 5,
    group: input?.group ?? 'default',
    payload: input?.payload ?? {},
    requirements: input?.requirements ?? {},
    timeoutMs: input?.timeoutMs ?? 300_000,
    after: input?.after ?? [],
    notBefore: input?.notBefore ?? null,
    key: input?.key ?? null,
    template: input?.template ?? null,
    schedule: input?.schedule ?? null,
    replayOf: input?.replayOf ?? null,
    by: input?.by ?? 'unknown',
    maxAttempts: (input?.retries ?? 3) + 1,
    attempt: 1,
    placings: input?.place ? 1 : 0,
    losses: 0,
    place: input?.place ?? null,
    avoid: null,
    createdAt: input?.at ?? 0,
    assignedAt: input?.place ? input.at : null,
    startedAt: null,
    finishedAt: null,
    retryAt: null,
    outcome: null,
    error: null,
  }),
  initial: 'waiting',
  on: { CANCEL: '.cancelled' },
  states: {
    waiting: {
      initial: 'looking',
      states: {
        looking: { always: [{ guard: 'depends', target: 'depending' }, { guard: 'later', target: 'scheduled' }, { guard: 'hasPlace', target: '#task-v1.working' }, { target: '#task-v1.pending' }] },
        depending: {
          invoke: {
            id: 'depend',
            src: 'depend',
            input: ({ context }) => ({ task: context.id, after: context.after }),
            onDone: [{ guard: 'later', target: 'scheduled' }, { target: '#task-v1.pending' }],
            onError: { target: '#task-v1.failed', actions: 'fault' },
          },
        },
        scheduled: { after: { start: '#task-v1.pending' } },
      },
    },
    pending: {
      invoke: {
        id: 'place',
        src: 'place',
        input: ({ context: c, event }) => ({ task: c.id, seq: c.seq, type: c.type, priority: c.priority, group: c.group, requirements: c.requirements, avoid: c.avoid, at: stamp(event).at || c.createdAt }),
        onDone: { target: 'working', actions: 'placed' },
        onError: { target: 'failed', actions: 'fault' },
      },
    },
    working: {
      entry: 'take',
      exit: 'free',
      initial: 'assigned',
      on: { KEPT: { actions: 'kept' } },
      invoke: {
        id: 'work',
        src: 'work',
        input: ({ context: c, context: { place } }) => ({ worker: place!.worker, incarnation: place!.incarnation, account: place!.account, platform: place!.platform, epoch: place!.epoch, proxy: place!.proxy, agent: place!.agent, task: c.id, attempt: c.attempt, type: c.type, title: c.title, payload: c.payload, timeoutMs: c.timeoutMs }),
        onDone: { target: 'completed', actions: 'did' },
        onError: [
          { guard: 'full', target: 'pending', actions: 'turnedAway' },
          { guard: 'lost', target: 'pending', actions: ['fault', 'lose'] },
          { guard: 'mayRetry', target: 'retrying', actions: ['fault', 'again'] },
          { guard: 'timeout', target: 'timed_out', actions: 'fault' },
          { target: 'failed', actions: 'fault' },
        ],
      },
      after: {
        overtime: [
          { guard: 'hasAttempts', target: 'retrying', actions: ['overtime', 'again'] },
          { target: 'timed_out', actions: 'overtime' },
        ],
      },
      states: {
        assigned: { on: { STARTED: { target: 'running', actions: 'started' } } },
        running: {},
      },
    },
    retrying: { after: { retry: 'pending' } },
    completed: { type: 'final' },
    failed: { type: 'final', entry: 'end' },
    timed_out: { type: 'final', entry: 'end' },
    cancelled: { type: 'final', entry: 'end' },
  },
});
