import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../worker/until.ts';
import { answerAll, prepare, settled, verdict } from './reply-run.ts';
import { wholeStage, type WholeStage } from './whole-stage.ts';

let stage: WholeStage;
beforeAll(async () => {
  stage = await wholeStage();
}, 120_000);
afterAll(() => stage?.close(), 60_000);

test('a login whose worker is killed while the code is shown fails with the reason, and the next one works', async () => {
  expect(await stage.command('account/torn', 'create', { platform: 'sandbox', name: 'Torn' })).toMatchObject({ ok: true });
  const { login } = await stage.command('account/torn', 'login');
  await until('the code', async () => (await stage.state(`login/${login}`))?.context.qr, 60_000);
  const { epoch } = (await stage.state('account/torn'))!.context;
  await stage.kill('worker-1');
  const from = performance.now();
  await until('the login to fail', async () => (await stage.state(`login/${login}`))?.value === 'failed', 35_000);
  // The exit was seen: nobody waits for silence to last.
  expect(performance.now() - from).toBeLessThan(15_000);
  expect((await stage.state(`login/${login}`))?.context.error).toMatch(/worker/);
  const account = await until('the account to know', async () => {
    const now = await stage.state('account/torn');
    return now?.value.active.session === 'login_failed' ? now : null;
  });
  expect(account.context.reason).toMatch(/worker/);
  await until('the lease of the dead process to be taken back', async () => (await stage.state('account/torn'))?.context.lease?.epoch > epoch, 60_000);
  await stage.login('torn', 'mei');
}, 180_000);

const REPLIES = Number(process.env['WHOLE_REPLIES'] ?? 24) / 2;

test(`${REPLIES} replies while worker, master and nats-server are killed: none twice, none lost`, async () => {
  const accounts = await prepare(stage, 3, REPLIES);
  const wanted = await answerAll(stage, accounts);
  for (const [part, at] of [['worker-1', 0.15], ['master', 0.4], ['nats', 0.65]] as const) {
    await until(`${at} of the replies to be on the site`, async () => (await stage.ledger()).length >= at * REPLIES, 120_000);
    await stage.kill(part);
  }
  await until('every reply to end', () => settled(stage) === REPLIES, 180_000);
  const tally = await verdict(stage, wanted);
  console.log(`${REPLIES} replies, three kills: ${JSON.stringify(tally)}`);
  expect(tally['posted']).toBeGreaterThan(REPLIES / 2);
}, 600_000);
