/** Every subject name of Troupe, built and parsed here and nowhere else. */

export const PREFIX = 'troupe';

export type Address = { kind: string; id: string };

export const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
const KIND = /^[a-z][a-z-]{0,30}$/;

/** The one rule for ids: lower-case letters, digits and hyphens, 1 to 63 characters, starting with a letter or digit. */
export const isId = (id: string): boolean => ID.test(id);
export const isKind = (kind: string): boolean => KIND.test(kind);

/** `kind/id` to its parts; null where either breaks the rule. */
export function parseAddress(text: string): Address | null {
  const slash = text.indexOf('/');
  if (slash < 1) return null;
  const kind = text.slice(0, slash);
  const id = text.slice(slash + 1);
  return isKind(kind) && isId(id) ? { kind, id } : null;
}

export const address = (a: Address): string => `${a.kind}/${a.id}`;

/** An event type as one subject token: anything outside [A-Za-z0-9_-] is percent-encoded, so `~verbs` can't be forged by a type. */
export const encodeEvent = (type: string): string =>
  [...new TextEncoder().encode(type)]
    .map((b) => (/[A-Za-z0-9_-]/.test(String.fromCharCode(b)) ? String.fromCharCode(b) : `%${b.toString(16).toUpperCase().padStart(2, '0')}`))
    .join('');

export function decodeEvent(token: string): string | null {
  try {
    return decodeURIComponent(token);
  } catch {
    return null;
  }
}

/** What the kernel itself sends to an actor; the tilde can't come out of `encodeEvent`. */
export const VERB = { start: '~start', done: '~done', error: '~error', event: '~event', nudge: '~nudge' } as const;

export const subjects = {
  inbox: (a: Address, event: string) => `${PREFIX}.in.${a.kind}.${a.id}.${encodeEvent(event)}`,
  /** What the kernel sends: the verb is one of VERB. */
  inboxVerb: (a: Address, verb: string) => `${PREFIX}.in.${a.kind}.${a.id}.${verb}`,
  /** What a worker sends: the fifth token is its own name, which the server's permissions prove. */
  inboxFrom: (a: Address, token: string, worker: string) => `${PREFIX}.in.${a.kind}.${a.id}.${token}.${worker}`,
  journal: (a: Address) => `${PREFIX}.journal.${a.kind}.${a.id}`,
  parked: (a: Address) => `${PREFIX}.parked.${a.kind}.${a.id}`,
  cmd: (a: Address, verb: string) => `${PREFIX}.cmd.${a.kind}.${a.id}.${verb}`,
  own: (partition: number) => `${PREFIX}.own.${partition}`,
  lease: (partition: number) => `${PREFIX}.lease.${partition}`,
  master: (id: string) => `${PREFIX}.master.${id}`,
  stuck: (master: string) => `${PREFIX}.stuck.${master}`,
  fx: (worker: string) => `${PREFIX}.fx.${worker}`,
  ask: (worker: string, verb: string) => `${PREFIX}.ask.${worker}.${verb}`,
  hb: (worker: string) => `${PREFIX}.hb.${worker}`,
  join: (machine: string) => `${PREFIX}.join.${machine}`,
  mhb: (machine: string) => `${PREFIX}.mhb.${machine}`,
  agent: (machine: string, verb: string) => `${PREFIX}.agent.${machine}.${verb}`,
  data: (account: string, what: DataKind) => `${PREFIX}.data.${account}.${what}`,
  metrics: (step: MetricStep, master: string) => `${PREFIX}.metrics.${step}.${master}`,
  /** What is no turn of an actor: `audit` of what people did at the door, `notice` of what a process says of itself. */
  note: (what: 'audit' | 'notice', node: string) => `${PREFIX}.note.${what}.${node}`,
  tasklog: (task: string, worker: string) => `${PREFIX}.tasklog.${task}.${worker}`,
  log: (worker: string, level: string) => `${PREFIX}.log.${worker}.${level}`,
  /** What is asked of the windows of a worker; nothing of it is kept. */
  window: (worker: string) => `${PREFIX}.window.${worker}`,
  cast: (worker: string, agent: string) => `${PREFIX}.cast.${worker}.${agent}`,
  emit: (a: Address, type: string) => `${PREFIX}.emit.${a.kind}.${a.id}.${encodeEvent(type)}`,
} as const;

