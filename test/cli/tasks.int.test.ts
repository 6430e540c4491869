import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NatsConnection } from '@nats-io/transport-node';
import { jetstream } from '@nats-io/jetstream';
import { main } from '../../runtime/main.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { simFleet, type SimFleet } from '../harness/sim-fleet.ts';
import { openStage, until, type Stage } from '../harness/stage.ts';

let stage: Stage;
let master: ChildProcess;
let fleet: SimFleet;
let worker: NatsConnection;
let env: Record<string, string>;
beforeAll(async () => {
  stage = await openStage();
  master = await stage.master();
  fleet = await simFleet(stage.config, ['w1'], { heartbeatMs: 500, maxAgents: 5, maxShells: 2 });
  worker = await stage.worker('w1');
  env = { TROUPE_DATA: stage.config.dataDir, NATS_URL: stage.config.nats.servers[0]!, PATH: process.env['PATH']! };
});
afterAll(async () => {
  await fleet?.close();
  await stage?.close();
});

/** The command line in this process, as a terminal would run it. */
async function troupe(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(argv, { env, config: () => stage.config, out: (l) => void out.push(l), err: (l) => void err.push(l) });
  return { code, out: out.join('\n'), err: err.join('\n'), json: () => JSON.parse(out.join('\n')) as any };
}
const steps = (args: object) => JSON.stringify({ actions: [{ tool: 'sim', args }] });
const states = async () => Object.fromEntries((await troupe('list', '--json')).json().tasks.map((t: any) => [t.title, t.status]));

it('adds a task, waits for it, and says by its code how it ended', async () => {
  const good = await troupe('add', 'good', '--url', 'https://example.org', '--payload', steps({}), '--priority', '8', '--wait', '--json');
  expect([good.code, good.err]).toEqual([0, expect.stringContaining('w1')]);
  expect(good.json()).toMatchObject({ title: 'good', status: 'completed', priority: 8, lane: 'high', worker: 'w1', result: { by: 'w1', attempt: 1 }, created_by: 'operator:cli', error: null });
  const shell = await troupe('add', 'shell', '--desc', 'shell:true', '--wait');
  expect([shell.code, shell.out]).toEqual([0, expect.stringMatching(/^✓ completed task \d+ after .* on w1\n/)]);
  const bad = await troupe('add', 'bad', '--payload', steps({ fault: 'exit-code', message: 'exit 3' }), '--retries', '0', '--wait');
  expect([bad.code, bad.out]).toEqual([1, expect.stringMatching(/^✕ failed task \d+ .*: exit 3$/)]);
});

it('adds one task a key, however often', async () => {
  const first = (await troupe('add', 'daily', '--key', '每日', '--payload', steps({}), '--json')).json();
  const again = await troupe('add', 'daily', '--key', '每日', '--payload', steps({}), '--json');
  expect([again.code, again.json()]).toMatchObject([0, { ok: true, id: first.id, number: first.number, title: 'daily', repeated: true }]);
  expect(first).toMatchObject({ repeated: false, number: expect.any(Number) });
  expect((await troupe('list', '--search', 'daily', '--json')).json().total).toBe(1);
});

it('lists what waits and why, cancels it, and refuses what can not be', async () => {
  const { json } = await troupe('add', 'nowhere', '--group', 'gpu', '--url', 'https://example.org', '--json');
  const { id, number } = json();
  await until(async () => (await troupe('list', '--status', 'open', '--group', 'gpu')).out.includes('no worker of group gpu runs: start one') || null, 'the list says why');
  const follower = await troupe('add', 'later', '--after', String(number), '--url', 'https://example.org', '--json');
  expect((await troupe('list', '--json', '--search', 'later')).json().tasks[0]).toMatchObject({ status: 'waiting', after: [id] });
  const done = await troupe('task', 'cancel', String(number));
  expect([done.code, done.err]).toEqual([0, '']);
  expect(await states()).toMatchObject({ nowhere: 'cancelled' });
  await until(async () => (await states())['later'] === 'failed' || null, 'what runs after it fails');
  expect((await troupe('task', 'show', follower.json().id)).out).toContain(id.slice(0, 5));
  for (const argv of [['cancel', String(number)], ['cancel', 'nobody'], ['show', 'nobody'], ['show', '99999999'], ['logs', 'nobody']]) {
    const refused = await troupe('task', ...argv);
    expect([argv, refused.code, refused.out]).toEqual([argv, 1, '']);
    expect(refused.err).toMatch(/^troupe: \S/);
  }
  expect((await troupe('add', 'x', '--worker', 'no-such-worker', '--url', 'https://example.org')).err).toContain('no-such-worker');
});

