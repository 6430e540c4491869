import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { packageRoot } from '../package-root.ts';

const BEAT_MS = 200;
/** CPU time that one turn of the event loop may take in a platform's code: well before the leases end. */
const LIMIT_MS = 5_000;

export type LoopGuardOptions = {
  /** The real path of the folder of further platforms. */
  root: string;
  /** Where it writes down which one it was, see loopFaults(). */
  file: string;
  limitMs?: number;
  failed(message: string): void;
};

/**
 * Ends this process when a further platform never lets go of its event loop, after writing down which one and where: the next process leaves
 * it out. Looks from a thread of its own, by the debugger's view of the stack.
 */
export class LoopGuard {
  readonly #thread: Worker;
  readonly #timer: NodeJS.Timeout;

  constructor({ root, file, limitMs = LIMIT_MS, failed }: LoopGuardOptions) {
    const beats = new SharedArrayBuffer(4);
    const count = new Int32Array(beats);
    this.#timer = setInterval(() => void Atomics.add(count, 0, 1), BEAT_MS);
    const beside = join(import.meta.dirname, 'loop-guard.cjs');
    this.#thread = new Worker(existsSync(beside) ? beside : join(packageRoot(), 'dist/runtime/worker/loop-guard.cjs'), { workerData: { beats, root, file, limitMs } });
    // Without it the process is as good as before; it is no reason to end.
    this.#thread.on('error', (error) => failed(`nothing watches for platforms that never let go: ${error.message}`));
    this.#thread.unref();
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#thread.terminate();
  }
}
