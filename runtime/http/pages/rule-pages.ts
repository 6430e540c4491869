import { z } from 'zod';
import { LONGEST_PATTERN, ruleConfig } from '../../../actors/rule.ts';
import type { RuleConfig } from '../../../machines/rule.ts';
import { ruleDialog, rulePage, rulesPage, triedRules, type RuleFormModel, type RuleLine, type RuleLogLine } from '../../../views/rules.ts';
import { findRule, listRuleLog, listRules, type RuleLogRow, type RuleRow } from '../../read-model/queries/rules.ts';
import { VARIABLES } from '../../rules/fill-answer.ts';
import { listCanned } from '../../talks/canned-store.ts';
import { checked, readForm } from '../body.ts';
import { found, type Call } from '../call.ts';
import { freshId } from '../fresh-id.ts';
import { context, done, showPage, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { checkRule, tryRules, wordsOf } from '../talks/rule-service.ts';

const LATELY = 15;
const PAGE = 50;

/** Rules that answer by themselves. */
export const rulePages = (): Route[] => [
  page('get', '/rules', 'read', async (call) => {
    const x = context(call);
    return showPage(call, x, { title: x.t('nav.rules'), topics: ['rule', 'inbox', 'reply', 'notification'], main: rulesPage(x, { rules: await Promise.all(listRules(call.d.db).map((r) => line(call, r))), log: listRuleLog(call.d.db, { limit: LATELY }).map(logLine), mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/rules/new', 'operate', async (call) => showPiece(ruleDialog(context(call), await formOf(call, null)))),
  page('post', '/rules/try', 'read', async (call) => {
    const x = context(call);
    const { text } = await call.form(z.object({ text: z.string().trim().min(1, 'must not be empty').max(2000, 'must be 2000 characters at most') }));
    return showPiece(triedRules(x, { text, hits: (await tryRules(call, { text })).map((h) => ({ ...h, answer: h.answer ?? x.t('rules.canned-gone') })) }));
  }),
  page('post', '/rules', 'operate', async (call) => {
    const config = await readRule(call);
    await call.command({ kind: 'rule', id: freshId('q') }, 'create', config);
    return done(call, 'done.created', { name: config.name });
  }),
  page('get', '/rules/:id', 'read', async (call) => {
    const x = context(call);
    const r = one(call);
    const before = /^\d{1,15}$/.exec(call.query('before') ?? '')?.[0];
    const rows = listRuleLog(call.d.db, { rule: r.id, before: before ? Number(before) : undefined, limit: PAGE + 1 });
    return showPage(call, x, { title: r.config.name, topics: ['rule', `rule/${r.id}`, 'inbox', 'reply', 'notification'], main: rulePage(x, { rule: await line(call, r), log: rows.slice(0, PAGE).map(logLine), older: rows.length > PAGE ? `/rules/${r.id}?before=${rows[PAGE - 1]!.id}` : null, mayAct: x.scope !== 'read' }) });
  }),
  page('get', '/rules/:id/edit', 'operate', async (call) => showPiece(ruleDialog(context(call), await formOf(call, one(call))))),
  page('post', '/rules/:id', 'operate', async (call) => {
    const { id } = one(call);
    await call.command({ kind: 'rule', id }, 'update', await readRule(call));
    return done(call, 'done.saved');
  }),
  ...(['live', 'dry-run', 'off', 'remove'] as const).map((verb) =>
    page('post', `/rules/:id/${verb}`, 'operate', async (call) => {
      const r = one(call);
      await call.command({ kind: 'rule', id: r.id }, verb);
      return verb === 'remove' ? done(call, 'done.removed') : done(call, `done.${verb}`, { name: r.config.name });
    })),
];

const one = (call: Call): RuleRow => found(findRule(call.d.db, call.param('id')), `rule ${call.param('id')}`);

async function line(call: Call, r: RuleRow): Promise<RuleLine> {
  const { config: c } = r;
  const words = await wordsOf(call, c);
  return { id: r.id, name: c.name, status: r.status, order: c.order, match: c.match, accounts: c.accounts, platforms: c.platforms, types: c.types, answer: words ?? '', canned: 'canned' in c.answer ? c.answer.canned : null, gone: words === null, perHour: c.perHour, perPersonHours: c.perPersonHours, stop: c.stop, approve: c.approve, matched: r.matched, answered: r.answered, lastMs: r.lastMs };
}

const logLine = (l: RuleLogRow): RuleLogLine => ({ id: l.id, ruleId: l.ruleId, ruleName: l.ruleName, atMs: l.atMs, accountName: l.accountName, name: l.name, text: l.text, answer: l.answer, outcome: l.outcome, reply: l.reply, conversation: l.conversation });

async function formOf(call: Call, r: RuleRow | null): Promise<RuleFormModel> {
  const c = r?.config ?? ({ ...ruleConfig.parse({ name: 'x', match: { words: ['x'] }, answer: { text: 'x' } }), name: '', match: { words: [], all: false }, answer: { text: '' } } as RuleConfig);
  return {
    id: r?.id ?? null, name: c.name, order: c.order, how: 'pattern' in c.match ? 'pattern' : c.match.all ? 'all' : 'any', words: 'words' in c.match ? c.match.words.join('\n') : '', pattern: 'pattern' in c.match ? c.match.pattern : '', types: c.types, accounts: c.accounts.join(', '), platforms: c.platforms.join(', '),
    canned: 'canned' in c.answer ? c.answer.canned : '', text: 'text' in c.answer ? c.answer.text : '', perHour: c.perHour, perPersonHours: c.perPersonHours, maxAgeHours: c.maxAgeHours, stop: c.stop, approve: c.approve, answers: (await listCanned(call.d.settings)).map((a) => ({ id: a.id, title: a.title })), longestPattern: LONGEST_PATTERN, variables: VARIABLES,
  };
}

/** The form's field for each field of the rule, so that a fault shows where it can be mended. */
const FIELD: Record<string, string> = { match: 'words', 'match.words': 'words', 'match.pattern': 'pattern', answer: 'text', 'answer.text': 'text', 'answer.canned': 'canned', perHour: 'per_hour', perPersonHours: 'per_person', maxAgeHours: 'max_age', types: 'comment' };

async function readRule(call: Call): Promise<RuleConfig> {
  const f = await readForm(call.c);
  const list = (text: string | undefined, by: RegExp) => (text ?? '').split(by).map((w) => w.trim()).filter(Boolean);
  const given = {
    name: f['name'] ?? '', order: Number(f['order'] || 100), match: f['how'] === 'pattern' ? { pattern: f['pattern'] ?? '' } : { words: list(f['words'], /[\r\n]+/), all: f['how'] === 'all' }, types: ['comment', 'message'].filter((t) => f[t] === '1'), accounts: list(f['accounts'], /[,，\s]+/), platforms: list(f['platforms'], /[,，\s]+/),
    answer: f['canned'] ? { canned: f['canned'] } : { text: f['text'] ?? '' }, perHour: Number(f['per_hour'] ?? 20), perPersonHours: Number(f['per_person'] ?? 24), maxAgeHours: Number(f['max_age'] ?? 24), stop: f['stop'] === '1', approve: f['approve'] === '1',
  };
  try {
    const config = checked(ruleConfig, given);
    await checkRule(call, config);
    return config;
  } catch (error) {
    if (!(error instanceof Problem) || error.field === undefined) throw error;
    const name = FIELD[error.field] ? error.field : (Object.keys(FIELD).find((k) => error.field!.startsWith(`${k}.`)) ?? error.field);
    throw new Problem(error.status, error.code, error.message, { field: FIELD[name] ?? name });
  }
}
