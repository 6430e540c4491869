import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countAccounts, findAccount, listAccounts } from '../../runtime/read-model/queries/accounts.ts';
import { countActors, listActors, listTurns, recentTurns } from '../../runtime/read-model/queries/actors.ts';
import { countUnread, findThread, isInboxKey, listInbox, type InboxAsk } from '../../runtime/read-model/queries/inbox.ts';
import { findLogin, openLogins } from '../../runtime/read-model/queries/logins.ts';
import { listNotifications } from '../../runtime/read-model/queries/notifications.ts';
import { openReadModel, type Db } from '../../runtime/read-model/queries/read-model.ts';
import { countReplies, countRepliesByStatus, listReplies, repliesTo } from '../../runtime/read-model/queries/replies.ts';
import { countWorkers, findWorker, listLogs, listWorkers, workerGroups, workerSummary } from '../../runtime/read-model/queries/workers.ts';
import { SCHEMA } from '../../runtime/read-model/schema.ts';
import { seed } from '../http/seed.ts';

const NOW = 1_800_000_000_000;
const dir = mkdtempSync(join(tmpdir(), 'troupe-queries-'));
let db: Db;
let large: Db;

beforeAll(() => {
  const make = (name: string, fill: (writer: Database.Database) => void) => {
    const writer = new Database(join(dir, name));
    writer.exec(SCHEMA);
    writer.transaction(() => fill(writer))();
    writer.exec('ANALYZE');
    writer.close();
    return openReadModel(join(dir, name));
  };
  db = make('small.db', (w) => seed(w, NOW));
  large = make('large.db', (w) => {
    const comment = w.prepare(`INSERT INTO comments (id, account_id, platform_comment_id, content, author_name, author_id, post_id, post_title, is_read, posted_ms, detected_at, detected_ms) VALUES (@id, @account, @pid, @content, 'someone', 'u', 'p', 'a post', @read, @at, @s, @at)`);
    const fts = w.prepare('INSERT INTO inbox_fts (content, author, item) VALUES (?, ?, ?)');
    for (let i = 1; i <= 100_000; i++) {
      const content = i === 77_777 ? '唯一的凤凰评论' : `comment number ${i}`;
      comment.run({ id: i, account: `a${i % 50}`, pid: `c${i}`, content, read: i > 99_900 ? 0 : 1, at: NOW + i, s: Math.floor((NOW + i) / 1000) });
      fts.run(content, 'someone', `c${i}`);
    }
  });
});
afterAll(() => {
  db.close();
  large.close();
  rmSync(dir, { recursive: true, maxRetries: 20, retryDelay: 100 });
});

