import type { RuleConfig } from '../../../machines/rule.ts';
import { all, json, one, where, type Db } from './read-model.ts';

export type RuleRow = { id: string; status: 'dry_run' | 'live' | 'off'; config: RuleConfig; matched: number; answered: number; lastMs: number | null; createdBy: string; createdMs: number; updatedMs: number };
export type RuleLogRow = { id: number; ruleId: string; ruleName: string; atMs: number; account: string; accountName: string; type: 'comment' | 'message'; target: string; conversation: string; name: string; text: string; answer: string | null; reply: string | null; outcome: string; why: string | null };

const toRule = (r: Record<string, any>): RuleRow => ({ id: r.id, status: r.status, config: json(r.config, {} as RuleConfig), matched: r.matched, answered: r.answered, lastMs: r.last_ms, createdBy: r.created_by, createdMs: r.created_ms, updatedMs: r.updated_ms });

/** In the order in which they are asked. */
export const listRules = (db: Db): RuleRow[] => all(db, 'SELECT * FROM rules ORDER BY position, id').map(toRule);

export const findRule = (db: Db, id: string): RuleRow | null => {
  const row = one(db, 'SELECT * FROM rules WHERE id = $id', { id });
  return row && toRule(row);
};

/** What rules did, the newest first; `before` is the id of the last one seen. */
export function listRuleLog(db: Db, ask: { rule?: string | undefined; before?: number | undefined; limit: number }): RuleLogRow[] {
  const rule = where([ask.rule !== undefined && 'l.rule_id = $rule', 'l.id < $before']);
  const params = { ...(ask.rule === undefined ? {} : { rule: ask.rule }), before: ask.before ?? Number.MAX_SAFE_INTEGER, limit: ask.limit };
  return all(db, `SELECT l.*, r.name rule_name, a.account_name FROM rule_log l LEFT JOIN rules r ON r.id = l.rule_id LEFT JOIN accounts a ON a.id = l.account_id WHERE ${rule} ORDER BY l.id DESC LIMIT $limit`, params).map((r: Record<string, any>) => ({
    id: r.id, ruleId: r.rule_id, ruleName: r.rule_name ?? r.rule_id, atMs: r.at_ms, account: r.account_id, accountName: r.account_name ?? r.account_id, type: r.type, target: r.target_id, conversation: r.conversation_id, name: r.peer_name, text: r.text, answer: r.answer, reply: r.reply_id, outcome: r.outcome, why: r.why,
  }));
}
