import { nuid } from '@nats-io/nats-core';
import { STREAM, parseAddress, subjects } from './subjects.ts';
import { NoAnswer, PublishRefused, withHeaders, type Mux, type PubAck } from './mux.ts';

/**
 * The journal's server can't be reached or can't store: nothing is known about what was sent, so nothing is lost yet.
 * `storage` says that it can be read, but not written: it `refused`, or it was `silent`.
 */
export class JournalUnavailable extends Error {
  readonly storage: 'refused' | 'silent' | null;
  constructor(why: string, storage: JournalUnavailable['storage'] = null) {
    super(`the journal is unavailable: ${why}`);
    this.name = 'JournalUnavailable';
    this.storage = storage;
  }
}

type Append = { actor: string; bytes: Uint8Array; expect: number };
type Appended = { seq: number } | { conflict: true };

const WRONG_LAST_SEQUENCE = [10071, 10164];
/** From this many on one batch costs fewer flushes than single messages: 4 whatever its size. */
const WORTH_A_BATCH = 5;

const EXPECT = 'Nats-Expected-Last-Subject-Sequence';

/** Entries of `kind/id` on `troupe.journal.<kind>.<id>`: read the last, append with the sequence that it must follow. */
export class JournalStream {
  private readonly mux: Mux;
  private readonly asked: { timeout: number; retryable: true };

  constructor(mux: Mux, options: { timeout?: number } = {}) {
    this.mux = mux;
    this.asked = { timeout: options.timeout ?? 5_000, retryable: true };
  }

  async last(actor: string): Promise<{ bytes: Uint8Array; seq: number } | null> {
    try {
      const msg = await this.mux.request(`$JS.API.DIRECT.GET.${STREAM.journal}.${subjectOf(actor)}`, '', this.asked);
      const code = msg.headers?.code ?? 0;
      if (code === 404) return null;
      if (code !== 0) throw new JournalUnavailable(`${code} ${msg.headers?.description}`);
      return { bytes: msg.data, seq: Number(msg.headers!.get('Nats-Sequence')) };
    } catch (error) {
      if (error instanceof NoAnswer) throw new JournalUnavailable(error.message);
      throw error;
    }
  }

  /** Stores what is ready together. A batch is all or nothing: when one of it is behind, each is tried alone. */
  async append(items: Append[]): Promise<Appended[]> {
    if (items.length < WORTH_A_BATCH) return Promise.all(items.map((i) => this.one(i)));
    try {
      const ack = await this.batch(items);
      return items.map((_, i) => ({ seq: ack.seq - (items.length - 1 - i) }));
    } catch (error) {
      if (error instanceof NoAnswer || error instanceof PublishRefused) return Promise.all(items.map((i) => this.one(i)));
      throw error;
    }
  }

  private batch(items: Append[]): Promise<PubAck> {
    const id = nuid.next();
    items.slice(0, -1).forEach((item, i) => {
      this.mux.nc.publish(subjectOf(item.actor), item.bytes, { headers: withHeaders({ [EXPECT]: String(item.expect), 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': String(i + 1) }) });
    });
    const last = items.at(-1)!;
    return this.mux.publish(
      subjectOf(last.actor),
      last.bytes,
      { [EXPECT]: String(last.expect), 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': String(items.length), 'Nats-Batch-Commit': '1' },
      this.asked,
    );
  }

  private async one(item: Append): Promise<Appended> {
    try {
      const ack = await this.mux.publish(subjectOf(item.actor), item.bytes, { [EXPECT]: String(item.expect) }, this.asked);
      return { seq: ack.seq };
    } catch (error) {
      if (error instanceof PublishRefused && !WRONG_LAST_SEQUENCE.includes(error.code)) throw new JournalUnavailable(error.message, 'refused');
      if (!(error instanceof NoAnswer) && !(error instanceof PublishRefused)) throw error;
      return this.look(item, error);
    }
  }

  /** After a refusal or silence: the own bytes at the end mean that it is stored; anything else decides by what is there. */
  private async look(item: Append, why: Error): Promise<Appended> {
    const last = await this.last(item.actor);
    if (last && Buffer.compare(last.bytes, item.bytes) === 0) return { seq: last.seq };
    if ((last?.seq ?? 0) === item.expect) throw new JournalUnavailable(why.message, why instanceof NoAnswer && !why.cutOff ? 'silent' : null);
    return { conflict: true };
  }
}

function subjectOf(actor: string): string {
  const a = parseAddress(actor);
  if (!a) throw new Error(`${actor} is not an address: use kind/id in lower-case letters, digits and hyphens`);
  return subjects.journal(a);
}
