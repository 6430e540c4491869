import type { ErasureContext } from '../../machines/erasure.ts';
import type { Project } from './project.ts';
import type { Db } from './store.ts';

/** Deletions of what people wrote, without who they are. */
export function projectErasures(db: Db): Record<'erasure', Project> {
  const row = db.prepare('INSERT OR REPLACE INTO erasures (id, platform, status, erased, error, attempt, next_ms, by, created_ms, done_ms) VALUES (@id, @platform, @status, @erased, @error, @attempt, @next, @by, @created, @done)');
  return {
    erasure(id, entry, state) {
      const c = (entry.after as { context: ErasureContext }).context;
      row.run({ id, platform: c.platform, status: state, erased: c.erased && JSON.stringify(c.erased), error: state === 'waiting' ? c.error : null, attempt: c.attempt, next: state === 'waiting' ? c.retryAt : null, by: c.by, created: c.createdAt, done: c.doneAt });
    },
  };
}
