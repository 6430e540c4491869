import type { RuleConfig } from '../../machines/rule.ts';
import { matcherOf } from './matcher.ts';

export type KnownRule = { id: string; state: string; config: RuleConfig };
export type RuleItem = { account: string; platform: string; type: 'comment' | 'message'; text: string; postedMs: number };
export type Chosen = { rule: KnownRule; matched: string };

const HOUR = 3_600_000;

/** The rules that answer an item, in their order; one that answers and stops is the last, one on a dry run never is. */
export function chooseRules(rules: readonly KnownRule[], item: RuleItem, now: number): Chosen[] {
  const chosen: Chosen[] = [];
  for (const rule of inOrder(rules)) {
    const matched = fits(rule.config, item, now);
    if (matched === null) continue;
    chosen.push({ rule, matched });
    if (rule.config.stop && rule.state === 'live') break;
  }
  return chosen;
}

export const inOrder = <R extends KnownRule>(rules: readonly R[]): R[] => [...rules].sort((a, b) => a.config.order - b.config.order || (a.id < b.id ? -1 : 1));

function fits(c: RuleConfig, item: RuleItem, now: number): string | null {
  if (!c.types.includes(item.type)) return null;
  if (c.accounts.length > 0 && !c.accounts.includes(item.account)) return null;
  if (c.platforms.length > 0 && !c.platforms.includes(item.platform)) return null;
  if (item.postedMs < now - c.maxAgeHours * HOUR) return null;
  try {
    return matcherOf(c.match)(item.text);
  } catch {
    // A pattern that an older build took: it fits nothing until it is changed.
    return null;
  }
}
