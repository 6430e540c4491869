import type { Config } from '../config.ts';
import { reloadServer } from '../nats-server/admit-worker.ts';
import { dropUsers, knownWorkers } from '../nats-server/users.ts';
import type { Db } from '../read-model/store.ts';
import type { Secrets } from '../secrets.ts';

const EVERY_MS = 60_000;
/** One that joins has a user a moment before it is a worker. */
const UNKNOWN_FOR_MS = 600_000;
const SILENT_FOR_S = 7 * 86_400;

type Row = { id: string; status: string; phase: string; self: number; stopped_at: number | null; updated_at: number };

/** Takes NATS users away that nobody needs: of workers that were removed, and of those that joined by themselves and have been gone for a week. They may join again. */
export class UserSweep {
  private readonly unknown = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;
  private readonly config: Config;
  private readonly secrets: Secrets;
  private readonly workers;

  constructor(config: Config, secrets: Secrets, db: Db, log: (message: string) => void) {
    this.config = config;
    this.secrets = secrets;
    // What nobody can start from here joined by itself.
    this.workers = db.prepare(`SELECT w.id, w.status, COALESCE(r.status, 'stopped') AS phase, c.deployment_type = 'remote' AND c.ssh_host IS NULL AS self, r.stopped_at, w.updated_at FROM workers w JOIN worker_configs c ON c.worker_id = w.id LEFT JOIN worker_runtime r ON r.worker_id = w.id`);
    this.timer = setInterval(() => {
      try {
        const gone = this.pass(Date.now());
        if (gone.length > 0) log(`${gone.join(', ')}: gone for long or removed, so no NATS user any more; each may join again`);
      } catch (error) {
        log(`NATS users could not be looked through: ${(error as Error).message}`);
      }
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Those whose user went now. */
  pass(now: number): string[] {
    const rows = new Map((this.workers.all() as Row[]).map((r) => [r.id, r]));
    const known = knownWorkers(this.config);
    for (const id of this.unknown.keys()) if (rows.has(id) || !known.includes(id)) this.unknown.delete(id);
    const gone = known.filter((id) => {
      const row = rows.get(id);
      if (row) return row.self === 1 && row.phase === 'stopped' && row.status !== 'connected' && row.status !== 'suspect' && now / 1000 - Math.max(row.stopped_at ?? 0, row.updated_at) > SILENT_FOR_S;
      const since = this.unknown.get(id) ?? now;
      this.unknown.set(id, since);
      return now - since >= UNKNOWN_FOR_MS;
    });
    if (gone.length > 0 && dropUsers(this.config, this.secrets, new Set(gone))) reloadServer(this.config);
    return gone;
  }
}
