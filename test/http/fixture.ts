import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Hono } from 'hono';
import { makeApp } from '../../runtime/http/app.ts';
import { loadAssets } from '../../runtime/http/assets.ts';
import { BatchJobs } from '../../runtime/http/fleet/batch-jobs.ts';
import { MachineFigures } from '../../runtime/http/fleet/machine-figures.ts';
import { Figures } from '../../runtime/http/figures.ts';
import { Live } from '../../runtime/http/live.ts';
import type { Bucket, Deps, ReadMarks } from '../../runtime/http/ports.ts';
import { openSession } from '../../runtime/http/sessions.ts';
import { createToken } from '../../runtime/http/tokens.ts';
import { ensureAdmin } from '../../runtime/http/users.ts';
import { CastHub } from '../../runtime/http/windows/cast-hub.ts';
import { Takeovers } from '../../runtime/http/windows/takeovers.ts';
import { openTools } from '../../runtime/tools/registry.ts';
import type { Scope } from '../../views/context.ts';
import { openReadModel } from '../../runtime/read-model/queries/read-model.ts';
import { SCHEMA } from '../../runtime/read-model/schema.ts';
import type { Answer, WindowRequest } from '../../transport/protocol.ts';
import type { Address } from '../../transport/subjects.ts';
import { seedAccounts } from './seed-accounts.ts';
import { seedFleet } from './seed-fleet.ts';
import { PLATFORMS, SELECTORS } from './seed-platforms.ts';
import { seedWork } from './seed-work.ts';
import { seed, type SeedText } from './seed.ts';

export const PASSWORD = 'a-password-for-tests';
export type Asked = { worker: string; request: WindowRequest };
export type Sent = { to: Address; verb: string; payload: unknown; by: string; id?: string | undefined; request?: string | undefined };

/** The whole app on a seeded view, with commands that are only written down. */
export type Fixture = {
  app: Hono;
  deps: Deps;
  sent: Sent[];
  marks: { account: string; what: ReadMarks; by: string }[];
  audited: Parameters<Deps['audit']>[0][];
  /** What the next commands answer. */
  answers: { next: (sent: Sent) => Answer; window: (asked: Asked) => Uint8Array };
  /** What was asked of windows, and how a live view hears of it. */
  asked: Asked[];
  casts: { take: ((message: Uint8Array) => void) | null };
  clock: { now: number };
  cookie(user?: string): Promise<string>;
  token(scope: Scope): Promise<string>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body: string, headers?: Record<string, string>): Promise<Response>;
  close(): void;
};

export function memoryBucket(): Bucket {
  const map = new Map<string, Uint8Array>();
  const bytes = (v: string | Uint8Array) => (typeof v === 'string' ? new TextEncoder().encode(v) : v);
  return {
    get: async (key) => map.get(key) ?? null,
    put: async (key, value) => void map.set(key, bytes(value)),
    create: async (key, value) => !map.has(key) && Boolean(map.set(key, bytes(value))),
    delete: async (key) => void map.delete(key),
    keys: async () => [...map.keys()],
  };
}

