import { z } from 'zod';
import { isId } from './subjects.ts';

/** What masters and workers say to each other. Every message that crosses the wire is one of these. */

const address = z.object({ kind: z.string(), id: z.string() });

const fxRun = z.object({
  op: z.literal('run'),
  token: z.string(),
  actor: address,
  src: z.string(),
  input: z.unknown(),
  /** Irreversible: if this worker doesn't know the token but it was offered before, the answer is `lost`, never a second run. */
  once: z.boolean().default(false),
  offered: z.number().int().default(0),
});
export type FxRun = z.infer<typeof fxRun>;

/** Master to worker on `troupe.fx.<worker>`. `token` names the invocation; the same token never runs twice on one worker. */
export const fxRequest = z.discriminatedUnion('op', [
  fxRun,
  /** What begins together; the answer has one for each, in this order. A worker that is older than this refuses it as a whole. */
  z.object({ op: z.literal('runs'), runs: z.array(fxRun).min(1) }),
  z.object({ op: z.literal('abort'), token: z.string() }),
  z.object({ op: z.literal('signal'), token: z.string(), id: z.string(), data: z.unknown() }),
  /** The worker ends in order, with exit 0: for one that no driver here has started. */
  z.object({ op: z.literal('stop'), graceMs: z.number().int(), incarnation: z.string() }),
]);
export type FxRequest = z.infer<typeof fxRequest>;

/** `taken`: it runs or has run (its result is on its way again); `refused`: not this worker's business, with the reason. */
export const fxAnswer = z.object({ taken: z.boolean(), reason: z.string().optional() });
export type FxAnswer = z.infer<typeof fxAnswer>;
export const fxAnswers = z.object({ answers: z.array(fxAnswer) });
export type FxAnswers = z.infer<typeof fxAnswers>;

/** A fault as data, on its way from an effect to its chart. */
export const fault = z.object({
  kind: z.string(), message: z.string(), sent: z.enum(['no', 'maybe']).default('no'),
  /** What was kept of a failed call of a platform: names in the bucket troupe-results. */
  evidence: z.object({ picture: z.string().max(200).nullable(), trace: z.string().max(200).nullable() }).optional(),
});
export type Evidence = NonNullable<z.infer<typeof fault>['evidence']>;
export type Fault = z.infer<typeof fault>;

/** Payloads of `~done`, `~error`, `~event` on `troupe.in.<kind>.<id>.<verb>.<worker>`. Nats-Msg-Id: `<token>` + `:done`, `:error` or `:<n>`. */
export const fxDone = z.object({ token: z.string(), output: z.unknown() });
export const fxError = z.object({ token: z.string(), error: fault });
export const fxEvent = z.object({ token: z.string(), event: z.looseObject({ type: z.string() }) });

/** `troupe.hb.<worker>`, every HEARTBEAT_INTERVAL_MS. `seq` rises within an incarnation. Memory in bytes, CPU as a share of one core. */
export const heartbeat = z.object({
  worker: z.string(),
  incarnation: z.string(),
  seq: z.number().int(),
  at: z.number(),
  rssBytes: z.number(),
  cpuRatio: z.number(),
  diskFreeBytes: z.number().optional(),
  browsers: z.number().int(),
  busy: z.object({ crawl: z.number().int(), reply: z.number().int(), login: z.number().int(), task: z.number().int().optional(), agent: z.number().int().optional() }),
  /** The open windows of agents, and what each works at; an older worker has none. */
  agents: z.array(z.object({ agent: z.string(), task: z.string().nullable() })).optional(),
  /** Tasks that run. */
  tasks: z.number().int().optional(),
  /** The actors that it works for, and what each takes up: a window of its own, a shell, the window of an agent, or nothing beside an agent. */
  running: z.array(z.object({ actor: z.string(), is: z.enum(['page', 'shell', 'agent', 'none']) })).optional(),
  accounts: z.array(z.object({ account: z.string(), epoch: z.number().int() })),
  /** The version of its configuration that it has taken on. */
  config: z.number().int().optional(),
});
export type Heartbeat = z.infer<typeof heartbeat>;

/** The answer: what the worker holds. `known: false` means register again. Leases not listed are gone: close their browsers. */
export const heartbeatAnswer = z.object({
  known: z.boolean(),
  leases: z.array(z.object({ account: z.string(), epoch: z.number().int() })),
  /** What of a newer configuration can be taken on without a restart; absent when there is none. */
  config: z.object({ version: z.number().int(), maxAccounts: z.number().int(), maxAgents: z.number().int().optional() }).optional(),
});
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswer>;

