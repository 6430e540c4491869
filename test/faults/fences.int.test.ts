import { afterEach, describe, expect, it } from 'vitest';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { lastOf, readJournal, staleResults } from '../harness/checker.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
afterEach(() => stage.close());

type Run = { op: 'run'; token: string; input: { run: number } };

/** A worker in the test's own hands: it is offered effects, and answers when it likes. */
async function offers(): Promise<{ nc: NatsConnection; runs: Run[]; done(run: Run): Promise<void> }> {
  const nc = await stage.worker('w1');
  const runs: Run[] = [];
  nc.subscribe('troupe.fx.w1', {
    callback: (_, msg) => {
      const said = msg.json<Run>();
      if (said.op === 'run' && !runs.some((r) => r.token === said.token)) runs.push(said);
      msg.respond(JSON.stringify({ taken: true }));
    },
  });
  return {
    nc,
    runs,
    async done(run) {
      const [kind, id] = run.token.split('/');
      await jetstream(nc).publish(`troupe.in.${kind}.${id}.~done.w1`, JSON.stringify({ token: run.token, output: { token: run.token, run: run.input.run } }), { msgID: `${run.token}:done` });
    },
  };
}

describe('a late result of an earlier invocation', () => {
  for (const bug of ['', 'no-token-fence']) {
    it(bug ? 'is seen by the checker when the fence is gone' : 'changes nothing', async () => {
      stage = await openStage();
      const nc = await stage.operator();
      await stage.master(bug ? { SEEDED_BUG: bug } : {});
      const worker = await offers();
      await stage.accept(nc, 'tally/f', 'RUN', {}, 'r1');
      await until(() => worker.runs.length === 1, 'the first run is offered');
      await stage.accept(nc, 'tally/f', 'RUN', {}, 'r2');
      await until(() => worker.runs.length === 2, 'the second run is offered');
      await worker.done(worker.runs[0]!);
      // An event behind the late result: once it is taken, the late one has been looked at.
      await stage.accept(nc, 'tally/f', 'ADD', { id: 'behind' }, 'behind');
      await until(async () => lastOf(await readJournal(nc), 'tally/f')?.after.context.ids.includes('behind'), 'the event behind is taken');
      if (!bug) {
        expect(lastOf(await readJournal(nc), 'tally/f').after.context.results).toEqual([]);
        await worker.done(worker.runs[1]!);
        await until(async () => lastOf(await readJournal(nc), 'tally/f').after.context.results.length === 1, 'the right result is taken');
        expect(lastOf(await readJournal(nc), 'tally/f').after.context.results[0].run).toBe(2);
      }
      const stale = staleResults(await readJournal(nc));
      if (bug) expect(stale).not.toEqual([]);
      else expect(stale).toEqual([]);
    });
  }

  it('of another worker is not taken either', async () => {
    stage = await openStage();
    const nc = await stage.operator();
    await stage.master();
    const worker = await offers();
    await stage.accept(nc, 'tally/f', 'RUN', {}, 'r1');
    const run = await until(() => worker.runs[0], 'the run is offered');
    // The operator may publish anywhere, also under a worker's name that is not the one asked.
    await jetstream(nc).publish('troupe.in.tally.f.~done.w2', JSON.stringify({ token: run.token, output: { token: run.token, run: 9 } }));
    await stage.accept(nc, 'tally/f', 'ADD', { id: 'behind' }, 'behind');
    await until(async () => lastOf(await readJournal(nc), 'tally/f')?.after.context.ids.includes('behind'), 'the event behind is taken');
    expect(lastOf(await readJournal(nc), 'tally/f').after.context.results).toEqual([]);
  });
});

describe('an effect that was asked for', () => {
  it('is offered again after the master was killed, with the same token', async () => {
    stage = await openStage();
    const nc = await stage.operator();
    const master = await stage.master();
    const worker = await offers();
    await stage.accept(nc, 'tally/f', 'RUN', {}, 'r1');
    const run = await until(() => worker.runs[0], 'the run is offered');
    await stage.kill(master);
    // The answer comes while no master is up: the inbox keeps it.
    await worker.done(run);
    await stage.master();
    await until(async () => lastOf(await readJournal(nc), 'tally/f').after.context.results.length === 1, 'the result is taken');
    expect(worker.runs).toHaveLength(1);
  });
});
