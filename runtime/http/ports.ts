import type { Assets } from '../../views/context.ts';
import type { Address } from '../../transport/subjects.ts';
import type { Answer, Heartbeat, SelectorsRequest } from '../../transport/protocol.ts';
import type { LengthOf } from '../reply-length.ts';
import type { Db } from '../read-model/queries/read-model.ts';
import type { PlatformAbout } from '../platform-check/platform-about.ts';
import type { BatchJobs } from './fleet/batch-jobs.ts';
import type { MachineFigures } from './fleet/machine-figures.ts';
import type { Figures } from './figures.ts';
import type { Live } from './live.ts';
import type { StreamReport } from './nats-streams.ts';
import type { ToolRegistry } from '../tools/registry.ts';
import type { CastHub } from './windows/cast-hub.ts';
import type { Takeovers } from './windows/takeovers.ts';
import type { WindowsPort } from './windows/windows-port.ts';

/** Sends a command to an actor; never throws: what went wrong is in the answer. `id` makes a repeat harmless; `request` is what the audit keeps beside `by`. */
export type Commands = (to: Address, verb: string, payload: unknown, about: { by: string; id?: string; request?: string }) => Promise<Answer>;

/** A key-value bucket of JSON or bytes. Keys are [A-Za-z0-9_.-]+. */
export type Bucket = {
  get(key: string): Promise<Uint8Array | null>;
  put(key: string, value: string | Uint8Array): Promise<void>;
  /** False when the key exists. */
  create(key: string, value: string | Uint8Array): Promise<boolean>;
  delete(key: string): Promise<void>;
  keys(): Promise<string[]>;
};

export type ViewHealth = { safe: { stream: string; why: string } | null; fault: string | null; at: number };

/** Ids as the platform names them. `conversations` are those that they belong to; `unread` takes the marks away again. */
export type ReadMarks = { comments: string[]; messages: string[]; notifications: string[]; conversations?: string[]; unread?: boolean };

/** Everything that pages and the API stand on. */
export type Deps = {
  db: Db;
  command: Commands;
  markRead(account: string, what: ReadMarks, by: string): Promise<void>;
  users: Bucket;
  sessions: Bucket;
  tokens: Bucket;
  pictures: Bucket;
  /** What a task has stored under this name, null when it is gone. */
  result(name: string): Promise<Uint8Array | null>;
  /** What is set for the fleet, and templates of workers. */
  settings: Bucket;
  /** What each user keeps beside their work: drafts, filters, what can be undone; forgotten after 90 days without a change. */
  desk: Bucket;
  /** How many characters a platform takes. */
  length: LengthOf;
  figures: Figures;
  machines: MachineFigures;
  live: Live;
  /** Actions for many rows that are under way. */
  jobs: BatchJobs;
  /** Direct talk with workers' windows, and the tools that work there. */
  windows: WindowsPort;
  /** Asks a worker which selectors of a platform match now; the answer's bytes, JSON. */
  selectors(worker: string, request: SelectorsRequest): Promise<Uint8Array>;
  tools: ToolRegistry;
  casts: CastHub;
  takeovers: Takeovers;
  /** Keeps in the audit what is no command: at the door, with passwords and tokens. Never throws. */
  audit(what: { by: string; about: string; event: string; request: string }): Promise<void>;
  /** True while NATS answers. */
  connected(): boolean;
  view(): ViewHealth;
  platforms(): string[];
  /** The platforms with what they can, and why one can't be used. */
  platformList(): PlatformAbout[];
  /** What the server says of its streams; throws while it does not answer. */
  streams(): Promise<StreamReport>;
  authDisabled: boolean;
  /** True when pages come over TLS only, so cookies may say so. */
  version: string;
  assets: Assets;
  /** Where agents of other machines reach NATS. */
  joinUrl: string;
  /** A keyed hash of a client's address: tells two apart without naming one. */
  hashAddress(address: string): string;
  log(level: 'info' | 'warn' | 'error', message: string, about?: Record<string, unknown>): void;
  now(): number;
};

export type { Heartbeat };
