import { afterEach, describe, expect, it } from 'vitest';
import { brokenChains, lastOf, readJournal } from '../harness/checker.ts';
import { simFleet } from '../harness/sim-fleet.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';
import { envOf, SCALED } from '../network/far-fleet.ts';

let stage: Stage;
afterEach(() => stage.close());

const ids = (journal: Awaited<ReturnType<typeof readJournal>>, actor: string): string[] => lastOf(journal, actor)?.after.context.ids ?? [];

describe('two masters on one NATS', () => {
  it('share the actors; killing one hands its partitions over within 10 s and loses nothing', async () => {
    stage = await openStage();
    const nc = await stage.operator();
    const [one] = await Promise.all([stage.master(), stage.master({ DB_PATH: `${stage.config.dataDir}/second.db` })]);
    const owned = new Map<string, number[]>();
    const sub = nc.subscribe('troupe.master.*', { callback: (_, msg) => void owned.set(msg.json<{ id: string }>().id, msg.json<{ owned: number[] }>().owned) });
    await until(() => owned.size === 2 && [...owned.values()].every((o) => o.length === 2), 'each owns its share');
    sub.unsubscribe();

    const sent: string[] = [];
    let sending = true;
    const actors = Array.from({ length: 12 }, (_, i) => `tally/m-${i}`);
    const load = (async () => {
      for (let n = 0; sending; n++) {
        for (const actor of actors) await stage.accept(nc, actor, 'ADD', { id: `${actor}-${n}` }, `${actor}-${n}`);
        sent.push(String(n));
      }
    })();
    await until(() => sent.length >= 3, 'load is running');
    await stage.kill(one);
    const killed = performance.now();
    const mark = sent.length;
    await until(() => sent.length > mark + 1, 'load goes on');
    // Every actor takes something that was accepted after the kill.
    await until(async () => {
      const journal = await readJournal(nc);
      return actors.every((a) => ids(journal, a).includes(`${a}-${mark + 1}`));
    }, 'all actors go on', 10_000);
    const took = performance.now() - killed;
    sending = false;
    await load;
    await until(async () => {
      const journal = await readJournal(nc);
      return actors.every((a) => ids(journal, a).length === sent.length);
    }, 'everything accepted is taken');
    const journal = await readJournal(nc);
    for (const a of actors) expect(ids(journal, a)).toEqual(sent.map((n) => `${a}-${n}`));
    expect(brokenChains(journal)).toEqual([]);
    expect(took).toBeLessThan(10_000);
  });

  it('one that is told to stop hands over at once', async () => {
    stage = await openStage();
    const nc = await stage.operator();
    const [one] = await Promise.all([stage.master(), stage.master({ DB_PATH: `${stage.config.dataDir}/second.db` })]);
    const owned = new Map<string, number[]>();
    nc.subscribe('troupe.master.*', { callback: (_, msg) => void owned.set(msg.json<{ id: string }>().id, msg.json<{ owned: number[] }>().owned) });
    await until(() => owned.size === 2 && [...owned.values()].every((o) => o.length === 2), 'each owns its share');
    one.kill('SIGTERM');
    const told = performance.now();
    await until(() => [...owned.values()].some((o) => o.length === 4), 'the other owns all');
    // A lease that nobody gave back would take 3 s to age out.
    expect(performance.now() - told).toBeLessThan(2_500);
    expect(await stage.died(one)).toBeNull();
  });

  it('a master that stood still for a while comes back without harm', async () => {
    stage = await openStage();
    const nc = await stage.operator();
    const [one] = await Promise.all([stage.master(), stage.master({ DB_PATH: `${stage.config.dataDir}/second.db` })]);
    const actors = Array.from({ length: 8 }, (_, i) => `tally/p-${i}`);
    const add = async (n: number) => Promise.all(actors.map((a) => stage.accept(nc, a, 'ADD', { id: `${a}-${n}` }, `${a}-${n}`)));
    const takenUpTo = (n: number) => until(async () => {
      const journal = await readJournal(nc);
      return actors.every((a) => ids(journal, a).length === n);
    }, `${n} taken`);
    await add(0);
    await takenUpTo(1);
    one.kill('SIGSTOP');
    for (let n = 1; n < 5; n++) await add(n);
    await takenUpTo(5);
    one.kill('SIGCONT');
    for (let n = 5; n < 10; n++) await add(n);
    await takenUpTo(10);
    const journal = await readJournal(nc);
    for (const a of actors) expect(ids(journal, a)).toEqual(Array.from({ length: 10 }, (_, n) => `${a}-${n}`));
    expect(brokenChains(journal)).toEqual([]);
  });
});