describe('the inbox', () => {
  const walk = (from: Db, ask: Omit<InboxAsk, 'after'>) => {
    const seen: string[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < 100; pages++) {
      const page = listInbox(from, { ...ask, after });
      seen.push(...page.items.map((i) => i.item));
      if (!page.next) return seen;
      expect(isInboxKey(page.next)).toBe(true);
      after = page.next;
    }
    throw new Error('the pages never end');
  };

  it('gives each comment and message once, newest first, whatever the size of a page', () => {
    const whole = listInbox(db, { limit: 500 }).items;
    expect(whole).toHaveLength(34);
    expect(whole.map((i) => i.detectedMs)).toEqual(whole.map((i) => i.detectedMs).sort((a, b) => b - a));
    for (const limit of [1, 2, 3, 7, 33, 34]) expect(walk(db, { limit })).toEqual(whole.map((i) => i.item));
  });

  it('filters by account, kind, unread and direction', () => {
    expect(listInbox(db, { limit: 500, account: 'a2' }).items.every((i) => i.account === 'a2')).toBe(true);
    expect(walk(db, { limit: 3, type: 'message' })).toHaveLength(10);
    expect(walk(db, { limit: 3, unread: true, direction: 'inbound' })).toHaveLength(countUnread(db).comments + countUnread(db).messages);
    expect(listInbox(db, { limit: 500, direction: 'outbound' }).items.map((i) => i.direction)).toEqual(['outbound', 'outbound']);
  });

  it('finds words of any length, by text and author, and takes signs as they are', () => {
    const find = (search: string) => listInbox(db, { limit: 500, search }).items;
    expect(find('七天无理由').length).toBeGreaterThan(0);
    expect(find('M 码').every((i) => i.content.includes('M 码'))).toBe(true);
    expect(find('码').every((i) => i.content.includes('码') || i.author.includes('码'))).toBe(true);
    expect(find('码').length).toBeGreaterThan(0);
    expect(find('Vivian').length).toBeGreaterThan(0);
    for (const odd of ['%', '_', '"', "'", '" OR 1', '* NEAR(', "'; DROP TABLE comments; --", '\\', '()', 'AND']) expect(find(odd), odd).toEqual([]);
  });

  it('shows one with what came before it and its replies', () => {
    const thread = findThread(db, 'c20')!;
    expect(thread.item).toMatchObject({ type: 'comment', platformId: 'pc19' });
    expect(thread.before.every((b) => b.postId === thread.item.postId && b.detectedMs < thread.item.detectedMs)).toBe(true);
    expect(findThread(db, 'm5')!.replies.map((r) => r.id)).toEqual(['r2', 'r5']);
    for (const odd of ['', 'x1', 'c', 'c-1', 'c1; DROP', 'c999999']) expect(findThread(db, odd)).toBeNull();
  });
});

describe('the other lists', () => {
  it('know accounts with what is unread', () => {
    expect(listAccounts(db).map((a) => [a.id, a.unread])).toEqual([['a1', 8], ['a2', 2], ['a3', 0], ['a4', 0]]);
    expect(listAccounts(db, { search: '厨房' }).map((a) => a.id)).toEqual(['a2']);
    expect(listAccounts(db, { status: 'expired' }).map((a) => a.id)).toEqual(['a4']);
    expect(findAccount(db, 'a1')).toMatchObject({ name: '旗舰店', worker: 'worker-1', limits: { perMinute: 6 } });
    expect(findAccount(db, 'nobody')).toBeNull();
    expect(countAccounts(db)).toEqual({ total: 4, loggedIn: 2, monitoring: 2, trouble: 1 });
  });

  it('know workers with state, link and load', () => {
    expect(listWorkers(db).map((w) => [w.id, w.status, w.link, w.assigned])).toEqual([['worker-1', 'running', 'connected', 2], ['worker-2', 'running', 'suspect', 1], ['worker-3', 'crashed', 'disconnected', 0], ['worker-4', 'stopped', 'disconnected', 0]]);
    expect(listWorkers(db, { group: 'docker' })).toHaveLength(1);
    expect(listWorkers(db, { group: 'default', limit: 2, offset: 1 }).map((w) => w.id)).toEqual(['worker-2', 'worker-3']);
    expect([countWorkers(db, { status: 'crashed,stopped' }), countWorkers(db, { search: '本机' }), countWorkers(db, { type: 'docker' })]).toEqual([2, 2, 1]);
    expect(workerSummary(db)).toEqual({ configs: 4, byStatus: { crashed: 1, running: 2, stopped: 1 }, capacity: 40, assigned: 3 });
    expect(workerGroups(db)).toEqual(['default', 'docker']);
    expect(listLogs(db, { worker: 'worker-1', category: 'task', search: 'proxy', limit: 100 }).every((l) => l.category === 'task' && l.message.includes('proxy'))).toBe(true);
    expect(findWorker(db, 'worker-3')).toMatchObject({ nextRetryMs: NOW + 42_000, elsewhere: false });
    const logs = listLogs(db, { worker: 'worker-1', levels: ['error', 'warn'], limit: 5 });
    expect(logs.map((l) => l.id)).toEqual(logs.map((l) => l.id).sort((a, b) => a - b));
    expect(new Set(logs.map((l) => l.level))).toEqual(new Set(['error', 'warn']));
  });

  it('know logins, replies, notifications, actors', () => {
    expect(openLogins(db).map((l) => l.status).sort()).toEqual(['challenge', 'confirming', 'pending', 'scanning']);
    expect(findLogin(db, 'l2')!.challenge).toMatchObject({ what: 'sms', txn: 't2' });
    expect(listReplies(db, { status: 'needs_human', limit: 9 }).map((r) => [r.id, r.targetAuthor])).toEqual([['r3', AUTHOR_OF_PC20]]);
    expect(Object.values(countRepliesByStatus(db)).reduce((a, b) => a + b, 0)).toBe(countReplies(db));
    expect(repliesTo(db, 'a1', 'pc17').map((r) => r.status)).toEqual(['posted']);
    expect(listNotifications(db, { type: 'system', limit: 5 }).map((n) => n.key)).toEqual(['worker-worker-3-4']);
    expect(listActors(db, { parked: true, limit: 5 }).map((a) => a.id)).toEqual(['worker-3']);
    expect(countActors(db, { search: 'logged_in' })).toBe(1);
    expect(listTurns(db, { kind: 'account', id: 'a1', before: 5, limit: 2 }).map((t) => t.index)).toEqual([4, 3]);
    expect(recentTurns(db, 50).some((t) => t.kind === 'monitor')).toBe(false);
  });

  it('can’t write', () => {
    expect(() => db.exec('DELETE FROM accounts')).toThrow(/readonly/);
  });
});
const AUTHOR_OF_PC20 = '阿哲的厨房';

