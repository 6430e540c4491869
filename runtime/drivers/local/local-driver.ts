import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isId } from '../../../transport/subjects.ts';
import { waitForLock } from '../../file-lock.ts';
import { withTimerSlack } from '../../timer-slack.ts';
import { DriverError, type Driver, type Exit, type Health, type LogPage, type LogRequest, type Spec, type Stats } from '../contract.ts';
import { confine, release } from './cgroup.ts';
import { HandleStore, type LocalHandle } from './handle-store.ts';
import { boundLog, openLog, readLog } from './log-files.ts';
import { bootId, rssBytes, startTimeOf } from './proc.ts';
import { isAlive, killTree, signal, treeOf, type Identity } from './process-tree.ts';

export type { LocalHandle };

export type LocalOptions = {
  /** Handles and locks; one folder for everyone who shares the keys. */
  runDir: string;
  logDir: string;
  /** A log is cut at this size, with one older part kept beside it. */
  maxLogBytes?: number;
  /** How often an adopted process is looked at. */
  pollMs?: number;
};

// Of our own environment a child gets these and no more: tokens and loader variables stay here.
const INHERITED = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|DISPLAY|XAUTHORITY|XDG_[A-Z_]+|DBUS_SESSION_BUS_ADDRESS|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR)$/;
const KILL_WITHIN_MS = 5000;

/** Processes on this machine. They are detached, write to files and outlive us; the next one of us adopts them. */
export class LocalDriver implements Driver<LocalHandle> {
  readonly name = 'local';
  readonly can = { logs: true, stats: true } as const;
  readonly #logDir: string;
  readonly #maxLogBytes: number;
  readonly #pollMs: number;
  readonly #store: HandleStore;
  readonly #children = new Map<string, Promise<Exit>>();
  readonly #cpu = new Map<string, { ticks: number; at: number }>();

  constructor(options: LocalOptions) {
    this.#logDir = options.logDir;
    this.#maxLogBytes = options.maxLogBytes ?? 10 * 1024 * 1024;
    this.#pollMs = options.pollMs ?? 200;
    this.#store = new HandleStore(options.runDir);
  }

  async health(): Promise<Health> {
    return existsSync('/proc/self/environ') ? { is: 'healthy', why: '' } : { is: 'undetected', why: 'local workers need Linux with /proc' };
  }

