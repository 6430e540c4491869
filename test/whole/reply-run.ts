import { expect } from 'vitest';
import { brokenChains, countOf, readJournal } from '../harness/checker.ts';
import { until } from '../worker/until.ts';
import type { WholeStage } from './whole-stage.ts';

const USERS = [{ user: 'mei', post: 1 }, { user: 'jonas', post: 3 }] as const;
const MODES = ['ok', 'ok', 'fail-before', 'ok', 'ok', 'fail-after', 'ok', 'ok', 'hang-after', 'ok', 'ok', 'reset-after'];
const ENDS = ['posted', 'needs_human', 'failed', 'cancelled'];

export type Wanted = { id: string; account: string; text: string };

/** Logs `accounts` accounts in, lets them find `count` fresh comments, and sets the site to fail at about a third of the posts. */
export async function prepare(stage: WholeStage, accounts: number, count: number): Promise<{ id: string; comments: string[]; post: number }[]> {
  const all = Array.from({ length: accounts }, (_, n) => ({ id: `acc-${n}`, comments: [] as string[], ...USERS[n % USERS.length]! }));
  for (const a of all) expect(await stage.command(`account/${a.id}`, 'create', { platform: 'sandbox', name: a.id, monitorInterval: 5, limits: { perMinute: 600, perHour: 10_000, quiet: null } })).toMatchObject({ ok: true });
  await Promise.all(all.map((a) => stage.login(a.id, a.user)));
  // The first round sees the newest page only, later ones everything since.
  for (const a of all) await until(`the first round of ${a.id}`, async () => (await stage.state(`monitor/${a.id}`))?.context.last?.error === null, 60_000);
  for (let n = 0; n < count; n++) {
    const a = all[n % accounts]!;
    a.comments.push((await stage.control('comment', { post: a.post, user: 'visitor', text: `question ${n}` })).id as string);
  }
  await until('all comments to be found', () => all.every((a) => a.comments.every((c) => stage.rows('SELECT 1 FROM comments WHERE account_id = ? AND platform_comment_id = ?', a.id, c).length === 1)), 90_000);
  for (const a of all) expect(await stage.command(`account/${a.id}`, 'update', { monitorInterval: 600 })).toMatchObject({ ok: true });
  await stage.control('plan', { pattern: MODES, seed: 20_261 });
  return all;
}

/** Asks for one reply under each of the comments. */
export async function answerAll(stage: WholeStage, accounts: Awaited<ReturnType<typeof prepare>>): Promise<Wanted[]> {
  const wanted = accounts.flatMap((a) => a.comments.map((comment) => ({ id: `r-${a.id}-${comment}`, account: a.id, comment, post: String(a.post), text: `answer of ${a.id} to ${comment}` })));
  await Promise.all(wanted.map(async (w) => {
    const answer = await stage.command(`reply/${w.id}`, 'create', { account: w.account, to: { type: 'comment', comment: w.comment, post: w.post }, text: w.text, verifyDelayMs: 500 });
    if (!answer.ok && answer.code !== 'duplicate') throw new Error(`${w.id}: ${JSON.stringify(answer)}`);
  }));
  return wanted;
}

export const settled = (stage: WholeStage): number => stage.rows<{ n: number }>(`SELECT count(*) AS n FROM replies WHERE status IN (${ENDS.map((e) => `'${e}'`).join(',')})`)[0]!.n;

/** The judge: every reply has ended, none is in the ledger twice, each posted one is there once, each failed one is not and says why. */
export async function verdict(stage: WholeStage, wanted: Wanted[]): Promise<Record<string, number>> {
  const journal = await readJournal(await stage.operator());
  expect(brokenChains(journal)).toEqual([]);
  const last = new Map(journal.map((s) => [s.actor, s.entry.after as { value: string; context: { error: string | null; remoteId: string | null } }]));
  const ends = new Map(wanted.map((w) => [w.text, last.get(`reply/${w.id}`)!]));
  const ledger = (await stage.ledger()).map((row) => row.text);
  const { doubled, strange } = countOf(wanted.map((w) => w.text), ledger);
  expect({ doubled, strange }).toEqual({ doubled: [], strange: [] });
  const wrong = wanted.flatMap(({ id, text }) => {
    const end = ends.get(text);
    const there = ledger.includes(text);
    if (!end) return [`${id} is not in the journal`];
    if (end.value === 'posted') return there && end.context.remoteId ? [] : [`${id} is called posted and is not in the ledger`];
    if (end.value === 'failed') return !there && end.context.error ? [] : [`${id} failed: ${end.context.error}; in the ledger: ${there}`];
    return end.value === 'needs_human' ? [] : [`${id} ended as ${JSON.stringify(end.value)}`];
  });
  expect(wrong).toEqual([]);
  // What is in the ledger is posted, or a person was asked: nothing went out unnoticed.
  const tally: Record<string, number> = {};
  for (const end of ends.values()) tally[end.value] = (tally[end.value] ?? 0) + 1;
  return tally;
}
