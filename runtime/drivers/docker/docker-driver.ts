import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker, { type Container, type ContainerInspectInfo, type DockerOptions } from 'dockerode';
import { DriverError, type Driver, type Exit, type Health, type LogPage, type LogRequest, type Spec, type Stats } from '../contract.ts';
import { containerOptions, nameOf, type ContainerRules, type Labels } from './container-options.ts';
import { EARLY, envArchive, STARTED_FILE } from './entry.ts';
import { asDriverError, isAway, statusOf } from './faults.ts';
import { cpuRatio, memoryBytes, type RawStats } from './figures.ts';
import { linesOf } from './log-frames.ts';

/** A container. `startedAt` in epoch milliseconds. */
export type DockerHandle = { key: string; nonce: string; id: string; startedAt: number };

export type DockerDriverOptions = {
  /** Where the daemon is, as dockerode takes it. */
  docker: DockerOptions;
  /** Whose containers these are: another Troupe on the same daemon has another. */
  namespace: string;
  /** Folders of the daemon's machine below which mounts may begin. */
  allowedMounts?: string[];
  /** The network of containers whose Spec names none. */
  network?: string;
  /** Numbers, of a user that is not root. */
  user?: { uid: number; gid: number };
  /** Docker's security options besides no-new-privileges; by default a seccomp profile under which Chromium's own sandbox works. */
  securityOpt?: string[];
  /** How long one request may take, ms. */
  limitMs?: number;
  /** How often a container that is waited for is looked at beside the daemon's own word, ms. */
  pollMs?: number;
};

const KILL_WITHIN_MS = 5000;
const START_WITHIN_MS = 20_000;
// How long another master may be between create and start.
const CREATED_FOR_MS = 5000;
// The daemon's clock may be behind ours.
const CLOCKS_APART_MS = 86_400_000;

/** Workers in containers. The daemon keeps them while we are away; whoever comes next adopts them by their labels. */
export class DockerDriver implements Driver<DockerHandle> {
  readonly name = 'docker';
  readonly can = { logs: true, stats: true } as const;
  readonly #docker: Docker;
  readonly #where: string;
  readonly #rules: ContainerRules;
  readonly #limitMs: number;
  readonly #pollMs: number;
  readonly #starting = new Map<string, Promise<unknown>>();
  readonly #exits = new Map<string, Exit>();
  readonly #cpu = new Map<string, RawStats>();