/** `troupe.ask.<worker>.register`. */
export const registration = z.object({
  worker: z.string(),
  incarnation: z.string(),
  host: z.string(),
  pid: z.number().int(),
  port: z.number().int(),
  version: z.string(),
  node: z.string(),
  chromium: z.string(),
  capabilities: z.array(z.string()),
  maxAccounts: z.number().int(),
  group: z.string(),
  groups: z.array(z.string()).optional(),
  /** Serves its own groups only. */
  strict: z.boolean().optional(),
  /** The version that it was started with; absent for one that was started by hand. */
  configVersion: z.number().int().optional(),
  mode: z.enum(['profile', 'context']),
  /** Windows that it opens at the most, of agents and of tasks; absent in an older worker, which runs no tasks. */
  maxAgents: z.number().int().min(0).max(1000).optional(),
  /** Shell tasks at once, where it was started with --allow-shell. */
  maxShells: z.number().int().min(0).max(1000).optional(),
  allowShell: z.boolean().optional(),
  /** cpu (cores), memory (MB), gpu (a count or a name), and whatever it was started with. */
  labels: z.record(z.string().max(63), z.string().max(63)).optional(),
  tools: z.array(z.string().max(64)).max(500).optional(),
});
export type Registration = z.infer<typeof registration>;

/** `troupe.ask.<worker>.goodbye`: it has finished and closed everything. */
export const goodbye = z.object({ incarnation: z.string() });

/**
 * `troupe.ask.<worker>.results`: results of effects straight to their actors' masters, answered `{ok, settled: ids}` once their turns are stored:
 * a write less than by the inbox, where a worker stores what was not settled in time. Both ways may be taken; the token counts once.
 */
export const results = z.object({ items: z.array(z.object({ id: z.string(), actor: z.string(), token: z.string(), output: z.unknown().optional(), error: fault.optional() })).max(500) });
export type Results = z.infer<typeof results>;

/** `troupe.ask.<worker>.leave`: may this reply be sent now? Answered only after `submitting` is stored. */
export const leave = z.object({ reply: z.string(), token: z.string(), account: z.string(), epoch: z.number().int() });

/** `troupe.ask.<worker>.found`: what a crawl saw. The master keeps what is new. Times are epoch milliseconds. */
export const found = z.object({
  account: z.string(),
  epoch: z.number().int(),
  round: z.string(),
  comments: z.array(
    z.object({ id: z.string(), text: z.string(), author: z.object({ id: z.string(), name: z.string() }), post: z.object({ id: z.string(), title: z.string() }), at: z.number() }),
  ),
  messages: z.array(
    z.object({ id: z.string(), text: z.string(), sender: z.object({ id: z.string(), name: z.string() }), direction: z.enum(['inbound', 'outbound']), at: z.number() }),
  ),
});
export type Found = z.infer<typeof found>;

/** `troupe.ask.<worker>.vault-get` and `vault-put`: an account's session, opened and sealed by the master alone. `field`: storage, fingerprint, proxy, or `proxy@<id>`: the password of a proxy that the account goes by. */
export const vaultGet = z.object({ account: z.string(), epoch: z.number().int(), field: z.string() });
export const vaultPut = vaultGet.extend({ value: z.string() });
/** `troupe.ask.<worker>.secret`: a sealed answer (an SMS code) that a signal names. */
export const secretGet = z.object({ ref: z.string(), token: z.string() });
/** `troupe.ask.<worker>.picture`: a PNG or JPEG of the step `txn`, base64, kept 10 minutes under a name that both sides know. */
export const picturePut = z.object({ token: z.string(), txn: z.string().max(100), base64: z.string().max(700_000) });

/** `troupe.note.<what>.<node>`; `key` is its own for ever. `request` is as in HEADER.request. */
export const note = z.discriminatedUnion('is', [
  z.object({ is: z.literal('audit'), key: z.string().max(100), at: z.number(), by: z.string().max(100), about: z.string().max(150), event: z.string().max(60), request: z.string().max(200).nullable() }),
  z.object({ is: z.literal('notice'), key: z.string().max(100), at: z.number(), title: z.string().max(200), content: z.string().max(2000), priority: z.enum(['normal', 'high', 'urgent']) }),
]);
export type Note = z.infer<typeof note>;

