import { JOURNAL_AGE_MS } from '../../transport/streams.ts';
import type { Db } from '../read-model/store.ts';
import type { Engine } from './engine.ts';

/** Milliseconds. `age` is how long the journal keeps an entry, `every` how often is looked. */
export type CheckpointTimes = { age: number; every: number };

type Row = { kind: string; id: string; parked: string | null };

const USUAL: CheckpointTimes = { age: JOURNAL_AGE_MS, every: 3_600_000 };
const SHARE = 0.8;
/** At once at the most: the rest waits for the next look, long before it ages out. */
const MOST = 5_000;

/** The journal forgets by age: an actor that is still alive is appended once more, unchanged, when 80 % of its last entry's time are over. */
export class Checkpoints {
  private readonly timer: NodeJS.Timeout;
  private readonly rows;
  private readonly engine: Engine;
  private readonly age: number;
  private readonly log: (message: string) => void;

  constructor(db: Db, engine: Engine, log: (message: string) => void, times: CheckpointTimes = USUAL) {
    this.engine = engine;
    this.age = times.age;
    this.log = log;
    this.rows = db.prepare("SELECT kind, id, parked FROM actors WHERE status = 'active' AND at_ms < ? ORDER BY at_ms LIMIT ?");
    this.timer = setInterval(() => this.look(), times.every);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    for (const { kind, id, parked } of this.rows.all(Date.now() - this.age * SHARE, MOST) as Row[]) {
      const actor = `${kind}/${id}`;
      if (!this.engine.host.owns(actor)) continue;
      if (parked === null) this.engine.host.checkpoint(actor);
      else this.log(`${actor} is parked and its journal is about to age out: retry or skip what it waits for (${parked})`);
    }
  }
}
