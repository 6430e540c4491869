import type { Db } from '../read-model/store.ts';
import { EffectFailed, type Answers, type HeldEffect, type HeldJob } from './effects.ts';

type Row = { id: string; seq: number; status: string };
const OVER = new Set(['completed', 'failed', 'timed_out', 'cancelled']);
const LOOK_EVERY = 10_000;

/** Holds tasks until those that they run after have completed; one that ends otherwise ends them too. */
export class Depends implements HeldEffect {
  private readonly rows;
  private readonly db: Db;
  private readonly waiting = new Map<string, { job: HeldJob; answers: Answers; since: number }>();
  private readonly by = new Map<string, Set<string>>();
  private readonly timer: NodeJS.Timeout;

  constructor(db: Db) {
    this.db = db;
    this.rows = db.prepare('SELECT id, seq, status FROM tasks WHERE id IN (SELECT value FROM json_each(?))');
    this.timer = setInterval(() => this.look([...this.waiting.keys()]), LOOK_EVERY);
  }

  take(job: HeldJob, answers: Answers): void {
    this.waiting.set(job.token, { job, answers, since: performance.now() });
    for (const id of afterOf(job)) this.by.set(id, (this.by.get(id) ?? new Set()).add(job.token));
    this.look([job.token]);
  }

  drop(token: string): void {
    const found = this.waiting.get(token);
    if (!found) return;
    this.waiting.delete(token);
    for (const id of afterOf(found.job)) {
      const tokens = this.by.get(id);
      tokens?.delete(token);
      if (tokens?.size === 0) this.by.delete(id);
    }
  }

  /** Tasks have changed. */
  changed(topics: readonly string[]): void {
    if (this.by.size === 0) return;
    const tokens = new Set<string>();
    for (const topic of topics) if (topic.startsWith('task/')) for (const token of this.by.get(topic.slice(5)) ?? []) tokens.add(token);
    this.look([...tokens]);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(tokens: string[]): void {
    if (!this.db.open) return;
    for (const token of tokens) {
      const found = this.waiting.get(token);
      if (!found) continue;
      const after = afterOf(found.job);
      const rows = this.rows.all(JSON.stringify(after)) as Row[];
      const bad = rows.find((r) => OVER.has(r.status) && r.status !== 'completed');
      // One that the view no longer knows ended long ago; one that it doesn't know yet will show soon.
      const known = new Set(rows.map((r) => r.id));
      const missing = after.filter((id) => !known.has(id));
      const done = rows.every((r) => r.status === 'completed') && (missing.length === 0 || performance.now() - found.since > LOOK_EVERY);
      if (!bad && !done) continue;
      this.drop(token);
      if (bad) found.answers.failed(found.job, new EffectFailed('dependency', `task ${bad.seq}, after which it was to run, ${bad.status === 'cancelled' ? 'was cancelled' : bad.status === 'timed_out' ? 'timed out' : 'failed'}`));
      else found.answers.done(found.job, null);
    }
  }
}

const afterOf = (job: HeldJob): string[] => (job.input as { after: string[] }).after;
