import { jetstream, type JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import Database from 'better-sqlite3';
import { PURGED, STREAM, subjects, WHYS } from '../../../transport/subjects.ts';
import { Projection } from '../projection.ts';
import { SCHEMA } from '../schema.ts';
import type { Db } from './read-model.ts';

type Deliver = 'last_per_subject' | 'all';

/** A view in memory of the newest entries of some kinds of actors: what a terminal needs for one look, without a page or a file. */
export async function viewFromJournal(nc: NatsConnection, kinds: string[]): Promise<Db> {
  const view = openView(nc);
  // What is known of tasks beside their journals comes first: it says why they wait, and which are gone.
  if (kinds.includes('task')) {
    await view.read(STREAM.tasklog, [subjects.tasklog(WHYS, '*')], 'all');
    await view.read(STREAM.tasklog, [subjects.tasklog('*', PURGED)], 'all');
  }
  await view.read(STREAM.journal, kinds.map((kind) => subjects.journal({ kind, id: '*' })), 'last_per_subject');
  return view.db;
}

/** A view in memory of one task, with its attempts and its log. Empty where there is none of this id. */
export async function viewOfTask(nc: NatsConnection, id: string): Promise<Db> {
  const view = openView(nc);
  await view.read(STREAM.tasklog, [subjects.tasklog(WHYS, '*'), subjects.tasklog(id, PURGED)], 'all');
  await view.read(STREAM.journal, [subjects.journal({ kind: 'task', id })], 'all');
  await view.read(STREAM.tasklog, [subjects.tasklog(id, '*')], 'all');
  return view.db;
}

/** A view in memory of what people wrote to the accounts, or to one of them, and what became of it. */
export async function viewOfTalks(nc: NatsConnection, account = '*'): Promise<Db> {
  const view = openView(nc);
  await view.read(STREAM.data, (['comment', 'message', 'read'] as const).map((what) => subjects.data(account, what)), 'all');
  await view.read(STREAM.journal, ['account', 'reply', 'conversation'].map((kind) => subjects.journal({ kind, id: '*' })), 'last_per_subject');
  return view.db;
}

/** An empty view in memory, and what fills it. */
export function openView(nc: NatsConnection) {
  const db = new Database(':memory:');
  db.exec(SCHEMA);
  const projection = new Projection(db, 1);
  const apply = (stream: string, m: JsMsg) => projection.apply({ stream, seq: m.seq, subject: m.subject, data: m.data, at: Math.floor(m.info.timestampNanos / 1_000_000) });
  return {
    db,
    apply,
    /** Reads what is stored now. */
    async read(stream: string, filters: string[], deliver: Deliver): Promise<void> {
      const consumer = await jetstream(nc).consumers.get(stream, { filter_subjects: filters, deliver_policy: deliver } as never);
      let left = (await consumer.info()).num_pending;
      while (left > 0) {
        let got = 0;
        db.exec('BEGIN');
        for await (const m of await consumer.fetch({ max_messages: Math.min(left, 1_000), expires: 5_000 })) {
          got++;
          apply(stream, m);
        }
        db.exec('COMMIT');
        if (got === 0) throw new Error(`the stream ${stream} stopped answering`);
        left -= got;
      }
    },
  };
}
