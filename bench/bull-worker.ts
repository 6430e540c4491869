import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

/** BullMQ's worker as a process of its own, with a handler that does nothing but tell when each job reached it. */
const [, , port, queue, concurrency] = process.argv;
const tooks: number[] = [];
let done = 0;
const worker = new Worker(queue!, async (job) => {
  tooks.push((Number(process.hrtime.bigint() / 1000n) - (job.data as { at: number }).at) / 1000);
}, { connection: new Redis(Number(port), '127.0.0.1', { maxRetriesPerRequest: null }), concurrency: Number(concurrency) });
worker.on('completed', () => void done++);
process.on('message', () => process.send!({ tooks: tooks.splice(0), done }));
await worker.waitUntilReady();
process.send!('ready');
