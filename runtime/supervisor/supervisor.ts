import { setTimeout as delay } from 'node:timers/promises';
import type { Driver, Exit, Spec } from '../drivers/contract.ts';

/** One process of the graph. */
export type Part = {
  key: string;
  spec: Spec;
  /** Resolves once it serves; the next part starts then. Rejects when that will not come. */
  ready(signal: AbortSignal): Promise<void>;
  /** The graph is no use without it: a failed `ready` ends the start. */
  vital: boolean;
  /** The next part starts without waiting for it. */
  aside?: boolean;
  graceMs: number;
};

export type SupervisorEvent =
  | { type: 'started' | 'adopted'; key: string }
  | { type: 'ready'; key: string; ms: number }
  | { type: 'late'; key: string; why: string }
  | { type: 'exited'; key: string; exit: Exit; lastLines: string[]; again: number | null }
  | { type: 'stopping' | 'stopped'; key: string }
  | { type: 'stuck'; key: string; why: string };

// A wrong configuration, a refused command line or a second owner: starting again changes nothing.
const FINAL_CODES = new Set([2, 3, 78]);
const HEALTHY_MS = 60_000;

/** Pause before the n-th start in a row, in ms: 0.25 s doubling to 30 s. */
export const backoff = (n: number): number => Math.min(30_000, 250 * 2 ** Math.min(n, 16));

/** Starts the parts in order, starts again what dies, stops them in the order it is told. Adopts what an earlier supervisor left. */
export class Supervisor<Handle> {
  readonly #driver: Driver<Handle>;
  readonly #parts: Part[];
  readonly #tell: (event: SupervisorEvent) => void;
  readonly #handles = new Map<string, Handle>();
  readonly #stopping = new Set<string>();
  readonly #end = new AbortController();
  #fatal: (exit: { key: string; code: number }) => void = () => undefined;
  /** Resolves when a part ended in a way that starting again can't mend. */
  readonly fatal: Promise<{ key: string; code: number }>;

  constructor(driver: Driver<Handle>, parts: Part[], tell: (event: SupervisorEvent) => void) {
    this.#driver = driver;
    this.#parts = parts;
    this.#tell = tell;
    this.fatal = new Promise((done) => (this.#fatal = done));
  }

  /** False when it was closed before all parts were started. */
  async start(): Promise<boolean> {
    const alive = new Set<string>();
    for await (const { key, handle } of this.#driver.list()) if ((await this.#driver.recover(handle)) === 'running') alive.add(key);
    const asides: Promise<void>[] = [];
    for (const part of this.#parts) {
      if (this.#end.signal.aborted) return false;
      await this.#launch(part, alive.has(part.key));
      void this.#watch(part);
      const ready = this.#untilReady(part);
      if (part.aside) asides.push(ready);
      else await ready;
    }
    await Promise.all(asides);
    return !this.#end.signal.aborted;
  }

  /** Ends one part; fine when it never started. */
  async stop(key: string, graceMs?: number): Promise<void> {
    this.#stopping.add(key);
    const part = this.#parts.find((p) => p.key === key)!;
    const handle = this.#handles.get(key);
    if (handle === undefined) return;
    this.#tell({ type: 'stopping', key });
    await this.#driver.stop(handle, graceMs ?? part.graceMs);
    this.#handles.delete(key);
    this.#tell({ type: 'stopped', key });
  }

  /** Stops one part and lets it be started again, as if it had ended by itself. */
  async restart(key: string, graceMs: number): Promise<void> {
    const handle = this.#handles.get(key);
    if (handle !== undefined) await this.#driver.stop(handle, graceMs);
  }

  /** No part is started any more; those that run stay. */
  close(): void {
    this.#end.abort();
  }

  async #launch(part: Part, adopted: boolean): Promise<void> {
    this.#handles.set(part.key, await this.#driver.start(part.spec, part.key));
    this.#tell({ type: adopted ? 'adopted' : 'started', key: part.key });
  }

  async #untilReady(part: Part): Promise<void> {
    const from = performance.now();
    try {
      await part.ready(this.#end.signal);
      this.#tell({ type: 'ready', key: part.key, ms: performance.now() - from });
    } catch (error) {
      if (this.#end.signal.aborted) return;
      if (part.vital) throw error;
      this.#tell({ type: 'late', key: part.key, why: (error as Error).message });
    }
  }

  async #watch(part: Part): Promise<void> {
    let failures = 0;
    while (!this.#end.signal.aborted && !this.#stopping.has(part.key)) {
      const handle = this.#handles.get(part.key)!;
      const from = performance.now();
      let exit: Exit;
      try {
        exit = await this.#driver.wait(handle, this.#end.signal);
      } catch (error) {
        if (this.#end.signal.aborted) return;
        this.#tell({ type: 'stuck', key: part.key, why: (error as Error).message });
        await this.#again(part, 1000);
        continue;
      }
      if (this.#stopping.has(part.key) || this.#end.signal.aborted) return;
      failures = performance.now() - from > HEALTHY_MS ? 0 : failures;
      const final = exit.code !== null && FINAL_CODES.has(exit.code);
      const pause = final ? null : backoff(failures++);
      const { lines } = await this.#driver.logs(handle, { tail: 5, sinceBytes: 0 });
      this.#tell({ type: 'exited', key: part.key, exit, lastLines: lines, again: pause });
      if (pause === null) return this.#fatal({ key: part.key, code: exit.code! });
      await this.#again(part, pause);
    }
  }

  async #again(part: Part, pauseMs: number): Promise<void> {
    let pause = pauseMs;
    for (;;) {
      try {
        await delay(pause, undefined, { signal: this.#end.signal });
        if (this.#stopping.has(part.key)) return;
        await this.#launch(part, false);
        // Stopped between the decision and the start: what was just started goes too.
        if (this.#stopping.has(part.key)) await this.#driver.stop(this.#handles.get(part.key)!, part.graceMs);
        return;
      } catch (error) {
        if (this.#end.signal.aborted) return;
        this.#tell({ type: 'stuck', key: part.key, why: (error as Error).message });
        pause = Math.min(30_000, pause * 2);
      }
    }
  }
}
