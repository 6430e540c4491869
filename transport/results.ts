import { headers, nuid, type NatsConnection } from '@nats-io/nats-core';
import { jetstream } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';
import { OBJECTS } from './subjects.ts';

const CHUNK = 128 * 1024;
/** Larger things belong in a store of their own. */
export const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Stores an object as every client of NATS reads it, by publishing alone: a worker may ask nothing of JetStream.
 * Choose names that nobody else has; they are never written over here.
 */
export async function putResult(nc: NatsConnection, name: string, bytes: Uint8Array, type: string): Promise<void> {
  if (bytes.length > MOST_BYTES) throw new Error(`${name} is of ${bytes.length} bytes: ${MOST_BYTES} is the most`);
  const js = jetstream(nc);
  const id = nuid.next();
  const store = OBJECTS.results;
  let chunks = 0;
  for (let i = 0; i < bytes.length; i += CHUNK, chunks++) await js.publish(`$O.${store}.C.${id}`, bytes.subarray(i, i + CHUNK), { timeout: 10_000 });
  const digest = `SHA-256=${Buffer.from(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))).toString('base64').replaceAll('+', '-').replaceAll('/', '_')}`;
  const h = headers();
  h.set('Nats-Rollup', 'sub');
  const meta = { name, bucket: store, nuid: id, size: bytes.length, chunks, digest, mtime: new Date().toISOString(), metadata: { type }, options: { max_chunk_size: CHUNK } };
  const key = Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  await js.publish(`$O.${store}.M.${key}`, JSON.stringify(meta), { headers: h, timeout: 10_000 });
}

/** The bytes of an object, null when there is none (any more). Throws when they are not what was stored. */
export async function readResult(nc: NatsConnection, name: string): Promise<Uint8Array | null> {
  const store = await new Objm(nc).open(OBJECTS.results, false);
  return store.getBlob(name);
}
