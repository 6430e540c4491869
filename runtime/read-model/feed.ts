import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { hashOf } from '../../actors/entry.ts';
import { Kvm } from '@nats-io/kv';
import { StreamReader, type StreamMessage } from '../../transport/stream-reader.ts';
import { BUCKET, STREAM, subjects } from '../../transport/subjects.ts';
import { readKeepDays, type KeepDays } from './keep-days.ts';
import { Projection } from './projection.ts';
import { forgetOld } from './retention.ts';
import { openForWriting, type Db } from './store.ts';

const FED = [STREAM.journal, STREAM.parked, STREAM.data, STREAM.log, STREAM.metrics, STREAM.notes, STREAM.tasklog] as const;
/** Milliseconds until what has come is taken and committed. The more the last time, the longer: rows that change again meanwhile are written once. */
const SHORTEST_WAIT = 5;
const LONGEST_WAIT = 50;
const FORGET_EVERY = 600_000;

export type Position = { stream: string; created: string; seq: number; hash: string };
export type Unsafe = { stream: string; why: string };
export type Commit = { topics: string[]; positions: Record<string, number> };

/**
 * The one writer of the view: reads the streams from where the tables are, and commits rows and position together.
 * `check` compares what the view last saw with what the streams hold; a gap means SAFE MODE, and nothing is fed.
 */
export class Feed {
  readonly db: Db;
  private readonly nc: NatsConnection;
  private readonly user: string;
  private readonly projection: Projection;
  private readonly position;
  private readonly onCommit: (c: Commit) => void;
  private readonly onFault: (why: string) => void;
  private pending: StreamMessage[] = [];
  private recent = 0;
  /** When each stream was made: one of the same name that is made anew is another. */
  private readonly created = new Map<string, string>();
  private timer: NodeJS.Timeout | null = null;
  private readers: StreamReader[] = [];
  private forgetting: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(nc: NatsConnection, user: string, file: string, partitions: number, onCommit: (c: Commit) => void, onFault: (why: string) => void = () => {}) {
    this.nc = nc;
    this.user = user;
    this.onCommit = onCommit;
    this.onFault = onFault;
    this.db = openForWriting(file).db;
    this.projection = new Projection(this.db, partitions);
    this.position = this.db.prepare('INSERT OR REPLACE INTO position (stream, created, seq, hash, updated_ms) VALUES (?, ?, ?, ?, ?)');
  }

  /** Null when the streams continue what the view has seen. */
  async check(): Promise<Unsafe | null> {
    const jsm = await jetstreamManager(this.nc);
    for (const stream of FED) {
      const seen = this.db.prepare('SELECT * FROM position WHERE stream = ?').get(stream) as Position | undefined;
      let info: StreamInfo;
      try {
        info = await jsm.streams.info(stream);
      } catch (error) {
        return { stream, why: /not found/i.test((error as Error).message) ? 'the stream is missing' : (error as Error).message };
      }
      if (!seen) continue;
      if (stream === STREAM.log || stream === STREAM.metrics || stream === STREAM.notes || stream === STREAM.tasklog) {
        if (seen.created !== info.created || info.state.last_seq < seen.seq) this.db.prepare('DELETE FROM position WHERE stream = ?').run(stream);
        continue;
      }
      if (seen.created !== info.created) return { stream, why: `it was made anew at ${info.created}; the view knows the one of ${seen.created}` };
      if (info.state.last_seq < seen.seq) return { stream, why: `it ends at ${info.state.last_seq}; the view has seen ${seen.seq}` };
      if (seen.seq === 0 || info.state.first_seq > seen.seq) continue;
      const there = await jsm.streams.getMessage(stream, { seq: seen.seq }).catch(() => null);
      // A part of it may have been written anew without somebody; what tells of that stands behind it.
      if (!there && stream === STREAM.data && (await jsm.streams.getMessage(stream, { last_by_subj: subjects.data('*', 'erased') }).catch(() => null))?.seq! > seen.seq) continue;
      if (!there) return { stream, why: `its message ${seen.seq} is missing` };
      if (hashOf(there.data) !== seen.hash) return { stream, why: `its message ${seen.seq} is not the one that the view has seen` };
    }
    return null;
  }

  async start(): Promise<void> {
    const jsm = await jetstreamManager(this.nc);
    const positions: Record<string, number> = {};
    for (const stream of FED) {
      this.created.set(stream, (await jsm.streams.info(stream)).created);
      positions[stream] = (this.db.prepare('SELECT seq FROM position WHERE stream = ?').pluck().get(stream) as number | undefined) ?? 0;
    }
    this.readers = FED.map((stream) => this.reader(stream, positions[stream]!));
    this.onCommit({ topics: [], positions });
    void this.forget();
    this.forgetting = setInterval(() => void this.forget(), FORGET_EVERY);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.forgetting) clearInterval(this.forgetting);
    for (const r of this.readers) r.close();
    if (this.timer) clearTimeout(this.timer);
    this.commit();
    this.db.close();
  }

  private reader(stream: string, after: number): StreamReader {
    return new StreamReader({
      nc: this.nc, user: this.user, stream, after,
      take: (m) => void this.pending.push(stream === STREAM.journal ? { ...m, at: Date.now() } : m),
      taken: () => this.commit(),
      wait: () => Math.min(LONGEST_WAIT, SHORTEST_WAIT + this.recent),
      fault: this.onFault,
    });
  }

  /** Rows and position in one transaction: exactly once, whatever dies when. */
  private commit(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.pending.length === 0) return;
    const batch = this.pending;
    this.recent = batch.length;
    const ends = new Map<string, StreamMessage>();
    const newest = new Map<string, StreamMessage>();
    for (const m of batch) {
      ends.set(m.stream, m);
      newest.set(m.subject, m);
    }
    try {
      this.db.transaction(() => {
        for (const m of batch) this.projection.apply(m, newest.get(m.subject) === m);
        for (const m of ends.values()) this.move(m);
      })();
      this.pending = [];
    } catch (error) {
      this.onFault(`the view can't be written: ${(error as Error).message}`);
      this.projection.changed();
      if (!this.stopped) this.timer = setTimeout(() => this.commit(), 1_000);
      return;
    }
    this.onCommit({ topics: this.projection.changed(), positions: Object.fromEntries([...ends].map(([s, m]) => [s, m.seq])) });
  }

  private async forget(): Promise<void> {
    const keep = await this.keep();
    if (this.stopped) return;
    try {
      forgetOld(this.db, Date.now(), keep);
    } catch (error) {
      this.onFault(`old rows can't be deleted: ${(error as Error).message}`);
    }
  }

  private async keep(): Promise<KeepDays> {
    try {
      const entry = await (await new Kvm(this.nc).open(BUCKET.settings)).get('fleet');
      return readKeepDays(entry && entry.operation === 'PUT' ? entry.json() : {});
    } catch {
      return readKeepDays({});
    }
  }

  private move(m: StreamMessage): void {
    this.position.run(m.stream, this.created.get(m.stream)!, m.seq, hashOf(m.data), m.at);
  }
}
