import Database from 'better-sqlite3';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { SCHEMA, SCHEMA_VERSION } from './schema.ts';

export type Db = Database.Database;

/** Opens the view for its one writer. One of another version, or one that can't be read, is dropped: it is built anew from JetStream. */
export function openForWriting(file: string): { db: Db; rebuilt: boolean } {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const existed = existsSync(file);
  try {
    const db = prepare(new Database(file));
    const version = db.pragma('user_version', { simple: true });
    if (version === SCHEMA_VERSION || version === 0) {
      db.exec(SCHEMA);
      db.pragma(`user_version = ${SCHEMA_VERSION}`);
      return { db, rebuilt: false };
    }
    db.close();
  } catch (error) {
    if (!existed || /SQLITE_(BUSY|CANTOPEN|READONLY|FULL|PERM)/.test(String((error as { code?: string }).code))) throw error;
  }
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  const db = prepare(new Database(file));
  db.exec(SCHEMA);
  db.pragma(`user_version = ${SCHEMA_VERSION}`);
  return { db, rebuilt: true };
}

/** Opens the view for reading beside its writer. */
export function openForReading(file: string): Db {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: 100 });
  db.pragma('query_only = 1');
  return db;
}

function prepare(db: Db): Db {
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.pragma('busy_timeout = 2000');
  db.pragma('wal_autocheckpoint = 2000');
  // A row that another takes the place of has gone, for the triggers too.
  db.pragma('recursive_triggers = ON');
  return db;
}
