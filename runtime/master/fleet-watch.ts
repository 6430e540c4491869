import { CORDON } from '../read-model/queries/cordons.ts';
import type { Db } from '../read-model/store.ts';
import { planCorrections } from './assignment.ts';
import type { Engine } from './engine.ts';
import type { Liveness } from './liveness.ts';

const EVERY = 1_000;
const LOOK_EVERY = 5_000;

// What is being sent or logged in may finish where it is.
const BUSY = "(a.login_status = 'logging_in' OR EXISTS (SELECT 1 FROM replies r WHERE r.account_id = a.id AND r.status IN ('claimed', 'submitting', 'confirming')))";

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
  private readonly candidates;
  private settled = '';
  private readonly placed;
  private readonly workers;
  private running = false;
  private lookAt = 0;

  constructor(db: Db, engine: Engine, liveness: Liveness) {
    this.db = db;
    this.engine = engine;
    this.liveness = liveness;
    this.draining = db.prepare("SELECT r.worker_id AS id, w.incarnation FROM worker_runtime r LEFT JOIN workers w ON w.id = r.worker_id WHERE r.status = 'draining'");
    // What is being sent or logged in may finish first; a round of reading is simply asked for again elsewhere.
    this.held = db.prepare(`SELECT a.id, a.lease_epoch AS epoch, ${BUSY} AS busy
      FROM accounts a WHERE a.assigned_worker_id = ? AND a.lease_state = 'held'`);
    // Those that waited for a person to accept their machine's key, which is accepted now.
    this.trusted = db.prepare(`SELECT c.worker_id AS id, json_extract(m.pinned, '$.fingerprint') AS fingerprint FROM worker_configs c JOIN worker_runtime r ON r.worker_id = c.worker_id
      JOIN machines m ON m.host = c.ssh_host AND m.port = c.ssh_port AND m.trust = 'trusted' WHERE c.deployment_type = 'remote' AND m.cordoned = 0 AND r.status = 'error' AND r.last_error LIKE '%host key%'`);
    this.candidates = db.prepare(`SELECT w.id, w.capabilities, w.groups, w.max_accounts, ${CORDON} AS cordoned, (SELECT count(*) FROM accounts a WHERE a.assigned_worker_id = w.id) AS held FROM workers w JOIN worker_runtime r ON r.worker_id = w.id JOIN worker_configs c ON c.worker_id = w.id WHERE w.status = 'connected' AND r.status = 'running'`);
    this.placed = db.prepare(`SELECT a.id AS account, a.platform, a.group_name AS "group", a.pinned_worker_id IS NOT NULL AS pinned, a.assigned_worker_id AS worker, a.lease_epoch AS epoch, ${BUSY} AS busy FROM accounts a WHERE a.lease_state = 'held'`);
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
        await this.correct();
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

  /** Keeps max_accounts and groups where a changed configuration broke them. */
  private async correct(): Promise<void> {
    const beats = new Map(this.liveness.beats().map((b) => [b.worker, b]));
    const candidates = (this.candidates.all() as { id: string; capabilities: string; groups: string; max_accounts: number; held: number; cordoned: string | null }[])
      .filter((w) => this.liveness.state(w.id) === 'connected')
      .map((w) => ({ id: w.id, capabilities: JSON.parse(w.capabilities) as string[], groups: JSON.parse(w.groups) as string[], held: w.held, maxAccounts: w.max_accounts, cpu: beats.get(w.id)?.cpuRatio ?? 0, overMemory: false, cordoned: w.cordoned, lastGiven: 0 }));
    // Every account is looked at only after a worker came, went or changed, or while one has too many.
    const now = JSON.stringify(candidates.map((c) => [c.id, c.groups, c.maxAccounts, c.cordoned]));
    if (now === this.settled && candidates.every((c) => c.held <= c.maxAccounts)) return;
    const placed = (this.placed.all() as { account: string; platform: string; group: string | null; pinned: number; worker: string; epoch: number; busy: number }[]).filter((p) => !p.busy).map((p) => ({ ...p, pinned: p.pinned === 1 }));
    const moves = planCorrections(candidates, placed);
    this.settled = moves.length === 0 ? now : '';
    for (const m of moves) {
      if (this.engine.host.owns(`account/${m.account}`)) await this.engine.send({ kind: 'account', id: m.account }, { type: 'MOVE', epoch: m.epoch, to: m.to, reason: m.why }, `correct:${m.account}:${m.epoch}`, 'fleet').catch(() => {});
    }
  }

  private look(group: string): void {
    const busy = new Map(this.liveness.beats().map((b) => [b.worker, b.busy.crawl + b.busy.reply + b.busy.login]));
    const rows = (this.workers.all() as { id: string; phase: string; link: string; groups: string; labels: string; accounts: number }[]).filter((w) => (JSON.parse(w.groups) as string[]).includes(group));
    const workers = rows.map((w) => ({ id: w.id, phase: w.phase, link: w.link, accounts: w.accounts, busy: busy.get(w.id) ?? 0, ours: (JSON.parse(w.labels) as Record<string, string>)['scaler'] === group }));
    const wanted = group === 'default' ? "COALESCE(group_name, 'default') = 'default'" : 'group_name = ?';
    const args = group === 'default' ? [] : [group];
    const accounts = this.db.prepare(`SELECT count(*) FROM accounts WHERE archived = 0 AND ${wanted}`).pluck().get(...args) as number;
    const work = (this.db.prepare(`SELECT count(*) FROM replies WHERE status IN ('queued', 'claimed') AND account_id IN (SELECT id FROM accounts WHERE ${wanted})`).pluck().get(...args) as number) + workers.reduce((sum, w) => sum + w.busy, 0);
    this.engine.host.put(`scaler/${group}`, { is: 'event', event: { type: 'LOOK', seen: { workers, accounts, work } }, cause: { id: `look:${group}:${Date.now()}` } }, () => {});
  }
}
