import { DriverError, type Exit, type Stats } from '../drivers/contract.ts';
import type { LocalDriver, LocalHandle } from '../drivers/local/local-driver.ts';
import type { Ended, Kept, KeptSpec, KeptStore } from './kept-store.ts';
import { afterExit } from './restart-rule.ts';

export type KeeperOptions = {
  driver: LocalDriver;
  store: KeptStore;
  /** An end that no master takes notice of for so long is the agent's to mend, ms. */
  orphanMs: number;
  log(level: 'info' | 'warn', message: string, about?: object): void;
};

export type WorkerState = 'running' | 'restarting' | 'stopped' | 'failed';
const EXITS_KEPT = 5;
const STOP_GRACE_MS = 5000;
const EXIT_SEEN_WITHIN_MS = 2000;
const ATTENDED_EVERY_MS = 1000;
const MIB = 1_048_576;

/** One worker of this machine. A master decides while one looks after it; otherwise this restarts it by its rule. */
export class Keeper {
  readonly #o: KeeperOptions;
  #kept: Kept;
  /** The process that runs; null when none does. */
  #handle: LocalHandle | null = null;
  #last: LocalHandle | null = null;
  readonly #since = Date.now();
  /** When a master last looked after it, by the monotonic clock. */
  #attendedAt = -Infinity;
  #memoryMb: number | null = null;
  /** The start that is ended for its memory: however it ends, it begins anew. */
  #recycled: string | null = null;
  #busy: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  readonly #watching = new AbortController();
  readonly #waiting = new Set<() => void>();

  constructor(kept: Kept, options: KeeperOptions) {
    this.#kept = kept;
    this.#o = options;
  }

  get key(): string {
    return this.#kept.key;
  }

  get known(): boolean {
    return this.#kept.spec !== null;
  }

  /** What runs, or ran last: for its log. */
  get last(): LocalHandle | null {
    return this.#last;
  }

