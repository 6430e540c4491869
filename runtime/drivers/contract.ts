/** How a driver finds the place where it starts workers. */
export type Health = { is: 'undetected' | 'unhealthy' | 'healthy'; why: string };

/** How a process ended. `code` and `signal` are null where nobody could see them: an adopted process is no child of ours. */
export type Exit = { code: number | null; signal: string | null; at: number };

/** What to start. Secrets go into `env` of the process or into files, never into `args`. */
export type Spec = {
  command: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
};

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

/** A driver that can't do what it was asked. `kind` is for programs, the message for people. */
export class DriverError extends Error {
  readonly kind: 'bad-key' | 'bad-spec' | 'spawn' | 'stuck' | 'busy';
  constructor(kind: DriverError['kind'], message: string) {
    super(message);
    this.name = 'DriverError';
    this.kind = kind;
  }
}
