import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

const BEAT_MS = 200;
/** An event loop that has not turned for so long stands still. */
const LIMIT_MS = 2_000;

export type WatchdogOptions = {
  /** As log lines name this process: `master`. */
  part: string;
  limitMs?: number;
  /** The loop, or the whole process, stood still for so long and runs again, ms. */
  stalled(stillMs: number): void;
};

/** Watches this process's event loop from a thread of its own, which says on stderr that it stands still while it does. */
export class Watchdog {
  private readonly thread: Worker;
  private readonly timer: NodeJS.Timeout;

  constructor({ part, limitMs = LIMIT_MS, stalled }: WatchdogOptions) {
    const beats = new SharedArrayBuffer(4);
    const count = new Int32Array(beats);
    this.timer = setInterval(() => void Atomics.add(count, 0, 1), Math.min(BEAT_MS, limitMs / 4));
    this.thread = new Worker(join(import.meta.dirname, 'watchdog.cjs'), { workerData: { beats, limitMs, part } });
    this.thread.on('message', ({ stillMs }: { stillMs: number }) => stalled(stillMs));
    // Without it the process is as good as before; it is no reason to end.
    this.thread.on('error', (error) => process.stderr.write(`${JSON.stringify({ level: 40, time: Date.now(), part, msg: `the watchdog ended: ${error.message}` })}\n`));
    this.thread.unref();
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.thread.terminate();
  }
}
