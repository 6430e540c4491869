import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium } from '../../runtime/browsers/find-chromium.ts';
import { brokenChains, lastOf, readJournal, type Stored } from '../harness/checker.ts';
import { overlaps, type Act } from '../harness/sim-fleet.ts';
import type { SimLine } from '../harness/sim-main.ts';
import { built, openStage, until, type Stage } from '../harness/stage.ts';
import { freePort } from '../setup/running-server.ts';

const ALL = process.env['FAULTS'] === 'all';
const KILLS = ALL ? 20 : 3;
const TIMES = { HEARTBEAT_INTERVAL_MS: '500', SUSPECT_AFTER_MS: '3000', OFFLINE_AFTER_MS: '6000', LEASE_FENCE_MS: '4000', LEASE_TTL_MS: '5000', STOP_GRACE_MS: '3000', BROWSER_MODE: 'context' };

type Claim = { account: string; epoch: number; worker: string };

let stage: Stage;
let master: ChildProcess;
/** What workers have said that they hold, in the order of saying. */
const claims: Claim[] = [];

const cmd = (actor: string, verb: string, payload: object = {}): Promise<any> => stage.command(actor, verb, payload);
const seen = (id: string) => stage.rows<{ status: string; cause: string; pid: number | null; link: string }>('SELECT r.status, r.cause, r.process_id pid, w.status link FROM worker_runtime r JOIN workers w ON w.id = r.worker_id WHERE r.worker_id = ?', id)[0];
const holders = (): Record<string, string | null> => Object.fromEntries(stage.rows<{ id: string; w: string | null }>("SELECT id, assigned_worker_id w FROM accounts WHERE lease_state = 'held'").map((r) => [r.id, r.w]));
const journal = async (): Promise<Stored[]> => readJournal(await stage.operator());
const works = (id: string) => until(() => seen(id)?.status === 'running' && seen(id)?.link === 'connected', `${id} runs and is connected`, 40_000);
const make = async (id: string, more: object = {}) => expect(await cmd(`worker/${id}`, 'create', { name: id, deployment_type: 'local', port: await freePort(), auto_start: false, restart_delay_ms: 1000, ...more })).toMatchObject({ ok: true });

let started: Promise<void> | null = null;
/** Starts the worker that ends at once; asked for early, it takes its time beside other tests. */
const loop = (): Promise<void> => (started ??= (async () => {
  await make('loop', { command_args: ['--no-such-flag'], max_restart_attempts: 3 });
  expect(await cmd('worker/loop', 'start')).toMatchObject({ ok: true });
})());

/** Processes that are this worker of this stage, by their environment. */
function processesOf(id: string): number[] {
  return readdirSync('/proc').filter((n) => /^\d+$/.test(n)).flatMap((n) => {
    try {
      const env = readFileSync(`/proc/${n}/environ`, 'utf8').split('\0');
      const args = readFileSync(`/proc/${n}/cmdline`, 'utf8').split('\0');
      return args[2] === 'worker' && env.includes(`WORKER_ID=${id}`) && env.includes(`TROUPE_DATA=${stage.config.dataDir}`) ? [Number(n)] : [];
    } catch {
      return [];
    }
  });
}

/** Claims of an account under an older epoch after one under a newer: two workers had it at once. */
function doubled(): string[] {
  const newest = new Map<string, number>();
  return claims.flatMap(({ account, epoch, worker }) => {
    const highest = newest.get(account) ?? 0;
    newest.set(account, Math.max(highest, epoch));
    return epoch < highest ? [`${worker} claimed ${account} at ${epoch} after ${highest}`] : [];
  });
}

