import { NoRespondersError, RequestError, TimeoutError, type NatsConnection } from '@nats-io/nats-core';
import type { WindowRequest } from '../../../transport/protocol.ts';
import { subjects } from '../../../transport/subjects.ts';

/** Direct talk with the windows of workers: nothing of it is kept. */
export type WindowsPort = {
  /** The answer's bytes: a JPEG, or JSON. A worker that does not answer says so as JSON. */
  ask(worker: string, request: WindowRequest, timeoutMs: number): Promise<Uint8Array>;
  /** Every message of a window's live view, until what it returns is called. */
  listen(worker: string, agent: string, take: (message: Uint8Array) => void): () => void;
};

/** One request on a worker's own subject. A worker that does not answer says so as JSON. */
export async function askWorker(nc: NatsConnection, worker: string, request: object, timeoutMs: number): Promise<Uint8Array> {
  try {
    return (await nc.request(subjects.window(worker), JSON.stringify(request), { timeout: timeoutMs })).data;
  } catch (error) {
    const gone = error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders());
    const late = !gone && (error instanceof TimeoutError || error instanceof RequestError);
    return Buffer.from(JSON.stringify({ ok: false, code: late ? 'timeout' : 'unavailable', message: gone ? `worker ${worker} is not there: its windows come back with it` : late ? `worker ${worker} did not answer within ${Math.round(timeoutMs / 1000)} s` : `NATS: ${(error as Error).message}` }));
  }
}

export const natsWindows = (nc: NatsConnection): WindowsPort => ({
  ask: (worker, request, timeoutMs) => askWorker(nc, worker, request, timeoutMs),
  listen(worker, agent, take) {
    const sub = nc.subscribe(subjects.cast(worker, agent), { callback: (error, msg) => void (error || take(msg.data)) });
    return () => sub.unsubscribe();
  },
});

/** Where a window is: its name on which worker, and the actor that it belongs to. */
export type Place = { worker: string; window: string; actor: string; title: string; base: string };
