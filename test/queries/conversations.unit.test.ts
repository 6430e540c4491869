import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversationId } from '../../actors/conversation-id.ts';
import { conversationSql, countConversations, findConversation, findTalk, isConversationKey, knownLabels, listConversations, unreadOf, type ConversationAsk } from '../../runtime/read-model/queries/conversations.ts';
import { listInbox, searchSql } from '../../runtime/read-model/queries/inbox.ts';
import { openReadModel, type Db } from '../../runtime/read-model/queries/read-model.ts';
import { gramQuery, gramsOf } from '../../runtime/read-model/grams.ts';
import { TalkRows } from '../../runtime/read-model/project-talks.ts';
import { SCHEMA } from '../../runtime/read-model/schema.ts';
import { seed } from '../http/seed.ts';

const NOW = 1_800_000_000_000;
const ALL = 100_000;
const dir = mkdtempSync(join(tmpdir(), 'troupe-talks-'));
let db: Db;
let large: Db;

beforeAll(() => {
  const make = (name: string, fill: (writer: Database.Database) => void) => {
    const writer = new Database(join(dir, name));
    writer.exec(SCHEMA);
    writer.transaction(() => fill(writer))();
    writer.close();
    return openReadModel(join(dir, name));
  };
  db = make('small.db', (w) => seed(w, NOW));
  large = make('large.db', (w) => {
    const talks = new TalkRows(w);
    for (let i = 0; i < 50; i++) w.prepare(`INSERT INTO accounts (id, platform, account_name, created_at, updated_at) VALUES (?, ?, ?, 1, 1)`).run(`a${i}`, i % 2 ? 'sandbox' : 'douyin', `Account ${i}`);
    for (let i = 1; i <= ALL; i++) talks.comment(`a${i % 50}`, { id: `c${i}`, text: i % 25_000 === 77 ? `凤凰评论 ${i}` : `你好 comment ${i}`, author: { id: `u${i % 60_000}`, name: `Name ${i % 60_000}` }, post: { id: `p${i % 500}`, title: `Post ${i % 500}` }, at: NOW + i }, NOW + i);
  });
}, 120_000);
afterAll(() => {
  db.close();
  large.close();
  rmSync(dir, { recursive: true, maxRetries: 20, retryDelay: 100 });
});

const walk = (from: Db, ask: Omit<ConversationAsk, 'after'>, most = 100) => {
  const seen: string[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < most; pages++) {
    const page = listConversations(from, { ...ask, after });
    seen.push(...page.rows.map((r) => r.id));
    if (!page.next) return seen;
    expect(isConversationKey(page.next)).toBe(true);
    after = page.next;
  }
  throw new Error('the pages never end');
};

