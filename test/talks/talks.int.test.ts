import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { connect } from '@nats-io/transport-node';
import { afterEach, describe, expect, it } from 'vitest';
import { conversationId } from '../../actors/conversation-id.ts';
import { ruleReplyId } from '../../actors/rule.ts';
import { main } from '../../runtime/main.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { lastOf, readJournal } from '../harness/checker.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let data: NatsConnection;
afterEach(async () => {
  await data.close();
  await stage.close();
});

const comment = (n: number, more: { author?: string; post?: string; text?: string; at?: number } = {}) => ({ id: `c${n}`, text: more.text ?? `how much is it? ${n}`, author: { id: more.author ?? `u${n}`, name: `Name ${n}` }, post: { id: more.post ?? 'p1', title: 'A post' }, at: more.at ?? Date.now() });

async function open(): Promise<void> {
  stage = await openStage();
  data = await connect({ ...natsLogin(stage.config, 'master'), maxReconnectAttempts: -1, reconnectTimeWait: 100 });
}

/** What a round of the monitor finds, as the master stores it. */
async function found(items: ReturnType<typeof comment>[], what = 'comment'): Promise<void> {
  await jetstream(data).publish(`troupe.data.a1.${what}`, JSON.stringify({ items, round: 'r', at: Date.now() }));
}

const row = (id: string) => stage.rows<{ state: string; unread: number; items: number; acted: number; assignee: string | null; labels: string }>('SELECT * FROM conversations WHERE id = ?', id)[0];
const account = () => stage.command('account/a1', 'create', { platform: 'sandbox', name: 'Shop' });

describe('talks', () => {
  it('are worked out until somebody acts on one; what comes then opens it again, once, and only where there is an actor', async () => {
    await open();
    await stage.master();
    await account();
    await found([comment(1), comment(2, { author: 'u1' }), comment(3)]);
    const one = conversationId({ account: 'a1', type: 'comment', peer: 'u1', post: 'p1' });
    const other = conversationId({ account: 'a1', type: 'comment', peer: 'u3', post: 'p1' });
    await until(() => row(one)?.items === 2 && row(other)?.items === 1, 'both are in the view');
    expect(row(one)).toMatchObject({ state: 'open', unread: 2, acted: 0 });

    const start = { account: 'a1', type: 'comment', peer: 'u1', peerName: 'Name 1', post: 'p1', postTitle: 'A post', lastInAt: Date.now() };
    expect(await stage.command(`conversation/${one}`, 'create', start)).toMatchObject({ ok: true, state: 'open' });
    expect(await stage.command(`conversation/${one}`, 'create', start)).toMatchObject({ ok: false, code: 'duplicate' });
    expect(await stage.command(`conversation/${one}`, 'label', { add: ['refund'] })).toMatchObject({ ok: true });
    expect(await stage.command(`conversation/${one}`, 'close')).toMatchObject({ ok: true, state: 'closed' });
    await until(() => row(one)?.state === 'closed' && row(one)!.labels === '["refund"]', 'it is closed');

    await found([comment(4, { author: 'u1' }), comment(5, { author: 'u3' })]);
    await until(() => row(one)?.state === 'open' && row(one)!.items === 3, 'it is open again');
    await until(() => row(other)?.items === 2, 'the other has its item');
    const journal = await readJournal(data);
    expect(lastOf(journal, `conversation/${other}`)).toBeUndefined();
    expect((lastOf(journal, `conversation/${one}`)!.after as unknown as { context: { lastSeq: number } }).context.lastSeq).toBeGreaterThan(0);

    // Read by a person: the count falls, and the actor knows.
    await jetstream(data).publish('troupe.data.a1.read', JSON.stringify({ comments: ['c1', 'c2', 'c4'], messages: [], notifications: [], conversations: [one], at: Date.now(), by: 'user:a' }));
    await until(() => row(one)?.unread === 0, 'it is read');
    await until(async () => (lastOf(await readJournal(data), `conversation/${one}`)!.after as unknown as { context: { unreadSince: number | null } }).context.unreadSince === null, 'the actor knows that it is read');
    await jetstream(data).publish('troupe.data.a1.read', JSON.stringify({ comments: ['c4'], messages: [], notifications: [], conversations: [one], unread: true, at: 77, by: 'user:a' }));
    await until(() => row(one)?.unread === 1, 'it is unread again');
  });
});

