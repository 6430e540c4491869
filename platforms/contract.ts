import type { BrowserContext, Page } from 'playwright';

/** What went wrong, in the words that operators read. */
export const FAULTS = ['network', 'timeout', 'element-not-found', 'challenged', 'logged-out', 'rate-limited', 'refused', 'unknown'] as const;
export type FaultKind = (typeof FAULTS)[number];

/** A fault that a platform names. `sent` says whether the irreversible request may have left: only `no` is ever retried. */
export class PlatformFault extends Error {
  readonly kind: FaultKind;
  readonly sent: 'no' | 'maybe';
  constructor(kind: FaultKind, message: string, sent: 'no' | 'maybe' = 'no') {
    super(message);
    this.name = 'PlatformFault';
    this.kind = kind;
    this.sent = sent;
  }
}

/** What a challenge asks a person for. `confirm` is done elsewhere and only acknowledged; the others are typed in. */
export type Asked = 'slider' | 'sms' | 'confirm' | 'account' | 'password' | 'phone';

export const FLOWS = ['qrcode', 'cookies', 'password', 'sms'] as const;
/** A way into an account. `cookies`: the worker has put a session into the browser, and the platform says whose it is. */
export type Flow = (typeof FLOWS)[number];

/** One step of a login, as data. `id` is stable for the kind of step, `txn` is fresh each time it is shown. */
export type Step =
  | { kind: 'qr'; id: string; txn: string; image: Buffer; expiresAt: number | null }
  | { kind: 'challenge'; id: string; txn: string; what: Asked; prompt: string; image: Buffer | null }
  | { kind: 'confirming'; id: string; txn: string; prompt: string }
  | { kind: 'done'; id: string; txn: string; user: UserInfo; validUntil: number | null };

export type UserInfo = { id: string; nickname: string; avatar: string | null };

export type Comment = { id: string; text: string; author: { id: string; name: string }; post: { id: string; title: string }; at: number };
export type Message = { id: string; text: string; sender: { id: string; name: string }; direction: 'inbound' | 'outbound'; at: number };

/** Where a reply goes: under a comment, or to the sender of a message. */
export type Target = { type: 'comment'; comment: string; post: string } | { type: 'message'; message: string; sender: string };

/** What a platform is handed: the account's own browser and nothing else of the house. */
export type Io = {
  account: string;
  context: BrowserContext;
  page(): Promise<Page>;
  signal: AbortSignal;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string): void;
  /** Where a debug screenshot goes; the name is safe. */
  screenshot(name: string): Promise<void>;
  /** What the page showed under the target of `find`, for a person who has to decide. */
  saw?(text: string): void;
};

export type PlatformConfig = {
  platform: string;
  label: string;
  urls: Record<string, string>;
  /** Several selectors each, tried in order: a redesign breaks one at a time. `selector@attribute` reads an attribute, `@attribute` one of the item itself. */
  selectors: Record<string, string[]>;
  timeouts: Record<string, number>;
  /** The platform that this one only configures. */
  extends?: string;
};

/**
 * One social platform. All times are epoch milliseconds. Every method throws PlatformFault and nothing else on purpose.
 * `reply` is split where it can't be undone: `prepare` fills everything in, then `press` sends once.
 */
export interface Platform {
  readonly id: string;
  readonly label: string;
  readonly flows: readonly { id: Flow; label: string }[];
  readonly can: Readonly<{ comments: boolean; messages: boolean; replyComment: boolean; replyMessage: boolean; maxLength: number; verifyReliable: boolean }>;
  /** Yields each step as it becomes true and takes answers through `answer`; returns after `done`. */
  login(flow: string, io: Io, answer: (txn: string) => Promise<string>): AsyncGenerator<Step, void, void>;
  check(io: Io): Promise<'valid' | 'expired' | 'challenged'>;
  comments(since: string | null, io: Io): Promise<{ items: Comment[]; cursor: string | null }>;
  messages(since: string | null, io: Io): Promise<{ items: Message[]; cursor: string | null }>;
  prepare(to: Target, text: string, io: Io): Promise<{ press(): Promise<{ remoteId: string | null }> }>;
  /** Looks for this text under this target, posted by the account at or after `since` (epoch ms, less a minute for clocks); reads only. */
  find(to: Target, text: string, since: number, io: Io): Promise<{ remoteId: string } | null>;
  /** Goes through the pages that selectors are for, one name each, for the self-test; reads only. Without it the addresses of config.json are opened. */
  tour?(io: Io): AsyncGenerator<string, void, void>;
}

/** Tells whether a config.json is one: a zod schema does. Issues name the field by its path. */
export type ConfigSchema = { safeParse(json: unknown): { success: true; data: PlatformConfig } | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } } };

/** A platform module exports one of these; it gets its own checked config.json, and `platforms/kit.ts` as `kit`. With a `schema` the file may hold more than the common fields. */
export type PlatformModule = { schema?: ConfigSchema; create(config: PlatformConfig, kit?: any): Platform | Promise<Platform> };
