import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { texts } from '../../views/context.ts';
import { en } from '../../views/texts/en.ts';
import { zhCN } from '../../views/texts/zh-CN.ts';

const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

describe('texts', () => {
  it('have the same keys and the same holes in both languages', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zhCN).sort());
    for (const key of Object.keys(zhCN) as (keyof typeof zhCN)[]) {
      expect(holes(en[key]), key).toEqual(holes(zhCN[key]));
      expect([zhCN[key].trim(), en[key].trim()], key).not.toContain('');
    }
  });

  it('hold no Chinese in English', () => {
    for (const [key, text] of Object.entries(en)) expect(text, key).not.toMatch(/\p{Script=Han}/u);
  });

  it('are all used', () => {
    const root = join(import.meta.dirname, '../..');
    const files = ['views', 'runtime/http'].flatMap((dir) => readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts') && !f.startsWith('texts')).map((f) => readFileSync(join(root, dir, f), 'utf8'))).join('\n');
    const words = ['state', 'activity', 'reply', 'type', 'priority', 'platform', 'deployment', 'challenge', 'todo', 'reason', 'done', 'scope', 'keys', 'nav'];
    const unused = Object.keys(zhCN).filter((key) => !words.includes(key.split('.')[0]!) && !files.includes(`'${key}'`) && !/^workers\.tab-/.test(key));
    expect(unused).toEqual([]);
  });

  it('keep what they do not know', () => {
    const { t, word } = texts(en);
    expect(t('accounts.edit', { name: '{name}' })).toBe('Edit account {name}');
    expect(word('state', 'running')).toBe('running');
    expect(word('state', 'never-heard-of')).toBe('never-heard-of');
  });
});
