import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUILTIN_ALERTS } from '../../actors/alert.ts';
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
    const words = ['state', 'activity', 'reply', 'type', 'priority', 'platform', 'deployment', 'challenge', 'todo', 'done', 'scope', 'keys', 'nav', 'cannot', 'verb', 'memory', 'import', 'trust', 'key', 'scaler', 'metric', 'strategy', 'period', 'task', 'task-type', 'lane', 'agent', 'agent-did', 'alert', 'alert-name', 'pause-scope', 'param', 'overlap', 'missed', 'schedule', 'schedule-kind', 'unit', 'stream-about', 'template', 'queue', 'pause', 'hub', 'stream', 'progress', 'limits', 'severity', 'moment', 'sink', 'sink-type', 'watched', 'proxy', 'session', 'conversation', 'rule', 'outcome', 'notices', 'keep', 'old', 'erasure', 'ability', 'method', 'platform-state'];
    const unused = Object.keys(zhCN).filter((key) => !words.includes(key.split('.')[0]!) && !files.includes(`'${key}'`) && !/^workers\.tab-/.test(key));
    expect(unused).toEqual([]);
  });

  it('name every alert that is there from the start', () => {
    for (const { name } of Object.values(BUILTIN_ALERTS)) expect(texts(zhCN).word('alert-name', name), name).toMatch(/\p{Script=Han}|CPU/u);
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
  it('know what the platforms at hand say of their sites', () => {
    const said = [
      'a reply on Douyin has 1 to 300 characters, this one has 301', 'what the reply answers is not on the site any more', 'what is looked for is not on Forum any more (404)', 'the comment is not among the newest on Douyin any more', 'the post is not among the newest on Douyin any more',
      'no conversation with u-1 on Xiaohongshu', 'this reply was pressed before', 'the session ended before the reply was taken', 'the site wants to see a person before it takes the reply', 'Douyin wants to see a person: log the account in again and solve what it shows',
      'Douyin shows its login: the session is over, log the account in again', 'Douyin does not take this session: it is over, incomplete or of another site. Export the cookies anew while logged in', 'Forum says that the account posts too fast', 'Forum refused the reply (422)', 'Forum refused the reply (422): words', 'Forum answered 502 to the reply: it may have been stored',
      'Douyin answered 429 on /comment/list: wait before the next round', 'Douyin answered 503 on /comment/list', 'no postItem on Douyin within 5000 ms (tried .a | .b): the site may have changed, see config.json', 'no login code on Douyin (tried .qr): the site may have changed, see config.json and the screenshot',
      'Xiaohongshu shows no private messages on the web', 'Douyin has no login flow "sms": use qrcode, cookies', 'nobody finished the login on Douyin in time', 'worker w-1 is not there: its windows come back with it', 'worker w-1 did not answer within 15 s', 'a reply by mei waits to be approved', 'mei assigned work in the inbox to jonas',
    ];
    const plain = { ...texts(en) } as Ctx;
    for (const text of said) {
      expect(reason(x, text), text).toMatch(/\p{Script=Han}/u);
      expect(reason(plain, text), text).toBe(text);
    }
  });
  it('lose nothing in English', () => {
    const plain = { ...texts(en) } as Ctx;
    for (const text of ['started by token:ci', 'exit 3', 'restarted: exit 3', 'the worker was lost: silent for 25 s', 'gone']) expect(reason(plain, text)).toBe(text);
  });
});