/** Every answer on `troupe.ask` and `troupe.cmd`. */
export const answer = z.union([
  z.looseObject({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string(), field: z.string().optional() }),
]);
export type Answer = z.infer<typeof answer>;

/** What a machine says of itself when it joins and in each heartbeat. `chromium` is its version, null where none was found. */
export const machineFacts = z.object({
  host: z.string().max(255),
  os: z.string().max(100),
  arch: z.string().max(50),
  cpus: z.number().int(),
  memoryTotalBytes: z.number(),
  version: z.string().max(50),
  node: z.string().max(50),
  chromium: z.string().max(50).nullable(),
  /** What a Spec for this machine is made of: Node, Troupe's own main.js, a folder to run in, and where workers keep their data. */
  place: z.object({ node: z.string(), main: z.string(), cwd: z.string(), dataDir: z.string() }),
});
export type MachineFacts = z.infer<typeof machineFacts>;

/** `troupe.join.<machine>`. `install` tells two machines of one name apart; `replace` says that the earlier one is gone for good; `key` names the pre-shared key, where there may be two. */
export const joinRequest = z.object({ machine: z.string(), install: z.string().regex(/^[0-9a-f]{32}$/), replace: z.boolean().default(false), key: z.string().regex(/^[0-9a-f]{12}$/).optional(), facts: machineFacts });
export type JoinRequest = z.infer<typeof joinRequest>;
/** The same of a worker that the server doesn't know yet. */
export const workerJoin = z.strictObject({ worker: z.string().refine(isId) });
export type WorkerJoin = z.infer<typeof workerJoin>;

/** `troupe.mhb.<machine>`, every 5 s; `seq` rises within an incarnation. The machine's `cpuRatio` is a share of all its cores, a worker's a share of one. */
export const machineHeartbeat = machineFacts.extend({
  machine: z.string(),
  incarnation: z.string(),
  seq: z.number().int(),
  at: z.number(),
  cpuRatio: z.number(),
  memoryFreeBytes: z.number(),
  diskFreeBytes: z.number(),
  diskTotalBytes: z.number(),
  workers: z.array(
    z.object({
      key: z.string(),
      state: z.enum(['running', 'restarting', 'stopped', 'failed']),
      pid: z.number().int().nullable(),
      startedAt: z.number().nullable(),
      restarts: z.number().int(),
      rssBytes: z.number(),
      cpuRatio: z.number(),
    }),
  ),
});
export type MachineHeartbeat = z.infer<typeof machineHeartbeat>;

/** A process that an agent started, as the local driver there names it. */
export const agentHandle = z.object({
  machine: z.string(),
  key: z.string().refine(isId),
  nonce: z.string(),
  bootId: z.string(),
  pid: z.number().int().nullable(),
  startTime: z.string().nullable(),
  startedAt: z.number(),
});
export type AgentHandle = z.infer<typeof agentHandle>;

/** How an agent restarts a worker while no master looks after it. Times in ms; the delay doubles up to 5 min. */
export const restartRule = z.object({
  auto: z.boolean().default(true),
  delayMs: z.number().int().min(0).max(300_000).default(5000),
  maxAttempts: z.number().int().min(0).max(100).default(3),
  windowMs: z.number().int().min(1000).max(86_400_000).default(600_000),
  minUptimeMs: z.number().int().min(0).max(3_600_000).default(10_000),
});
export type RestartRule = z.infer<typeof restartRule>;

const spec = z.object({
  command: z.string(),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  cwd: z.string(),
  limits: z.object({ memoryMb: z.number(), cpuCores: z.number() }).optional(),
  restart: restartRule.prefault({}),
});

const forMs = z.number().int().min(0).max(20_000);

/** Requests on `troupe.agent.<machine>.<verb>`. The answer is `{ok: true, ...}`, or `{ok: false}` with a driver's fault as `code`. */
export const agentRequest = {
  /** `{handle}` */
  start: z.object({ key: z.string(), spec }),
  /** `{done}`: false after `forMs` while it still ends; ask again. */
  stop: z.object({ handle: agentHandle, graceMs: z.number().int().min(0), forMs }),
  /** `{is}` */
  recover: z.object({ handle: agentHandle }),
  /** `{exit}`, null after `forMs`. `seen: true`: a master has taken notice of the exit and decides what follows. */
  wait: z.object({ handle: agentHandle, forMs, seen: z.boolean().default(false) }),
  /** `{lines, next}` */
  logs: z.object({ handle: agentHandle, tail: z.number().int().min(0).max(100_000), sinceBytes: z.number().int().min(0).optional() }),
  /** `{stats}` */
  stats: z.object({ handle: agentHandle }),
  /** `{items: {key, handle}[]}` */
  list: z.object({}),
  /** `{health, facts}` */
  health: z.object({}),
} as const;
export type AgentVerb = keyof typeof agentRequest;