/** The command line in this process, as a terminal would run it. */
async function troupe(...argv: string[]) {
  const out: string[] = [];
  const env = { TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0]!, PATH: process.env['PATH']! };
  const code = await main(argv, { env, config: () => stage.config, out: (l) => void out.push(l), err: (l) => void out.push(l) });
  return { code, out: out.join('\n') };
}

it('the terminal lists conversations, reads one, and answers it once', async () => {
  await open();
  await stage.master();
  await account();
  await found([comment(1), comment(2, { author: 'u2', text: '价格多少' })]);
  const id = conversationId({ account: 'a1', type: 'comment', peer: 'u2', post: 'p1' });
  await until(() => row(id)?.items === 1, 'it is in the view');
  expect((await troupe('inbox', 'list')).out).toMatch(/CONVERSATION[\s\S]*open[\s\S]*Name 2[\s\S]*价格多少/);
  expect(JSON.parse((await troupe('inbox', 'list', '--search', '价格', '--json')).out)).toMatchObject({ conversations: [{ id, state: 'open', unread: 1 }], more: false });
  expect((await troupe('inbox', 'list', '--state', 'closed')).out).toBe('no conversation fits');
  expect(await troupe('reply', id, 'two hundred', '--approve', '--id', 'mine')).toEqual({ code: 0, out: 'reply/mine is awaiting_approval' });
  expect(await troupe('reply', id, 'two hundred', '--id', 'mine')).toMatchObject({ code: 0, out: 'reply/mine is awaiting_approval' });
  expect((await troupe('reply', 'nobody', 'x')).code).toBe(1);
  expect(await stage.command('reply/mine', 'reject')).toMatchObject({ ok: true, state: 'rejected' });
  expect((await troupe('inbox', 'show', id)).out).toMatch(/< 价格多少\n.*> two hundred \(rejected\)/);
  expect(await stage.command('reply/long', 'create', { account: 'a1', to: { type: 'comment', comment: 'c2', post: 'p1' }, text: 'x'.repeat(501) })).toMatchObject({ ok: false, field: 'text', message: expect.stringContaining('sandbox takes 500') });
});

it('replies that an earlier build left in doubt go on under this one, and are sent again as an attempt of their own', async () => {
  await open();
  await stage.kill(await stage.master());
  const recorded = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'histories', 'reply-v1.json'), 'utf8')) as { after: { value: unknown } }[];
  const needsHuman = recorded.findIndex((e) => e.after.value === 'needs_human') + 1;
  // One waits for a person, one for its timer, which is named after the earlier chart.
  for (const [id, entries] of [['waits', recorded.slice(0, needsHuman)], ['waits-too', recorded.slice(0, needsHuman)], ['asks', recorded.slice(0, 4)]] as const) for (const entry of entries) await jetstream(data).publish(`troupe.journal.reply.${id}`, JSON.stringify(entry));
  await stage.master();
  expect(await stage.command('reply/waits', 'resend')).toMatchObject({ ok: true, state: 'replaced', reply: 'story1-2' });
  await until(() => stage.rows<{ retry_of: string }>("SELECT retry_of FROM replies WHERE id = 'story1-2'")[0]?.retry_of === 'story1', 'the new attempt is there');
  // An id that is taken is nobody's new attempt: it is said, and the reply still waits for a decision.
  expect(await stage.command('reply/waits-too', 'resend')).toMatchObject({ ok: false, code: 'conflict', message: expect.stringContaining('reply/story1-2 exists already') });
  expect(lastOf(await readJournal(data), 'reply/waits-too').after.value).toBe('needs_human');
  const asks = await until(async () => {
    const entry = lastOf(await readJournal(data), 'reply/asks');
    return entry.after.value === 'needs_human' && entry;
  }, 'its timer has fired under the new name');
  expect([asks.version, asks.after.context.tries, asks.after.context.evidence]).toEqual(['reply-v2', 1, null]);
});

