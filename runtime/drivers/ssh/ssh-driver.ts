import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isId } from '../../../transport/subjects.ts';
import { DriverError, type Driver, type Exit, type Health, type LimitsKept, type LogPage, type LogRequest, type Spec, type Stats } from '../contract.ts';
import { bootstrap, type BootstrapStep } from './bootstrap.ts';
import { mayPass } from './faults.ts';
import { sharedPool, type SshPool } from './pool.ts';
import { LOADER, program, Remote } from './remote.ts';
import { checkTarget, type HostKeys, type SshTarget } from './target.ts';

/** A process on another machine. `dir` is its private folder there; `startedAt` in epoch milliseconds. */
export type SshHandle = { key: string; nonce: string; bootId: string; pid: number | null; startTime: string | null; startedAt: number; dir: string; limits?: LimitsKept };

export type SshOptions = SshTarget & {
  hostKeys: HostKeys;
  /** An absolute folder on that machine, of this user: bundles and run folders. */
  installDir: string;
  /** By default the one of this process. */
  pool?: SshPool;
  /** How long one operation may take, ms. */
  limitMs?: number;
  /** How often processes that are waited for are looked at, ms. */
  pollMs?: number;
  /** A log is cut at this size, with one older part kept beside it. */
  maxLogBytes?: number;
};

type Look = { alive: boolean; exit: Exit | null };
type Waiter = { handle: SshHandle; done(look: Look): void; fail(error: unknown): void };

/** Processes on a machine that is reached by SSH. They outlive the link and us; whoever comes next adopts them. */
export class SshDriver implements Driver<SshHandle> {
  readonly name = 'ssh';
  readonly can = { logs: true, stats: true } as const;
  readonly #installDir: string;
  readonly #pollMs: number;
  readonly #maxLogBytes: number;
  readonly #pool: SshPool;
  readonly #remote: Remote;
  readonly #waiters = new Set<Waiter>();
  #polling = false;
  readonly #cpu = new Map<string, { ticks: number; atMs: number }>();

  constructor(options: SshOptions) {
    const { host, port, user, auth, hostKeys, installDir } = options;
    checkTarget(options);
    if (!posix.isAbsolute(installDir) || posix.normalize(installDir) !== installDir || /[\x00-\x1f\x7f]/.test(installDir)) throw new DriverError('bad-spec', `installDir ${JSON.stringify(installDir.slice(0, 80))}: must be an absolute path without .. and without control characters`);
    this.#installDir = installDir.replace(/(?<=.)\/$/, '');
    this.#pollMs = options.pollMs ?? 2000;
    this.#maxLogBytes = options.maxLogBytes ?? 10 * 1024 * 1024;
    this.#pool = options.pool ?? sharedPool;
    this.#remote = new Remote({ pool: this.#pool, target: { host, port, user, auth }, hostKeys, limitMs: options.limitMs ?? 20_000 });
  }

  async health(): Promise<Health> {
    try {
      await this.#remote.call('probe', { installDir: this.#installDir, browsers: [] });
      return { is: 'healthy', why: '' };
    } catch (error) {
      return { is: error instanceof DriverError && error.kind === 'missing' ? 'undetected' : 'unhealthy', why: (error as Error).message };
    }
  }