/** What a worker does that isn't bound to an account's lease: it acts while its heartbeats are confirmed. */
const free = { worker: z.string(), incarnation: z.string() };
const lent = { account: z.string().nullable(), platform: z.string().nullable(), epoch: z.number().nullable(), proxy: z.unknown() };

/** The types of tasks; all but shell work on a page. */
export const TASK_TYPES = ['scrape', 'test', 'automation', 'shell'] as const;
export const taskPayload = z.strictObject({
  url: z.string().max(4000).optional(),
  actions: z.array(z.strictObject({ tool: z.string().min(1).max(64), args: z.record(z.string(), z.unknown()).default({}), note: z.string().max(300).optional() })).max(500).optional(),
  command: z.string().max(20_000).optional(),
  env: z.record(z.string().max(128), z.string().max(4096)).optional(),
  cwd: z.string().max(500).optional(),
  /** Leaves the window open for whoever comes next. */
  keep: z.boolean().optional(),
});
export type TaskPayload = z.infer<typeof taskPayload>;

/** A file that a task made: `object` is its name in the bucket troupe-results. */
export const artefact = z.object({ name: z.string().max(200), type: z.string().max(100), object: z.string().max(200), bytes: z.number().int() });
export type Artefact = z.infer<typeof artefact>;
/** What `work` answers: the result itself up to 32 kB, or the object that holds it. */
export const workDone = z.object({ result: z.unknown(), object: z.string().nullable(), artefacts: z.array(artefact).max(200), agent: z.string().nullable(), ms: z.number() });
export type WorkDone = z.infer<typeof workDone>;

/** `troupe.tasklog.<task>.<worker>`: one row, or an array of them. `at` is epoch milliseconds, `progress` 0 to 1. */
export const taskNote = z.object({
  at: z.number(),
  level: z.enum(['info', 'warn', 'error', 'out', 'err']),
  text: z.string().max(8000),
  step: z.number().int().optional(),
  progress: z.number().min(0).max(1).optional(),
  attempt: z.number().int(),
});
export type TaskNote = z.infer<typeof taskNote>;

const fraction = z.number().min(0).max(1);
const button = z.enum(['left', 'right', 'middle']).default('left');

/** What a person does in a window; places are fractions of its picture. */
export const windowInput = z.discriminatedUnion('is', [
  z.object({ is: z.literal('move'), x: fraction, y: fraction }),
  z.object({ is: z.literal('down'), x: fraction, y: fraction, button, clicks: z.number().int().min(1).max(3).default(1) }),
  z.object({ is: z.literal('up'), x: fraction, y: fraction, button, clicks: z.number().int().min(1).max(3).default(1) }),
  z.object({ is: z.literal('wheel'), x: fraction, y: fraction, dx: z.number().min(-5000).max(5000), dy: z.number().min(-5000).max(5000) }),
  /** A key or a chord by Playwright's names: Enter, Control+A. */
  z.object({ is: z.literal('key'), key: z.string().min(1).max(40) }),
  z.object({ is: z.literal('text'), text: z.string().min(1).max(5000) }),
]);
export type WindowInput = z.infer<typeof windowInput>;

const windowName = z.string().refine(isId);
/**
 * `troupe.window.<worker>`. picture: a JPEG, or a refusal as JSON; tool: `{ok, value}`; watch: pictures on troupe.cast for the next
 * 10 s, `{ok, ...WindowState}`; control: one holder at a time does inputs, and who was idle for 60 s has let go.
 */
