import Database from 'better-sqlite3';

export type Db = Database.Database;
type Row = Record<string, unknown>;

const statements = new WeakMap<Db, Map<string, Database.Statement>>();

/** Opens the view for reading; writing through it throws. */
export function openReadModel(file: string): Db {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: 2000 });
  db.pragma('query_only = on');
  db.pragma('mmap_size = 268435456');
  return db;
}

function statement(db: Db, sql: string): Database.Statement {
  let known = statements.get(db);
  if (!known) statements.set(db, (known = new Map()));
  let found = known.get(sql);
  if (!found) known.set(sql, (found = db.prepare(sql)));
  return found;
}

/** All rows; `sql` is one of a few fixed texts, values only ever come in `params`. */
export const all = <T = Row>(db: Db, sql: string, params: Row = {}): T[] => statement(db, sql).all(params) as T[];
export const one = <T = Row>(db: Db, sql: string, params: Row = {}): T | null => (statement(db, sql).get(params) as T | undefined) ?? null;
export const count = (db: Db, sql: string, params: Row = {}): number => Number((statement(db, sql).get(params) as { n: number }).n);

/** A column of JSON; the fallback stands for anything that does not parse. */
export function json<T>(text: unknown, fallback: T): T {
  if (typeof text !== 'string') return fallback;
  try {
    return (JSON.parse(text) as T) ?? fallback;
  } catch {
    return fallback;
  }
}

/** `a AND b`, or true when nothing is asked. */
export const where = (parts: (string | false | null | undefined)[]): string => {
  const asked = parts.filter(Boolean);
  return asked.length > 0 ? asked.join(' AND ') : '1';
};

/** The newest journal message that the view holds. */
export const journalSeen = (db: Db): number => one<{ seq: number }>(db, `SELECT seq FROM position WHERE stream = 'TROUPE_JOURNAL'`)?.seq ?? Number.MAX_SAFE_INTEGER;