/** How fine a row of the time series is. */
export type MetricStep = '10s' | '1m' | '10m';
/** `erased` tells views whom to forget. */
export type DataKind = 'comment' | 'message' | 'read' | 'erased';

/** `troupe.in.<kind>.<id>.<event>[.<worker>]`, or the same with the partition number that the stream's transform puts third. */
export function parseInbox(subject: string): { to: Address; token: string; worker: string | null } | null {
  const t = subject.split('.');
  const at = /^\d+$/.test(t[2] ?? '') ? 3 : 2;
  const [kind, id, token, worker] = t.slice(at);
  if (t[1] !== 'in' || !kind || !id || !token || !isKind(kind) || !isId(id)) return null;
  if (t.length > at + 4) return null;
  return { to: { kind, id }, token, worker: worker ?? null };
}

/** `troupe.journal.<kind>.<id>` and `troupe.parked.<kind>.<id>`. */
export function parseActorSubject(subject: string): Address | null {
  const t = subject.split('.');
  return t.length === 4 && isKind(t[2]!) && isId(t[3]!) ? { kind: t[2]!, id: t[3]! } : null;
}

/** `troupe.cmd.<kind>.<id>.<verb>`. */
export function parseCommand(subject: string): { to: Address; verb: string } | null {
  const t = subject.split('.');
  return t.length === 5 && isKind(t[2]!) && isId(t[3]!) && t[4] ? { to: { kind: t[2]!, id: t[3]! }, verb: t[4] } : null;
}

/** `troupe.tasklog.<task>.<worker>`. */
export function parseTasklog(subject: string): { task: string; worker: string } | null {
  const t = subject.split('.');
  return t.length === 4 && (isId(t[2]!) || t[2] === WHYS) && (isId(t[3]!) || t[3] === PURGED) ? { task: t[2]!, worker: t[3]! } : null;
}

/** `troupe.join.<machine>` and `troupe.mhb.<machine>`. */
export function parseMachine(subject: string): string | null {
  const t = subject.split('.');
  return t.length === 3 && isId(t[2]!) ? t[2]! : null;
}

/** The server's own `partition(n,1,2)`: FNV-1a over the tokens, so that a master knows whose an actor is. */
export function partitionOf(a: Address, partitions: number): number {
  let h = 0x811c9dc5;
  for (const b of new TextEncoder().encode(a.kind + a.id)) h = Math.imul(h ^ b, 0x01000193) >>> 0;
  return h % partitions;
}

/** Stream names, KV buckets and object stores, made by first-time set-up only. */
export const STREAM = {
  inbox: 'TROUPE_IN',
  journal: 'TROUPE_JOURNAL',
  parked: 'TROUPE_PARKED',
  data: 'TROUPE_DATA',
  log: 'TROUPE_LOG',
  metrics: 'TROUPE_METRICS',
  notes: 'TROUPE_NOTES',
  tasklog: 'TROUPE_TASKLOG',
  lease: 'TROUPE_LEASE',
} as const;

export const BUCKET = {
  settings: 'troupe-settings',
  users: 'troupe-users',
  sessions: 'troupe-sessions',
  tokens: 'troupe-tokens',
  vault: 'troupe-vault',
  pictures: 'troupe-pictures',
  /** What each user keeps beside their work: drafts, saved filters, what can be undone. */
  desk: 'troupe-desk',
} as const;

/** Object stores. */
export const OBJECTS = { results: 'troupe-results' } as const;

/** In the place of the worker on `troupe.tasklog`: the master says that a task was purged. No worker's name begins so. */
export const PURGED = '~purged';
/** In the place of the task: why tasks wait, by the master that holds them. */
export const WHYS = '~why';

/** `request` is `<request id> <keyed hash of the client's address>`, each [A-Za-z0-9_-]{1,64}: the audit keeps it. */
export const HEADER = { token: 'Troupe-Token', by: 'Troupe-By', id: 'Nats-Msg-Id', request: 'Troupe-Request' } as const;

