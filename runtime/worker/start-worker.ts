import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fxRequest, type Registration } from '../../transport/protocol.ts';
import { subjects } from '../../transport/subjects.ts';
import { BrowserPool } from '../browsers/browser-pool.ts';
import { findChromium } from '../browsers/find-chromium.ts';
import { hostPort } from '../browsers/walls.ts';
import type { Vault } from '../browsers/vault.ts';
import { packageRoot } from '../package-root.ts';
import { loopFaultsFile } from '../platform-check/loop-faults.ts';
import { openTools } from '../tools/registry.ts';
import { detectLabels } from './detect-labels.ts';
import { EffectRunner } from './effect-runner.ts';
import { check } from './effects/check.ts';
import { crawl } from './effects/crawl.ts';
import { find } from './effects/find.ts';
import { keep } from './effects/keep.ts';
import { login } from './effects/login.ts';
import { post } from './effects/post.ts';
import { probe } from './effects/probe.ts';
import { work } from './effects/work.ts';
import { WorkerFault } from './fault.ts';
import { Fence } from './fence.ts';
import { HeartbeatLoop } from './heartbeat.ts';
import { Link } from './link.ts';
import { LoopGuard } from './loop-guard.ts';
import { PlatformShelf } from './platform-shelf.ts';
import { selectorTest } from './selector-test.ts';
import { reapShells } from './shell/shell-process.ts';
import { createVitals } from './vitals.ts';
import { WindowDesk } from './windows/window-desk.ts';
import { Windows } from './windows/windows.ts';
import { createWorkerLog } from './worker-log.ts';

export type WorkerOptions = {
  workerId: string;
  servers: string | string[];
  user?: string;
  pass?: string;
  /** The login as it is now, where it may change. */
  login?: () => { user: string; pass: string };
  dataDir: string;
  heartbeatMs: number;
  maxAccounts: number;
  mode: 'profile' | 'context';
  group: string;
  /** Further groups; `strict` for these and no others. */
  groups?: string[];
  strict?: boolean;
  /** The version of the configuration that it was started with. */
  configVersion?: number;
  /** Crawls at once. */
  maxConcurrent: number;
  /** Windows at once, of agents and of tasks. */
  maxAgents?: number;
  /** Shell tasks at once, where they are allowed. */
  maxShells?: number;
  allowShell?: boolean;
  shellLimits?: { memoryMb: number; cpuCores: number };
  labels?: Record<string, string>;
  /** `host:port` of private networks that windows may reach all the same. */
  allowHosts?: string[];
  /** A folder of further tools. */
  toolsDir?: string | null;
  headless: boolean;
  /** Serves /healthz on 127.0.0.1; 0 or absent: no listener. */
  port?: number;
  /** How long a lease counts after its last confirmed heartbeat was sent, ms. */
  leaseMs?: number;
  /** It was asked over NATS to end, and has ended. */
  onStopped?(): void;
  /** Browsers unused for so long are closed, ms. */
  idleMs?: number;
};
export type Worker = { incarnation: string; stop(graceMs: number): Promise<void> };

