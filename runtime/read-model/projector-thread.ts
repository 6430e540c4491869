import { parentPort, workerData } from 'node:worker_threads';
import { runProjector, type ProjectorOptions } from './projector.ts';

/** The thread in which the view is written, so that no large transaction holds up the turns. */
const stop = await runProjector(workerData as ProjectorOptions, (said) => parentPort!.postMessage(said));
parentPort!.on('message', () => void stop().then(() => process.exit(0)));
