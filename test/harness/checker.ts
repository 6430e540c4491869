import { createHash } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/** A judge from outside: it reads streams and knows their published format, and nothing of the runtime's code. */

export type Stored = { seq: number; actor: string; bytes: Buffer; entry: any };

/** Every message of the journal, in order. */
export async function readJournal(nc: NatsConnection): Promise<Stored[]> {
  const consumer = await jetstream(nc).consumers.get('TROUPE_JOURNAL');
  let left = (await consumer.info()).num_pending;
  const all: Stored[] = [];
  while (left > 0) {
    const batch = await consumer.fetch({ max_messages: Math.min(left, 500), expires: 3_000 });
    let got = 0;
    for await (const m of batch) {
      const [, , kind, id] = m.subject.split('.');
      const bytes = Buffer.from(m.data);
      all.push({ seq: m.seq, actor: `${kind}/${id}`, bytes, entry: JSON.parse(bytes.toString('utf8')) });
      left--;
      got++;
    }
    // What was counted may have aged out meanwhile.
    if (got === 0) left = (await consumer.info()).num_pending;
  }
  return all;
}

export const lastOf = (journal: Stored[], actor: string): any => journal.findLast((s) => s.actor === actor)?.entry;

/** Every actor's turns are 1, 2, 3 … and each names the hash of the one before. */
export function brokenChains(journal: Stored[]): string[] {
  const heads = new Map<string, { index: number; hash: string }>();
  const broken: string[] = [];
  for (const { actor, bytes, entry } of journal) {
    const head = heads.get(actor);
    if (entry.index !== (head?.index ?? 0) + 1) broken.push(`${actor}: turn ${entry.index} follows turn ${head?.index ?? 0}`);
    else if (entry.prev !== (head?.hash ?? '')) broken.push(`${actor}: turn ${entry.index} names another turn before it`);
    heads.set(actor, { index: entry.index, hash: createHash('sha256').update(bytes).digest('base64url').slice(0, 22) });
  }
  return broken;
}

/** What was accepted and is missing, and what is there more than once or out of nowhere. */
export function countOf(wanted: readonly string[], found: readonly string[]): { lost: string[]; doubled: string[]; strange: string[] } {
  const counts = new Map<string, number>();
  for (const f of found) counts.set(f, (counts.get(f) ?? 0) + 1);
  const known = new Set(wanted);
  return {
    lost: wanted.filter((w) => !counts.has(w)),
    doubled: [...counts].filter(([, n]) => n > 1).map(([f]) => f),
    strange: [...counts.keys()].filter((f) => !known.has(f)),
  };
}

/** Results that an actor took although another run was asked for by then. */
export function staleResults(journal: Stored[]): string[] {
  const stale: string[] = [];
  const current = new Map<string, number>();
  for (const { actor, entry } of journal) {
    for (const c of entry.commands) if (c.do === 'run') current.set(actor, entry.pending.effects[`${actor}/${entry.index}/${c.n}`]?.input.run);
    if (entry.event.type === 'xstate.done.actor.work' && entry.event.output.run !== current.get(actor)) stale.push(`${actor} turn ${entry.index}: result of run ${entry.event.output.run}, asked for is ${current.get(actor)}`);
  }
  return stale;
}
