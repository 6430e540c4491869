import { jetstream } from '@nats-io/jetstream';
import { afterEach, expect, test } from 'vitest';
import { chromiumsUnder, killChromium } from '../../runtime/browsers/chromium-processes.ts';
import { countOf } from '../harness/checker.ts';
import { until } from '../worker/until.ts';
import { verdict, type Wanted } from './reply-run.ts';
import { wholeStage, type WholeStage } from './whole-stage.ts';

let stage: WholeStage;
afterEach(async () => {
  const last = stage;
  stage = undefined as never;
  await last?.close();
});

/** The long form: 1,000 rounds and 300 replies of 10 accounts. CI leaves it out: what is killed there is in killed.e2e; STORM=1 runs a short one. */
const LONG = process.env['FAULTS'] === 'all';
const ACCOUNTS = LONG ? 10 : 4;
const ROUNDS = Number(process.env['STORM_ROUNDS'] ?? (LONG ? 1_000 : 24));
const REPLIES = Number(process.env['STORM_REPLIES'] ?? (LONG ? 300 : 16));
const SEED = Number(process.env['STORM_SEED'] ?? 20_261_127);
const USERS = [{ user: 'mei', post: 1 }, { user: 'jonas', post: 3 }] as const;
const MODES = ['ok', 'ok', 'ok', 'fail-before', 'ok', 'fail-after', 'ok', 'ok', 'reset-after', 'ok'];
const ENDS = "('posted', 'needs_human', 'failed', 'cancelled')";

