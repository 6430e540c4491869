import Database from 'better-sqlite3';
import { TalkRows } from '../../runtime/read-model/project-talks.ts';
import type { Fixture, Sent } from './fixture.ts';

/** Commands change the view at once, as a master would. */
export function obeys(f: Fixture): void {
  const states: Record<string, string> = { close: 'closed', open: 'open', wait: 'waiting', snooze: 'snoozed' };
  f.answers.next = ({ to, verb, payload }: Sent) => {
    if (to.kind === 'conversation') {
      const db = new Database(f.deps.db.name);
      const p = payload as { to?: string | null; add?: string[]; remove?: string[] };
      if (states[verb]) db.prepare('UPDATE conversations SET acted = 1, state = ? WHERE id = ?').run(states[verb], to.id);
      db.prepare('UPDATE conversations SET acted = 1 WHERE id = ?').run(to.id);
      if (verb === 'assign') db.prepare('UPDATE conversations SET assignee = ? WHERE id = ?').run(p.to, to.id);
      if (verb === 'label') {
        for (const label of p.add!) db.prepare('INSERT OR IGNORE INTO conversation_labels VALUES (?, ?)').run(label, to.id);
        db.prepare(`UPDATE conversations SET labels = COALESCE((SELECT json_group_array(label) FROM conversation_labels WHERE conversation_id = @id), '[]') WHERE id = @id`).run({ id: to.id });
      }
      db.close();
      setTimeout(() => f.deps.live.changed(['conversation', 'inbox']), 20);
    }
    return { ok: true, state: verb === 'create' && to.kind === 'reply' ? ((payload as { sendAt?: number }).sendAt ? 'scheduled' : 'held') : 'open', seq: 1 };
  };
  f.deps.markRead = async (account, what, by) => {
    f.marks.push({ account, what, by });
    const db = new Database(f.deps.db.name);
    new TalkRows(db).read(account, what.comments, what.messages, what.unread !== true);
    db.close();
    setTimeout(() => f.deps.live.changed(['inbox']), 20);
  };
}