export async function fixture(options: { text?: SeedText; authDisabled?: boolean; empty?: boolean; fleet?: boolean; work?: boolean; accounts?: boolean; now?: number } = {}): Promise<Fixture> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-http-'));
  const file = join(dir, 'view.db');
  const clock = { now: options.now ?? Date.now() };
  const writer = new Database(file);
  writer.pragma('journal_mode = WAL');
  writer.exec(SCHEMA);
  if (!options.empty) seed(writer, clock.now, options.text);
  if (options.accounts) seedAccounts(writer, clock.now, (own) => options.text?.name ?? own);
  if (options.fleet) seedFleet(writer, clock.now);
  if (options.work) seedWork(writer, clock.now);
  writer.close();
  const sent: Sent[] = [];
  const marks: Fixture['marks'] = [];
  const audited: Fixture['audited'] = [];
  const answers: Fixture['answers'] = {
    window: () => Buffer.from(JSON.stringify({ ok: false, code: 'unavailable', message: 'worker worker-1 is not there: its windows come back with it' })),
    next: ({ verb }) => (['inspect', 'history', 'turn'].includes(verb) ? { ok: false, code: 'unavailable', message: 'no master is running' } : { ok: true, state: 'active.process.starting.spawning', seq: 1, login: 'l1' }),
  };
  const figures = new Figures(() => clock.now);
  for (const worker of ['worker-1', 'worker-2']) figures.take({ worker, incarnation: 'i', seq: 1, at: clock.now, rssBytes: 812 * 1_048_576, cpuRatio: 0.37, browsers: 3, busy: { crawl: 1, reply: 0, login: 0 }, accounts: [] });
  const asked: Fixture['asked'] = [];
  const casts: Fixture['casts'] = { take: null };
  const windows: Deps['windows'] = {
    ask: async (worker, request) => {
      asked.push({ worker, request });
      return answers.window({ worker, request });
    },
    listen: (_, __, take) => {
      casts.take = take;
      return () => undefined;
    },
  };
  const deps: Deps = {
    db: openReadModel(file),
    command: async (to, verb, payload, about) => {
      const one: Sent = { to, verb, payload, by: about.by, id: about.id, request: about.request };
      sent.push(one);
      return answers.next(one);
    },
    audit: async (what) => void audited.push(what),
    markRead: async (account, what, by) => void marks.push({ account, what, by }),
    users: memoryBucket(), sessions: memoryBucket(), tokens: memoryBucket(), pictures: memoryBucket(), settings: memoryBucket(), desk: memoryBucket(), length: (platform) => (platform === 'sandbox' ? 500 : null), result: async (name) => (name === 'obj-1' ? new TextEncoder().encode('{"rows":[1]}') : null), machines: new MachineFigures(() => clock.now),
    figures, live: new Live(), jobs: new BatchJobs(() => clock.now), connected: () => true, view: () => ({ safe: null, fault: null, at: clock.now }), streams: async () => ({ streams: [{ name: 'TROUPE_JOURNAL', messages: 1204, bytes: 3_400_000, firstSeq: 1, lastSeq: 1204, lastMs: clock.now - 4000, maxBytes: null, maxAgeMs: 90 * 86_400_000, storage: 'file', replicas: 1, consumers: [{ name: 'view', pending: 3, ackPending: 0, redelivered: 0, waiting: 1, pinned: false, lastMs: null }] }, { name: 'TROUPE_LOG', messages: 90_000, bytes: 500_000_000, firstSeq: 1, lastSeq: 90_000, lastMs: clock.now, maxBytes: 536_870_912, maxAgeMs: 14 * 86_400_000, storage: 'file', replicas: 1, consumers: [] }], buckets: [{ name: 'troupe-settings', kind: 'KV' as const, values: 4, bytes: 900 }] }), platforms: () => ['sandbox', 'douyin', 'xiaohongshu'],
    platformList: () => PLATFORMS, selectors: async () => Buffer.from(JSON.stringify({ ok: true, ...SELECTORS })),
    windows, tools: openTools(null), casts: new CastHub(windows), takeovers: new Takeovers(windows), authDisabled: options.authDisabled ?? false, version: '0.0.0-test', assets: loadAssets().urls, joinUrl: 'nats://troupe.example:4222', hashAddress: (address) => `h-${address}`, log: () => undefined, now: () => clock.now,
  };
  await ensureAdmin(deps.users, () => PASSWORD, clock.now - 1000);
  const app = makeApp(deps);
  const base = 'http://localhost:3000';
  return {
    app, deps, sent, asked, casts, marks, audited, answers, clock,
    cookie: async (user = 'admin') => `troupe_session=${await openSession(deps.sessions, user, clock.now)}`,
    token: async (scope) => (await createToken(deps.tokens, { name: scope, scope, by: 'admin' }, clock.now)).text,
    get: async (path, headers = {}) => app.request(base + path, { headers: { host: 'localhost:3000', ...headers } }),
    post: async (path, body, headers = {}) => app.request(base + path, { method: 'POST', body, headers: { host: 'localhost:3000', 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin', ...headers } }),
    close() {
      deps.live.close();
      deps.db.close();
      rmSync(dir, { recursive: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}