/** The rows of docs/subjects.md. */
export const TABLE: readonly { subject: string; kind: string; who: string; what: string }[] = [
  { subject: 'troupe.in.<kind>.<id>.<EVENT>', kind: 'JetStream, limits by age', who: 'operator, web, master', what: 'send an event to an actor; the payload is its JSON fields' },
  { subject: 'troupe.in.<kind>.<id>.<verb>.<worker>', kind: 'JetStream, limits by age', who: 'that worker', what: '`~done`, `~error`, `~event` of an effect, fenced by its token' },
  { subject: 'troupe.journal.<kind>.<id>', kind: 'JetStream, limits', who: 'master', what: 'one message a turn; the last is the state' },
  { subject: 'troupe.parked.<kind>.<id>', kind: 'JetStream, limits', who: 'master', what: 'events that an actor could not take, with the reason' },
  { subject: 'troupe.cmd.<kind>.<id>.<verb>', kind: 'request, micro service', who: 'operator, web', what: 'a command, answered once its turn is stored' },
  { subject: 'troupe.own.<partition>', kind: 'request', who: 'master', what: 'a command handed to the master that owns the partition' },
  { subject: 'troupe.lease.<partition>', kind: 'JetStream, memory', who: 'master', what: 'who owns a partition' },
  { subject: 'troupe.master.<master>', kind: 'core', who: 'master', what: 'which partitions it holds' },
  { subject: 'troupe.stuck.<master>', kind: 'core', who: 'master', what: 'the journal can be read but takes no writes' },
  { subject: 'troupe.fx.<worker>', kind: 'request', who: 'master', what: 'run an effect on a worker, or several that begin together, abort or signal one, or stop' },
  { subject: 'troupe.ask.<worker>.<verb>', kind: 'request', who: 'that worker', what: 'register, leave to submit, vault, findings' },
  { subject: 'troupe.hb.<worker>', kind: 'request', who: 'that worker', what: 'heartbeat; the answer confirms its leases' },
  { subject: 'troupe.join.<machine>', kind: 'request', who: '`join`: any holder of the pre-shared key', what: 'a machine or a worker asks for a user of its own' },
  { subject: 'troupe.mhb.<machine>', kind: 'core', who: 'that machine\'s agent', what: 'the machine and its workers, every 5 s' },
  { subject: 'troupe.agent.<machine>.<verb>', kind: 'request', who: 'master', what: 'start, stop, recover, wait, logs, stats, list, health; each may be asked twice' },
  { subject: 'troupe.data.<account>.<comment|message|read>', kind: 'JetStream, limits', who: 'master, web', what: 'what monitors found, one message a round' },
  { subject: 'troupe.metrics.<10s|1m|10m>.<master>', kind: 'JetStream, limits by age', who: 'master', what: 'what workers used, all of a master in one message a step' },
  { subject: 'troupe.note.audit.web', kind: 'JetStream, limits by age', who: 'web', what: 'sign-ins, changed passwords, tokens made and revoked' },
  { subject: 'troupe.note.notice.<master>', kind: 'JetStream, limits by age', who: 'master', what: 'what a master tells people of itself' },
  { subject: 'troupe.log.<worker>.<level>', kind: 'JetStream, limits by age and size', who: 'that worker', what: 'log rows' },
  { subject: 'troupe.tasklog.<task>.<worker>', kind: 'JetStream, limits by age and size', who: 'that worker', what: 'progress and log rows of a task' },
  { subject: 'troupe.tasklog.<task>.~purged', kind: 'JetStream, limits by age and size', who: 'master', what: 'a finished task was removed' },
  { subject: 'troupe.tasklog.~why.<master>', kind: 'JetStream, limits by age and size', who: 'master', what: 'why tasks wait, once for all that wait for the same' },
  { subject: 'troupe.window.<worker>', kind: 'request', who: 'web, master', what: 'a picture of a window, a tool in it, its live view, and what a person does in it' },
  { subject: 'troupe.cast.<worker>.<agent>', kind: 'core', who: 'that worker', what: 'pictures of a window while somebody looks: 2 bytes each of the view\'s width and height, then a JPEG; or what changed, as JSON' },
  { subject: 'troupe.emit.<kind>.<id>.<type>', kind: 'core', who: 'master', what: 'what a chart emits' },
];
