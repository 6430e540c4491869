import type { z } from 'zod';
import { ruleConfig } from '../../../actors/rule.ts';
import type { RuleConfig, RuleMatch } from '../../../machines/rule.ts';
import { findAccount } from '../../read-model/queries/accounts.ts';
import { listRules } from '../../read-model/queries/rules.ts';
import { chooseRules } from '../../rules/choose-rules.ts';
import { fillAnswer, unknownVariables, valuesFor, VARIABLES } from '../../rules/fill-answer.ts';
import { matcherOf, PatternFault } from '../../rules/matcher.ts';
import { findCanned } from '../../talks/canned-store.ts';
import type { Call } from '../call.ts';
import { Problem } from '../problem.ts';

export type TriedHit = { id: string; name: string; status: string; matched: string; answer: string | null; stops: boolean };

const fault = (field: string, text: string) => new Problem(422, 'invalid', `${field}: ${text}`, { field });

/** What its chart can't know: whether the pattern can be used, and whether what it names is there. */
export async function checkRule(call: Call, c: Partial<z.output<typeof ruleConfig>>): Promise<void> {
  if (c.match) checkMatch(c.match);
  if (c.answer && 'canned' in c.answer && !(await findCanned(call.d.settings, c.answer.canned))) throw fault('answer.canned', `there is no canned answer ${c.answer.canned}`);
  if (c.answer && 'text' in c.answer) {
    const unknown = unknownVariables(c.answer.text)[0];
    if (unknown !== undefined) throw fault('answer.text', `knows no {{${unknown}}}; there are ${VARIABLES.map((v) => `{{${v}}}`).join(', ')}`);
  }
  for (const account of c.accounts ?? []) if (!findAccount(call.d.db, account)) throw fault('accounts', `there is no account ${account}`);
  for (const platform of c.platforms ?? []) if (!call.d.platforms().includes(platform)) throw fault('platforms', `there is no platform ${platform}; there are ${call.d.platforms().join(', ')}`);
}

export function checkMatch(match: RuleMatch): void {
  try {
    matcherOf(match);
  } catch (error) {
    if (error instanceof PatternFault) throw fault('match.pattern', error.message);
    throw error;
  }
}

/** The rules that a text would meet, with what each would say; nothing is sent or written down. */
export async function tryRules(call: Call, ask: { text: string; account?: string | undefined; type?: 'comment' | 'message' | undefined; nickname?: string | undefined }): Promise<TriedHit[]> {
  const { d } = call;
  const rules = listRules(d.db).filter((r) => r.status !== 'off').map((r) => ({ id: r.id, state: r.status, config: r.config }));
  const account = ask.account ? findAccount(d.db, ask.account) : null;
  const now = d.now();
  const hits: TriedHit[] = [];
  // Where nothing says which account or type it is, each rule is asked as if it were one of its own.
  const asked = (c: RuleConfig): RuleConfig => ({ ...c, ...(ask.type ? {} : { types: ['comment', 'message'] as const as RuleConfig['types'] }), ...(account ? {} : { accounts: [], platforms: [] }) });
  for (const { rule, matched } of chooseRules(rules.map((r) => ({ ...r, config: asked(r.config) })), { account: account?.id ?? '', platform: account?.platform ?? '', type: ask.type ?? 'comment', text: ask.text, postedMs: now }, now)) {
    const words = await wordsOf(call, rule.config);
    const values = valuesFor({ nickname: ask.nickname ?? '小明', account: account?.name ?? '—', post: '—', platform: account?.platform ?? '—' }, now);
    hits.push({ id: rule.id, name: rule.config.name, status: rule.state, matched, answer: words === null ? null : fillAnswer(words, values), stops: rule.config.stop && rule.state === 'live' });
  }
  return hits;
}

/** What a rule says, before anything is filled in; null when its canned answer is gone. */
export async function wordsOf(call: Call, c: Pick<RuleConfig, 'answer'>): Promise<string | null> {
  return 'text' in c.answer ? c.answer.text : ((await findCanned(call.d.settings, c.answer.canned))?.text ?? null);
}
