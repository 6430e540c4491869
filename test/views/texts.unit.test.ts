import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { texts, type Ctx } from '../../views/context.ts';
import { reason } from '../../views/reason.ts';
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
    const words = ['state', 'activity', 'reply', 'type', 'priority', 'platform', 'deployment', 'challenge', 'todo', 'done', 'scope', 'keys', 'nav', 'cannot', 'verb', 'memory', 'import', 'trust', 'key', 'scaler', 'metric', 'strategy', 'period', 'task', 'task-type', 'lane', 'agent', 'agent-did', 'alert', 'pause-scope', 'param', 'overlap', 'missed', 'schedule', 'schedule-kind', 'unit', 'stream-about', 'template', 'queue', 'pause', 'hub', 'stream', 'progress', 'limits', 'severity', 'moment', 'sink', 'sink-type', 'watched', 'proxy', 'session', 'conversation', 'rule', 'outcome', 'notices', 'keep', 'old', 'erasure', 'ability', 'method', 'platform-state'];
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

describe('reasons', () => {
  const x = { ...texts(zhCN) } as Ctx;
  it('are told in the reader’s language where the sentence is known', () => {
    expect(reason(x, 'restarted: killed by SIGKILL')).toBe('已自动重启：被 SIGKILL 结束');
    expect(reason(x, 'started by user:admin')).toBe('由 user:admin 启动');
    expect(reason(x, 'something that a platform said')).toBe('something that a platform said');
  });
  it('know every sentence that the charts write', () => {
    const dir = join(import.meta.dirname, '../../machines');
    const source = readdirSync(dir).map((name) => readFileSync(join(dir, name), 'utf8')).join('\n');
    const written = [...source.matchAll(/(?:cause|error|reason|lastError): '([^']+)'/g)].map((m) => m[1]!);
    expect(written.length).toBeGreaterThan(8);
    for (const text of written) expect(reason(x, text), text).not.toBe(text);
  });
  it('lose nothing in English', () => {
    const plain = { ...texts(en) } as Ctx;
    for (const text of ['started by token:ci', 'exit 3', 'restarted: exit 3', 'the worker was lost: silent for 25 s', 'gone']) expect(reason(plain, text)).toBe(text);
  });
});
