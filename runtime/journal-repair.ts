import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { decodeEntry, hashOf } from '../actors/entry.ts';
import { openConnection } from '../transport/connection.ts';
import { JournalStream } from '../transport/journal.ts';
import { Mux } from '../transport/mux.ts';
import { createStreams, presentStreams } from '../transport/streams.ts';
import { STREAM } from '../transport/subjects.ts';
import { natsLogin } from './nats-login.ts';
import { openForWriting, type Db } from './read-model/store.ts';
import type { VerbContext } from './verb.ts';

const FED = [STREAM.journal, STREAM.parked, STREAM.data] as const;

type Lost = { actor: string; index: number; has: number; bytes: Uint8Array; expect: number };

/**
 * For SAFE MODE: this machine's view holds the last entry of every actor. Entries that the journal has lost are stored again as they
 * were; then the view takes the streams as they are now for its own. Says what it would do; does it with `yes`. Masters must be down.
 */
export async function repairJournal(ctx: VerbContext, yes: boolean): Promise<number> {
  const config = ctx.config();
  const login = natsLogin(config, 'master');
  const nc = await openConnection(login);
  const mux = new Mux(nc, login.user);
  const { db } = openForWriting(config.dbPath);
  const present = [...(await presentStreams(await jetstreamManager(nc)))];
  try {
    const jsm = await jetstreamManager(nc);
    const missing = FED.filter((s) => !present.includes(s));
    for (const stream of missing) ctx.out(`stream ${stream} is missing${yes ? ': made anew' : ' and would be made anew'}`);
    if (missing.length > 0 && yes) await createStreams(nc, config.partitions, null, config.nats.replicas);
    const journal = new JournalStream(mux);
    const lost = missing.includes(STREAM.journal) && !yes ? await lostOf(db, async () => null) : await lostOf(db, (actor) => journal.last(actor));
    for (const l of lost) ctx.out(`${l.actor}: the journal ends at turn ${l.has}, this machine has seen ${l.index}${yes ? ': stored again' : ''}`);
    if (yes) {
      for (const l of lost) await journal.append([{ actor: l.actor, bytes: l.bytes, expect: l.expect }]);
      await adoptStreams(db, jsm);
    }
    ctx.out(yes ? `${lost.length} actors mended; start the master again` : lost.length + missing.length === 0 ? 'nothing is lost that this machine has seen; --yes makes the view take the streams as they are' : 'nothing was changed: stop the masters and run it with --yes');
    return 0;
  } finally {
    db.close();
    mux.close();
    await nc.close();
  }
}

/** Actors whose last seen entry is not in the journal any more. */
async function lostOf(db: Db, last: (actor: string) => Promise<{ bytes: Uint8Array; seq: number } | null>): Promise<Lost[]> {
  const lost: Lost[] = [];
  const rows = db.prepare('SELECT kind, id, idx, entry FROM actors ORDER BY seq').all() as { kind: string; id: string; idx: number; entry: string }[];
  for (const r of rows) {
    const actor = `${r.kind}/${r.id}`;
    const there = await last(actor);
    const has = there ? decodeEntry(there.bytes).index : 0;
    if (has < r.idx) lost.push({ actor, index: r.idx, has, bytes: Buffer.from(r.entry), expect: there?.seq ?? 0 });
  }
  return lost;
}

/** The view goes on from the streams' present ends. */
async function adoptStreams(db: Db, jsm: JetStreamManager): Promise<void> {
  for (const stream of FED) {
    const info = await jsm.streams.info(stream);
    const seq = info.state.last_seq;
    const last = seq > 0 ? await jsm.streams.getMessage(stream, { seq }).catch(() => null) : null;
    db.prepare('INSERT OR REPLACE INTO position (stream, created, seq, hash, updated_ms) VALUES (?, ?, ?, ?, ?)').run(stream, info.created, last ? seq : 0, last ? hashOf(last.data) : '', Date.now());
  }
}
