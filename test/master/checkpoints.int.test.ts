import { jetstreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { kinds } from '../../actors/kinds.ts';
import { startMaster, type Master } from '../../runtime/master/main.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { openConnection, type NatsConnection } from '../../transport/connection.ts';
import { lastOf, readJournal } from '../harness/checker.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';
import { tally } from '../harness/tally.ts';

const AGE = 5_000;
let stage: Stage;
let master: Master;
let nc: NatsConnection;
beforeEach(async () => {
  stage = await openStage();
  nc = await openConnection(natsLogin(stage.config, 'master'));
});
afterEach(async () => {
  await master.stop();
  await nc.close();
  await stage.close();
});

const open = (every: number) => startMaster(stage.config, { bindings: new Map([...kinds, ['tally', tally]]), checkpoints: { age: AGE, every } });
const forget = async () => {
  const jsm = await jetstreamManager(nc);
  const { config } = await jsm.streams.info('TROUPE_JOURNAL');
  await jsm.streams.update('TROUPE_JOURNAL', { ...config, max_age: nanos(AGE), duplicate_window: nanos(AGE) });
};
const firstLeft = async () => (await (await jetstreamManager(nc)).streams.info('TROUPE_JOURNAL')).state.first_seq;

it('appends a living actor again before the journal forgets it, with its memory of what it took', async () => {
  master = await open(500);
  await forget();
  await stage.accept(nc, 'tally/kept', 'ADD', { id: 'a' }, 'one');
  const { entry: before, seq } = await until(async () => (await readJournal(nc)).find((s) => s.actor === 'tally/kept' && s.entry.event.type === 'ADD'), 'the turn');
  const after = await until(async () => ((await firstLeft()) > seq + 1 ? lastOf(await readJournal(nc), 'tally/kept') : null), 'the first turns are forgotten', 20_000);
  expect(after.index).toBeGreaterThan(before.index);
  expect(after.event.type).toBe('~settle');
  expect(after.after).toEqual(before.after);
  expect(after.seen.in).toBe(before.seen.in);
  await stage.accept(nc, 'tally/kept', 'ADD', { id: 'b' }, 'two');
  await until(async () => lastOf(await readJournal(nc), 'tally/kept')?.after.context.ids.join() === 'a,b', 'it goes on with what it knew');
});

it('without it the actor would be lost: the test above can fail', async () => {
  master = await open(3_600_000);
  await forget();
  await stage.accept(nc, 'tally/lost', 'ADD', { id: 'a' }, 'one');
  await until(async () => (await readJournal(nc)).some((s) => s.actor === 'tally/lost'), 'the turn');
  await until(async () => !(await readJournal(nc)).some((s) => s.actor === 'tally/lost'), 'the journal has forgotten it', 20_000);
});