describe('workers of this machine', () => {
  beforeAll(async () => {
    stage = await openStage({ ...TIMES, TROUPE_CHROMIUM: (await findChromium()).path });
    master = await stage.master();
    (await stage.operator()).subscribe('troupe.hb.*', { callback: (_, msg) => {
      const { worker, accounts } = msg.json<{ worker: string; accounts: { account: string; epoch: number }[] }>();
      for (const a of accounts) claims.push({ ...a, worker });
    } });
    for (const id of ['w1', 'w2']) await make(id);
  });
  afterAll(async () => {
    for (const id of ['w1', 'w2', 'loop']) await cmd(`worker/${id}`, 'kill').catch(() => {});
    await until(() => stage.rows("SELECT 1 FROM worker_runtime WHERE status NOT IN ('stopped', 'error')").length === 0, 'all workers have ended').catch(() => {});
    for (const pid of ['w1', 'w2', 'loop'].flatMap(processesOf)) process.kill(pid, 'SIGKILL');
    await stage.close();
  });

  it(`outlive their master, killed at ${KILLS} random instants, the first while they start: each is adopted, none is there twice (F5)`, async () => {
    for (const id of ['w1', 'w2']) expect(await cmd(`worker/${id}`, 'start')).toMatchObject({ ok: true });
    let before: number[][] | null = null;
    for (let kill = 0; kill < KILLS; kill++) {
      const after = Math.round(Math.random() * 1_500);
      await sleep(after);
      await stage.kill(master);
      const killed = performance.now();
      master = await stage.master();
      for (const id of ['w1', 'w2']) {
        await works(id);
        // A master that answers for it has it; the second kill may come before that.
        if (kill > 0) await until(async () => (await cmd(`worker/${id}`, 'update', { description: `after kill ${kill}` })).ok, `the new master has ${id}`);
      }
      const now = ['w1', 'w2'].map(processesOf);
      console.log(`master killed after ${after} ms; up and all connected ${Math.round(performance.now() - killed)} ms later`);
      expect(now.map((p) => p.length)).toEqual([1, 1]);
      expect(['w1', 'w2'].map((id) => [seen(id)!.pid])).toEqual(now);
      // Once they run, a master's death is nothing to them.
      if (before) expect(now).toEqual(before);
      before = now;
    }
    expect(brokenChains(await journal())).toEqual([]);
  }, ALL ? 400_000 : 90_000);

  it('one that ended while no master was up is started again, and its neighbour is left as it is (F41)', async () => {
    const [one, two] = ['w1', 'w2'].map(processesOf);
    await stage.kill(master);
    process.kill(one![0]!, 'SIGKILL');
    master = await stage.master();
    await until(() => processesOf('w1').some((pid) => pid !== one![0]), 'it is started again', 20_000);
    await works('w1');
    expect(processesOf('w1')).toHaveLength(1);
    expect(processesOf('w2')).toEqual(two);
    expect(seen('w1')!.cause).toContain('it had ended while no master watched');
  }, 60_000);

  it('one that was adopted again and again is killed while it is idle: its accounts are with the other at once, and never with both (F9)', async () => {
    await loop();
    for (let i = 0; i < 4; i++) expect(await cmd(`account/a${i}`, 'create', { platform: 'sandbox', name: `A${i}` })).toMatchObject({ ok: true });
    await until(() => Object.keys(holders()).length === 4 && ['w1', 'w2'].every((w) => claims.filter((c) => c.worker === w).length > 4), 'both hold accounts and say so');
    const theirs = Object.entries(holders()).filter(([, w]) => w === 'w2').map(([a]) => a);
    expect(theirs).toHaveLength(2);
    const [pid] = processesOf('w2');
    process.kill(pid!, 'SIGKILL');
    const killed = performance.now();
    await until(() => theirs.every((a) => holders()[a] === 'w1'), 'its accounts are with the other');
    // Its end is seen: nobody waits for silence to last.
    expect(performance.now() - killed).toBeLessThan(5_000);
    await works('w2');
    const mark = claims.length;
    await until(() => claims.slice(mark).filter((c) => c.worker === 'w1').length > 8, 'the other says that it holds them');
    expect(doubled()).toEqual([]);
    expect(processesOf('w2')).toHaveLength(1);
  }, 60_000);

  it('one that ends as soon as it starts is tried 1, 2 and 4 s later, then given up with a single alarm (F12)', async () => {
    await loop();
    await until(() => seen('loop')?.status === 'error', 'it is given up', 40_000);
    const turns = (await journal()).filter((s) => s.actor === 'worker/loop').map((s) => s.entry);
    const ends = turns.filter((e) => e.event.type === 'xstate.done.actor.watch').map((e) => e.at as number);
    const starts = turns.filter((e) => e.commands.some((c: { src?: string }) => c.src === 'spawn')).map((e) => e.at as number);
    expect(starts).toHaveLength(4);
    expect(ends).toHaveLength(4);
    // Backoff is lengthened by up to a tenth; the master takes its time too.
    for (const [i, delay] of [1_000, 2_000, 4_000].entries()) {
      expect(starts[i + 1]! - ends[i]!).toBeGreaterThanOrEqual(delay);
      expect(starts[i + 1]! - ends[i]!).toBeLessThan(delay * 1.1 + 1_000);
    }
    expect(turns.at(-1).pending).toMatchObject({ timers: {}, effects: {} });
    const alarms = () => stage.rows<{ title: string; content: string }>("SELECT title, content FROM notifications WHERE related_id = 'loop' AND title LIKE '%: error'");
    await until(() => alarms().length > 0, 'the alarm is raised');
    expect(alarms()).toEqual([{ title: 'loop: error', content: 'exit 2' }]);
    expect(processesOf('loop')).toEqual([]);
  }, 60_000);
});