/** Numbers in [0, 1), the same for the same seed. */
function random(seed: number): () => number {
  let s = seed;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test.runIf(LONG || process.env['STORM'] === '1')(`${ROUNDS} rounds and ${REPLIES} replies of ${ACCOUNTS} accounts while workers, browsers, master and nats-server are killed at random`, async () => {
  stage = await wholeStage({ TROUPE_DEMO: '1' });
  const rnd = random(SEED);
  // Killed so often a worker would be given up, and wait for a person.
  const patient = { restart_delay_ms: 1_000, max_restart_attempts: 10 };
  expect(await stage.command('worker/worker-1', 'update', patient)).toMatchObject({ ok: true });
  expect(await stage.command('worker/worker-2', 'create', { name: 'worker-2', deployment_type: 'local', auto_start: true, ...patient })).toMatchObject({ ok: true });
  expect(await stage.command('worker/worker-2', 'start')).toMatchObject({ ok: true });
  const accounts = Array.from({ length: ACCOUNTS }, (_, n) => ({ id: `acc-${n}`, ...USERS[n % USERS.length]!, comments: [] as string[] }));
  for (const a of accounts) expect(await stage.command(`account/${a.id}`, 'create', { platform: 'sandbox', name: a.id, monitorInterval: 5, limits: { perMinute: 600, perHour: 10_000, quiet: null } })).toMatchObject({ ok: true });
  for (const a of accounts) await stage.login(a.id, a.user);
  for (const a of accounts) await until(`the first round of ${a.id}`, async () => (await stage.state(`monitor/${a.id}`))?.context.last?.error === null, 90_000);
  await stage.control('plan', { pattern: MODES, seed: SEED });
  const started = new Map(accounts.map((a) => [a.id, 0]));
  for (const a of accounts) started.set(a.id, (await stage.state(`monitor/${a.id}`))!.context.round as number);

  // From the view: it can be read while NATS is down.
  const rounds = (): number => stage.rows<{ id: string; n: number }>("SELECT id, json_extract(entry, '$.after.context.round') AS n FROM actors WHERE kind = 'monitor'").reduce((sum, { id, n }) => sum + n - (started.get(id) ?? n), 0);
  const over = (): number => stage.rows<{ n: number }>(`SELECT count(*) AS n FROM replies WHERE status IN ${ENDS}`)[0]!.n;

  const standstill = (): string => JSON.stringify({ workers: stage.rows('SELECT r.worker_id, r.status, r.last_error, w.status AS link FROM worker_runtime r LEFT JOIN workers w ON w.id = r.worker_id'), accounts: stage.rows('SELECT id, login_status, reason, lease_state, assigned_worker_id, monitor_state, last_round FROM accounts') });

  // Somebody writes and somebody answers all the while; every few seconds something dies.
  const wanted: Wanted[] = [];
  const kills: string[] = [];
  let asked = 0;
  let storm = true;
  // Each account has somebody who writes to it and somebody who answers: ten at once.
  const writing = Promise.all(accounts.map(async (a, n) => {
    while (asked < REPLIES) {
      const question = asked++;
      const comment = (await stage.control('comment', { post: a.post, user: 'visitor', text: `question ${question} to ${n}` })).id as string;
      for (const other of accounts) if (other.user === a.user) other.comments.push(comment);
      await until(`${comment} to be found by ${a.id}`, () => stage.rows('SELECT 1 FROM comments WHERE account_id = ? AND platform_comment_id = ?', a.id, comment).length === 1, 300_000);
      const w = { id: `r-${a.id}-${comment}`, account: a.id, text: `answer of ${a.id} to ${comment}` };
      wanted.push(w);
      const answer = await stage.command(`reply/${w.id}`, 'create', { account: a.id, to: { type: 'comment', comment, post: String(a.post) }, text: w.text, verifyDelayMs: 500 });
      if (!answer['ok'] && answer['code'] !== 'duplicate') throw new Error(`${w.id}: ${JSON.stringify(answer)}`);
    }
  }));
  const killing = (async () => {
    const parts = ['worker-1', 'browser', 'worker-2', 'master', 'nats'];
    while (storm) {
      // The next one dies in the middle of what goes on again after the last.
      const before = rounds();
      await until('work to go on', () => !storm || rounds() > before, 120_000).catch((error: Error) => {
        throw new Error(`${error.message}; after ${kills.join(', ')}: ${standstill()}`);
      });
      await new Promise((r) => setTimeout(r, LONG ? 4_000 + 16_000 * rnd() : 1_000 + 3_000 * rnd()));
      if (!storm) return;
      const part = kills.length < parts.length ? parts[kills.length]! : parts[Math.floor(rnd() * parts.length)]!;
      if (part === 'browser') {
        const open = chromiumsUnder(stage.config.dataDir);
        if (open.length > 0) await killChromium(open[Math.floor(rnd() * open.length)]!);
      } else if (!(await stage.handles())[part]) {
        // It is on its way back, or was given up after ten times: then somebody starts it again.
        if (part.startsWith('worker-') && stage.rows("SELECT 1 FROM worker_runtime WHERE worker_id = ? AND status = 'error'", part).length === 1) await stage.command(`worker/${part}`, 'retry');
        continue;
      } else await stage.kill(part);
      kills.push(part);
    }
  })();
  // Whatever it dies of is told where it is waited for.
  killing.catch(() => undefined);
  try {
    await writing;
    await until('all rounds', () => rounds() >= ROUNDS, LONG ? 3_000_000 : 240_000);
    await until('every kind of death', () => kills.length >= 5, 120_000);
  } finally {
    storm = false;
    await killing;
  }
  await until('every reply to end', () => over() === REPLIES, 400_000);

  // The site's ledger judges the replies.
  const tally = await verdict(stage, wanted);
  // Each account has found each comment, and the stream holds each once.
  for (const a of accounts) await until(`${a.id} to have found all`, () => a.comments.every((c) => stage.rows('SELECT 1 FROM comments WHERE account_id = ? AND platform_comment_id = ?', a.id, c).length === 1), 90_000);
  const found = await itemsOf(stage);
  for (const a of accounts) {
    const { lost, doubled } = countOf(a.comments, found.get(a.id) ?? []);
    expect({ account: a.id, lost, doubled: doubled.filter((d) => a.comments.includes(d)) }).toEqual({ account: a.id, lost: [], doubled: [] });
  }
  // No two processes were at work for one account at one time, by what they say themselves.
  const work = stage.rows<{ worker: string; account: string; end: number; ms: number }>("SELECT worker_id AS worker, json_extract(details, '$.account') AS account, timestamp_ms AS \"end\", json_extract(details, '$.ms') AS ms FROM worker_logs WHERE json_extract(details, '$.account') IS NOT NULL AND json_extract(details, '$.ms') IS NOT NULL ORDER BY timestamp_ms - json_extract(details, '$.ms')");
  expect(work.length).toBeGreaterThan(ROUNDS / 2);
  const both = accounts.flatMap(({ id }) => {
    const own = work.filter((w) => w.account === id);
    return own.slice(1).flatMap((next, i) => (own[i]!.worker !== next.worker && next.end - next.ms < own[i]!.end - 2 ? [`${id}: ${own[i]!.worker} until ${own[i]!.end}, ${next.worker} from ${next.end - next.ms}`] : []));
  });
  expect(both).toEqual([]);
  console.log(`${rounds()} rounds, ${REPLIES} replies, ${kills.length} kills (${kills.join(', ')}): ${JSON.stringify(tally)}; ${work.length} pieces of work, ${new Set(work.map((w) => w.worker)).size} workers`);
}, LONG ? 4_000_000 : 600_000);

/** What the data stream holds of each account's comments, repetitions included. */
async function itemsOf(of: WholeStage): Promise<Map<string, string[]>> {
  const consumer = await jetstream(await of.operator()).consumers.get('TROUPE_DATA');
  let left = (await consumer.info()).num_pending;
  const found = new Map<string, string[]>();
  while (left > 0) {
    const batch = await consumer.fetch({ max_messages: Math.min(left, 500), expires: 3_000 });
    for await (const m of batch) {
      left--;
      const [, , account, what] = m.subject.split('.');
      if (what !== 'comment') continue;
      const list = found.get(account!) ?? [];
      found.set(account!, list);
      list.push(...(m.json<{ items?: { id: string }[] }>().items ?? []).map((i) => i.id));
    }
  }
  return found;
}
