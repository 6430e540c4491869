import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ruleConfig } from '../../actors/rule.ts';
import type { RuleConfig } from '../../machines/rule.ts';
import { chooseRules, type KnownRule } from '../../runtime/rules/choose-rules.ts';
import { fillAnswer, unknownVariables, valuesFor } from '../../runtime/rules/fill-answer.ts';
import { matcherOf, PatternFault } from '../../runtime/rules/matcher.ts';

const NOW = 1_800_000_000_000;

describe('what fits', () => {
  it.each<[string, Parameters<typeof matcherOf>[0], string, boolean]>([
    ['a word anywhere', { words: ['价格'], all: false }, '请问价格多少', true], ['in either case', { words: ['Price'], all: false }, 'what PRICE?', true], ['in wide letters', { words: ['abc'], all: false }, 'ＡＢＣ', true],
    ['one of several', { words: ['a1', 'b2'], all: false }, 'only b2', true], ['all of several', { words: ['a1', 'b2'], all: true }, 'only b2', false], ['all there', { words: ['a1', 'b2'], all: true }, 'b2 and a1', true],
    ['a pattern', { pattern: '[MLS] ?码' }, '有 M 码吗', true], ['a pattern in either case', { pattern: '^hello' }, 'HELLO there', true], ['Han letters', { pattern: '\\p{Han}{3}' }, 'ab中文字', true], ['no match', { pattern: '^\\d+$' }, '12a', false],
  ])('%s', (_, match, text, fits) => expect(matcherOf(match)(text) !== null).toBe(fits));

  it('signs in words are signs', () => {
    expect(matcherOf({ words: ['.*'], all: false })('anything')).toBeNull();
    expect(matcherOf({ words: ['$5.00'], all: false })('is it $5.00?')).not.toBeNull();
  });

  it.each(['(a)\\1', '(?=a)b', '(?!a)b', '(?<=a)b', '(?<!a)b', '(unclosed', '[z-a]', '((a{100}){100}){100}', 'a{5000}', '*', '.*', 'a?', '(|a)', '\\'])('refuses %s, saying why', (pattern) => {
    expect(() => matcherOf({ pattern })).toThrow(PatternFault);
    try {
      matcherOf({ pattern });
    } catch (error) {
      expect((error as Error).message.length).toBeGreaterThan(10);
    }
  });

  it('no pattern hangs: those that kill a backtracking engine take a moment', () => {
    const began = performance.now();
    for (const pattern of ['(a+)+$', '(a|aa)+$', '(x+x+)+y', '([a-z]+)*=', '(.*a){12}']) expect(matcherOf({ pattern })(`${'a'.repeat(5_000)}!`)).not.toBeUndefined();
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('takes any text at all', () => {
    const matchers = [matcherOf({ words: ['x'], all: false }), matcherOf({ pattern: '[a-z]{2,5}\\d' })];
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => matchers.every((m) => m(text) === null || typeof m(text) === 'string')));
  });
});

describe('an answer', () => {
  const values = valuesFor({ nickname: '{{account}}', account: 'Shop', post: null, platform: 'douyin' }, Date.UTC(2026, 0, 1, 20, 5));
  it('is filled in once: what a stranger is called is no variable', () => {
    expect(fillAnswer('Hi {{nickname}}, {{ account }}: {{post}}', values)).toBe('Hi {{account}}, Shop:');
    expect(fillAnswer('{{date}} {{time}}', values)).toBe('2026-01-02 04:05');
  });
  it('says which names mean nothing', () => {
    expect(unknownVariables('{{nickname}} {{ nmae }} {{}} {{nmae}}')).toEqual(['nmae', '']);
    expect(fillAnswer('{{nmae}}', values)).toBe('{{nmae}}');
  });
});

describe('the order of rules', () => {
  const rule = (id: string, more: Partial<RuleConfig> = {}, state = 'live'): KnownRule => ({ id, state, config: ruleConfig.parse({ name: id, match: { words: ['price'] }, answer: { text: 'x' }, stop: false, ...more }) as RuleConfig });
  const item = { account: 'a1', platform: 'douyin', type: 'comment' as const, text: 'price?', postedMs: NOW - 1000 };
  const ask = (rules: KnownRule[], more: object = {}) => chooseRules(rules, { ...item, ...more }, NOW).map((c) => c.rule.id);
  it('is theirs, then their ids', () => expect(ask([rule('c', { order: 1 }), rule('b', { order: 5 }), rule('a', { order: 5 })])).toEqual(['c', 'a', 'b']));
  it('stops at one that answers and says so; a dry run stops nothing', () => {
    expect(ask([rule('a', { stop: true }), rule('b')])).toEqual(['a']);
    expect(ask([rule('a', { stop: true }, 'dry_run'), rule('b')])).toEqual(['a', 'b']);
    expect(ask([rule('a', { stop: true, match: { words: ['else'], all: false } }), rule('b')])).toEqual(['b']);
  });
  it.each<[string, Partial<RuleConfig>, object, boolean]>([
    ['its accounts', { accounts: ['a2'] }, {}, false], ['an account of its own', { accounts: ['a1', 'a2'] }, {}, true], ['its platforms', { platforms: ['x'] }, {}, false], ['its types', { types: ['message'] }, {}, false], ['what is young enough', { maxAgeHours: 1 }, { postedMs: NOW - 3_600_001 }, false], ['nothing that is in order', {}, { postedMs: NOW + 5 }, true],
  ])('keeps to %s', (_, config, more, fits) => expect(ask([rule('a', config)], more)).toEqual(fits ? ['a'] : []));
  it('leaves one out whose pattern can not be used', () => expect(ask([{ ...rule('a'), config: { ...rule('a').config, match: { pattern: '(?=x)' } } }, rule('b')])).toEqual(['b']));
});