describe('conversations', () => {
  it('are an account and one person, of comments under one post', () => {
    const rows = listConversations(db, { limit: 500 }).rows;
    expect(rows.reduce((n, r) => n + r.items, 0)).toBe(34);
    expect(new Set(rows.map((r) => r.id)).size).toBe(rows.length);
    const one = findConversation(db, conversationId({ account: 'a1', type: 'message', peer: 'u0' }))!;
    expect(one).toMatchObject({ type: 'message', items: 4, acted: false, post: null });
    expect(rows.map((r) => r.lastMs)).toEqual(rows.map((r) => r.lastMs).sort((a, b) => b - a));
  });
  it('come each once, whatever the size of a page', () => {
    const whole = listConversations(db, { limit: 500 }).rows.map((r) => r.id);
    for (const limit of [1, 2, 7, 33]) expect(walk(db, { limit })).toEqual(whole);
  });
  it('are waiting once they were answered, until the other side writes again', () => {
    const w = new Database(join(dir, 'moves.db'));
    w.exec(SCHEMA);
    const talks = new TalkRows(w);
    const say = (id: string, direction: 'inbound' | 'outbound', at: number) => talks.message('a', { id, text: id, sender: { id: 'u', name: 'U' }, direction, at }, at);
    const id = conversationId({ account: 'a', type: 'message', peer: 'u' });
    const state = () => w.prepare('SELECT state, unread, items, last_text FROM conversations WHERE id = ?').get(id);
    say('one', 'inbound', 100);
    expect(state()).toEqual({ state: 'open', unread: 1, items: 1, last_text: 'one' });
    say('one', 'inbound', 100);
    expect(state()).toMatchObject({ items: 1 });
    say('two', 'outbound', 200);
    expect(state()).toEqual({ state: 'waiting', unread: 1, items: 2, last_text: 'two' });
    talks.read('a', [], ['one'], true);
    say('three', 'inbound', 300);
    expect(state()).toMatchObject({ state: 'open', unread: 1 });
    talks.answered(id, 250);
    expect(state()).toMatchObject({ state: 'open' });
    talks.answered(id, 350);
    expect(state()).toMatchObject({ state: 'waiting' });
    talks.read('a', [], ['three'], true);
    talks.read('a', [], ['three'], false);
    expect(state()).toMatchObject({ unread: 1 });
    w.close();
  });
  it('keep what people decided, whichever stream is read first', () => {
    const key = { account: 'a', type: 'message' as const, peer: 'u' };
    const id = conversationId(key);
    const entry = { after: { context: { ...key, id, peerName: 'U', post: null, postTitle: null, assignee: 'mei', labels: ['vip'], note: 'n', snoozedUntil: null, lastInAt: 100, updatedAt: 5 } } };
    const message = { id: 'one', text: 'one', sender: { id: 'u', name: 'U' }, direction: 'inbound' as const, at: 100 };
    const build = (steps: ((t: TalkRows) => void)[]) => {
      const w = new Database(':memory:');
      w.exec(SCHEMA);
      const talks = new TalkRows(w);
      steps.forEach((s) => s(talks));
      const row = w.prepare('SELECT state, assignee, labels, unread, items, last_text, acted FROM conversations').all();
      w.close();
      return row;
    };
    const journal = (t: TalkRows) => t.project(id, entry as never, 'closed', 'active', true);
    const data = (t: TalkRows) => void t.message('a', message, 100);
    expect(build([journal, data])).toEqual(build([data, journal]));
    expect(build([journal, data])).toEqual([{ state: 'closed', assignee: 'mei', labels: '["vip"]', unread: 1, items: 1, last_text: 'one', acted: 1 }]);
  });
  it('are filtered by everything that a tab may hold', () => {
    const of = (ask: Partial<ConversationAsk>) => listConversations(db, { limit: 500, ...ask }).rows;
    expect(of({ account: 'a2' }).every((r) => r.account === 'a2')).toBe(true);
    expect(of({ type: 'message' }).map((r) => r.peer).sort()).toEqual(['u0', 'u1', 'u2']);
    expect(of({ unread: true }).every((r) => r.unread > 0)).toBe(true);
    expect(of({ platform: 'sandbox' }).length).toBe(of({}).length);
    expect(of({ platform: 'douyin' })).toEqual([]);
    expect(of({ assignee: 'mei' })).toEqual([]);
    expect(of({ assignee: 'none' }).length).toBe(of({}).length);
    expect(of({ label: 'vip' })).toEqual([]);
    expect(of({ state: 'open' }).length + of({ state: 'waiting' }).length).toBe(of({}).length);
    expect(knownLabels(db)).toEqual([]);
  });
  it('are found by words of any length, by text and author, and signs are signs', () => {
    const find = (search: string) => walk(db, { limit: 3, search });
    expect(find('七天无理由').length).toBeGreaterThan(0);
    expect(find('M 码').length).toBeGreaterThan(0);
    for (const two of ['链接', '码吗', 'om', '门店']) expect(find(two).length, two).toBeGreaterThan(0);
    expect(find('码').length).toBeGreaterThan(0);
    expect(find('Vivian').length).toBeGreaterThan(0);
    expect(find('不在').length).toBe(0);
    for (const odd of ['%', '_', '"', "'", '" OR 1', '* NEAR(', "'; DROP TABLE comments; --", '\\', '()', 'AND', '码"', '??', '*']) expect(() => find(odd), odd).not.toThrow();
    for (const odd of ['%', '"', '* NEAR(', '\\']) expect(find(odd), odd).toEqual([]);
  });
  it('show both ways, the replies, and what others wrote under the post', () => {
    const talk = findTalk(db, conversationId({ account: 'a1', type: 'comment', peer: 'u4', post: 'p2' }))!;
    expect(talk.items.map((i) => i.platformId)).toEqual(['pc20']);
    expect(talk.replies.map((r) => r.status)).toEqual(['needs_human']);
    expect(talk.post).toMatchObject({ id: 'p2', comments: 8 });
    expect(talk.post!.others.every((o) => o.postId === 'p2' && o.authorId !== 'u4')).toBe(true);
    expect(findTalk(db, conversationId({ account: 'a1', type: 'message', peer: 'u0' }))!.items.map((i) => i.direction)).toEqual(['inbound', 'inbound', 'inbound', 'outbound']);
    expect(findTalk(db, 'nobody')).toBeNull();
  });
});