it('runs a failed one again with another input', async () => {
  const { number, id } = (await troupe('list', '--status', 'dead', '--search', 'bad', '--json')).json().tasks[0];
  const again = await troupe('task', 'retry', String(number), '--payload', steps({}), '--title', 'better', '--wait', '--json');
  expect([again.code, again.json()]).toMatchObject([0, { title: 'better', status: 'completed', replay_of: id }]);
  expect((await troupe('list', '--status', 'dead', '--search', 'bad', '--json')).json().tasks).toEqual([]);
});

it('shows a log, and follows it until the task has ended', async () => {
  const { id, number } = (await troupe('add', 'talks', '--payload', steps({ hang: true }), '--json')).json();
  const say = (text: string, level = 'out') => jetstream(worker).publish(`troupe.tasklog.${id}.w1`, JSON.stringify([{ at: Date.now(), level, text, attempt: 1, progress: 0.5 }]));
  await until(() => fleet.of('w1').pieces.size > 0, 'it runs');
  await say('before');
  const following = troupe('task', 'logs', '-f', String(number), '--json');
  await say('after \u001b[2J', 'err');
  expect((await troupe('task', 'logs', id)).out).toContain('before');
  await troupe('task', 'cancel', id);
  const { code, out, err } = await following;
  expect([code, err]).toEqual([1, `task ${number} is cancelled`]);
  expect(out.split('\n').map((l) => JSON.parse(l)).map((r) => [r.level, r.text])).toEqual([['out', 'before'], ['err', 'after \u001b[2J']]);
  const shown = (await troupe('task', 'show', id)).out;
  for (const piece of ['⊘ cancelled', 'talks', 'w1', 'after \\u001b[2J']) expect(shown).toContain(piece);
});

it('leaves the task alone on Ctrl-C, and says how to look at it', async () => {
  const child = spawn(process.execPath, [join(packageRoot(), 'dist', 'runtime', 'main.js'), 'add', 'patient', '--group', 'gpu', '--url', 'https://example.org', '--wait'], { env, cwd: stage.config.dataDir, stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.on('data', (d: Buffer) => {
    if (!err.includes('waits') && (err += String(d)).includes('waits')) child.kill('SIGINT');
    else err += String(d);
  });
  const [code] = await once(child, 'exit');
  expect([code, err]).toEqual([130, expect.stringMatching(/waits: no worker of group gpu runs: start one\n.*the task goes on without this terminal; look at it with: troupe task show \d+/s)]);
  expect(await states()).toMatchObject({ patient: 'pending' });
});

it('opens agents, lists them and closes them', async () => {
  const made = await troupe('agents', 'new', '--id', 'ann', '--name', '安', '--worker', 'w1', '--url', 'https://example.org', '--viewport', '800x600', '--json');
  expect([made.code, made.json()]).toMatchObject([0, { ok: true, agent: 'ann' }]);
  await until(async () => (await troupe('agents', '--status', 'idle')).out.includes('ann (安)') || null, 'it is open');
  expect((await troupe('agents', '--json')).json().agents).toMatchObject([{ id: 'ann', status: 'idle', worker: 'w1', viewport: { width: 800, height: 600 } }]);
  const closed = await troupe('agents', 'close', 'ann', 'bob');
  expect([closed.code, closed.out, closed.err]).toEqual([1, 'agent ann is being closed', expect.stringContaining('there is no agent/bob')]);
  await until(async () => (await troupe('agents')).out === 'there are no agents: troupe agents new opens one' || null, 'it is closed');
});

it('adds a task once though its master is killed and comes back only after the command was given', async () => {
  await stage.kill(master);
  const adding = troupe('add', 'meanwhile', '--url', 'https://example.org', '--payload', steps({}), '--wait');
  await stage.master();
  expect(await adding).toMatchObject({ code: 0, err: expect.stringContaining('no master answers; asked again for 10 s') });
  expect((await troupe('list', '--json')).json().tasks.filter((t: any) => t.title === 'meanwhile')).toHaveLength(1);
});
