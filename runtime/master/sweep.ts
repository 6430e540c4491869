import type { Db } from '../read-model/store.ts';
import type { Engine } from './engine.ts';
import type { Liveness } from './liveness.ts';

type Row = { id: string; worker: string | null; epoch: number; incarnation: string | null; state: string; link: string | null; now: string | null; status: string | null; cause: string | null };

const EVERY = 500;

/** Looks at every lease twice a second: one whose worker process is gone is taken back, one that is being given back is freed. A worker that fell silent while its actor changed hands is told of again. */
export class LeaseSweep {
  private readonly timer: NodeJS.Timeout;
  private readonly rows;
  private readonly linked;
  private readonly engine: Engine;
  private readonly liveness: Liveness;
  private running = false;

  constructor(db: Db, engine: Engine, liveness: Liveness) {
    this.engine = engine;
    this.liveness = liveness;
    this.rows = db.prepare(`SELECT a.id, a.assigned_worker_id AS worker, a.lease_epoch AS epoch, a.lease_incarnation AS incarnation, a.lease_state AS state, w.status AS link, w.incarnation AS now, r.status AS status, r.cause AS cause
      FROM accounts a LEFT JOIN workers w ON w.id = a.assigned_worker_id LEFT JOIN worker_runtime r ON r.worker_id = a.assigned_worker_id WHERE a.lease_state IN ('held', 'releasing')`);
    this.linked = db.prepare("SELECT id, incarnation FROM workers WHERE status IN ('connected', 'suspect')");
    this.timer = setInterval(() => void this.look(), EVERY);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (const { id, incarnation } of this.linked.all() as { id: string; incarnation: string | null }[]) {
        if (!this.engine.host.owns(`worker/${id}`) || this.liveness.state(id) !== 'offline' || this.liveness.incarnation(id) !== incarnation) continue;
        await this.engine.send({ kind: 'worker', id }, { type: 'OFFLINE' }, `offline:${id}:${incarnation}`, 'sweep').catch(() => {});
      }
      for (const row of this.rows.all() as Row[]) {
        if (!this.engine.host.owns(`account/${row.id}`)) continue;
        const why = row.state === 'held' ? lost(row) : null;
        if (why) await this.engine.send({ kind: 'account', id: row.id }, { type: 'WORKER_LOST', epoch: row.epoch, reason: why }, `lost:${row.id}:${row.epoch}`, 'sweep').catch(() => {});
        if (row.state === 'releasing' && this.released(row)) await this.engine.send({ kind: 'account', id: row.id }, { type: 'RELEASED', epoch: row.epoch }, `released:${row.id}:${row.epoch}`, 'sweep').catch(() => {});
      }
    } finally {
      this.running = false;
    }
  }

  /** No living worker says that it still holds this account. */
  private released(row: Row): boolean {
    return this.liveness.list().every((w) => !w.accounts.some((a) => a.account === row.id && a.epoch <= row.epoch));
  }
}

/** Proof that the process which held the lease can't act any more. */
function lost(row: Row): string | null {
  if (row.link === null) return `${row.worker} was removed`;
  if (row.link === 'offline') return `${row.worker} is offline`;
  if (row.link === 'disconnected') return /silent/.test(row.cause ?? '') ? `${row.worker} is offline` : `${row.worker} has ended`;
  if (row.now !== row.incarnation) return `${row.worker} was started anew`;
  return null;
}