/** Starts a worker: it registers, holds its leases by heartbeats, and runs what the masters ask of it until it is stopped. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { workerId, mode, group, headless } = options;
  let { maxAccounts, configVersion } = options;
  const incarnation = `${Date.now().toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`;
  const root = resolve(options.dataDir, 'browser');
  const dir = join(root, /^worker-/.test(workerId) ? workerId : `worker-${workerId}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });

  let link: Link | null = null;
  const log = createWorkerLog(workerId, (row) => link?.tell(subjects.log(workerId, row.level), row));
  const chromium = await findChromium();
  const extra = process.env.TROUPE_PLATFORMS_DIR ?? '';
  const loops = loopFaultsFile(resolve(options.dataDir));
  const platforms = await PlatformShelf.open({
    extra, loops, watch: process.env.NODE_ENV !== 'production',
    log: (level, message) => log(level, 'lifecycle', message),
    changed: () => void register(),
  });
  const guard = extra && existsSync(extra) ? new LoopGuard({ root: realpathSync(extra), file: loops, failed: (message) => log('error', 'lifecycle', message) }) : null;

  const connected = await Link.open({ worker: workerId, servers: options.servers, user: options.user, pass: options.pass, login: options.login, log });
  link = connected;
  const fence = new Fence(options.leaseMs ?? 15_000, (account, reason) => {
    log('warn', 'lifecycle', `account ${account} is given up: ${reason}`, { account });
    runner.fence(account, reason);
    void pool.close(account, false);
  }, () => runner.silent());
  const leased = (account: string): number => {
    const epoch = fence.epochOf(account);
    if (epoch === null) throw new WorkerFault('fenced', `this worker holds no lease of account ${account}`);
    return epoch;
  };
  const vault: Vault = {
    async get(account, field) {
      const { value } = await connected.ask('vault-get', { account, epoch: leased(account), field });
      return typeof value === 'string' ? value : null;
    },
    async put(account, field, value) {
      await connected.ask('vault-put', { account, epoch: leased(account), field, value });
    },
  };
  // A platform of this machine (the sandbox) is reachable, and nothing else beside it.
  const allow = [process.env.SANDBOX_URL, ...platforms.list.map((p) => p.config?.urls.base)].flatMap((url) => (url && URL.canParse(url) ? [hostPort(url)] : []));
  allow.push(...(options.allowHosts ?? []));
  const pool = new BrowserPool({ dir, mode, chromium, headless, vault, allow, idleMs: options.idleMs, log: (level, message, details) => log(level, 'system', message, details) });
  await pool.reap(dir);

  const tools = openTools(options.toolsDir ?? null);
  for (const { file, reason } of tools.failed) log('error', 'lifecycle', `tool ${file} is left out: ${reason}`);
  const { maxShells = 4, allowShell = false, shellLimits = { memoryMb: 4096, cpuCores: 1 } } = options;
  const limits = { maxAgents: options.maxAgents ?? 10, maxShells: allowShell ? maxShells : 0 };
  const windows = new Windows({ pool, tools, log, max: () => limits.maxAgents });
  const desk = new WindowDesk({ windows, cast: (agent, message) => connected.publish(subjects.cast(workerId, agent), message), store: (name, bytes, type) => connected.keep(name, bytes, type), selectors: (request) => selectorTest({ pool, fence, platforms }, request) });
  connected.serve(subjects.window(workerId), (data) => desk.take(data));
  const shell = { allowed: allowShell, dir: join(dir, 'shell'), limits: shellLimits };
  await reapShells(join(shell.dir, 'running'));

  const runner = new EffectRunner({
    worker: workerId, link: connected, fence, log, maxCrawls: options.maxConcurrent,
    effects: { login, crawl, post, find, check, work, keep, probe }, incarnation, limits,
    refresh: () => heartbeat.afresh(),
    context: {
      pool, windows, tools, shell,
      platform: (id) => platforms.get(id),
    },
  });

  const registration: Registration = {
    worker: workerId, incarnation, host: hostname(), pid: process.pid, port: options.port ?? 0, version: ownVersion(), node: process.version,
    chromium: chromium.version, capabilities: platforms.able, maxAccounts, group, groups: options.groups ?? [], strict: options.strict ?? false, mode,
    ...(configVersion ? { configVersion } : {}),
    ...limits, allowShell, tools: tools.names,
    labels: { ...detectLabels(), ...options.labels },
  };
  const register = async (): Promise<void> => {
    for (let wait = 500; !stopping; wait = Math.min(wait * 2, 5000)) {
      try {
        registration.capabilities = platforms.able;
        await connected.ask('register', registration, 5000);
        log('info', 'lifecycle', 'registered with the master', { incarnation, capabilities: registration.capabilities.join(',') });
        return;
      } catch (error) {
        log('warn', 'lifecycle', `not registered yet: ${(error as Error).message}`);
        await sleep(wait);
      }
    }
  };
  let stopping = false;
  let stopped: Promise<void> | null = null;
  const stop = (graceMs: number): Promise<void> => (stopped ??= end(graceMs));
  const vitals = createVitals(dir);
  const heartbeat = new HeartbeatLoop({
    link: connected, fence, everyMs: options.heartbeatMs,
    report: async () => ({ worker: workerId, incarnation, ...vitals(), browsers: pool.count, busy: runner.busy(), ...runner.working(), agents: windows.list().map(({ agent, task }) => ({ agent, task })), accounts: fence.list(), ...(configVersion ? { config: configVersion } : {}) }),
    onUnknown: register,
    onConfig(config) {
      if (configVersion === config.version) return;
      log('info', 'lifecycle', `version ${config.version} of the configuration is taken on`, { maxAccounts: config.maxAccounts, maxAgents: config.maxAgents });
      ({ maxAccounts } = config);
      configVersion = config.version;
      if (config.maxAgents === undefined || config.maxAgents === limits.maxAgents) return;
      limits.maxAgents = config.maxAgents;
      Object.assign(registration, { maxAccounts, ...limits });
      // Masters place by what it has said of itself.
      void register();
    },
  });
  connected.onEffect(async (data) => {
    const asked = fxRequest.safeParse(data);
    if (!asked.success || asked.data.op !== 'stop') return runner.take(data);
    if (asked.data.incarnation !== incarnation) return { taken: false, reason: 'another process of this name is meant' };
    void stop(asked.data.graceMs).then(() => options.onStopped?.());
    return { taken: true };
  });
  await register();
  await heartbeat.now();
  const health = options.port
    ? await serveHealth(options.port, () => ({ ok: true, worker: workerId, incarnation, browsers: pool.count, busy: runner.busy(), maxAccounts, configVersion })).catch((error: Error) => {
        log('warn', 'lifecycle', error.message);
        return null;
      })
    : null;

  const end = async (graceMs: number): Promise<void> => {
    log('info', 'lifecycle', 'stopping: what runs may finish', { graceMs });
    stopping = true;
    await runner.drain(graceMs);
    await windows.closeAll();
    await pool.closeAll(true);
    heartbeat.stop();
    // Without an answer the masters find out by its silence.
    await connected.ask('goodbye', { incarnation }, 1000).catch(() => undefined);
    fence.stop();
    platforms.close();
    await guard?.stop();
    health?.close();
    log('info', 'lifecycle', 'stopped');
    await connected.close();
  };
  return { incarnation, stop };
}

function ownVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version;
}

const serveHealth = (port: number, state: () => object): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      const found = request.method === 'GET' && request.url === '/healthz';
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(found ? state() : { ok: false }));
    });
    server.once('error', (error) => reject(new Error(`there is no /healthz: port ${port} can't be opened (${error.message}); set WORKER_PORT to a free port`)));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