describe.runIf(ALL)('all processes at once, without a warning', () => {
  const sims: ChildProcess[] = [];
  const lines: SimLine[] = [];
  afterAll(async () => {
    for (const s of sims) s.kill('SIGKILL');
    await stage.close();
  });

  it('killed: from a cold start every account is worked for again within 30 s, and nothing is done twice (F16)', async () => {
    stage = await openStage(TIMES);
    master = await stage.master();
    const fleet = () => {
      const child = spawn(process.execPath, [built('test', 'harness', 'sim-main.js')], { stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env['PATH'], TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0], SIM_WORKERS: 's1,s2,s3', SIM_OPTIONS: JSON.stringify({ heartbeatMs: 500, fenceMs: 4_000 }) } });
      let rest = '';
      child.stdout!.on('data', (d: Buffer) => {
        const whole = (rest + d.toString()).split('\n');
        rest = whole.pop()!;
        for (const line of whole) lines.push(JSON.parse(line) as SimLine);
      });
      sims.push(child);
    };
    fleet();
    await until(() => stage.rows("SELECT 1 FROM workers WHERE status = 'connected'").length === 3, 'the fleet is there');
    const accounts = Array.from({ length: 9 }, (_, i) => `c${i}`);
    for (const a of accounts) expect(await cmd(`account/${a}`, 'create', { platform: 'sandbox', name: a, monitorInterval: 5 })).toMatchObject({ ok: true });
    await until(() => Object.keys(holders()).length === accounts.length, 'every account has a worker');
    for (const a of accounts) expect(await cmd(`account/${a}`, 'login')).toMatchObject({ ok: true });
    const acts = (): Act[] => lines.flatMap((l) => l.acts);
    const worked = (since: number) => accounts.every((a) => acts().some((x) => x.account === a && x.from > since));
    await until(() => worked(0), 'every account is worked for', 30_000);
    sims[0]!.kill('SIGKILL');
    await Promise.all([stage.kill(master), stage.restartServer()]);
    const dark = Date.now();
    master = await stage.master();
    fleet();
    await until(() => worked(dark), 'every account is worked for again', 30_000);
    console.log(`all killed: every account worked for again after ${Date.now() - dark} ms`);
    expect(overlaps(acts())).toEqual([]);
    const all = await journal();
    expect(brokenChains(all)).toEqual([]);
    for (const a of accounts) expect(lastOf(all, `account/${a}`).after.value.active.session).toHaveProperty('logged_in');
  }, 150_000);
});