  /** Takes up what an earlier agent left: `handle` is what the driver has under this key, null when nothing. */
  async adopt(handle: LocalHandle | null): Promise<void> {
    const alive = handle !== null && (await this.#o.driver.recover(handle)) === 'running';
    if (alive && handle.nonce !== this.#kept.nonce) {
      this.#save({ ...(this.#kept.nonce ? { replaced: [...this.#kept.replaced, this.#kept.nonce] } : {}), nonce: handle.nonce, startedAt: handle.startedAt });
    }
    this.#last = handle;
    if (alive) {
      this.#memoryMb = (this.known && this.#spec()?.limits?.memoryMb) || null;
      this.#follow(handle);
      // The stop that an earlier agent began goes on.
      if (this.known && this.#kept.wanted === 'stopped') await this.stop(handle, STOP_GRACE_MS).catch((error: Error) => this.#o.log('warn', error.message));
      return;
    }
    const { nonce } = this.#kept;
    if (nonce === null) return;
    const exit = this.#exitOf(nonce);
    if (!exit) this.#ended(nonce, { code: null, signal: null, at: Date.now() });
    else this.#arm();
  }

  /** Starts it, or gives what lives under its key. A master that asks knows by the answer what runs. */
  start(spec: KeptSpec): Promise<LocalHandle> {
    return this.#alone(async () => {
      if (this.#kept.nonce !== null) this.noticed(this.#kept.nonce);
      const handle = await this.#o.driver.start(spec, this.key);
      const fresh = handle.nonce !== this.#kept.nonce;
      this.#save({
        wanted: 'running', spec: this.#o.store.seal(this.key, spec), nonce: handle.nonce, startedAt: handle.startedAt, replaced: [], failed: null,
        ...(fresh && { crashes: { at: [], fast: 0 }, restarts: this.#kept.restarts + (this.#kept.nonce === null ? 0 : 1) }),
      });
      this.#memoryMb = spec.limits?.memoryMb ?? null;
      if (fresh || this.#handle?.nonce !== handle.nonce) this.#follow(handle);
      return handle;
    });
  }

  /** The same with its last spec, for a caller that has none. */
  startAgain(): Promise<LocalHandle> {
    const { spec } = this.#kept;
    if (spec === null) return Promise.reject(new DriverError('missing', `${this.key} has never been started by this agent, so it has no configuration here: start it from the master once`));
    return this.start(this.#o.store.open(this.key, spec));
  }

  /** Ends the start that `handle` names, or what the agent put in its place. */
  async stop(handle: LocalHandle, graceMs: number): Promise<void> {
    if (handle.nonce !== this.#kept.nonce && !this.#kept.replaced.includes(handle.nonce)) return this.#o.driver.stop(handle, graceMs);
    this.#disarm();
    this.#save({ wanted: 'stopped' });
    // A restart under way ends first, so that what it started is stopped too.
    await this.#alone(() => Promise.resolve());
    await this.#o.driver.stop(this.#handle ?? this.#last ?? handle, graceMs);
    const { nonce } = this.#kept;
    const end = performance.now() + EXIT_SEEN_WITHIN_MS;
    while (this.#handle?.nonce === nonce && performance.now() < end) await this.#change(end - performance.now());
    if (nonce !== null) this.#seen(nonce);
  }

  async stopNow(graceMs: number): Promise<void> {
    const handle = this.#handle ?? this.#last;
    if (handle) await this.stop(handle, graceMs);
    else {
      this.#disarm();
      this.#save({ wanted: 'stopped' });
    }
  }

  /** How a start ended; null after `forMs` when it runs on. Undefined for a start that this agent knows nothing of. */
  async exit(nonce: string, forMs: number): Promise<Ended | null | undefined> {
    const end = performance.now() + forMs;
    for (;;) {
      this.#attendedAt = performance.now();
      const exit = this.#exitOf(nonce);
      if (exit) return exit;
      if (nonce !== this.#kept.nonce) return undefined;
      const left = end - performance.now();
      if (left <= 0 || this.#closed) return null;
      await this.#change(Math.min(left, ATTENDED_EVERY_MS));
    }
  }

  /** A master has taken notice of this end: it alone decides what follows. */
  noticed(nonce: string): void {
    if (nonce === this.#kept.nonce) this.#disarm();
    this.#seen(nonce);
  }

  async stats(): Promise<Stats | null> {
    return this.#handle ? this.#o.driver.stats(this.#handle) : null;
  }

  /** Ends one that holds more memory than it may, so that it begins anew; a master that looks after it does that by its own rule. */
  async boundMemory({ rssBytes }: Stats): Promise<void> {
    const handle = this.#handle;
    const attended = performance.now() - this.#attendedAt < this.#o.orphanMs;
    if (!handle || attended || this.#kept.wanted !== 'running' || this.#memoryMb === null || rssBytes <= this.#memoryMb * MIB || this.#recycled === handle.nonce) return;
    this.#recycled = handle.nonce;
    this.#o.log('warn', `${this.key} is restarted: memory ${Math.round(rssBytes / MIB)} MB over ${this.#memoryMb} MB`);
    await this.#o.driver.stop(handle, STOP_GRACE_MS);
  }

  get status(): { state: WorkerState; pid: number | null; startedAt: number | null; restarts: number; unstable: number; handle: LocalHandle | null; why: string | null } {
    const { failed, startedAt, restarts, unstable } = this.#kept;
    const state = this.#handle ? 'running' : this.#timer ? 'restarting' : failed ? 'failed' : 'stopped';
    return { state, pid: this.#handle?.pid ?? null, startedAt: this.#handle ? startedAt : null, restarts, unstable, handle: this.#handle, why: failed };
  }

  /** Lets go of it: the process runs on. */
  close(): void {
    this.#closed = true;
    this.#disarm();
    this.#watching.abort();
    this.#wake();
  }

  #follow(handle: LocalHandle): void {
    this.#handle = handle;
    this.#last = handle;
    this.#o.driver.wait(handle, this.#watching.signal).then(
      (exit) => this.#ended(handle.nonce, exit),
      (error: Error) => {
        if (this.#closed) return;
        this.#o.log('warn', `${this.key} could not be watched: ${error.message}`);
        setTimeout(() => this.#closed || this.#handle?.nonce !== handle.nonce || this.#follow(handle), 1000).unref();
      },
    );
  }

  #ended(nonce: string, exit: Exit): void {
    if (this.#closed || this.#exitOf(nonce)) return;
    if (this.#handle?.nonce === nonce) this.#handle = null;
    this.#o.log('info', `${this.key} has ended`, { code: exit.code, signal: exit.signal });
    const seen = nonce !== this.#kept.nonce || this.#kept.wanted === 'stopped';
    this.#save({ exits: [...this.#kept.exits, { nonce, code: exit.code, signal: exit.signal, at: exit.at, seen }].slice(-EXITS_KEPT) });
    this.#wake();
    this.#arm();
  }

  /** Sets the time at which this agent restarts it, should no master have taken notice by then. */
  #arm(): void {
    const { nonce, wanted, spec } = this.#kept;
    const exit = nonce === null ? undefined : this.#exitOf(nonce);
    if (!exit || exit.seen || wanted !== 'running' || spec === null || this.#timer || this.#closed) return;
    const opened = this.#spec();
    if (!opened) return;
    const { restart } = opened;
    const uptimeMs = exit.at - (this.#kept.startedAt ?? exit.at);
    const verdict = afterExit(restart, this.#kept.crashes, { code: this.#recycled === nonce ? null : exit.code, at: exit.at, uptimeMs });
    if (verdict.is === 'leave') {
      this.#o.log(verdict.failed ? 'warn' : 'info', `${this.key} is left stopped: ${verdict.why}`);
      return this.#save({ failed: verdict.failed ? verdict.why : null });
    }
    // After a pause of its own the agent gives a master the same time.
    const due = Math.max(exit.at + verdict.afterMs, exit.at + this.#o.orphanMs, this.#since + this.#o.orphanMs);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#restart(exit, verdict.crashes, uptimeMs < restart.minUptimeMs);
    }, Math.max(0, due - Date.now()));
  }

  /** Null, and marked so, where the key that sealed it is gone. */
  #spec(): KeptSpec | null {
    try {
      return this.#o.store.open(this.key, this.#kept.spec!);
    } catch (error) {
      this.#o.log('warn', `${this.key} can't be restarted here: ${(error as Error).message}; start it from the master`);
      this.#save({ failed: (error as Error).message });
      return null;
    }
  }

  #restart(exit: Ended, crashes: Kept['crashes'], unstable: boolean): Promise<void> {
    return this.#alone(async () => {
      const { nonce, spec, wanted } = this.#kept;
      if (this.#closed || nonce !== exit.nonce || spec === null || wanted !== 'running' || this.#exitOf(nonce)?.seen) return;
      try {
        const handle = await this.#o.driver.start(this.#o.store.open(this.key, spec), this.key);
        this.#save({
          nonce: handle.nonce, startedAt: handle.startedAt, replaced: [...this.#kept.replaced, nonce], crashes, failed: null,
          restarts: this.#kept.restarts + 1, unstable: this.#kept.unstable + (unstable ? 1 : 0),
        });
        this.#o.log('warn', `${this.key} was restarted by the agent: no master took notice of its end`, { pid: handle.pid });
        this.#follow(handle);
      } catch (error) {
        this.#o.log('warn', `${this.key} could not be restarted: ${(error as Error).message}`);
        // Counts as one more crash, with a longer wait.
        this.#save({ crashes, exits: this.#kept.exits.map((e) => (e.nonce === nonce ? { ...e, at: Date.now() } : e)) });
        this.#arm();
      }
    });
  }

  #exitOf = (nonce: string): Ended | undefined => this.#kept.exits.find((e) => e.nonce === nonce);

  #seen(nonce: string): void {
    if (this.#kept.exits.some((e) => e.nonce === nonce && !e.seen)) this.#save({ exits: this.#kept.exits.map((e) => (e.nonce === nonce ? { ...e, seen: true } : e)) });
  }

  #save(change: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...change };
    this.#o.store.write(this.#kept);
  }

  #disarm(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  // One change of its process at a time.
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#busy.then(work, work);
    this.#busy = next.catch(() => undefined);
    return next;
  }

  #change(ms: number): Promise<void> {
    return new Promise((done) => {
      const wake = () => {
        clearTimeout(late);
        this.#waiting.delete(wake);
        done();
      };
      const late = setTimeout(wake, ms);
      this.#waiting.add(wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