describe('rules', () => {
  const rule = { name: 'Price', match: { words: ['how much'] }, answer: { text: 'Hello {{nickname}}, see {{post}} of {{account}}' }, perHour: 200, stop: false };
  const replies = () => stage.rows<{ id: string; content: string; by: string; status: string; rule_id: string }>('SELECT * FROM replies ORDER BY id');
  const log = (outcome: string) => stage.rows<{ rule_id: string; target_id: string; reply_id: string | null; answer: string }>('SELECT * FROM rule_log WHERE outcome = ? ORDER BY target_id', outcome);

  it('say what they would do, then answer each item once, in order, and leave alone what is old or their own', async () => {
    await open();
    await stage.master();
    await account();
    expect(await stage.command('rule/price', 'create', rule)).toMatchObject({ ok: true, state: 'dry_run' });
    await until(() => stage.rows('SELECT 1 FROM rules').length === 1, 'the rule is in the view');
    await found([comment(1), comment(2, { text: 'lovely' }), comment(3, { at: Date.now() - 48 * 3_600_000 })]);
    await until(() => log('would').length === 1, 'it says what it would do');
    expect(log('would')).toMatchObject([{ target_id: 'c1', reply_id: null, answer: 'Hello Name 1, see A post of Shop' }]);

    expect(await stage.command('rule/price', 'live')).toMatchObject({ ok: true, state: 'live' });
    await stage.command('rule/last', 'create', { ...rule, name: 'Last', order: 200, answer: { text: 'x'.repeat(501) } });
    await stage.command('rule/last', 'live');
    await until(() => stage.rows("SELECT 1 FROM actors WHERE kind = 'rule' AND state = 'live'").length === 2, 'both are live in the view');
    await found([comment(4), comment(5, { author: 'u4' })]);
    await until(() => log('answered').length === 1 && log('per_person').length === 1 && log('too_long').length === 2, 'what came of each is in the log');
    await until(() => replies().length === 1, 'the reply is there');
    expect(replies()).toMatchObject([{ id: ruleReplyId('price', 'a1', 'comment:c4'), content: 'Hello Name 4, see A post of Shop', by: 'rule:price', status: 'queued', rule_id: 'price' }]);
  });

  it('make one reply for each item though the master is killed again and again', async () => {
    await open();
    let master = await stage.master({ TROUPE_CRASH_AT: 'after-outbox:7' });
    await account();
    await stage.command('rule/price', 'create', { ...rule, perPersonHours: 0 });
    await stage.command('rule/price', 'live');
    await until(() => stage.rows("SELECT 1 FROM actors WHERE kind = 'rule' AND state = 'live'").length === 1, 'it is live in the view');
    for (let i = 0; i < 12; i++) await found(Array.from({ length: 5 }, (_, k) => comment(i * 5 + k)));
    for (const point of ['after-append:6', '']) {
      expect(await stage.died(master)).toBe('SIGKILL');
      master = await stage.master(point ? { TROUPE_CRASH_AT: point } : {});
    }
    await until(() => replies().length === 60 && log('answered').length === 60, 'every item has its reply', 50_000);
    const journal = await readJournal(data);
    const started = journal.filter((e) => e.actor.startsWith('reply/') && e.entry.event.type === '~start');
    expect(started).toHaveLength(60);
    expect(new Set(replies().map((r) => r.id))).toEqual(new Set(Array.from({ length: 60 }, (_, n) => ruleReplyId('price', 'a1', `comment:c${n}`))));
    expect((lastOf(journal, 'rule/price')!.after as unknown as { context: { counts: object } }).context.counts).toEqual({ matched: 60, answered: 60 });
  });
});