  /** Copies the worker's program to that machine and checks what it needs there. Cheap when it is there already. */
  bootstrap(): AsyncIterable<BootstrapStep> {
    return bootstrap(this.#remote, this.#installDir);
  }

  async start(spec: Spec, key: string): Promise<SshHandle> {
    check(spec, key);
    const nonce = randomBytes(16).toString('hex');
    const dir = posix.join(this.#installDir, 'run', key);
    const { command, args, env, cwd, limits } = spec;
    await this.#remote.upload(posix.join(dir, `env-${nonce}.json`), Buffer.from(JSON.stringify({ command, args, env, cwd, limits })));
    return this.#remote.call<SshHandle>('start', { dir, key, nonce, startedAt: Date.now(), maxLogBytes: this.#maxLogBytes, loader: LOADER, program: program() });
  }

  async recover(handle: SshHandle): Promise<'running' | 'gone'> {
    return (await this.#look(handle)).alive ? 'running' : 'gone';
  }

  /** A link that is down is no news: it waits on. Rejects when a person must help first: a refused key, a changed host key. */
  async wait(handle: SshHandle, signal: AbortSignal): Promise<Exit> {
    signal.throwIfAborted();
    const look = await new Promise<Look>((done, fail) => {
      const waiter: Waiter = { handle, done, fail };
      this.#waiters.add(waiter);
      const stop = () => {
        this.#waiters.delete(waiter);
        fail(signal.reason);
      };
      signal.addEventListener('abort', stop, { once: true });
      const settle = <T>(how: (value: T) => void) => (value: T) => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', stop);
        how(value);
      };
      waiter.done = settle(done);
      waiter.fail = settle(fail);
      void this.#poll();
    });
    return look.exit ?? { code: null, signal: null, at: Date.now() };
  }

  async stop(handle: SshHandle, graceMs: number): Promise<void> {
    if (graceMs > 0 && (await this.#remote.call<boolean>('term', { handle }))) {
      const end = performance.now() + graceMs;
      while (performance.now() < end && (await this.#look(handle)).alive) await delay(Math.min(200, Math.max(0, end - performance.now())));
    }
    await this.#remote.call('kill', { handle });
    this.#cpu.delete(handle.nonce);
  }

  async logs(handle: SshHandle, request: LogRequest): Promise<LogPage> {
    return this.#remote.call<LogPage>('logs', { dir: handle.dir, ...request });
  }

  async stats(handle: SshHandle): Promise<Stats | null> {
    const now = await this.#remote.call<{ rssBytes: number; ticks: number; processes: number; atMs: number } | null>('stats', { nonce: handle.nonce });
    if (now === null) return null;
    const last = this.#cpu.get(handle.nonce);
    this.#cpu.set(handle.nonce, now);
    // Linux counts user-visible CPU time in hundredths of a second on every machine.
    const ratio = last && now.atMs > last.atMs ? Math.max(0, ((now.ticks - last.ticks) * 10) / (now.atMs - last.atMs)) : 0;
    return { rssBytes: now.rssBytes, cpuRatio: ratio, processes: now.processes };
  }

  async *list(): AsyncIterable<{ key: string; handle: SshHandle }> {
    for (const handle of await this.#remote.call<SshHandle[]>('list', { runDir: posix.join(this.#installDir, 'run') })) yield { key: handle.key, handle };
  }

  /** Closes the connections of its pool. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #look(handle: SshHandle): Promise<Look> {
    return (await this.#remote.call<Look[]>('look', { handles: [handle] }))[0]!;
  }

  /** One look for all that are waited for: what a machine costs does not grow with its workers. */
  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    while (this.#waiters.size > 0) {
      const round = [...this.#waiters];
      try {
        const looks = await this.#remote.call<Look[]>('look', { handles: round.map((w) => w.handle) });
        round.forEach((waiter, i) => looks[i]!.alive || waiter.done(looks[i]!));
      } catch (error) {
        if (!mayPass(error)) for (const waiter of round) waiter.fail(error);
      }
      if (this.#waiters.size > 0) await delay(this.#pollMs);
    }
    this.#polling = false;
  }
}

function check(spec: Spec, key: string): void {
  if (!isId(key)) throw new DriverError('bad-key', `key ${JSON.stringify(key.slice(0, 80))}: must be 1 to 63 of a-z, 0-9 and hyphens, starting with a letter or digit`);
  for (const [name, value] of Object.entries(spec.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new DriverError('bad-spec', `env name ${JSON.stringify(name)}: must be letters, digits and underscores`);
    if (value.includes('\0')) throw new DriverError('bad-spec', `env ${name}: must not hold a NUL character`);
  }
  if ([spec.command, spec.cwd, ...spec.args].some((s) => s.includes('\0'))) throw new DriverError('bad-spec', 'command, args and cwd must not hold a NUL character');
}
