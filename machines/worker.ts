import { assign, raise, setup } from 'xstate';
import { effect, faultOf, outward, stamp } from './effect.ts';
import { merged, type WorkerConfig, type WorkerPatch } from './worker-config.ts';

export type { WorkerConfig, WorkerPatch };

export type Registration = { incarnation: string; host: string; pid: number; port: number; version: string; node: string; chromium: string; capabilities: string[]; maxAccounts: number; group: string; groups?: string[]; mode: string; configVersion?: number; maxAgents?: number; maxShells?: number; allowShell?: boolean; labels?: Record<string, string>; tools?: string[] };
/** `unseen`: it ended while nobody watched, so it is no crash. */
export type Exit = { code: number | null; signal: string | null; unseen?: boolean };

export type WorkerContext = {
  id: string;
  config: WorkerConfig;
  configVersion: number;
  /** The driver's own JSON; null when nobody here started the process. */
  handle: unknown;
  /** Of the process before: what it printed can still be read. */
  lastHandle: unknown;
  pid: number | null;
  /** Rises with every start: the driver's idempotency key. */
  generation: number;
  registration: Registration | null;
  crashes: number[];
  restarts: number;
  /** The last restarts, newest first, each with its cause. */
  history: { at: number; cause: string }[];
  /** The version of the configuration that the running process was started with, and the one whose changes it has taken on since. */
  runs: { started: number; applied: number } | null;
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
  | { type: 'KILL'; by?: string }
  | { type: 'RESTART'; graceful?: boolean; by?: string }
  | { type: 'DRAIN'; by?: string }
  | { type: 'OVER_MEMORY'; usedMb: number; limitMb: number }
  | { type: 'APPLIED'; version: number }
  /** Makes its machine ready, then starts it. */
  | { type: 'PREPARE'; by?: string }
  | { type: 'STEP'; step: string; text: string }
  | { type: 'DRAINED' }
  | { type: 'RETRY_NOW'; by?: string }
  | { type: 'BOOT' }
  | { type: 'UPDATE'; config: WorkerPatch; note?: string; by?: string }
  | { type: 'REMOVE'; by?: string }
  | { type: 'REGISTERED'; registration: Registration }
  | { type: 'SUSPECT' }
  | { type: 'SEEN' }
  | { type: 'OFFLINE' }
  | { type: 'EXITED' }
  /** One that was started elsewhere says that it ends. */
  | { type: 'GOODBYE' };

/** Crashes older than this are forgotten by the restart limit. */
const WINDOW = 600_000;
const LONGEST_BACKOFF = 300_000;

const backoffOf = (c: WorkerContext, rnd: number) =>
  Math.min(c.config.restart_delay_ms * 2 ** Math.max(0, c.crashes.length - 1), LONGEST_BACKOFF) * (1 + rnd * 0.1);

/** The same process is watched in every state in which it may run. */
const watched = ({ context: c }: { context: WorkerContext }) => ({ id: c.id, handle: c.handle, config: c.config });

const SIGNALS: Record<number, string> = { 129: 'SIGHUP', 130: 'SIGINT', 131: 'SIGQUIT', 132: 'SIGILL', 134: 'SIGABRT', 135: 'SIGBUS', 136: 'SIGFPE', 137: 'SIGKILL', 139: 'SIGSEGV', 143: 'SIGTERM' };
const exitWords = ({ code, signal }: Exit) => (signal ? `killed by ${signal}` : code === null ? 'gone' : SIGNALS[code] ? `exit ${code} ${SIGNALS[code]}` : `exit ${code}`);
const gigabytes = (mb: number) => (mb / 1024).toFixed(1).replace(/\.0$/, '');
const FOR_A_PERSON = new Set(['host-key-unknown', 'host-key-changed', 'auth', 'bad-spec', 'missing', 'foreign', 'refused']);
const KEPT = 20;
const HOUR = 3_600_000;
const by = (event: { by?: string }) => event.by ?? 'an operator';
const words = (verb: string) => ({ type: 'because' as const, params: ({ event }: { event: WorkerEvent }) => ({ cause: `${verb} by ${by(event as { by?: string })}` }) });

/** One worker process and the link to it: started, watched, restarted with backoff, and never guessed about. */
export const workerMachine = setup({
  types: { context: {} as WorkerContext, input: {} as WorkerInput, events: {} as WorkerEvent },
  actors: {
    /** Copies the program to a machine that has it not, and checks what else it needs. */
    prepare: effect<{ id: string; config: WorkerConfig }, null>(),
    spawn: effect<{ id: string; generation: number; config: WorkerConfig; version: number }, { handle: unknown; pid: number | null }>(),
    watch: effect<{ id: string; handle: unknown; config: WorkerConfig }, Exit>(),
    kill: effect<{ id: string; handle: unknown; graceMs: number; config: WorkerConfig; generation: number }, Exit>(),
  },
  actions: {
    ...outward,
    because: assign((_, p: { cause: string }) => ({ cause: p.cause })),
    begin: assign(({ context, event }) => ({ generation: context.generation + 1, startedAt: stamp(event).at, stoppedAt: null, nextRetryAt: null, again: false, registration: null, lastError: null, runs: null })),
    register: assign(({ context, event }) => {
      if (event.type !== 'REGISTERED') return {};
      const version = event.registration.configVersion ?? context.configVersion;
      const same = context.registration?.incarnation === event.registration.incarnation;
      return { registration: event.registration, runs: { started: version, applied: Math.max(version, same ? (context.runs?.applied ?? version) : version) } };
    }),
    applied: assign(({ context, event }) => (event.type === 'APPLIED' && context.runs ? { runs: { ...context.runs, applied: event.version } } : {})),
    noteRestart: assign(({ context, event }) => ({ restarts: context.restarts + 1, history: [{ at: stamp(event).at, cause: context.cause }, ...context.history].slice(0, KEPT) })),
    overMemory: assign(({ event }) => (event.type === 'OVER_MEMORY' ? { cause: `memory ${gigabytes(event.usedMb)} GB over ${gigabytes(event.limitMb)} GB` } : {})),
    recordExit: assign(({ context, event }) => {
      const exit = (event as { output?: Exit }).output ?? { code: null, signal: null };
      return { lastExit: { code: exit.code, signal: exit.signal, at: stamp(event).at }, handle: null, lastHandle: context.handle ?? context.lastHandle, pid: null, stoppedAt: stamp(event).at };
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
      event.type === 'UPDATE' ? { config: merged(context.config, event.config), configVersion: context.configVersion + 1, updatedAt: stamp(event).at } : {},
    ),
    grace: assign(({ context, event }) => {
      if (event.type === 'STOP') return { graceMs: event.graceful === false ? 0 : (event.timeout ?? context.config.stop_timeout_ms), again: false };
      if (event.type === 'KILL') return { graceMs: 0, again: false };
      if (event.type === 'RESTART') return { graceMs: event.graceful === false ? 0 : context.config.stop_timeout_ms, again: true };
      if (event.type === 'DRAIN') return { graceMs: context.config.stop_timeout_ms, again: false };
      return { graceMs: context.config.stop_timeout_ms, again: true };
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
    current: ({ context, event }) => event.type === 'APPLIED' && context.runs !== null && event.version > context.runs.applied && event.version <= context.configVersion,
    nearby: ({ context }) => context.config.deployment_type === 'local' || context.config.deployment_type === 'docker',
    preparable: ({ context }) => context.config.enabled && context.config.deployment_type === 'remote',
    mayRecycle: ({ context }) => context.config.recycle_after_hours > 0,
    memoryStops: ({ context }) => context.config.memory_action === 'stop',
    memoryDrains: ({ context }) => context.config.memory_action === 'drain',
    /** Trying again changes nothing: somebody has to accept a key, mend a setting, install what is missing. */
    forAPerson: ({ event }) => FOR_A_PERSON.has(faultOf(event).kind),
    badConfig: ({ event }) => (event as { output?: Exit }).output?.code === 78,
  },
  delays: {
    backoff: ({ context, event }) => Math.max(0, (context.nextRetryAt ?? 0) - stamp(event).at),
    registerWithin: 30_000,
    pause: 1_000,
    silence: 120_000,
    drainWithin: ({ context }) => context.config.drain_timeout_ms,
    old: ({ context }) => Math.max(1, context.config.recycle_after_hours) * HOUR,
    healthyAfter: WINDOW,
  },
}).createMachine({
  id: 'worker-v2',
  context: ({ input }) => ({
    id: input?.id,
    config: input?.config,
    configVersion: 1,
    handle: null,
    lastHandle: null,
    pid: null,
    generation: 0,
    registration: null,
    crashes: [],
    restarts: 0,
    history: [],
    runs: null,
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
                START: { guard: 'enabled', target: 'starting', actions: words('started') },
                PREPARE: { guard: 'preparable', target: 'starting.preparing', actions: ['forget', words('machine prepared')] },
                RESTART: { guard: 'enabled', target: 'starting', actions: words('started') },
                BOOT: { guard: 'autoStart', target: 'starting', actions: { type: 'because', params: { cause: 'auto-start' } } },
                REGISTERED: { target: 'running.elsewhere', actions: [{ type: 'because', params: { cause: 'started elsewhere' } }, assign(({ event }) => ({ startedAt: stamp(event).at }))] },
                REMOVE: '#worker-v2.removed',
              },
            },
            starting: {
              entry: 'begin',
              initial: 'spawning',
              on: {
                STOP: { target: 'stopping', actions: ['grace', words('stopped')] },
                KILL: { target: 'stopping', actions: ['grace', words('killed')] },
                DRAIN: { target: 'stopping', actions: ['grace', words('stopped')] },
                RESTART: { target: 'stopping', actions: ['grace', words('restarted')] },
              },
              states: {
                preparing: {
                  invoke: {
                    id: 'prepare',
                    src: 'prepare',
                    input: ({ context }) => ({ id: context.id, config: context.config }),
                    onDone: 'spawning',
                    onError: { target: '#worker-v2.active.process.error', actions: ['recordFault', assign(({ event }) => ({ cause: faultOf(event).message }))] },
                  },
                  on: { STEP: { actions: assign(({ event }) => ({ cause: `preparing its machine: ${event.text}` })) } },
                },
                spawning: {
                  invoke: {
                    id: 'spawn',
                    src: 'spawn',
                    input: ({ context }) => ({ id: context.id, generation: context.generation, config: context.config, version: context.configVersion }),
                    onDone: { target: 'registering', actions: assign(({ event }) => ({ handle: event.output.handle, pid: event.output.pid })) },
                    onError: [
                      { guard: 'forAPerson', target: '#worker-v2.active.process.error', actions: ['recordFault', assign(({ event }) => ({ cause: faultOf(event).message }))] },
                      { target: '#worker-v2.active.process.crashed', actions: 'recordFault' },
                    ],
                  },
                },
                registering: {
                  invoke: {
                    id: 'watch',
                    src: 'watch',
                    input: watched,
                    onDone: [
                      { guard: 'unseen', target: '#worker-v2.active.process.starting', actions: ['recordExit', { type: 'because', params: { cause: 'started again: it had ended while no master watched' } }] },
                      { guard: 'exitedWell', target: '#worker-v2.active.process.stopped', actions: ['recordExit', { type: 'because', params: { cause: 'it exited by itself (exit 0)' } }] },
                      { guard: 'badConfig', target: '#worker-v2.active.process.error', actions: ['recordExit', { type: 'because', params: { cause: 'exit 78: its configuration was refused, see its log' } }] },
                      { target: '#worker-v2.active.process.crashed', actions: 'recordExit' },
                    ],
                    onError: { target: '#worker-v2.active.process.crashed', actions: 'recordFault' },
                  },
                  on: { REGISTERED: '#worker-v2.active.process.running' },
                  after: { registerWithin: { target: '#worker-v2.active.process.stopping', actions: assign({ lastError: 'it did not register within 30 s', cause: 'it did not register within 30 s', again: true, graceMs: 5_000 }) } },
                },
              },
            },
            running: {
              initial: 'supervised',
              on: {
                STOP: { target: 'stopping', actions: ['grace', words('stopped')] },
                KILL: { target: 'stopping', actions: ['grace', words('killed')] },
                RESTART: { target: 'stopping', actions: ['grace', words('restarted')] },
                APPLIED: { guard: 'current', actions: 'applied' },
              },
              states: {
                supervised: {
                  invoke: {
                    id: 'watch',
                    src: 'watch',
                    input: watched,
                    onDone: [
                      { guard: 'unseen', target: '#worker-v2.active.process.starting', actions: ['recordExit', raise({ type: 'EXITED' }), { type: 'because', params: { cause: 'started again: it had ended while no master watched' } }, 'noteRestart'] },
                      { guard: 'exitedWell', target: '#worker-v2.active.process.stopped', actions: ['recordExit', { type: 'because', params: { cause: 'it exited by itself (exit 0)' } }] },
                      { guard: 'badConfig', target: '#worker-v2.active.process.error', actions: ['recordExit', { type: 'because', params: { cause: 'exit 78: its configuration was refused, see its log' } }] },
                      { target: '#worker-v2.active.process.crashed', actions: 'recordExit' },
                    ],
                    onError: { target: '#worker-v2.active.process.crashed', actions: 'recordFault' },
                  },
                  on: {
                    DRAIN: { target: '#worker-v2.active.process.draining', actions: ['grace', words('drained')] },
                    OVER_MEMORY: [
                      { guard: 'memoryStops', target: '#worker-v2.active.process.stopping', actions: ['overMemory', assign(({ context }) => ({ again: false, graceMs: context.config.stop_timeout_ms, lastError: `stopped: ${context.cause}` }))] },
                      { guard: 'memoryDrains', target: '#worker-v2.active.process.draining', actions: ['overMemory', 'grace'] },
                      { target: '#worker-v2.active.process.stopping', actions: ['overMemory', 'grace'] },
                    ],
                  },
                  initial: 'heard',
                  states: {
                    heard: { on: { OFFLINE: { guard: 'nearby', target: 'silent' } } },
                    /** Its process is there and says nothing: it hangs. One behind a broken line may be well. */
                    silent: {
                      on: { REGISTERED: 'heard' },
                      after: { silence: { target: '#worker-v2.active.process.stopping', actions: ['grace', assign({ cause: 'silent for 2 min although its process is there', graceMs: 5_000 })] } },
                    },
                  },
                  after: {
                    healthyAfter: { actions: 'forget' },
                    old: { guard: 'mayRecycle', target: '#worker-v2.active.process.draining', actions: ['grace', { type: 'because', params: ({ context }) => ({ cause: `recycled after ${context.config.recycle_after_hours} h` }) }] },
                  },
                },
                elsewhere: {
                  on: {
                    DRAIN: { target: '#worker-v2.active.process.draining.elsewhere', actions: ['grace', words('drained')] },
                    OFFLINE: { target: '#worker-v2.active.process.stopped', actions: { type: 'because', params: { cause: 'started elsewhere, and silent now' } } },
                    GOODBYE: { target: '#worker-v2.active.process.stopped', actions: { type: 'because', params: { cause: 'started elsewhere, and ended there' } } },
                  },
                },
              },
            },
            draining: {
              initial: 'supervised',
              on: {
                DRAINED: 'stopping',
                STOP: { target: 'stopping', actions: ['grace', words('stopped')] },
                KILL: { target: 'stopping', actions: ['grace', words('killed')] },
                APPLIED: { guard: 'current', actions: 'applied' },
              },
              after: { drainWithin: 'stopping' },
              states: {
                supervised: {
                  invoke: {
                    id: 'watch',
                    src: 'watch',
                    input: watched,
                    onDone: [
                      { guard: 'again', target: '#worker-v2.active.process.stopping.pausing', actions: 'recordExit' },
                      { target: '#worker-v2.active.process.stopped', actions: 'recordExit' },
                    ],
                    onError: { target: '#worker-v2.active.process.crashed', actions: 'recordFault' },
                  },
                  on: { START: { target: '#worker-v2.active.process.running.supervised', actions: [assign({ again: false }), { type: 'because', params: ({ event }) => ({ cause: `taken back into work by ${by(event)}` }) }] } },
                },
                elsewhere: {
                  on: {
                    START: { target: '#worker-v2.active.process.running.elsewhere', actions: [assign({ again: false }), { type: 'because', params: ({ event }) => ({ cause: `taken back into work by ${by(event)}` }) }] },
                    OFFLINE: '#worker-v2.active.process.stopped',
                    GOODBYE: '#worker-v2.active.process.stopped',
                  },
                },
              },
            },
            stopping: {
              initial: 'ending',
              states: {
                ending: {
                  invoke: {
                    id: 'kill',
                    src: 'kill',
                    input: ({ context }) => ({ id: context.id, handle: context.handle, graceMs: context.graceMs, config: context.config, generation: context.generation }),
                    onDone: [
                      { guard: 'again', target: 'pausing', actions: 'recordExit' },
                      { target: '#worker-v2.active.process.stopped', actions: 'recordExit' },
                    ],
                    onError: { target: '#worker-v2.active.process.error', actions: 'recordFault' },
                  },
                  on: {
                    KILL: { target: 'ending', reenter: true, actions: ['grace', words('killed')] },
                    STOP: { guard: 'again', actions: [assign({ again: false }), words('stopped')] },
                    START: { guard: ({ context }) => !context.again && context.config.enabled, actions: [assign({ again: true }), words('restarted')] },
                    RESTART: { guard: ({ context }) => !context.again && context.config.enabled, actions: [assign({ again: true }), words('restarted')] },
                  },
                },
                pausing: {
                  entry: raise({ type: 'EXITED' }),
                  after: { pause: { target: '#worker-v2.active.process.starting', actions: ['noteRestart', assign(({ context }) => ({ cause: /^(re)?started/.test(context.cause) ? context.cause : `restarted: ${context.cause}` }))] } },
                  on: { STOP: { target: '#worker-v2.active.process.stopped', actions: ['grace', words('stopped')] }, KILL: { target: '#worker-v2.active.process.stopped', actions: ['grace', words('stopped')] } },
                },
              },
            },
            crashed: {
              entry: ['recordCrash', raise({ type: 'EXITED' })],
              always: { guard: 'gaveUp', target: 'error' },
              after: { backoff: { target: 'starting', actions: ['noteRestart', assign(({ context }) => ({ cause: `restarted: ${context.cause}` }))] } },
              on: {
                START: { target: 'starting', actions: ['forget', words('started')] },
                RETRY_NOW: { target: 'starting', actions: ['noteRestart', words('started again')] },
                RESTART: { target: 'starting', actions: words('restarted') },
                STOP: { target: 'stopped', actions: [assign({ nextRetryAt: null }), words('stopped')] },
                KILL: { target: 'stopped', actions: [assign({ nextRetryAt: null }), words('stopped')] },
                DRAIN: { target: 'stopped', actions: [assign({ nextRetryAt: null }), words('stopped')] },
                REMOVE: '#worker-v2.removed',
              },
            },
            error: {
              entry: [assign({ nextRetryAt: null }), raise({ type: 'EXITED' })],
              on: {
                START: { target: 'starting', actions: ['forget', words('started')] },
                RETRY_NOW: { target: 'starting', actions: ['forget', words('started again')] },
                RESTART: { target: 'starting', actions: ['forget', words('restarted')] },
                PREPARE: { guard: 'preparable', target: 'starting.preparing', actions: ['forget', words('machine prepared')] },
                STOP: { target: 'stopped', actions: words('stopped') },
                REGISTERED: { guard: 'ours', target: 'running', actions: { type: 'because', params: { cause: 'it answers again' } } },
                REMOVE: '#worker-v2.removed',
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
