import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { runProjector, type ProjectorOptions } from './projector.ts';

/** The thread in which the view is written, so that no large transaction holds up the turns. */
yieldToTurns();
const stop = await runProjector(workerData as ProjectorOptions, (said) => parentPort!.postMessage(said));
parentPort!.on('message', () => void stop().then(() => process.exit(0)));

/** On a busy machine turns go first and the view catches up. Linux gives each thread a priority of its own, by its id. */
function yieldToTurns(): void {
  try {
    setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), 5);
  } catch {
    // Elsewhere all threads share one priority.
  }
}
