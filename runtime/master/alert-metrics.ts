import { statfs } from 'node:fs/promises';
import type { MetricName } from '../../actors/alert.ts';
import type { Breach } from '../../machines/alert.ts';
import { GIVEN_OUT } from '../read-model/queries/given-out.ts';
import type { Db } from '../read-model/store.ts';
import type { Liveness } from './liveness.ts';

const WINDOW_MS = 300_000;
/** Of fewer tasks no share is told. */
const ENOUGH = 10;
/** Of the newest so many: turns wait while these are read. */
const NEWEST = 2_000;

export type AlertSources = { db: Db; liveness: Liveness; dataDir: string; now(): number; storageRefused(): boolean; machines(): { machine: string; diskFreeBytes: number; diskTotalBytes: number }[] };
type Reader = () => Breach[] | Promise<Breach[]>;

/** Every metric as the view, the heartbeats and this machine have it now. */
export function alertMetrics({ db, liveness, dataDir, now, storageRefused, machines }: AlertSources): Record<MetricName, Reader> {
  const one = (value: number | null | undefined): Breach[] => (value == null ? [] : [{ subject: '-', value }]);
  const each = (rows: unknown[]): Breach[] => (rows as { subject: string; value: number }[]).map((r) => ({ subject: r.subject, value: r.value }));
  const sql = (text: string) => db.prepare(text);
  const down = sql("SELECT w.id subject, CASE WHEN r.status IN ('error', 'crashed') OR (r.status IN ('running', 'starting', 'draining') AND w.status = 'offline') THEN 1 ELSE 0 END value FROM workers w JOIN worker_runtime r ON r.worker_id = w.id");
  const limits = sql('SELECT worker_id id, cpu_cores cores, max_memory_mb mb FROM worker_configs');
  const pending = sql("SELECT COALESCE(SUM(n), 0) FROM task_states WHERE status IN ('pending', 'retrying')").pluck();
  const oldest = sql("SELECT created_ms FROM tasks WHERE status = 'pending' ORDER BY seq LIMIT 1").pluck();
  const ended = sql(`SELECT COUNT(*) n, SUM(status IN ('failed', 'timed_out')) failed FROM (SELECT status FROM tasks WHERE finished_ms > ? AND status <> 'cancelled' ORDER BY finished_ms DESC LIMIT ${NEWEST})`);
  const waits = sql(`SELECT wait FROM (SELECT assigned_ms - created_ms AS wait FROM tasks WHERE assigned_ms > ? AND ${GIVEN_OUT} ORDER BY assigned_ms DESC LIMIT ${NEWEST}) ORDER BY 1`).pluck();
  const agents = sql("SELECT COUNT(*) FROM agents WHERE status = 'error'").pluck();
  const out = sql("SELECT id subject, CASE WHEN login_status IN ('expired', 'login_failed') THEN 1 ELSE 0 END value FROM accounts WHERE archived = 0");
  const replies = sql("SELECT COUNT(*) FROM replies WHERE status = 'needs_human'").pluck();
  const parked = sql('SELECT COUNT(*) FROM actors WHERE parked IS NOT NULL').pluck();
  const perWorker = (value: (beat: { cpuRatio: number; rssBytes: number }, limit: { cores: number; mb: number }) => number): Breach[] => {
    const of = new Map((limits.all() as { id: string; cores: number; mb: number }[]).map((l) => [l.id, l]));
    return liveness.beats().flatMap((b) => (of.has(b.worker) && b.seq >= 0 ? [{ subject: b.worker, value: value(b, of.get(b.worker)!) }] : []));
  };
  return {
    worker_down: () => each(down.all()),
    worker_cpu: () => perWorker((b, l) => b.cpuRatio / l.cores),
    worker_memory: () => perWorker((b, l) => b.rssBytes / 1_048_576 / l.mb),
    tasks_pending: () => one(pending.get() as number),
    oldest_pending: () => {
      const at = oldest.get() as number | undefined;
      return one(at === undefined ? 0 : Math.max(0, now() - at) / 1000);
    },
    task_error_rate: () => {
      const { n, failed } = ended.get(now() - WINDOW_MS) as { n: number; failed: number | null };
      return one(n < ENOUGH ? 0 : (failed ?? 0) / n);
    },
    dispatch_p99: () => {
      const all = waits.all(now() - WINDOW_MS) as number[];
      return one(all.length < ENOUGH ? 0 : all[Math.min(all.length - 1, Math.floor(all.length * 0.99))]! / 1000);
    },
    agents_in_error: () => one(agents.get() as number),
    accounts_out: () => each(out.all()),
    replies_waiting: () => one(replies.get() as number),
    storage_refused: () => one(storageRefused() ? 1 : 0),
    disk_used: async () => {
      const own = await statfs(dataDir).catch(() => null);
      const used = (free: number, total: number) => (total > 0 ? 1 - free / total : 0);
      return [...(own ? [{ subject: 'master', value: used(own.bavail, own.blocks) }] : []), ...machines().map((m) => ({ subject: m.machine, value: used(m.diskFreeBytes, m.diskTotalBytes) }))];
    },
    actors_parked: () => one(parked.get() as number),
  };
}

/** Who is beyond the limit; who was so stays until it is back behind `clear`. */
export function breachesOf(rule: { op: 'above' | 'below'; threshold: number; clear: number | null; only: string | null }, values: Breach[], before: readonly Breach[]): Breach[] {
  const was = new Set(before.map((b) => b.subject));
  const beyond = (value: number, limit: number) => (rule.op === 'above' ? value > limit : value < limit);
  return values.filter((v) => (rule.only === null || v.subject === rule.only) && beyond(v.value, was.has(v.subject) ? (rule.clear ?? rule.threshold) : rule.threshold)).sort((a, b) => a.subject.localeCompare(b.subject)).slice(0, 200);
}