  async start(spec: Spec, key: string): Promise<LocalHandle> {
    check(spec, key);
    const lock = await waitForLock(this.#store.lockFile(key), 10_000);
    if (lock === null) throw new DriverError('busy', `${key} is being started by another process: try again in a moment`);
    try {
      const before = this.#store.read(key);
      if (before !== null) {
        const alive = this.#resolve(before);
        if (alive !== null) return alive;
        const left = await killTree(before.nonce, KILL_WITHIN_MS);
        if (left.length > 0) throw new DriverError('stuck', `what ${key} left behind can't be killed (pid ${left.join(', ')}): end it by hand`);
        release(before.nonce);
      }
      return await this.#spawn(spec, key);
    } finally {
      lock.release();
    }
  }

  async recover(handle: LocalHandle): Promise<'running' | 'gone'> {
    return this.#resolve(handle) === null ? 'gone' : 'running';
  }

  async wait(handle: LocalHandle, abort: AbortSignal): Promise<Exit> {
    const own = this.#children.get(handle.nonce);
    let exit: Exit | null = null;
    void own?.then((e) => void (exit = e));
    for (;;) {
      abort.throwIfAborted();
      boundLog(handle.log, this.#maxLogBytes);
      if (exit !== null) {
        release(handle.nonce);
        return exit;
      }
      if (own === undefined && this.#resolve(handle) === null) return { code: null, signal: null, at: Date.now() };
      await Promise.race([delay(this.#pollMs, undefined, { signal: abort }), ...(own ? [own] : [])]);
    }
  }

  async stop(handle: LocalHandle, graceMs: number): Promise<void> {
    const alive = this.#resolve(handle);
    const id = alive && identity(alive);
    if (id && graceMs > 0 && signal(id, 'SIGTERM')) {
      const end = performance.now() + graceMs;
      while (isAlive(id) && performance.now() < end) await delay(20);
    }
    const left = await killTree(handle.nonce, KILL_WITHIN_MS);
    if (left.length > 0) throw new DriverError('stuck', `${handle.key} can't be killed (pid ${left.join(', ')}): the kernel holds it, often a disk or network mount that hangs`);
    release(handle.nonce);
    this.#store.remove(handle);
    this.#cpu.delete(handle.nonce);
    this.#children.delete(handle.nonce);
  }

  async logs(handle: LocalHandle, request: LogRequest): Promise<LogPage> {
    return readLog(handle.log, request);
  }

  async stats(handle: LocalHandle): Promise<Stats | null> {
    const tree = treeOf(handle.nonce);
    if (tree.length === 0) return null;
    const now = { ticks: tree.reduce((sum, p) => sum + p.cpuTicks, 0), at: performance.now() };
    const last = this.#cpu.get(handle.nonce);
    this.#cpu.set(handle.nonce, now);
    // Linux counts user-visible CPU time in hundredths of a second on every machine.
    const ratio = last && now.at > last.at ? Math.max(0, ((now.ticks - last.ticks) * 10) / (now.at - last.at)) : 0;
    return { rssBytes: tree.reduce((sum, p) => sum + rssBytes(p.pid), 0), cpuRatio: ratio, processes: tree.length };
  }

  async *list(): AsyncIterable<{ key: string; handle: LocalHandle }> {
    for (const key of this.#store.keys()) {
      const handle = this.#store.read(key);
      if (handle) yield { key, handle: this.#resolve(handle) ?? handle };
    }
  }

  async #spawn(spec: Spec, key: string): Promise<LocalHandle> {
    const note: LocalHandle = { key, nonce: randomBytes(16).toString('hex'), bootId: bootId(), pid: null, startTime: null, startedAt: Date.now(), log: join(this.#logDir, `${key}.log`) };
    this.#store.write(note);
    const fd = openLog(note.log);
    let child: ChildProcess;
    try {
      const start = () => spawn(spec.command, spec.args, { cwd: spec.cwd, env: { ...inheritedEnv(), ...spec.env, TROUPE_NONCE: note.nonce }, detached: true, stdio: ['ignore', fd, fd] });
      child = spec.timerSlackNs === undefined ? start() : withTimerSlack(spec.timerSlackNs, start);
    } finally {
      closeSync(fd);
    }
    if (child.pid === undefined) {
      const why = await new Promise<string>((done) => child.once('error', (e) => done(e.message)));
      this.#store.remove(note);
      throw new DriverError('spawn', `${key}: ${spec.command} can't be started in ${spec.cwd}: ${why}`);
    }
    const exit = new Promise<Exit>((done) => child.once('exit', (code, sig) => done({ code, signal: sig, at: Date.now() })));
    this.#children.set(note.nonce, exit);
    child.unref();
    const limits = spec.limits && { limits: confine(note.nonce, child.pid, spec.limits) ? ('cgroup' as const) : ('watched' as const) };
    const handle = { ...note, pid: child.pid, startTime: startTimeOf(child.pid), ...limits };
    this.#store.write(handle);
    return handle;
  }

  /** The handle with the pid of the live process; null when it is gone. */
  #resolve(handle: LocalHandle): LocalHandle | null {
    const id = identity(handle);
    if (id) return isAlive(id) ? handle : null;
    if (handle.bootId !== bootId()) return null;
    // Its starter died between the note and the pid: the eldest with the nonce is the process itself.
    const found = treeOf(handle.nonce).sort((a, b) => Number(BigInt(a.startTime) - BigInt(b.startTime)) || a.pid - b.pid)[0];
    if (!found) return null;
    const whole = { ...handle, pid: found.pid, startTime: found.startTime };
    this.#store.write(whole);
    return whole;
  }
}

const identity = (h: LocalHandle): Identity | null =>
  h.pid === null || h.startTime === null ? null : { pid: h.pid, startTime: h.startTime, bootId: h.bootId, nonce: h.nonce };

function inheritedEnv(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((e): e is [string, string] => INHERITED.test(e[0]) && e[1] !== undefined));
}

function check(spec: Spec, key: string): void {
  if (!isId(key)) throw new DriverError('bad-key', `key ${JSON.stringify(key.slice(0, 80))}: must be 1 to 63 of a-z, 0-9 and hyphens, starting with a letter or digit`);
  for (const [name, value] of Object.entries(spec.env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new DriverError('bad-spec', `env name ${JSON.stringify(name)}: must be letters, digits and underscores`);
    if (value.includes('\0')) throw new DriverError('bad-spec', `env ${name}: must not hold a NUL character`);
  }
  if ([spec.command, spec.cwd, ...spec.args].some((s) => s.includes('\0'))) throw new DriverError('bad-spec', 'command, args and cwd must not hold a NUL character');
  if (!existsSync(spec.cwd)) throw new DriverError('bad-spec', `working directory ${spec.cwd} does not exist: make it, or name another`);
}