describe('a master whose event loop stands still', () => {
  it('says so from a thread of its own while it does, and afterwards on the page; no worker counts as offline, nor when it was stopped as a whole (F7, F8)', async () => {
    // Far longer than the silence after which a worker is offline.
    const STALL = 6_500;
    stage = await openStage(envOf(SCALED));
    const master = await stage.master({ STALL_MS: String(STALL) });
    const fleet = await simFleet(stage.config, ['s1', 's2', 's3'], { heartbeatMs: SCALED.heartbeat, fenceMs: SCALED.fence });
    try {
      await until(() => stage.rows("SELECT 1 FROM workers WHERE status = 'connected'").length === 3, 'the fleet is there');
      const said: { msg: string; stillMs: number; after: number }[] = [];
      const began = performance.now();
      master.stderr!.on('data', (d: Buffer) => {
        for (const line of d.toString().split('\n')) if (/event loop/.test(line)) said.push({ ...(JSON.parse(line) as { msg: string; stillMs: number }), after: performance.now() - began });
      });
      master.kill('SIGUSR2');
      await until(() => said.length === 2, 'it runs again', 30_000);
      expect(said.map((s) => s.msg)).toEqual(['the event loop of the master stands still', 'the event loop of the master runs again']);
      expect(said[0]!.after).toBeLessThan(STALL);
      expect(said[1]!.stillMs).toBeGreaterThan(STALL - 1_000);
      const notes = () => stage.rows<{ content: string }>("SELECT content FROM notifications WHERE key LIKE 'stall-%'");
      await until(() => notes().length === 1, 'the page is told');
      expect(notes()[0]!.content).toMatch(/^its event loop stood still for [5678]\.\d s: every worker has a fresh window/);
      // The same for a process that is stopped as a whole, its watching thread with it (F7).
      master.kill('SIGSTOP');
      await new Promise((r) => setTimeout(r, STALL));
      master.kill('SIGCONT');
      await until(() => notes().length === 2, 'the page is told again', 30_000);
      // Whoever was wrongly held for silent was so at the first sweep.
      await new Promise((r) => setTimeout(r, SCALED.heartbeat * 2));
      expect((await readJournal(await stage.operator())).filter((s) => ['OFFLINE', 'SUSPECT'].includes(s.entry.event.type)).map((s) => s.actor)).toEqual([]);
    } finally {
      await fleet.close();
    }
  }, 90_000);
});

describe('nats-server killed with SIGKILL under load', () => {
  it('loses nothing that was accepted, and takes nothing twice', async () => {
    stage = await openStage();
    const nc = await stage.operator();
    await stage.master();
    const actors = Array.from({ length: 5 }, (_, i) => `tally/n-${i}`);
    const rounds = 40;
    const load = Promise.all(
      actors.map(async (actor) => {
        for (let n = 0; n < rounds; n++) {
          await stage.accept(nc, actor, 'ADD', { id: `${actor}-${n}` }, `${actor}-${n}`);
          await new Promise((r) => setTimeout(r, 20));
        }
      }),
    );
    for (let k = 0; k < 3; k++) {
      await until(async () => (await readJournal(nc).catch(() => [])).length > (k + 1) * 20, 'some turns are stored');
      await stage.restartServer();
    }
    await load;
    await until(async () => {
      const journal = await readJournal(nc).catch(() => []);
      return actors.every((a) => ids(journal, a).length >= rounds);
    }, 'everything accepted is taken', 30_000);
    const journal = await readJournal(nc);
    for (const a of actors) expect(ids(journal, a)).toEqual(Array.from({ length: rounds }, (_, n) => `${a}-${n}`));
    expect(brokenChains(journal)).toEqual([]);
  });
});
