import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';

export type FileLock = { release(): void };

/** A lock that the kernel drops with its process, however that ends. Null while another process (or this one) holds it. */
export function takeLock(file: string): FileLock | null {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // SQLite takes fcntl locks: the only ones that Node reaches without a native package more.
  const db = new Database(file, { timeout: 0 });
  try {
    db.pragma('locking_mode = EXCLUSIVE');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return null;
    throw error;
  }
  return { release: () => void db.close() };
}

/** Waits for the lock; null after `timeoutMs`. */
export async function waitForLock(file: string, timeoutMs: number): Promise<FileLock | null> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const lock = takeLock(file);
    if (lock !== null || performance.now() > end) return lock;
    await delay(20);
  }
}
