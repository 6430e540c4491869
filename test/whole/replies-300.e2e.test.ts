import { afterEach, expect, test } from 'vitest';
import { until } from '../worker/until.ts';
import { answerAll, prepare, settled, verdict } from './reply-run.ts';
import { wholeStage, type WholeStage } from './whole-stage.ts';

let stage: WholeStage;
afterEach(async () => {
  const last = stage;
  stage = undefined as never;
  await last?.close();
});

/** The full run is 300; on a machine that does other things beside, fewer say the same. */
const REPLIES = Number(process.env['WHOLE_REPLIES'] ?? 12);

test(`${REPLIES} replies against a site that fails at every third: none twice, none lost`, async () => {
  stage = await wholeStage({ TROUPE_DEMO: '1' });
  const accounts = await prepare(stage, 6, REPLIES);
  const from = performance.now();
  const wanted = await answerAll(stage, accounts);
  await until('every reply to end', () => settled(stage) === REPLIES, 600_000);
  const ms = performance.now() - from;
  const tally = await verdict(stage, wanted);
  console.log(`${REPLIES} replies in ${(ms / 1000).toFixed(1)} s: ${JSON.stringify(tally)}`);
  expect(tally['posted']! + tally['needs_human']!).toBe(REPLIES);
  expect(tally['needs_human']!).toBeGreaterThan(0);
}, 800_000);
