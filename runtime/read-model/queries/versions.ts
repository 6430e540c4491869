import type { WorkerConfig } from '../../../machines/worker.ts';
import { all, json, type Db } from './read-model.ts';

/** One version of a worker's configuration; `by` is who made it. */
export type VersionRow = { version: number; config: Partial<WorkerConfig>; by: string | null; atMs: number };

/** Newest first. */
export const listVersions = (db: Db, worker: string, limit: number): VersionRow[] =>
  all<{ version: number; config: string; by: string | null; at_ms: number }>(db, 'SELECT version, config, by, at_ms FROM worker_config_versions WHERE worker_id = $worker ORDER BY version DESC LIMIT $limit', { worker, limit })
    .map((r) => ({ version: r.version, config: json<Partial<WorkerConfig>>(r.config, {}), by: r.by, atMs: r.at_ms }));

/** Those of some versions alone, by number. */
export const versionsBetween = (db: Db, worker: string, from: number, to: number): VersionRow[] => listVersions(db, worker, 1000).filter((v) => v.version >= from && v.version <= to);
