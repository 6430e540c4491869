import { assign, raise, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';

export type WorkerConfig = {
  worker_id: string;
  name: string;
  description: string;
  deployment_type: 'local' | 'remote' | 'docker' | 'k8s';
  host: string;
  port: number;
  max_accounts: number;
  max_memory_mb: number;
  cpu_cores: number;
  env_variables: Record<string, string>;
  command_args: string[];
  working_directory: string | null;
  browser_config: { headless?: boolean; mode?: 'profile' | 'context' };
  group_name: string;
  auto_start: boolean;
  auto_restart: boolean;
  restart_delay_ms: number;
  max_restart_attempts: number;
  enabled: boolean;
};

export type Registration = { incarnation: string; host: string; pid: number; port: number; version: string; node: string; chromium: string; capabilities: string[]; maxAccounts: number; group: string; mode: string };
/** `unseen`: it ended while nobody watched, so it is no crash. */
export type Exit = { code: number | null; signal: string | null; unseen?: boolean };

export type WorkerContext = {
  id: string;
  config: WorkerConfig;
  configVersion: number;
  /** The driver's own JSON; null when nobody here started the process. */
  handle: unknown;
  pid: number | null;
  /** Rises with every start: the driver's idempotency key. */
  generation: number;
  registration: Registration | null;
  crashes: number[];
  restarts: number;
  errors: number;
  lastExit: (Exit & { at: number }) | null;
  lastError: string | null;
  /** Why the process is as it is, in words for an operator. */
  cause: string;
  nextRetryAt: number | null;
  startedAt: number | null;
  stoppedAt: number | null;
  again: boolean;
  graceMs: number;
  createdAt: number;
  updatedAt: number;
};

export type WorkerInput = { id: string; config: WorkerConfig; at: number };

export type WorkerEvent =
  | { type: 'START'; by?: string }
  | { type: 'STOP'; graceful?: boolean; timeout?: number; by?: string }
  | { type: 'RESTART'; graceful?: boolean; by?: string }
  | { type: 'DRAIN'; by?: string }
  | { type: 'DRAINED' }
  | { type: 'RETRY_NOW'; by?: string }
  | { type: 'BOOT' }
  | { type: 'UPDATE'; config: Partial<WorkerConfig>; by?: string }
  | { type: 'REMOVE'; by?: string }
  | { type: 'REGISTERED'; registration: Registration }
  | { type: 'SUSPECT' }
  | { type: 'SEEN' }
  | { type: 'OFFLINE' }
  | { type: 'EXITED' };

/** Crashes older than this are forgotten by the restart limit. */
const WINDOW = 600_000;
const LONGEST_BACKOFF = 300_000;

const backoffOf = (c: WorkerContext, rnd: number) =>
  Math.min(c.config.restart_delay_ms * 2 ** Math.max(0, c.crashes.length - 1), LONGEST_BACKOFF) * (1 + rnd * 0.1);

/** The same process is watched in every state in which it may run. */
const watched = ({ context: c }: { context: WorkerContext }) => ({ id: c.id, handle: c.handle, config: c.config });

const exitWords = (exit: Exit) => (exit.signal ? `killed by ${exit.signal}` : exit.code === null ? 'gone' : `exit ${exit.code}`);

/** One worker process and the link to it: started, watched, restarted with backoff, and never guessed about. */
export const workerMachine = setup({
  types: { context: {} as WorkerContext, input: {} as WorkerInput, events: {} as WorkerEvent },
  actors: {
    spawn: effect<{ id: string; generation: number; config: WorkerConfig }, { handle: unknown; pid: number | null }>(),
    watch: effect<{ id: string; handle: unknown; config: WorkerConfig }, Exit>(),
    kill: effect<{ id: string; handle: unknown; graceMs: number; config: WorkerConfig }, Exit>(),
  },
  actions: {
    ...outward,
    because: assign((_, p: { cause: string }) => ({ cause: p.cause })),
    begin: assign(({ context, event }) => ({ generation: context.generation + 1, startedAt: stamp(event).at, stoppedAt: null, nextRetryAt: null, again: false, registration: null, lastError: null })),
    register: assign(({ event }) => (event.type === 'REGISTERED' ? { registration: event.registration } : {})),
    recordExit: assign(({ event }) => {
      const exit = (event as { output?: Exit }).output ?? { code: null, signal: null };
      return { lastExit: { code: exit.code, signal: exit.signal, at: stamp(event).at }, handle: null, pid: null, stoppedAt: stamp(event).at };
    }),
    recordCrash: assign(({ context, event }) => {
      const { at, rnd } = stamp(event);
      const crashes = [...context.crashes.filter((t) => t > at - WINDOW), at];
      const next = { ...context, crashes };
      return { crashes, errors: context.errors + 1, nextRetryAt: Math.round(at + backoffOf(next, rnd)), cause: context.lastError ?? (context.lastExit ? exitWords(context.lastExit) : 'gone') };
    }),
    recordFault: assign(({ event }) => ({ lastError: faultOf(event).message })),
    forget: assign({ crashes: [], nextRetryAt: null }),
    update: assign(({ context, event }) =>
      event.type === 'UPDATE' ? { config: { ...context.config, ...event.config }, configVersion: context.configVersion + 1, updatedAt: stamp(event).at } : {},
    ),
    grace: assign(({ event }) => {
      if (event.type === 'STOP') return { graceMs: event.graceful === false ? 0 : (event.timeout ?? 30_000), again: false };
      if (event.type === 'RESTART') return { graceMs: event.graceful === false ? 0 : 30_000, again: true };
      return {};
    }),
  },
  guards: {
    ours: ({ context }) => context.handle !== null,
    enabled: ({ context }) => context.config.enabled,
    autoStart: ({ context }) => context.config.auto_start && context.config.enabled,
    gaveUp: ({ context }) => !context.config.auto_restart || context.crashes.length > context.config.max_restart_attempts,
    again: ({ context }) => context.again,
    unseen: ({ context, event }) => (event as { output?: Exit }).output?.unseen === true && context.config.enabled && context.config.auto_restart,
    exitedWell: ({ event }) => (event as { output?: Exit }).output?.code === 0,
    badConfig: ({ event }) => (event as { output?: Exit }).output?.code === 78,
  },
  delays: {
    backoff: ({ context, event }) => Math.max(0, (context.nextRetryAt ?? 0) - stamp(event).at),
    registerWithin: 30_000,
    pause: 1_000,
    drainWithin: 120_000,
    healthyAfter: WINDOW,
  },
}).createMachine({
  id: 'worker-v1',
  context: ({ input }) => ({
    id: input?.id,
    config: input?.config,
    configVersion: 1,
    handle: null,
    pid: null,
    generation: 0,
    registration: null,
    crashes: [],
    restarts: 0,
    errors: 0,
    lastExit: null,
    lastError: null,
    cause: 'defined',
    nextRetryAt: null,
    startedAt: null,
    stoppedAt: null,
    again: false,
    graceMs: 30_000,
    createdAt: input?.at ?? 0,
    updatedAt: input?.at ?? 0,
  }),
  initial: 'active',
  on: { UPDATE: { actions: 'update' } },
  states: {
    active: {
      type: 'parallel',
      states: {
        process: {
          initial: 'stopped',
          states: {
            stopped: {
              entry: raise({ type: 'EXITED' }),
              on: {
                START: { guard: 'enabled', target: 'starting', actions: { type: 'because', params: ({ event }) => ({ cause: `started by ${event.by ?? 'an operator'}` }) } },
                RESTART: { guard: 'enabled', target: 'starting', actions: { type: 'because', params: ({ event }) => ({ cause: `started by ${event.by ?? 'an operator'}` }) } },
                BOOT: { guard: 'autoStart', target: 'starting', actions: { type: 'because', params: { cause: 'auto-start' } } },
                REGISTERED: { target: 'running.elsewhere', actions: [{ type: 'because', params: { cause: 'started elsewhere' } }, assign(({ event }) => ({ startedAt: stamp(event).at }))] },
                REMOVE: '#worker-v1.removed',
              },
            },
            starting: {
              entry: 'begin',
              initial: 'spawning',
              on: { STOP: { target: 'stopping', actions: 'grace' } },
              states: {
                spawning: {
                  invoke: {
                    id: 'spawn',
                    src: 'spawn',
                    input: ({ context }) => ({ id: context.id, generation: context.generation, config: context.config }),
                    onDone: { target: 'registering', actions: assign(({ event }) => ({ handle: event.output.handle, pid: event.output.pid })) },
                    onError: { target: '#worker-v1.active.process.crashed', actions: 'recordFault' },
                  },
                },
                registering: {
                  invoke: {
                    id: 'watch',
                    src: 'watch',
                    input: watched,
                    onDone: [
                      { guard: 'unseen', target: '#worker-v1.active.process.starting', actions: ['recordExit', { type: 'because', params: { cause: 'started again: it had ended while no master watched' } }] },
                      { guard: 'badConfig', target: '#worker-v1.active.process.error', actions: ['recordExit', { type: 'because', params: { cause: 'exit 78: its configuration was refused, see its log' } }] },
                      { target: '#worker-v1.active.process.crashed', actions: 'recordExit' },
                    ],
                    onError: { target: '#worker-v1.active.process.crashed', actions: 'recordFault' },
                  },
                  on: { REGISTERED: '#worker-v1.active.process.running' },
                  after: { registerWithin: { target: '#worker-v1.active.process.stopping', actions: assign({ lastError: 'it did not register within 30 s', again: true, graceMs: 5_000 }) } },
                },
              },
            },
            running: {
              initial: 'supervised',
              states: {
                supervised: {
                  invoke: {
                    id: 'watch',
                    src: 'watch',
                    input: watched,
                    onDone: [
                      { guard: 'unseen', target: '#worker-v1.active.process.starting', actions: ['recordExit', raise({ type: 'EXITED' }), { type: 'because', params: { cause: 'started again: it had ended while no master watched' } }] },
                      { guard: 'exitedWell', target: '#worker-v1.active.process.stopped', actions: ['recordExit', { type: 'because', params: { cause: 'it exited by itself (exit 0)' } }] },
                      { guard: 'badConfig', target: '#worker-v1.active.process.error', actions: ['recordExit', { type: 'because', params: { cause: 'exit 78: its configuration was refused, see its log' } }] },
                      { target: '#worker-v1.active.process.crashed', actions: 'recordExit' },
                    ],
                    onError: { target: '#worker-v1.active.process.crashed', actions: 'recordFault' },
                  },
                  on: {
                    STOP: { target: '#worker-v1.active.process.stopping', actions: ['grace', { type: 'because', params: ({ event }) => ({ cause: `stopped by ${event.by ?? 'an operator'}` }) }] },
                    RESTART: { target: '#worker-v1.active.process.stopping', actions: ['grace', { type: 'because', params: ({ event }) => ({ cause: `restarted by ${event.by ?? 'an operator'}` }) }] },
                    DRAIN: { target: '#worker-v1.active.process.draining', actions: { type: 'because', params: ({ event }) => ({ cause: `drained by ${event.by ?? 'an operator'}` }) } },
                  },
                  after: { healthyAfter: { actions: 'forget' } },
                },
                elsewhere: {
                  on: { OFFLINE: { target: '#worker-v1.active.process.stopped', actions: { type: 'because', params: { cause: 'started elsewhere, and silent now' } } } },
                },
              },
            },
            draining: {
              invoke: {
                id: 'watch',
                src: 'watch',
                input: watched,
                onDone: { target: 'stopped', actions: 'recordExit' },
                onError: { target: 'stopped', actions: 'recordFault' },
              },
              on: { DRAINED: 'stopping', STOP: { target: 'stopping', actions: 'grace' } },
              after: { drainWithin: 'stopping' },
            },
            stopping: {
              initial: 'ending',
              states: {
                ending: {
                  invoke: {
                    id: 'kill',
                    src: 'kill',
                    input: ({ context }) => ({ id: context.id, handle: context.handle, graceMs: context.graceMs, config: context.config }),
                    onDone: [
                      { guard: 'again', target: 'pausing', actions: 'recordExit' },
                      { target: '#worker-v1.active.process.stopped', actions: 'recordExit' },
                    ],
                    onError: { target: '#worker-v1.active.process.error', actions: 'recordFault' },
                  },
                },
                pausing: {
                  entry: raise({ type: 'EXITED' }),
                  after: { pause: { target: '#worker-v1.active.process.starting', actions: assign(({ context }) => ({ restarts: context.restarts + 1 })) } },
                  on: { STOP: { target: '#worker-v1.active.process.stopped', actions: 'grace' } },
                },
              },
            },
            crashed: {
              entry: ['recordCrash', raise({ type: 'EXITED' })],
              always: { guard: 'gaveUp', target: 'error' },
              after: { backoff: { target: 'starting', actions: assign(({ context }) => ({ restarts: context.restarts + 1, cause: `restarted: ${context.cause}` })) } },
              on: {
                START: { target: 'starting', actions: 'forget' },
                RETRY_NOW: 'starting',
                RESTART: 'starting',
                STOP: { target: 'stopped', actions: assign({ nextRetryAt: null }) },
                REMOVE: '#worker-v1.removed',
              },
            },
            error: {
              entry: [assign({ nextRetryAt: null }), raise({ type: 'EXITED' })],
              on: {
                START: { target: 'starting', actions: 'forget' },
                RETRY_NOW: { target: 'starting', actions: 'forget' },
                RESTART: { target: 'starting', actions: 'forget' },
                STOP: 'stopped',
                REMOVE: '#worker-v1.removed',
              },
            },
          },
        },
        link: {
          initial: 'disconnected',
          on: { REGISTERED: { target: '.connected', actions: 'register' } },
          states: {
            disconnected: {},
            connected: { on: { SUSPECT: 'suspect', OFFLINE: 'offline', EXITED: 'disconnected' } },
            suspect: { on: { SEEN: 'connected', OFFLINE: 'offline', EXITED: 'disconnected' } },
            offline: { on: { EXITED: 'disconnected' } },
          },
        },
      },
    },
    removed: { type: 'final' },
  },
});
