import Database from 'better-sqlite3';
import { Projection } from '../../runtime/read-model/projection.ts';
import { SCHEMA } from '../../runtime/read-model/schema.ts';
import { STREAM } from '../../transport/subjects.ts';
import { Story } from '../machines/story.ts';

/** A view in memory that has seen nothing. */
export function emptyView(): { db: Database.Database; projection: Projection } {
  const db = new Database(':memory:');
  db.exec(SCHEMA);
  return { db, projection: new Projection(db, 1) };
}

/** Places in the journal, over all lives. */
let seq = 0;

/** A life whose every turn is shown to the view as it is taken. */
export class Shown {
  readonly story: Story;
  private readonly actor: string;
  private readonly projection: Projection;
  private last = 0;
  constructor(projection: Projection, kind: string, input: Record<string, unknown>) {
    this.projection = projection;
    this.actor = `${kind}.${String(input['id'])}`;
    this.story = new Story(kind, input);
    this.show();
  }
  do(step: (s: Story) => void): this {
    step(this.story);
    this.show();
    return this;
  }
  /** Time, one timer at a time: each of its turns is shown. */
  wait(ms: number): this {
    const end = this.story.now + ms;
    for (;;) {
      const due = Object.values(this.story.entry.pending.timers).map((t) => t.due).sort((a, b) => a - b)[0];
      if (due === undefined || due > end) break;
      this.story.wait(due - this.story.now);
      this.show();
    }
    this.story.wait(end - this.story.now);
    return this;
  }
  private show(): void {
    const { entry } = this.story;
    if (entry.index === this.last) return;
    this.last = entry.index;
    this.projection.apply({ stream: STREAM.journal, seq: ++seq, subject: `troupe.journal.${this.actor}`, data: Buffer.from(JSON.stringify(entry)), at: entry.at });
  }
}
