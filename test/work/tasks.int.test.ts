import { spawn, type ChildProcess } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { brokenChains, readJournal } from '../harness/checker.ts';
import { simFleet, type SimFleet, type SimOptions } from '../harness/sim-fleet.ts';
import { built, openStage, until, type Stage } from '../harness/stage.ts';
import { envOf, SCALED } from '../network/far-fleet.ts';

const BEATS = { heartbeatMs: SCALED.heartbeat, fenceMs: SCALED.fence };
let stage: Stage;
const fleets: SimFleet[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const c of children.splice(0)) c.kill('SIGKILL');
  for (const f of fleets.splice(0)) await f.close();
  await stage.close();
});

type Row = Record<string, any>;
const sim = (args: object) => ({ payload: { actions: [{ tool: 'sim', args }] } });
const task = (id: string, more: object = {}) => stage.command(`task/${id}`, 'create', { title: id, type: 'automation', ...more });
const row = (id: string): Row => stage.rows<Row>('SELECT * FROM tasks WHERE id = ?', id)[0] ?? {};
const is = (id: string, status: string, ms?: number) => until(() => row(id)['status'] === status && row(id), `task ${id} is ${status} (it is ${row(id)['status']}: ${row(id)['error_message'] ?? row(id)['why']})`, ms);
const workers = async (names: string[], options: SimOptions = {}): Promise<SimFleet> => {
  const fleet = await simFleet(stage.config, names, { ...BEATS, ...options });
  fleets.push(fleet);
  return fleet;
};
/** Simulated workers as processes of their own, to be killed. */
function workerProcess(names: string[], options: SimOptions): ChildProcess {
  const child = spawn(process.execPath, [built('test', 'harness', 'sim-main.js')], { env: { PATH: process.env['PATH'], TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0], ...envOf(SCALED), SIM_WORKERS: names.join(), SIM_OPTIONS: JSON.stringify({ ...BEATS, ...options }) }, stdio: 'ignore' });
  children.push(child);
  return child;
}