describe('with 100,000 comments', () => {
  const plan = (sql: string) => large.prepare(`EXPLAIN QUERY PLAN ${sql}`).all().map((r) => (r as { detail: string }).detail).join('; ');
  const took = (work: () => unknown) => {
    work();
    const began = performance.now();
    work();
    return performance.now() - began;
  };

  it('walks indexes, never the whole table', () => {
    expect(plan(`SELECT * FROM comments t WHERE t.account_id = 'a1' AND t.id < 5000 ORDER BY t.id DESC LIMIT 41`)).toMatch(/SEARCH t USING INDEX idx_comments_account/);
    expect(plan('SELECT * FROM comments t WHERE t.id < 5000 ORDER BY t.id DESC LIMIT 41')).toMatch(/SEARCH t USING INTEGER PRIMARY KEY/);
    expect(plan('SELECT COUNT(*) n FROM comments WHERE is_read = 0')).toMatch(/idx_comments_unread/);
    expect(plan(`SELECT * FROM comments t WHERE t.is_read = 0 ORDER BY t.id DESC LIMIT 41`)).toMatch(/idx_comments_unread/);
    expect(plan(`SELECT item FROM inbox_fts WHERE inbox_fts MATCH '"abc"'`)).toMatch(/VIRTUAL TABLE INDEX/);
    expect(plan('SELECT * FROM notifications n WHERE n.id < 10 ORDER BY n.id DESC LIMIT 51')).not.toMatch(/SCAN n(?!.*PRIMARY)/);
  });

  it('is quick on the first page, deep inside, and in a search', () => {
    expect(listInbox(large, { limit: 40, search: '凤凰评论' }).items.map((i) => i.item)).toEqual(['c77777']);
    expect(countUnread(large).comments).toBe(100);
    const slow = {
      first: took(() => listInbox(large, { limit: 40 })), deep: took(() => listInbox(large, { limit: 40, after: '500.' })), account: took(() => listInbox(large, { limit: 40, account: 'a7' })),
      unread: took(() => listInbox(large, { limit: 40, unread: true })), search: took(() => listInbox(large, { limit: 40, search: '凤凰评论' })), counts: took(() => countUnread(large)), accounts: took(() => listAccounts(large)),
    };
    for (const [what, ms] of Object.entries(slow)) expect(ms, what).toBeLessThan(100);
  });
});
