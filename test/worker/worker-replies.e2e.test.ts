import { afterAll, beforeAll, expect, test } from 'vitest';
import { workerStage, WORKER, type WorkerStage } from './worker-stage.ts';

let stage: WorkerStage;
const REPLIES = process.env['FAULTS'] === 'all' ? 45 : 15;

beforeAll(async () => {
  stage = await workerStage();
  await stage.login('acc-1', 'mei');
});
afterAll(() => stage?.stop());

/** A careful master in one line: what may have been sent is looked for, never sent again. */
async function reply(n: number): Promise<'posted' | 'not posted'> {
  const { master } = stage;
  const text = `answer ${n}`;
  const to = { type: 'comment', comment: `c${1 + (n % 3)}`, post: n % 3 === 2 ? '2' : '1' };
  const input = { account: 'acc-1', platform: 'sandbox', worker: WORKER, epoch: 1, proxy: null, to, text };
  const since = Date.now();
  await master.run(WORKER, 'post', `post-${n}`, { ...input, reply: `reply-${n}` }, { once: true });
  const { output, error } = await master.result(`post-${n}`);
  if (output) return 'posted';
  if (error!.sent === 'no') return 'not posted';
  await master.run(WORKER, 'find', `find-${n}`, { ...input, since });
  return (await master.result(`find-${n}`)).output?.remoteId ? 'posted' : 'not posted';
}

test(`${REPLIES} replies with a fault in every third: none twice, and what the worker says is what the ledger says`, async () => {
  await stage.site.control('plan', { pattern: ['ok', 'ok', 'reset-after', 'ok', 'ok', 'fail-after', 'ok', 'ok', 'reset-before', 'ok', 'ok', 'fail-before', 'ok', 'ok', 'rate-limit'] });
  const said: ('posted' | 'not posted')[] = [];
  for (let n = 0; n < REPLIES; n++) said.push(await reply(n));
  const rows = await stage.site.ledger();
  const counts = said.map((_, n) => rows.filter((r) => r.text === `answer ${n}`).length);
  expect(counts).toEqual(said.map((word) => (word === 'posted' ? 1 : 0)));
  expect(said.filter((word) => word === 'posted')).toHaveLength((REPLIES / 15) * 12);
}, 180_000);
