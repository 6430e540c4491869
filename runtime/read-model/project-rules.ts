import type { Entry } from '../../actors/entry.ts';
import type { RuleContext } from '../../machines/rule.ts';
import type { TalkRows } from './project-talks.ts';
import type { Project } from './project.ts';
import type { Db } from './store.ts';

/** Rules, and a line of the log for each item that fitted one. */
export function projectRules(db: Db, talks: Pick<TalkRows, 'isErased'>): Project {
  const sql = (text: string) => db.prepare(text);
  const row = sql(`INSERT OR REPLACE INTO rules (id, name, status, position, config, matched, answered, last_ms, created_by, created_ms, updated_ms) VALUES (@id, @name, @status, @position, @config, @matched, @answered, COALESCE(@last, (SELECT last_ms FROM rules WHERE id = @id)), @by, @created, @updated)`);
  const log = sql(`INSERT OR IGNORE INTO rule_log (rule_id, item, at_ms, account_id, type, target_id, conversation_id, person, peer_name, text, answer, reply_id, outcome, why) VALUES (@rule, @item, @at, @account, @type, @target, @conversation, @person, @name, @text, @answer, @reply, @outcome, @why)`);
  const drop = ['rules WHERE id = ?', 'rule_log WHERE rule_id = ?'].map((t) => sql(`DELETE FROM ${t}`));
  return (id, entry: Entry, state, status, newest) => {
    if (status !== 'active') return drop.forEach((d) => d.run(id));
    const c = (entry.after as { context: RuleContext }).context;
    const matched = entry.event.type === 'MATCHED';
    if (matched && c.last && !talks.isErased(c.last.conversation, entry.at)) log.run({ rule: id, at: entry.at, ...c.last });
    if (newest) row.run({ id, name: c.config.name, status: state, position: c.config.order, config: JSON.stringify(c.config), matched: c.counts.matched, answered: c.counts.answered, last: matched ? entry.at : null, by: c.by, created: c.createdAt, updated: c.updatedAt });
  };
}