describe('tasks', () => {
  it('are placed, done, tried again, cancelled, held, run again and told why they wait', async () => {
    stage = await openStage(envOf(SCALED));
    await stage.master();

    // Made once for an id; a number each, the same however often it is asked.
    expect(await task('first')).toMatchObject({ ok: true, task: 'first', number: 1, title: 'first' });
    expect(await task('first')).toMatchObject({ ok: false, code: 'duplicate' });
    await task('shell', { type: 'shell', payload: { command: 'true' } });
    await until(() => row('first')['why'] === 'no worker of group default runs: start one', 'the first says why it waits');
    const fleet = await workers(['s-1', 's-2'], { maxAgents: 3 });
    await is('first', 'completed');
    expect(row('first')).toMatchObject({ attempt: 1, progress: 1, why: null });
    expect(JSON.parse(row('first')['result'])).toMatchObject({ attempt: 1 });
    await until(() => row('shell')['why'] === 'no worker that may run shell tasks: start one with --allow-shell', 'the shell task says why it waits');
    await workers(['shell-1'], { maxShells: 1, maxAgents: 0 });
    expect(await is('shell', 'completed')).toMatchObject({ worker_id: 'shell-1' });

    // One that finds room as it is made is with its worker in its first turn.
    expect(await task('at-once')).toMatchObject({ ok: true, state: 'working.assigned', index: 1 });
    expect(await is('at-once', 'completed')).toMatchObject({ placings: 1, attempt: 1 });
    expect(row('at-once')['assigned_ms']).toBe(row('at-once')['created_ms']);
    expect(stage.rows("SELECT event, state FROM turns WHERE kind = 'task' AND id = 'at-once' AND event NOT LIKE 'STARTED' ORDER BY idx")).toEqual([{ event: '~start', state: 'working.assigned' }, { event: 'xstate.done.actor.work', state: 'completed' }]);
    expect(stage.rows('SELECT n, worker_id, outcome FROM task_attempts WHERE task_id = ?', 'at-once')).toMatchObject([{ n: 1, worker_id: row('at-once')['worker_id'], outcome: 'completed' }]);

    // What fails is tried again; what fails for good is kept, and can be run again with other input.
    await task('bad', { ...sim({ fault: 'tool-failed', message: 'step 2 (cdp_click): nothing there' }), retries: 1 });
    await task('hopeless', sim({ fault: 'refused', message: 'there is no tool sim2' }));
    expect(await is('hopeless', 'failed')).toMatchObject({ attempt: 1, error_kind: 'refused' });
    expect(await is('bad', 'failed')).toMatchObject({ attempt: 2, placings: 2, error_message: 'step 2 (cdp_click): nothing there' });
    expect(stage.rows('SELECT attempt, outcome, error FROM task_attempts WHERE task_id = ? ORDER BY n', 'bad')).toEqual([1, 2].map((attempt) => ({ attempt, outcome: 'tool-failed', error: 'step 2 (cdp_click): nothing there' })));
    const again = await stage.command('task/bad', 'retry', { ...sim({}), title: 'better' });
    expect(again).toMatchObject({ ok: true, task: expect.stringMatching(/^r/) });
    expect(await is(again.task, 'completed')).toMatchObject({ replay_of: 'bad', title: 'better' });
    await until(() => row('bad')['replayed_by'] === again.task, 'the old one names the new one');
    expect(await stage.command('task/bad', 'retry', { priority: 99 })).toMatchObject({ ok: false, field: 'priority' });
    await stage.command('task/bad', 'purge');
    await until(() => row('bad')['id'] === undefined, 'the purged one is gone');
    expect(await task('bad')).toMatchObject({ ok: true });

    // Cancelled and timed out: what runs ends for real.
    await task('hangs', sim({ hang: true }));
    await task('slow', { ...sim({ hang: true }), timeoutMs: 300, retries: 0 });
    await is('hangs', 'assigned');
    const pieces = () => fleet.workers.flatMap((w) => [...w.pieces.values()].map((p) => p.actor));
    await until(() => pieces().length === 2, 'both run');
    expect(await stage.command('task/first', 'cancel')).toMatchObject({ ok: false, code: 'conflict' });
    expect(await stage.command('task/hangs', 'cancel')).toMatchObject({ ok: true, state: 'cancelled' });
    await until(() => !pieces().includes('task/hangs'), 'its worker has ended it');
    await is('slow', 'timed_out');
    await until(() => pieces().length === 0, 'the late one has ended too');
    expect(await stage.command('task/hangs', 'purge')).toMatchObject({ ok: true });

    // A report in the place of a worker counts once, and only for the worker that has it.
    await task('by-hand', sim({ hang: true }));
    const { worker_id: has } = await is('by-hand', 'assigned');
    expect(await stage.command('task/by-hand', 'result', { worker: has === 's-1' ? 's-2' : 's-1', result: 1 })).toMatchObject({ ok: false, code: 'conflict' });
    expect(await stage.command('task/by-hand', 'result', { worker: has, result: { n: 1 } })).toMatchObject({ ok: true, state: 'completed' });
    await until(() => pieces().length === 0, 'and is taken from it');

    // After others, in order; and never after one that failed.
    await task('c1', sim({ ms: 300 }));
    await task('c2', { after: ['c1'] });
    await task('c3', { after: ['c1', 'c2'] });
    await task('after-bad', { after: ['hopeless'] });
    await until(() => row('c3')['why'] === `after task ${row('c1')['seq']}, ${row('c2')['seq']}`, 'it says after which');
    await is('c3', 'completed');
    expect(row('c2')['assigned_ms']).toBeGreaterThanOrEqual(row('c1')['finished_ms']);
    expect(row('c3')['assigned_ms']).toBeGreaterThanOrEqual(row('c2')['finished_ms']);
    expect(await is('after-bad', 'failed')).toMatchObject({ error_kind: 'dependency' });
    expect(await task('lost', { after: ['nowhere'] })).toMatchObject({ ok: false, field: 'after' });

    // Held and let go: everything, a group, a lane, a type.
    for (const [gate, held] of [['fleet', {}], ['group-default', {}], ['queue-default--low', { priority: 2 }], ['kind-test', { type: 'test' }]] as const) {
      await stage.command(`gate/${gate}`, 'pause', { reason: 'a look' });
      await until(() => stage.rows('SELECT 1 FROM pauses').length === 1, `${gate} is paused`);
      await task(`held-${gate}`, held);
      if (gate === 'kind-test' || gate === 'queue-default--low') {
        await task(`free-${gate}`);
        await is(`free-${gate}`, 'completed');
      } else await until(() => row(`held-${gate}`)['why'] === 'paused by operator: a look', 'it says by whom');
      expect(row(`held-${gate}`)['status']).toBe('pending');
      await stage.command(`gate/${gate}`, 'resume');
      await is(`held-${gate}`, 'completed');
      await until(() => stage.rows('SELECT 1 FROM pauses').length === 0, `${gate} is open`);
    }
    expect(await stage.command('gate/worker-1', 'pause')).toMatchObject({ ok: false, code: 'invalid' });

    // No more at once than there is room for; a flood in one group holds up no other, and no priority holds up for ever.
    const flood = Array.from({ length: 60 }, (_, i) => `flood-${i}`);
    await workers(['few-1'], { groups: ['few', 'default'], maxAgents: 1 });
    await stage.command('gate/fleet', 'pause');
    await until(() => stage.rows('SELECT 1 FROM pauses').length === 1, 'everything is held');
    for (const id of flood) await task(id, { ...sim({ ms: 40 }), priority: 9 });
    for (let i = 0; i < 4; i++) await task(`few-${i}`, { ...sim({ ms: 40 }), group: 'few', priority: 1 });
    await stage.command('gate/fleet', 'resume');
    for (const id of [...flood, 'few-0', 'few-1', 'few-2', 'few-3']) await is(id, 'completed');
    const last = (like: string) => stage.rows<{ at: number }>('SELECT MAX(assigned_ms) at FROM tasks WHERE id LIKE ?', like)[0]!.at;
    expect(last('few-%')).toBeLessThan(last('flood-%'));
    expect(fleet.workers.every((w) => w.turnedAway === 0)).toBe(true);
  }, 120_000);

  it('work in the windows of agents, which come back when they crash and when their worker is lost', async () => {
    stage = await openStage(envOf(SCALED));
    await stage.master();
    const agentRow = (id: string): Row => stage.rows<Row>('SELECT * FROM agents WHERE id = ?', id)[0] ?? {};
    const agentIs = (id: string, status: string, ms?: number) => until(() => agentRow(id)['status'] === status && agentRow(id), `agent ${id} is ${status} (it is ${agentRow(id)['status']})`, ms);
    const fleet = await workers(['a-1'], { maxAgents: 2 });
    for (const id of ['one', 'two', 'three']) expect(await stage.command(`agent/${id}`, 'create', {})).toMatchObject({ ok: true, agent: id });
    await agentIs('one', 'idle');
    await agentIs('two', 'idle');
    // There are as many windows as the worker allows, whoever asks.
    await until(() => agentRow('three')['why'] === 'worker a-1 of group default is full (2 of 2)', 'the third says why it waits');
    await task('named', { ...sim({ ms: 400 }), requirements: { agent: 'one' } });
    await agentIs('one', 'busy');
    await task('next', { ...sim({}), requirements: { agent: 'one' } });
    await task('any', sim({}));
    // One that names no agent takes an idle one.
    expect(await is('any', 'completed')).toMatchObject({ agent_id: 'two' });
    await is('named', 'completed');
    expect(row('next')['assigned_ms'] ?? Date.now()).toBeGreaterThanOrEqual(row('named')['finished_ms']);
    await is('next', 'completed');
    expect(await task('nobody', { requirements: { agent: 'nowhere' } })).toMatchObject({ ok: false, field: 'requirements.agent' });

    await stage.command('agent/three', 'close');
    await task('dies', { ...sim({ fault: 'crashed', message: 'the page crashed' }), requirements: { agent: 'one' }, retries: 0 });
    fleet.of('a-1').crash('two');
    expect(await is('dies', 'failed')).toMatchObject({ error_kind: 'crashed' });
    await until(() => agentRow('two')['restarts'] === 1 && agentRow('two')['status'] === 'idle', 'the crashed one is back');
    expect(stage.rows<Row>('SELECT what FROM agent_history WHERE agent_id = ? ORDER BY idx', 'two').map((h) => h['what'])).toEqual(['opened', 'task', 'task-done', 'crashed', 'opened']);

    // Its worker falls silent: window and task go elsewhere, without a second try being counted.
    await task('moves', { ...sim({ hang: true }), requirements: { agent: 'one' } });
    await is('moves', 'assigned');
    fleet.of('a-1').isolate(true);
    await agentIs('one', 'offline');
    const other = await workers(['a-2'], { maxAgents: 3 });
    await until(() => agentRow('one')['worker_id'] === 'a-2' && agentRow('one')['status'] === 'busy', 'the agent and its task are elsewhere', 30_000);
    expect(row('moves')).toMatchObject({ worker_id: 'a-2', attempt: 1, placings: 2 });
    await stage.command('task/moves', 'cancel');
    await stage.command('agent/one', 'close');
    await agentIs('one', 'closed');
    await until(() => [...other.of('a-2').pieces.values()].every((p) => p.actor !== 'agent/one'), 'its window is closed');
    expect(await task('late', { requirements: { agent: 'one' } })).toMatchObject({ ok: false });
    expect(brokenChains(await readJournal(await stage.operator()))).toEqual([]);
  }, 120_000);

  it('2,000 at once: a worker and a master are killed, and each is completed exactly once', async () => {
    stage = await openStage({ ...envOf(SCALED) });
    const [one] = await Promise.all([stage.master(), stage.master({ DB_PATH: `${stage.config.dataDir}/second.db` })]);
    const options = { maxAgents: 20 };
    const doomed = workerProcess(['w-1', 'w-2'], options);
    workerProcess(['w-3'], options);
    await until(() => stage.rows("SELECT 1 FROM workers WHERE status = 'connected'").length === 3, 'the workers are there');
    const nc = await stage.operator();
    const n = 2_000;
    const asked: string[] = [];
    const create = async (id: string): Promise<void> => {
      for (;;) {
        const answer = await nc.request(`troupe.cmd.task.${id}.create`, JSON.stringify({ title: id, type: 'test', ...sim({ ms: 15 }) }), { timeout: 10_000 }).then((m) => m.json<Row>(), () => null);
        if (answer?.['ok'] || answer?.['code'] === 'duplicate') return void asked.push(id);
        await new Promise((r) => setTimeout(r, 100));
      }
    };
    let next = 0;
    const burst = Promise.all(Array.from({ length: 40 }, async () => {
      while (next < n) await create(`b-${next++}`);
    }));
    const done = () => stage.rows<{ n: number }>("SELECT COUNT(*) n FROM tasks WHERE status = 'completed'")[0]!.n;
    await until(() => done() > 150, 'work is under way');
    doomed.kill('SIGKILL');
    await until(() => done() > 400, 'work goes on without the worker', 30_000);
    // The view that is read here belongs to the folder, not to the master that is killed.
    const second = () => new Date().getTime();
    await stage.kill(one);
    const killed = second();
    const heard = nc.subscribe('troupe.fx.w-3', { max: 1_000_000 });
    let dispatched = 0;
    void (async () => {
      for await (const m of heard) {
        const run = m.json<{ op: string; src?: string; offered?: number }>();
        if (run.op === 'run' && run.src === 'work' && run.offered === 0 && dispatched === 0) dispatched = second();
      }
    })();
    await burst;
    expect(asked).toHaveLength(n);
    await until(() => dispatched > 0, 'dispatch is back', 15_000);
    const journal = async () => readJournal(await stage.operator());
    await until(async () => {
      const finished = (await journal()).filter((s) => s.actor.startsWith('task/') && s.entry.after.value === 'completed').length;
      return finished >= n;
    }, 'all are completed', 90_000);
    heard.unsubscribe();
    const all = await journal();
    const completions = new Map<string, number>();
    for (const s of all) if (s.actor.startsWith('task/') && s.entry.event.type.startsWith('xstate.done.actor.work')) completions.set(s.actor, (completions.get(s.actor) ?? 0) + 1);
    expect(completions.size).toBe(n);
    expect([...completions.values()].every((c) => c === 1)).toBe(true);
    expect(brokenChains(all)).toEqual([]);
    const numbers = all.filter((s) => s.actor.startsWith('task/') && s.entry.index === 1).map((s) => s.entry.after.context.seq);
    expect(new Set(numbers).size).toBe(n);
    expect(dispatched - killed, 'from the kill to the next dispatch').toBeLessThan(5_000);
  }, 240_000);
});
