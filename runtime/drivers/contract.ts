/** How a driver finds the place where it starts workers. */
export type Health = { is: 'undetected' | 'unhealthy' | 'healthy'; why: string };

/** How a process ended. `code` and `signal` are null where nobody could see them: an adopted process is no child of ours. */
export type Exit = { code: number | null; signal: string | null; at: number };

/** What to start. Secrets go into `env`, never into `args`; no driver puts `env` where a process list, a shell string or `inspect` shows it. */
export type Spec = {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
  /** How late its timers may be, in nanoseconds; the system's own measure where absent. Kept on this machine alone. */
  timerSlackNs?: number;
  /** Memory in MB and CPU in cores, kept where the place can keep them. */
  limits?: { memoryMb: number; cpuCores: number };
  /** Where the process runs in a container or a pod: its image, network and `host:container[:ro]` mounts. */
  container?: { image: string; network?: string | null; volumes?: string[]; restartPolicy?: 'no' };
  pod?: { namespace: string; image: string; serviceAccount?: string | null; nodeSelector?: Record<string, string>; labels?: Record<string, string> };
};

/** Who keeps a process to its limits: a scope of systemd, a group of the kernel, or nobody but the master, who watches its memory. */
export type LimitsKept = 'scope' | 'cgroup' | 'watched';

/** Memory in bytes; CPU as a share of one core since the last look; both over the whole tree. */
export type Stats = { rssBytes: number; cpuRatio: number; processes: number };

export type LogRequest = { tail: number; sinceBytes?: number };
/** `next` goes into `sinceBytes` of the next request, to read on from there. */
export type LogPage = { lines: string[]; next: number };

/** Somewhere a worker can live. A Handle is plain JSON: whatever `recover` needs after we die. */
export interface Driver<Handle> {
  readonly name: string;
  readonly can: Readonly<{ logs: boolean; stats: boolean }>;
  health(): Promise<Health>;
  /** Idempotent by key: while what was started under this key lives, gives its handle and starts nothing. */
  start(spec: Spec, key: string): Promise<Handle>;
  /** `gone` also for a stranger that has the same pid by now. */
  recover(handle: Handle): Promise<'running' | 'gone'>;
  wait(handle: Handle, signal: AbortSignal): Promise<Exit>;
  /** TERM, then KILL of the whole tree after `graceMs`. Returns once nothing of it is left; fine when it is gone already. */
  stop(handle: Handle, graceMs: number): Promise<void>;
  logs(handle: Handle, request: LogRequest): Promise<LogPage>;
  /** Null when it is gone. */
  stats(handle: Handle): Promise<Stats | null>;
  list(): AsyncIterable<{ key: string; handle: Handle }>;
}

/** `unreachable` and `timeout` may pass by themselves; the others wait for a person. */
export type DriverFault = 'bad-key' | 'bad-spec' | 'spawn' | 'stuck' | 'busy' | 'unreachable' | 'timeout' | 'auth' | 'host-key-unknown' | 'host-key-changed' | 'foreign' | 'missing';

/** A driver that can't do what it was asked. `kind` is for programs, the message for people. */
export class DriverError extends Error {
  readonly kind: DriverFault;
  /** For a program: the fingerprint of a host key that nobody has accepted, for one. */
  readonly details: Record<string, unknown>;
  constructor(kind: DriverFault, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = 'DriverError';
    this.kind = kind;
    this.details = details;
  }
}
