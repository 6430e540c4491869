import { startWorker, type WorkerOptions } from '../../runtime/worker/start-worker.ts';

/** A worker as a process of its own, for tests that kill it. Its options come in the environment, as JSON. */
const worker = await startWorker(JSON.parse(process.env.WORKER_OPTIONS ?? '{}') as WorkerOptions);
process.once('SIGTERM', () => void worker.stop(10_000).then(() => process.exit(0)));
