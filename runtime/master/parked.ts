import { jetstream } from '@nats-io/jetstream';
import type { Inbound } from '../../actors/turn.ts';
import type { Mux } from '../../transport/mux.ts';
import { STREAM, subjects, type Address } from '../../transport/subjects.ts';

export type Held = { inbound: Inbound; error: string; stack: string; index: number; at: number };

/** What waits for a parked actor since it was last released, oldest first. */
export async function readParked(mux: Mux, to: Address): Promise<Held[]> {
  const consumer = await jetstream(mux.nc).consumers.get(STREAM.parked, { filter_subjects: [subjects.parked(to)] });
  const info = await consumer.info(true).catch(() => null);
  let held: Held[] = [];
  let left = info?.num_pending ?? 0;
  if (left === 0) return held;
  const messages = await consumer.fetch({ max_messages: left, expires: 5_000 });
  for await (const m of messages) {
    const body = m.json<Held & { keep?: Held[] }>();
    held = body.keep ?? [...held, body];
    if (--left <= 0) break;
  }
  return held;
}

/** Replaces the whole list in one message. */
export async function keepParked(mux: Mux, to: Address, keep: Held[], error: string | null): Promise<Held[]> {
  await mux.publish(subjects.parked(to), JSON.stringify({ keep, error, at: Date.now() }));
  return keep;
}