export const windowRequest = z.discriminatedUnion('op', [
  z.object({ op: z.literal('picture'), agent: windowName, width: z.number().int().min(64).max(1920).default(640), quality: z.number().int().min(10).max(95).default(60) }),
  z.object({ op: z.literal('tool'), agent: windowName, tool: z.string().max(64), args: z.record(z.string(), z.unknown()).default({}), by: z.string().max(100) }),
  z.object({ op: z.literal('watch'), agent: windowName, fps: z.number().int().min(1).max(15).default(8), width: z.number().int().min(200).max(1920).default(1280) }),
  z.object({ op: z.literal('control'), agent: windowName, do: z.enum(['take', 'end']), holder: z.string().min(8).max(64), by: z.string().max(100) }),
  z.object({ op: z.literal('input'), agent: windowName, holder: z.string().min(8).max(64), inputs: z.array(windowInput).min(1).max(64) }),
]);
export type WindowRequest = z.input<typeof windowRequest>;
/** Also on `troupe.window.<worker>`: which selectors of an account's platform match now, as `{ok, ...SelectorReport}`. Reads only, in a page of its own. */
export const selectorsRequest = z.object({ op: z.literal('selectors'), account: windowName, platform: z.string().max(63), epoch: z.number().int() });
export type SelectorsRequest = z.infer<typeof selectorsRequest>;
/** `matches` counts by page; a page that could not be opened says why. */
export const selectorReport = z.object({
  pages: z.array(z.object({ name: z.string().max(60), url: z.string().max(500), error: z.string().max(500).nullable() })).max(30),
  rows: z.array(z.object({ name: z.string().max(100), fallbacks: z.array(z.object({ selector: z.string().max(500), error: z.string().max(300).nullable(), matches: z.record(z.string(), z.number().int()) })).max(20) })).max(300),
});
export type SelectorReport = z.infer<typeof selectorReport>;
/** What is to be seen beside the picture; on troupe.cast whenever it changes. `ended`: the holder that has let go, and how. */
export const windowState = z.object({ url: z.string(), title: z.string(), control: z.string().nullable(), task: z.string().nullable(), gone: z.boolean().default(false), ended: z.object({ holder: z.string(), why: z.string() }).optional() });
export type WindowState = z.infer<typeof windowState>;

/** Inputs of the effects that workers run, by `src`. */
export const effectInput = {
  /** Emits STARTED {agent} once when the page or process is there; done `workDone`. Faults: timeout, cancelled, tool-failed, navigation, crashed, exit-code, refused (never tried again), full. */
  work: z.object({
    ...free, task: z.string(), attempt: z.number().int(), type: z.enum(TASK_TYPES), title: z.string(), payload: taskPayload,
    ...lent, agent: z.string().nullable(), timeoutMs: z.number().int(),
  }),
  /** The window of an agent, for as long as it lives. Emits OPENED {window, url, title}, CHANGED {url, title}; done when it was closed in order. Faults: crashed, full, refused. */
  keep: z.object({
    ...free, agent: z.string(), ...lent, url: z.string().nullable(),
    viewport: z.object({ width: z.number().int(), height: z.number().int() }).nullable(), shared: z.boolean(),
  }),
  /** Emits QR {picture, url, txn, expiresAt}, CHALLENGE {what, prompt, picture, txn}, CONFIRMING {prompt}; done {user, validUntil, fingerprint}. Signals: {txn, ref}. */
  login: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), method: z.string(), proxy: z.unknown() }),
  /** done {comments, messages, cursor, ms}: how many were new. */
  crawl: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), round: z.string(), cursor: z.object({ comments: z.string().nullable(), messages: z.string().nullable() }), proxy: z.unknown() }),
  /** Asks leave, presses once; done {remoteId}. Faults before leave: sent `no`. */
  post: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), reply: z.string(), to: z.unknown(), text: z.string(), proxy: z.unknown() }),
  /** done {remoteId | null, reliable, evidence: {picture | null, saw} | null}. Reads only. */
  find: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), to: z.unknown(), text: z.string(), since: z.number(), proxy: z.unknown() }),
  /** One request to `url` by this proxy, as an account's browser would go. done {ms, exit}: to the first byte, and the address that was seen there. Fault: proxy. */
  probe: z.object({
    ...free, account: z.null(), epoch: z.null(), url: z.string(), password: z.string().nullable(),
    proxy: z.object({ id: z.string(), version: z.number(), protocol: z.enum(['http', 'https', 'socks5']), server: z.string(), username: z.string().nullable() }),
  }),
  /** done {session: valid | expired | challenged}. */
  check: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), proxy: z.unknown() }),
} as const;
export type EffectName = keyof typeof effectInput;
