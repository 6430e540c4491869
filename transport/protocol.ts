import { z } from 'zod';

/** What masters and workers say to each other. Every message that crosses the wire is one of these. */

const address = z.object({ kind: z.string(), id: z.string() });

/** Master to worker on `troupe.fx.<worker>`. `token` names the invocation; the same token never runs twice on one worker. */
export const fxRequest = z.discriminatedUnion('op', [
  z.object({
    op: z.literal('run'),
    token: z.string(),
    actor: address,
    src: z.string(),
    input: z.unknown(),
    /** Irreversible: if this worker doesn't know the token but it was offered before, the answer is `lost`, never a second run. */
    once: z.boolean().default(false),
    offered: z.number().int().default(0),
  }),
  z.object({ op: z.literal('abort'), token: z.string() }),
  z.object({ op: z.literal('signal'), token: z.string(), id: z.string(), data: z.unknown() }),
]);
export type FxRequest = z.infer<typeof fxRequest>;

/** `taken`: it runs or has run (its result is on its way again); `refused`: not this worker's business, with the reason. */
export const fxAnswer = z.object({ taken: z.boolean(), reason: z.string().optional() });
export type FxAnswer = z.infer<typeof fxAnswer>;

/** A fault as data, on its way from an effect to its chart. */
export const fault = z.object({ kind: z.string(), message: z.string(), sent: z.enum(['no', 'maybe']).default('no') });
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
  busy: z.object({ crawl: z.number().int(), reply: z.number().int(), login: z.number().int() }),
  accounts: z.array(z.object({ account: z.string(), epoch: z.number().int() })),
});
export type Heartbeat = z.infer<typeof heartbeat>;

/** The answer: what the worker holds. `known: false` means register again. Leases not listed are gone: close their browsers. */
export const heartbeatAnswer = z.object({ known: z.boolean(), leases: z.array(z.object({ account: z.string(), epoch: z.number().int() })) });
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
  mode: z.enum(['profile', 'context']),
});
export type Registration = z.infer<typeof registration>;

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

/** `troupe.ask.<worker>.vault-get` and `vault-put`: an account's session, opened and sealed by the master alone. `field`: storage, fingerprint, proxy. */
export const vaultGet = z.object({ account: z.string(), epoch: z.number().int(), field: z.string() });
export const vaultPut = vaultGet.extend({ value: z.string() });
/** `troupe.ask.<worker>.secret`: a sealed answer (an SMS code) that a signal names. */
export const secretGet = z.object({ ref: z.string(), token: z.string() });
/** `troupe.ask.<worker>.picture`: a PNG or JPEG, base64, kept 10 minutes; answered with its name. */
export const picturePut = z.object({ token: z.string(), base64: z.string().max(700_000) });

/** Every answer on `troupe.ask` and `troupe.cmd`. */
export const answer = z.union([
  z.looseObject({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string(), field: z.string().optional() }),
]);
export type Answer = z.infer<typeof answer>;

/** Inputs of the effects that workers run, by `src`. */
export const effectInput = {
  /** Emits QR {picture, url, txn, expiresAt}, CHALLENGE {what, prompt, picture, txn}, CONFIRMING {prompt}; done {user, validUntil, fingerprint}. Signals: {txn, ref}. */
  login: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), method: z.string(), proxy: z.unknown() }),
  /** done {comments, messages, cursor, ms}: how many were new. */
  crawl: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), round: z.string(), cursor: z.object({ comments: z.string().nullable(), messages: z.string().nullable() }), proxy: z.unknown() }),
  /** Asks leave, presses once; done {remoteId}. Faults before leave: sent `no`. */
  post: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), reply: z.string(), to: z.unknown(), text: z.string(), proxy: z.unknown() }),
  /** done {remoteId | null, reliable}. Reads only. */
  find: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), to: z.unknown(), text: z.string(), since: z.number(), proxy: z.unknown() }),
  /** done {session: valid | expired | challenged}. */
  check: z.object({ account: z.string(), platform: z.string(), worker: z.string(), epoch: z.number(), proxy: z.unknown() }),
} as const;
export type EffectName = keyof typeof effectInput;
