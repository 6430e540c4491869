import { all, count, one, where, type Db } from './read-model.ts';
import { likeOf, used } from './accounts.ts';

export type ActorRow = { kind: string; id: string; version: string; index: number; atMs: number; status: string; state: string; dueMs: number | null; parked: string | null; createdMs: number };
export type ActorAsk = { kind?: string | undefined; search?: string | undefined; parked?: boolean | undefined; limit: number; offset?: number | undefined };

const COLUMNS = 'kind, id, version, idx, at_ms, status, state, due_ms, parked, created_ms';
const rules = (ask: Omit<ActorAsk, 'limit'>) =>
  where([ask.kind && 'kind = $kind', ask.parked && 'parked IS NOT NULL', ask.search && `(kind || '/' || id LIKE $like ESCAPE '\\' OR state LIKE $like ESCAPE '\\')`]);

/** What moved last comes first. */
export function listActors(db: Db, ask: ActorAsk): ActorRow[] {
  const rule = rules(ask);
  return all(db, `SELECT ${COLUMNS} FROM actors WHERE ${rule} ORDER BY at_ms DESC LIMIT $limit OFFSET $offset`, {
    ...used(rule, { kind: ask.kind, like: likeOf(ask.search ?? '') }),
    limit: ask.limit,
    offset: ask.offset ?? 0,
  }).map(toActor);
}

export const countActors = (db: Db, ask: Omit<ActorAsk, 'limit'> = {}): number => {
  const rule = rules(ask);
  return count(db, `SELECT COUNT(*) n FROM actors WHERE ${rule}`, used(rule, { kind: ask.kind, like: likeOf(ask.search ?? '') }));
};

export const findActor = (db: Db, kind: string, id: string): ActorRow | null => {
  const row = one(db, `SELECT ${COLUMNS} FROM actors WHERE kind = $kind AND id = $id`, { kind, id });
  return row && toActor(row);
};

export const actorKinds = (db: Db): { kind: string; n: number }[] => all(db, 'SELECT kind, COUNT(*) n FROM actors GROUP BY kind ORDER BY kind');

/** Those of a partition that were left with something to do, or are parked; `entry` is their last, as JSON. The words are those of the index. */
export const unfinishedActors = (db: Db, partition: number): { kind: string; id: string; entry: string; parked: string | null }[] =>
  all(db, 'SELECT kind, id, entry, parked FROM actors WHERE partition = $partition AND (busy = 1 OR parked IS NOT NULL)', { partition });

export type TurnRow = { kind: string; id: string; index: number; seq: number; atMs: number; event: string; by: string | null; state: string };

/** Newest first; `before` is the index of the last one seen. */
export function listTurns(db: Db, ask: { kind: string; id: string; before?: number | undefined; limit: number }): TurnRow[] {
  const rule = where(['kind = $kind', 'id = $id', ask.before !== undefined && 'idx < $before']);
  return all(db, `SELECT * FROM turns WHERE ${rule} ORDER BY idx DESC LIMIT $limit`, { ...used(rule, ask), limit: ask.limit }).map(toTurn);
}

/** The latest turns of what moved last; not of monitors, which turn all day, nor the kernel's own bookkeeping. */
export function recentTurns(db: Db, limit: number): TurnRow[] {
  const actors = all<{ kind: string; id: string }>(db, `SELECT kind, id FROM actors WHERE kind <> 'monitor' ORDER BY at_ms DESC LIMIT $limit`, { limit });
  return actors
    .flatMap((a) => all(db, `SELECT * FROM turns WHERE kind = $kind AND id = $id AND event <> '~settle' ORDER BY idx DESC LIMIT 5`, a).map(toTurn))
    .sort((a, b) => b.atMs - a.atMs || b.seq - a.seq)
    .slice(0, limit);
}

const toActor = (r: Record<string, any>): ActorRow => ({ kind: r.kind, id: r.id, version: r.version, index: r.idx, atMs: r.at_ms, status: r.status, state: r.state, dueMs: r.due_ms, parked: r.parked, createdMs: r.created_ms });
const toTurn = (r: Record<string, any>): TurnRow => ({ kind: r.kind, id: r.id, index: r.idx, seq: r.seq, atMs: r.at_ms, event: r.event, by: r.by, state: r.state });
