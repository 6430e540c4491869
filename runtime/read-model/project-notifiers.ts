import type { NotifierContext } from '../../machines/notifier.ts';
import type { Project } from './project.ts';
import type { Db } from './store.ts';

/** Rules by which notifications go out. */
export function projectNotifiers(db: Db): Record<'notifier', Project> {
  const row = db.prepare('INSERT OR REPLACE INTO notifiers (id, name, sink_id, config, status, gathered, next_ms, notices, messages, since_ms, seen, updated_ms) VALUES (@id, @name, @sink, @config, @status, @gathered, @next, @notices, @messages, @since, @seen, @updated)');
  const drop = db.prepare('DELETE FROM notifiers WHERE id = ?');
  return {
    notifier(id, entry, state, status) {
      if (status !== 'active') return void drop.run(id);
      const c = (entry.after as { context: NotifierContext }).context;
      row.run({ id, name: c.config.name, sink: c.config.sink, config: JSON.stringify(c.config), status: state.split('.').at(-1)!, gathered: c.batch.length + c.more, next: c.nextAt, notices: c.counts.notices, messages: c.counts.messages, since: c.since, seen: JSON.stringify(c.seen), updated: entry.at });
    },
  };
}
