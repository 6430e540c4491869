import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, expect, it } from 'vitest';
import { conversationId } from '../../actors/conversation-id.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let nc: NatsConnection;
afterEach(async () => {
  await nc?.close();
  await stage?.close();
});

const MARY = 'u-mary-4711';
const comment = (account: string, n: number, author: string) => ({ id: `c${n}`, text: `${author} says ${n}`, author: { id: author, name: author === MARY ? 'Mary' : 'Li' }, post: { id: 'p', title: 'A post' }, at: 1_000 + n });
const message = (n: number, sender: string) => ({ id: `m${n}`, text: `${sender} writes ${n}`, sender: { id: sender, name: 'x' }, direction: n % 3 === 0 ? 'outbound' : 'inbound', at: 1_000 + n });

/** Everything that the data stream holds, as text. */
async function stream(): Promise<string> {
  const consumer = await jetstream(nc).consumers.get('TROUPE_DATA');
  const { num_pending } = await consumer.info();
  let text = '';
  for await (const m of await consumer.fetch({ max_messages: num_pending, expires: 2_000 })) text += `${m.subject} ${m.string()}\n`;
  return text;
}

it('takes one person out of streams and views, and nobody else, though the master is killed over it; a view that is built anew, or was asleep, knows no more', async () => {
  stage = await openStage();
  let master = await stage.master();
  nc = await connect(natsLogin(stage.config, 'master'));
  const js = jetstream(nc);
  for (const id of ['a1', 'a2']) expect(await stage.command(`account/${id}`, 'create', { platform: 'sandbox', name: id })).toMatchObject({ ok: true });
  for (let round = 0; round < 30; round++) {
    for (const account of ['a1', 'a2']) await js.publish(`troupe.data.${account}.comment`, JSON.stringify({ at: 10_000 + round, items: [comment(account, 2 * round, 'u-li'), ...(account === 'a1' || round === 3 ? [comment(account, 2 * round + 1, MARY)] : [])] }));
    await js.publish('troupe.data.a1.message', JSON.stringify({ at: 10_000 + round, items: [message(round, round % 2 ? MARY : 'u-li')] }));
  }
  await js.publish('troupe.data.a1.read', JSON.stringify({ at: 20_000, comments: ['c0', 'c1', 'c2'], messages: [] }));
  const talk = conversationId({ account: 'a1', type: 'comment', peer: MARY, post: 'p' });
  await until(() => stage.rows('SELECT 1 FROM comments').length === 91 && stage.rows('SELECT 1 FROM direct_messages').length === 30, 'all is in the view');
  expect(await stage.command(`conversation/${talk}`, 'create', { account: 'a1', type: 'comment', peer: MARY, peerName: 'Mary', post: 'p', postTitle: 'A post' }).then((a) => a.ok || a.message)).toBe(true);
  expect(await stage.command(`conversation/${talk}`, 'note', { text: 'Mary is a regular' })).toMatchObject({ ok: true });
  expect(await stage.command('reply/r1', 'create', { account: 'a1', to: { type: 'comment', comment: 'c1', post: 'p' }, text: 'Thank you, Mary' })).toMatchObject({ ok: true });
  await until(() => stage.rows('SELECT 1 FROM replies').length === 1 && stage.rows('SELECT 1 FROM conversations WHERE acted = 1').length === 1, 'it was answered');
  const li = () => stage.rows<{ n: number }>("SELECT (SELECT COUNT(*) FROM comments WHERE author_id = 'u-li') + (SELECT COUNT(*) FROM direct_messages WHERE sender_id = 'u-li') n")[0]!.n;
  expect(li()).toBe(75);

  // What a view elsewhere would hold that sleeps from now on.
  await stage.kill(master);
  const files = ['', '-wal', '-shm'].map((suffix) => stage.config.dbPath + suffix);
  for (const file of files) if (existsSync(file)) copyFileSync(file, `${file}.asleep`);
  master = await stage.master();

  expect(await stage.command('erasure/e1', 'create', { platform: 'sandbox', person: MARY })).toMatchObject({ ok: true });
  await stage.kill(master);
  master = await stage.master();
  const mary = () => stage.rows<{ n: number }>(`SELECT (SELECT COUNT(*) FROM comments WHERE author_id = '${MARY}') + (SELECT COUNT(*) FROM direct_messages WHERE sender_id = '${MARY}') + (SELECT COUNT(*) FROM conversations WHERE peer_id = '${MARY}') + (SELECT COUNT(*) FROM notifications WHERE title = 'Mary') + (SELECT COUNT(*) FROM replies) + (SELECT COUNT(*) FROM actors WHERE entry LIKE '%Mary%') n`)[0]!.n;
  await until(() => stage.rows("SELECT 1 FROM erasures WHERE status = 'done'").length === 1 && mary() === 0, 'she is out', 30_000);
  expect(await stream()).not.toMatch(/mary/i);
  // What was not sent to her yet is not sent.
  expect(await stage.command('reply/r1', 'inspect')).toMatchObject({ ok: true, state: 'cancelled' });
  expect(li()).toBe(75);
  expect(JSON.stringify(await stage.command('erasure/e1', 'inspect'))).not.toContain(MARY);
  for (const [table, what] of [['inbox_fts', 'mary'], ['inbox_fts', '"u-mary"']] as const) expect(stage.rows(`SELECT 1 FROM ${table} WHERE ${table} MATCH '${what}'`)).toEqual([]);
  const read = "SELECT platform_comment_id id FROM comments WHERE account_id = 'a1' AND is_read = 1 ORDER BY 1";
  expect(stage.rows(read)).toEqual([{ id: 'c0' }, { id: 'c2' }]);
  const notices = stage.rows('SELECT key FROM notifications ORDER BY key');

  // A view that was asleep all the while goes on from a message that is there no more, and forgets her too.
  await stage.kill(master);
  for (const file of files) {
    rmSync(file, { force: true });
    if (existsSync(`${file}.asleep`)) copyFileSync(`${file}.asleep`, file);
  }
  master = await stage.master();
  await until(() => mary() === 0, 'she is out of that view too');
  expect(await stage.command('account/a1', 'inspect')).toMatchObject({ ok: true });
  await js.publish('troupe.data.a2.comment', JSON.stringify({ at: 30_000, items: [comment('a2', 900, 'u-li')] }));
  await until(() => li() === 76, 'what comes later is seen');
  expect(stage.rows("SELECT key FROM notifications WHERE key <> 'comment-a2-c900' ORDER BY key")).toEqual(notices);

  // A view from nothing: the same people, read as they were, and no word of her.
  await stage.kill(master);
  for (const file of files) rmSync(file, { force: true });
  await stage.master();
  await until(() => li() === 76 && stage.rows("SELECT 1 FROM erasures WHERE status = 'done'").length === 1, 'the view is built anew', 30_000);
  await until(() => mary() === 0, 'without her');
  expect(stage.rows(read)).toEqual([{ id: 'c0' }, { id: 'c2' }]);
}, 120_000);
