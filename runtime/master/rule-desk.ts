import { createHash } from 'node:crypto';
import { conversationId } from '../../actors/conversation-id.ts';
import { ruleReplyId } from '../../actors/rule.ts';
import type { AccountContext } from '../../machines/account.ts';
import type { Matched, RuleConfig } from '../../machines/rule.ts';
import type { FoundComment, FoundMessage } from '../read-model/project-talks.ts';
import type { Db } from '../read-model/store.ts';
import { lengthOf, limitFor, type LengthOf } from '../reply-length.ts';
import { chooseRules, type Chosen, type KnownRule, type RuleItem } from '../rules/choose-rules.ts';
import { fillAnswer, valuesFor } from '../rules/fill-answer.ts';
import { CANNED_KEY, cannedAnswer } from '../talks/canned-store.ts';
import type { Engine } from './engine.ts';

const HOUR = 3_600_000;

export type RuleDeskOptions = { db: Db; engine: Engine; length: LengthOf; value(key: string): Promise<unknown>; now?(): number };

/** So many items are shown before it says that it is still at it. */
const AT_ONCE = 20;

/** Shows each inbound item to the rules, and tells those that it fits: they decide by themselves, once for each item. */
export class RuleDesk {
  private readonly o: RuleDeskOptions;
  private readonly rules;
  private readonly seen;

  constructor(options: RuleDeskOptions) {
    this.o = options;
    this.rules = options.db.prepare(`SELECT id, state, json_extract(entry, '$.after.context.config') AS config FROM actors WHERE kind = 'rule' AND status = 'active' AND state <> 'off'`);
    this.seen = options.db.prepare(`SELECT 1 FROM rule_log WHERE rule_id = ? AND person = ? AND outcome = 'answered' AND at_ms > ? LIMIT 1`).pluck();
  }

  async take(account: string, items: readonly (FoundComment | FoundMessage)[], working: () => void = () => undefined): Promise<void> {
    const inbound = items.filter((f) => 'post' in f || f.direction === 'inbound');
    if (inbound.length === 0) return;
    const rules = (this.rules.all() as { id: string; state: string; config: string }[]).map((r): KnownRule => ({ ...r, config: JSON.parse(r.config) as RuleConfig }));
    if (rules.length === 0) return;
    const head = await this.o.engine.host.head(`account/${account}`);
    if (!head || (head.entry.after as { status: string }).status !== 'active') return;
    const owner = (head.entry.after as { context: AccountContext }).context;
    for (const [i, found] of inbound.entries()) {
      if (i % AT_ONCE === AT_ONCE - 1) working();
      const comment = 'post' in found;
      const peer = comment ? found.author : found.sender;
      // What the account itself wrote is nobody's question.
      if (peer.id === owner.user?.id) continue;
      const now = this.o.now?.() ?? Date.now();
      const item: RuleItem = { account, platform: owner.platform, type: comment ? 'comment' : 'message', text: found.text, postedMs: found.at };
      for (const chosen of chooseRules(rules, item, now)) await this.tell(chosen, { found, item, peer, owner, now });
    }
  }

  private async tell({ rule }: Chosen, { found, item, peer, owner, now }: { found: FoundComment | FoundMessage; item: RuleItem; peer: { id: string; name: string }; owner: AccountContext; now: number }): Promise<void> {
    const { config } = rule;
    const comment = 'post' in found;
    const words = await this.words(config);
    const answer = words === null ? null : fillAnswer(words, valuesFor({ nickname: peer.name, account: owner.name, post: comment ? found.post.title : null, platform: owner.platform }, now));
    const conversation = conversationId(comment ? { account: item.account, type: 'comment', peer: peer.id, post: found.post.id } : { account: item.account, type: 'message', peer: peer.id });
    const person = hash(`${owner.platform}\n${peer.id}`);
    const name = `${comment ? 'c' : 'm'}${hash(`${item.account}\n${found.id}`)}`;
    const id = ruleReplyId(rule.id, item.account, `${item.type}:${found.id}`);
    const to = comment ? { type: 'comment', comment: found.id, post: found.post.id } : { type: 'message', message: found.id, sender: peer.id };
    const event: Matched = {
      type: 'MATCHED',
      did: { item: name, account: item.account, type: item.type, target: found.id, conversation, person, name: peer.name.slice(0, 200), text: [...found.text].slice(0, 200).join(''), answer, why: words === null ? 'the canned answer is gone' : null },
      reply: answer ? { id, account: item.account, platform: owner.platform, to, text: answer, by: `rule:${rule.id}`, conversation, approve: config.approve || owner.approve, rule: rule.id } : null,
      seen: config.perPersonHours > 0 && this.seen.get(rule.id, person, now - config.perPersonHours * HOUR) === 1,
      long: answer !== null && lengthOf(answer) > limitFor(this.o.length, owner.platform, owner.limits.maxLength),
    };
    await this.o.engine.send({ kind: 'rule', id: rule.id }, event, `matched:${rule.id}:${name}`, 'rules');
  }

  private async words(config: RuleConfig): Promise<string | null> {
    if ('text' in config.answer) return config.answer.text;
    const read = cannedAnswer.safeParse(await this.o.value(CANNED_KEY + config.answer.canned));
    return read.success ? read.data.text : null;
  }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);
