import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import Database from 'better-sqlite3';
import { STREAM, subjects } from '../../../transport/subjects.ts';
import { Projection } from '../projection.ts';
import { SCHEMA } from '../schema.ts';
import type { Db } from './read-model.ts';

/** A view in memory of the newest entries of some kinds of actors: what a terminal needs for one look, without a page or a file. */
export async function viewFromJournal(nc: NatsConnection, kinds: string[]): Promise<Db> {
  const db = new Database(':memory:');
  db.exec(SCHEMA);
  const projection = new Projection(db, 1);
  const consumer = await jetstream(nc).consumers.get(STREAM.journal, { filter_subjects: kinds.map((kind) => subjects.journal({ kind, id: '*' })), deliver_policy: 'last_per_subject' } as never);
  let left = (await consumer.info()).num_pending;
  while (left > 0) {
    let got = 0;
    for await (const m of await consumer.fetch({ max_messages: Math.min(left, 1_000), expires: 5_000 })) {
      got++;
      projection.apply({ stream: STREAM.journal, seq: m.seq, subject: m.subject, data: m.data, at: 0 });
    }
    if (got === 0) throw new Error('the journal stopped answering');
    left -= got;
  }
  return db;
}