  constructor(options: DockerDriverOptions) {
    const { docker, namespace, user = { uid: 10001, gid: 10001 } } = options;
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(namespace)) throw new DriverError('bad-spec', `namespace ${JSON.stringify(namespace.slice(0, 80))}: must be letters, digits, dots and hyphens`);
    if (!(user.uid > 0) || !(user.gid > 0)) throw new DriverError('bad-spec', 'containers don\'t run as root: give a user and a group above 0');
    this.#docker = new Docker(docker);
    const socket = typeof docker.socketPath === 'string' ? docker.socketPath : '/var/run/docker.sock';
    this.#where = docker.host ? `${docker.host}:${docker.port ?? ''}` : socket;
    this.#rules = {
      namespace, user,
      network: options.network ?? 'troupe',
      securityOpt: options.securityOpt ?? [`seccomp=${readFileSync(join(import.meta.dirname, 'seccomp.json'), 'utf8')}`],
      mounts: { allowed: options.allowedMounts ?? [], sockets: docker.host ? [] : [socket], remote: docker.host !== undefined && !/^(https?:\/\/)?(localhost|127\.|\[?::1)/.test(docker.host) },
    };
    this.#limitMs = options.limitMs ?? 20_000;
    this.#pollMs = options.pollMs ?? 5000;
  }

  async health(): Promise<Health> {
    try {
      await this.#ask(() => this.#docker.ping());
      return { is: 'healthy', why: '' };
    } catch (error) {
      const { kind, message } = error as DriverError;
      return { is: kind === 'unreachable' ? 'undetected' : 'unhealthy', why: message };
    }
  }

  async start(spec: Spec, key: string): Promise<DockerHandle> {
    const before = this.#starting.get(key);
    const own = Promise.resolve(before).catch(() => {}).then(() => this.#start(spec, key));
    this.#starting.set(key, own);
    try {
      return await own;
    } finally {
      if (this.#starting.get(key) === own) this.#starting.delete(key);
    }
  }

  async recover(handle: DockerHandle): Promise<'running' | 'gone'> {
    return isRunning(await this.#inspect(handle.id)) ? 'running' : 'gone';
  }

  /** A daemon that is away is no news: it waits on. */
  async wait(handle: DockerHandle, signal: AbortSignal): Promise<Exit> {
    const container = this.#docker.getContainer(handle.id);
    let told: AbortController | null = null;
    let word: Promise<unknown> = Promise.resolve();
    const nextLook = () => delay(this.#pollMs, undefined, { signal });
    try {
      for (;;) {
        signal.throwIfAborted();
        if (told === null) {
          const asked = (told = new AbortController());
          word = container.wait({ condition: 'not-running', abortSignal: asked.signal }).then(() => void (told = null), nextLook);
          word.catch(() => {});
        }
        try {
          const info = await this.#inspect(handle.id);
          if (info === null) return this.#exits.get(handle.nonce) ?? { code: null, signal: null, at: Date.now() };
          if (!isRunning(info) && info.State.Status !== 'created') return exitOf(info);
        } catch (error) {
          if (!isAway(error)) throw error;
          // The daemon's word may never come once it went away: ask anew.
          told?.abort();
          told = null;
        }
        await (told === null ? nextLook() : Promise.race([word, nextLook()]));
      }
    } finally {
      told?.abort();
    }
  }

  async stop(handle: DockerHandle, graceMs: number): Promise<void> {
    const container = this.#docker.getContainer(handle.id);
    if (graceMs > 0 && (await this.#signal(container, 'SIGTERM'))) await this.#ended(handle.id, graceMs);
    await this.#signal(container, 'SIGKILL');
    const info = await this.#ended(handle.id, KILL_WITHIN_MS);
    if (info !== null && isRunning(info)) throw new DriverError('stuck', `${handle.key} can't be killed: the daemon or the kernel holds container ${handle.id.slice(0, 12)}`);
    if (info !== null) this.#exits.set(handle.nonce, exitOf(info));
    await this.#remove(handle.id);
    this.#cpu.delete(handle.nonce);
    // Enough for whoever waits at this moment.
    setTimeout(() => this.#exits.delete(handle.nonce), this.#limitMs).unref();
  }

  /** The cursor of a page is in nanoseconds since the day before the container's start. */
  async logs(handle: DockerHandle, { tail, sinceBytes = 0 }: LogRequest): Promise<LogPage> {
    const origin = BigInt(handle.startedAt - CLOCKS_APART_MS) * 1_000_000n;
    const since = origin + BigInt(Math.round(sinceBytes));
    const from = sinceBytes > 0 ? { since: `${since / 1_000_000_000n}.${String(since % 1_000_000_000n).padStart(9, '0')}` } : {};
    const log = await this.#ask<unknown>((abortSignal) => this.#docker.getContainer(handle.id).logs({ stdout: true, stderr: true, timestamps: true, follow: false, tail, ...from, abortSignal })).catch((error: unknown) => (statusOf(error) === 404 ? Buffer.alloc(0) : Promise.reject(error)));
    const lines = linesOf(Buffer.isBuffer(log) ? log : Buffer.alloc(0)).filter((l) => sinceBytes === 0 || l.at >= since);
    const last = lines.reduce((max, l) => (l.at > max ? l.at : max), 0n);
    return { lines: tail > 0 ? lines.slice(-tail).map((l) => l.text) : [], next: lines.length === 0 ? sinceBytes : Number(last - origin + 1n) };
  }

  async stats(handle: DockerHandle): Promise<Stats | null> {
    if ((await this.recover(handle)) === 'gone') return null;
    const raw = await this.#ask((abortSignal) => this.#docker.getContainer(handle.id).stats({ stream: false, 'one-shot': true, abortSignal } as { stream: false })).catch((error: unknown) => (statusOf(error) === 404 ? null : Promise.reject(error)));
    const now = raw as RawStats | null;
    if (now === null || !now.pids_stats?.current) return null;
    const before = this.#cpu.get(handle.nonce);
    this.#cpu.set(handle.nonce, now);
    return { rssBytes: memoryBytes(now), cpuRatio: cpuRatio(now, before), processes: now.pids_stats.current };
  }

  async *list(): AsyncIterable<{ key: string; handle: DockerHandle }> {
    const filters = { label: [`troupe.namespace=${this.#rules.namespace}`] };
    for (const { Id, Labels: labels } of await this.#ask((abortSignal) => this.#docker.listContainers({ all: true, filters, abortSignal }))) {
      const handle = handleOf(Id, labels as Labels);
      yield { key: handle.key, handle };
    }
  }

  async #start(spec: Spec, key: string): Promise<DockerHandle> {
    // A name is taken before its container can be seen.
    for (const end = performance.now() + START_WITHIN_MS; performance.now() < end; await delay(50)) {
      const nonce = randomBytes(16).toString('hex');
      const options = containerOptions(spec, key, nonce, Date.now(), this.#rules);
      const container = await this.#create(options);
      if (container === null) {
        const handle = await this.#adopt(key);
        if (handle !== null) return handle;
        continue;
      }
      try {
        const archive = envArchive({ ...spec.env, TROUPE_NONCE: nonce }, this.#rules.user);
        await this.#ask((abortSignal) => container.putArchive(archive, { path: '/', abortSignal }));
        await this.#ask((abortSignal) => container.start({ abortSignal }));
        await this.#begun(container, spec, key);
      } catch (error) {
        // An answer that was lost is no failure: the container may run, and the next start adopts it.
        if (!isAway(error)) await this.#remove(container.id).catch(() => {});
        throw error;
      }
      return handleOf(container.id, options.Labels as Labels);
    }
    throw new DriverError('busy', `${key} is being started and removed by others at the same time: try again in a moment`);
  }

  /** Null when the name is taken. */
  async #create(options: Docker.ContainerCreateOptions): Promise<Container | null> {
    try {
      return await this.#ask((abortSignal) => this.#docker.createContainer({ ...options, abortSignal }));
    } catch (error) {
      if (statusOf(error) === 409) return null;
      throw error;
    }
  }

  /** The handle of what holds this key's name; null once it is out of the way. */
  async #adopt(key: string): Promise<DockerHandle | null> {
    for (const end = performance.now() + CREATED_FOR_MS; ; await delay(50)) {
      const info = await this.#inspect(nameOf(key));
      if (info === null) return null;
      const labels = info.Config.Labels as Partial<Labels>;
      if (labels['troupe.key'] !== key || labels['troupe.namespace'] !== this.#rules.namespace) throw new DriverError('foreign', `a container named ${nameOf(key)} is there already and is not ours: rename or remove it (docker rm ${nameOf(key)}), or give this worker another name`, { container: info.Id });
      if (isRunning(info)) return handleOf(info.Id, labels as Labels);
      if (info.State.Status === 'created' && performance.now() < end) continue;
      await this.#remove(info.Id);
      return null;
    }
  }

  /** Returns once the command itself runs, or ran; throws with what the entry found missing. */
  async #begun(container: Container, spec: Spec, key: string): Promise<void> {
    for (const end = performance.now() + START_WITHIN_MS; performance.now() < end; await delay(25)) {
      const info = await this.#inspect(container.id);
      const begun = await this.#ask((abortSignal) => container.infoArchive({ path: STARTED_FILE, abortSignal })).then((answer) => ((answer as NodeJS.ReadableStream).resume(), true), (error: unknown) => (statusOf(error) === 404 ? false : Promise.reject(error)));
      if (begun) return;
      if (info !== null && (isRunning(info) || info.State.Status === 'created')) continue;
      const code = info?.State.ExitCode;
      if (code === EARLY.noFolder) throw new DriverError('bad-spec', `working directory ${spec.cwd} does not exist in the image, or its user may not enter it: mount or make it, or name another`);
      if (code === EARLY.noCommand) throw new DriverError('spawn', `${key}: ${spec.command} is not in the image ${spec.container!.image}, or not on its PATH`);
      const { lines } = await this.logs(handleOf(container.id, info?.Config.Labels as Labels), { tail: 3 });
      throw new DriverError('spawn', `${key}: its container ended at once with code ${code ?? 'unknown'}${lines.length > 0 ? `: ${lines.join(' ')}` : ''}`);
    }
    throw new DriverError('timeout', `${key}: its container did not begin within ${START_WITHIN_MS / 1000} s`);
  }

  /** What the daemon knows; null when it is gone. */
  async #inspect(id: string): Promise<ContainerInspectInfo | null> {
    try {
      return await this.#ask((abortSignal) => this.#docker.getContainer(id).inspect({ abortSignal }));
    } catch (error) {
      if (statusOf(error) === 404) return null;
      throw error;
    }
  }

  async #ended(id: string, withinMs: number): Promise<ContainerInspectInfo | null> {
    for (const end = performance.now() + withinMs; ; await delay(50)) {
      const info = await this.#inspect(id);
      if (info === null || !isRunning(info) || performance.now() > end) return info;
    }
  }

  /** Whether it was there to be signalled. */
  async #signal(container: Container, name: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
    try {
      await this.#ask((abortSignal) => container.kill({ signal: name, abortSignal }));
      return true;
    } catch (error) {
      if (statusOf(error) === 404 || statusOf(error) === 409 || /is not running/i.test((error as Error).message)) return false;
      throw error;
    }
  }

  async #remove(id: string): Promise<void> {
    try {
      await this.#ask((abortSignal) => this.#docker.getContainer(id).remove({ force: true, v: true, abortSignal }));
    } catch (error) {
      if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
      for (const end = performance.now() + KILL_WITHIN_MS; performance.now() < end && (await this.#inspect(id)) !== null; ) await delay(50);
    }
  }

  /** One request within the limit; what goes wrong is a DriverError, with the daemon's status in its details. */
  async #ask<T>(request: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    const limit = new AbortController();
    const late = new DriverError('timeout', `Docker at ${this.#where} did not answer within ${this.#limitMs / 1000} s`);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([request(limit.signal), new Promise<never>((_, fail) => (timer = setTimeout(() => fail(late), this.#limitMs)))]);
    } catch (error) {
      limit.abort();
      throw asDriverError(error, this.#where);
    } finally {
      clearTimeout(timer);
    }
  }
}

const isRunning = (info: ContainerInspectInfo | null): boolean => info !== null && (info.State.Running || info.State.Paused);

const handleOf = (id: string, labels: Labels): DockerHandle => ({ key: labels['troupe.key'], nonce: labels['troupe.nonce'], id, startedAt: Number(labels['troupe.started']) });

function exitOf({ State: state }: ContainerInspectInfo): Exit {
  const at = Date.parse(state.FinishedAt);
  return { code: state.ExitCode, signal: null, at: at > 0 ? at : Date.now() };
}
