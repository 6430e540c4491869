import type { Db } from '../read-model/store.ts';
import type { Engine } from './engine.ts';
import type { Liveness } from './liveness.ts';

const EVERY = 1_000;
const LOOK_EVERY = 5_000;

type Held = { id: string; epoch: number; busy: number };

/** Empties workers that drain, and shows each scaler its group. */
export class FleetWatch {
  private readonly db: Db;
  private readonly engine: Engine;
  private readonly liveness: Liveness;
  private readonly timer: NodeJS.Timeout;
  private readonly draining;
  private readonly held;
  private readonly scalers;
  private readonly trusted;
  private readonly workers;
  private running = false;
  private lookAt = 0;

  constructor(db: Db, engine: Engine, liveness: Liveness) {
    this.db = db;
    this.engine = engine;
    this.liveness = liveness;
    this.draining = db.prepare("SELECT r.worker_id AS id, w.incarnation FROM worker_runtime r LEFT JOIN workers w ON w.id = r.worker_id WHERE r.status = 'draining'");
    // What is being sent or logged in may finish first; a round of reading is simply asked for again elsewhere.
    this.held = db.prepare(`SELECT a.id, a.lease_epoch AS epoch, a.login_status = 'logging_in' OR EXISTS (SELECT 1 FROM replies r WHERE r.account_id = a.id AND r.status IN ('claimed', 'submitting', 'confirming')) AS busy
      FROM accounts a WHERE a.assigned_worker_id = ? AND a.lease_state = 'held'`);
    // Those that waited for a person to accept their machine's key, which is accepted now.
    this.trusted = db.prepare(`SELECT c.worker_id AS id, json_extract(m.pinned, '$.fingerprint') AS fingerprint FROM worker_configs c JOIN worker_runtime r ON r.worker_id = c.worker_id
      JOIN machines m ON m.host = c.ssh_host AND m.port = c.ssh_port AND m.trust = 'trusted' WHERE c.deployment_type = 'remote' AND r.status = 'error' AND r.last_error LIKE '%host key%'`);
    this.scalers = db.prepare("SELECT group_name AS id FROM scalers WHERE status = 'watching'");
    this.workers = db.prepare(`SELECT w.id, r.status AS phase, w.status AS link, w.incarnation, w.groups, w.labels, (SELECT count(*) FROM accounts a WHERE a.assigned_worker_id = w.id) AS accounts
      FROM workers w JOIN worker_runtime r ON r.worker_id = w.id`);
    this.timer = setInterval(() => void this.pass(), EVERY);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async pass(): Promise<void> {
    if (this.running || !this.db.open) return;
    this.running = true;
    try {
      for (const w of this.draining.all() as { id: string; incarnation: string | null }[]) if (this.engine.host.owns(`worker/${w.id}`)) await this.drain(w);
      for (const w of this.trusted.all() as { id: string; fingerprint: string }[]) if (this.engine.host.owns(`worker/${w.id}`)) await this.engine.send({ kind: 'worker', id: w.id }, { type: 'RETRY_NOW' }, `trusted:${w.id}:${w.fingerprint}`, 'machine');
      if (performance.now() >= this.lookAt) {
        this.lookAt = performance.now() + LOOK_EVERY;
        for (const { id } of this.scalers.all() as { id: string }[]) if (this.engine.host.owns(`scaler/${id}`)) this.look(id);
      }
    } catch {
      // The next pass sees the same.
    } finally {
      this.running = false;
    }
  }

  private async drain({ id, incarnation }: { id: string; incarnation: string | null }): Promise<void> {
    const held = this.held.all(id) as Held[];
    for (const a of held) {
      if (a.busy) continue;
      await this.engine.send({ kind: 'account', id: a.id }, { type: 'MOVE', epoch: a.epoch, to: null, reason: `${id} drains` }, `drain:${a.id}:${a.epoch}`, 'drain').catch(() => {});
    }
    const carried = this.liveness.list().find((w) => w.worker === id)?.accounts.length ?? 0;
    if (held.length === 0 && carried === 0) await this.engine.send({ kind: 'worker', id }, { type: 'DRAINED' }, `drained:${id}:${incarnation}`, 'drain').catch(() => {});
  }

  private look(group: string): void {
    const busy = new Map(this.liveness.beats().map((b) => [b.worker, b.busy.crawl + b.busy.reply + b.busy.login]));
    const rows = (this.workers.all() as { id: string; phase: string; link: string; groups: string; labels: string; accounts: number }[]).filter((w) => (JSON.parse(w.groups) as string[]).includes(group));
    const workers = rows.map((w) => ({ id: w.id, phase: w.phase, link: w.link, accounts: w.accounts, busy: busy.get(w.id) ?? 0, ours: (JSON.parse(w.labels) as Record<string, string>)['scaler'] === group }));
    const wanted = group === 'default' ? "COALESCE(group_name, 'default') = 'default'" : 'group_name = ?';
    const args = group === 'default' ? [] : [group];
    const accounts = this.db.prepare(`SELECT count(*) FROM accounts WHERE ${wanted}`).pluck().get(...args) as number;
    const work = (this.db.prepare(`SELECT count(*) FROM replies WHERE status IN ('queued', 'claimed') AND account_id IN (SELECT id FROM accounts WHERE ${wanted})`).pluck().get(...args) as number) + workers.reduce((sum, w) => sum + w.busy, 0);
    this.engine.host.put(`scaler/${group}`, { is: 'event', event: { type: 'LOOK', seen: { workers, accounts, work } }, cause: { id: `look:${group}:${Date.now()}` } }, () => {});
  }
}
