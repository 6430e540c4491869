import { z } from 'zod';
import { ruleConfig, rulePatch } from '../../../actors/rule.ts';
import { findRule, listRuleLog, listRules, type RuleLogRow, type RuleRow } from '../../read-model/queries/rules.ts';
import { checked, readJson } from '../body.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import type { Route } from '../routes.ts';
import { checkRule, tryRules } from '../talks/rule-service.ts';
import { id, pathId, readQuery } from './query.ts';
import { answer, mount, readBody } from './respond.ts';

const TAG = 'rules';
const creating = ruleConfig.safeExtend({ id: id.optional() });
const trying = z.strictObject({ text: z.string().min(1, 'must not be empty').max(2000, 'must be 2000 characters at most'), account_id: id.optional(), type: z.enum(['comment', 'message']).optional(), nickname: z.string().max(100).optional() });
const number = (most: number) => z.string().refine((v) => /^\d{1,15}$/.test(v), 'must be a whole number').transform((v) => Math.min(Number(v), most));
const logQuery = z.object({ before: number(Number.MAX_SAFE_INTEGER).optional(), limit: number(200).default(50) });

/** Rules that answer by themselves. Their fields are camelCase on both paths, as those of schedules are. */
export const ruleApi = (): Route[] => [
  ...mount('get', '/rules', 'read', { tag: TAG, summary: 'Rules, in the order in which they are asked', answer: '{success, rules}' }, (call) => answer(call, { success: true, rules: listRules(call.d.db).map(row) })),
  ...mount('post', '/rules', 'operate', { tag: TAG, summary: 'Make a rule. It is on a dry run until it is switched on: `match` is {words, all} or {pattern} in RE2, `answer` is {canned} or {text}', body: creating, answer: '{success, rule}', status: 201 }, async (call) => {
    const { id: given, ...config } = checked(creating, await readJson(call.c));
    await checkRule(call, config);
    const name = given ?? freshId('q');
    const done = await call.command({ kind: 'rule', id: name }, 'create', config);
    return answer(call, { success: true, rule: { id: name, status: done.state, ...config } }, 201, { Location: `/api/v1/rules/${name}` });
  }),
  ...mount('post', '/rules/try', 'read', { tag: TAG, summary: 'Which rules a text would meet, and what each would say; nothing is sent', body: trying, answer: '{success, matches}' }, async (call) => {
    const ask = await readBody(call, trying);
    return answer(call, { success: true, matches: await tryRules(call, { text: ask.text, account: ask.account_id, type: ask.type, nickname: ask.nickname }) });
  }),
  ...mount('get', '/rules/:id', 'read', { tag: TAG, summary: 'One rule', answer: '{success, rule}' }, (call) => answer(call, { success: true, rule: row(one(call)) })),
  ...(['patch', 'put'] as const).flatMap((method) => mount(method, '/rules/:id', 'operate', { tag: TAG, summary: 'Change a rule; fields that are not given stay', body: rulePatch, answer: '{success, rule}' }, async (call) => {
    const r = one(call);
    const patch = checked(rulePatch, await readJson(call.c));
    await checkRule(call, patch);
    const done = await call.command({ kind: 'rule', id: r.id }, 'update', patch);
    return answer(call, { success: true, rule: { ...row(r), ...patch, status: done.state } });
  })),
  ...(['live', 'dry-run', 'off'] as const).flatMap((verb) => mount('post', `/rules/:id/${verb}`, 'operate', { tag: TAG, summary: verb === 'live' ? 'Let it answer' : verb === 'off' ? 'Switch it off' : 'Let it only say what it would do', answer: '{success, status}' }, async (call) => {
    const done = await call.command({ kind: 'rule', id: one(call).id }, verb);
    return answer(call, { success: true, status: done.state });
  })),
  ...mount('get', '/rules/:id/log', 'read', { tag: TAG, summary: 'What it did, the newest first; `before` takes the id of the last one seen', query: logQuery, answer: '{success, log}' }, (call) => {
    const q = readQuery(call, logQuery);
    return answer(call, { success: true, log: listRuleLog(call.d.db, { rule: one(call).id, before: q.before, limit: q.limit }).map(logRow) });
  }),
  ...mount('delete', '/rules/:id', 'operate', { tag: TAG, summary: 'Remove a rule and its log; the replies that it wrote stay', answer: '{success}' }, async (call) => {
    await call.command({ kind: 'rule', id: one(call).id }, 'remove');
    return answer(call, { success: true });
  }),
];

const one = (call: Call): RuleRow => found(findRule(call.d.db, pathId(call)), `rule ${call.param('id')}`);
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const row = (r: RuleRow): Record<string, unknown> => ({ id: r.id, status: r.status, ...r.config, matched: r.matched, answered: r.answered, last_at: iso(r.lastMs), created_by: r.createdBy, created_at: iso(r.createdMs), updated_at: iso(r.updatedMs) });
const logRow = (l: RuleLogRow): Record<string, unknown> => ({ id: l.id, at: iso(l.atMs), account_id: l.account, type: l.type, target_id: l.target, conversation_id: l.conversation, author_name: l.name, text: l.text, outcome: l.outcome, why: l.why, answer: l.answer, reply_id: l.reply });