it('pairs of letters are what two letters are found by', () => {
  expect(gramsOf('你好，M码')).toBe('你好 好 m码 码');
  expect(gramQuery('你好')).toBe('"你好"');
  expect(gramQuery('好')).toBe('"好"*');
  expect([gramQuery('a!'), gramQuery('"'), gramQuery('abc'), gramQuery('')]).toEqual([null, null, null, null]);
  expect(gramsOf('x'.repeat(100_000)).length).toBeLessThan(20);
});

describe('with 100,000 comments', () => {
  const plan = (sql: string, params: Record<string, unknown>) => large.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(params).map((r) => (r as { detail: string }).detail);
  it.each<[string, Partial<ConversationAsk>]>([
    ['all', {}], ['a state', { state: 'open' }], ['an account', { account: 'a7' }], ['an account and a state', { account: 'a7', state: 'open' }], ['a type', { type: 'message', state: 'open' }], ['unread', { unread: true }], ['an account unread', { account: 'a7', unread: true }], ['somebody', { assignee: 'mei' }], ['somebody and a state', { assignee: 'mei', state: 'open' }], ['a platform', { platform: 'douyin', state: 'open' }], ['nobody', { assignee: 'none', state: 'open' }],
  ])('the list of %s walks an index and sorts nothing, on the first page and deep inside', (_, ask) => {
    for (const after of [undefined, `${NOW + 40_000}.40000`]) {
      const sql = conversationSql({ ...ask, after });
      const names = [...new Set([...sql.matchAll(/\$(\w+)/g)].map((m) => m[1]!))];
      const values: Record<string, unknown> = { limit: 41, ms: NOW + 40_000, seq: 40_000, ...ask };
      const steps = plan(sql, Object.fromEntries(names.map((n) => [n, values[n]])));
      expect(steps.join('; ')).toMatch(/(SEARCH|SCAN) v USING INDEX idx_conversations_/);
      expect(steps.join('; ')).not.toMatch(/TEMP B-TREE|SCAN v(?! USING INDEX)/);
    }
  });
  it('a search walks its index from the newest, whatever its length', () => {
    for (const search of ['凤凰评论', '凤凰', '凤']) {
      const { sql, match } = searchSql(search);
      const steps = plan(sql, { match, before: Number.MAX_SAFE_INTEGER }).join('; ');
      expect(steps, search).toMatch(/VIRTUAL TABLE INDEX/);
      expect(steps, search).not.toMatch(/SCAN (comments|direct_messages)/);
      expect(walk(large, { limit: 2, search }), search).toHaveLength(4);
    }
    expect(listInbox(large, { limit: 40, search: '你好' }).items).toHaveLength(40);
    // One that everything fits costs a page, not everything.
    expect(listConversations(large, { limit: 40, search: '你好' }).rows).toHaveLength(40);
    expect(listConversations(large, { limit: 40, search: 'comment' }).rows).toHaveLength(40);
  });
  it('a talk, its unread items and its post walk indexes', () => {
    const find = (sql: string) => plan(sql, {}).join('; ');
    expect(find(`SELECT * FROM comments t WHERE t.conversation_id = 'v' AND t.id < 9 ORDER BY t.id DESC LIMIT 31`)).toMatch(/idx_comments_conversation/);
    expect(find(`SELECT * FROM direct_messages t WHERE t.conversation_id = 'v' AND t.id < 9 ORDER BY t.id DESC LIMIT 31`)).toMatch(/idx_dm_conversation/);
    expect(find(`SELECT COUNT(*) FROM comments WHERE account_id = 'a' AND post_id = 'p'`)).toMatch(/idx_comments_post/);
    expect(find(`SELECT * FROM replies r WHERE r.conversation_id = 'v' ORDER BY r.created_ms DESC LIMIT 60`)).toMatch(/idx_replies_conversation/);
    const row = listConversations(large, { limit: 1 }).rows[0]!;
    expect(findTalk(large, row.id)!.post!.comments).toBe(200);
    expect(unreadOf(large, row)).toHaveLength(row.unread);
  });
  it('counts stop at a thousand', () => {
    expect(countConversations(large, {})).toBe(1000);
    expect(countConversations(large, { state: 'closed' })).toBe(0);
  });
});
