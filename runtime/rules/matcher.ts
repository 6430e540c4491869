import { RE2JS, type RE2JSException } from 're2js';
import type { RuleMatch } from '../../machines/rule.ts';

/** A pattern that can't be used, in words for whoever wrote it. */
export class PatternFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PatternFault';
  }
}

/** So much of a text is looked at. */
export const LOOKED_AT = 2_000;

/** Says what in a text fits, or null. */
export type Matcher = (text: string) => string | null;

const known = new Map<string, Matcher>();

/**
 * Words are found anywhere, in either case. Patterns are RE2's: it takes time in proportion to the text, whatever is written,
 * because it has no way back: what would need one (`\1`, `(?=…)`, `(?<!…)`) is refused, and so are counts that make it too large.
 */
export function matcherOf(match: RuleMatch): Matcher {
  const key = JSON.stringify(match);
  const found = known.get(key);
  if (found) return found;
  if (known.size > 500) known.clear();
  const made = 'pattern' in match ? byPattern(match.pattern) : byWords(match.words, match.all);
  known.set(key, made);
  return made;
}

function byPattern(pattern: string): Matcher {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
  } catch (error) {
    throw new PatternFault(wordsFor(pattern, (error as RE2JSException).message));
  }
  if (compiled.matcher('').find()) throw new PatternFault('it fits a text without anything in it, so it would fit every one: ask for one character at least');
  return (text) => {
    const m = compiled.matcher(text.slice(0, LOOKED_AT));
    return m.find() ? (m.group() ?? '') : null;
  };
}

function byWords(words: string[], all: boolean): Matcher {
  const wanted = words.map((w) => plain(w));
  return (text) => {
    const here = plain(text.slice(0, LOOKED_AT));
    const found = wanted.filter((w) => here.includes(w));
    return (all ? found.length === wanted.length : found.length > 0) ? found.join(' ') : null;
  };
}

const plain = (text: string): string => text.normalize('NFKC').toLowerCase();

function wordsFor(pattern: string, message: string): string {
  if (/\\[1-9]|\(\?<?[=!]/.test(pattern)) return 'it looks back or ahead (\\1, (?=…), (?!…), (?<=…)): such patterns can take for ever and are not taken; say it without';
  if (/repeat|large|nest/i.test(message)) return 'its counts make it too large: ask for fewer repetitions';
  return message.replace(/^error parsing regexp: /, '');
}
