import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findServer } from '../../runtime/nats-server/find-server.ts';
import { serverFiles } from '../../runtime/nats-server/server-config.ts';
import { serverReady } from '../../runtime/nats-server/server-ready.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import type { AgentHandle, AgentSpec } from '../../runtime/drivers/agent/agent-driver.ts';
import type { MachineHeartbeat } from '../../transport/protocol.ts';
import { freePort, runningServer, serverEnv, type RunningServer } from '../setup/running-server.ts';
import { machine, master, until, type Machine } from './running-agent.ts';

let server: RunningServer;
let boss: Awaited<ReturnType<typeof master>>;
let box: Machine;
let dir: string;
let count = 0;

beforeAll(async () => void (server = await runningServer()));
afterAll(() => server?.stop());
beforeEach(async () => {
  boss = await master(server);
  box = await machine(server, `box-${++count}`);
  dir = mkdtempSync(join(tmpdir(), 'troupe-work-'));
});
afterEach(async () => {
  await box.close();
  await boss.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const never = () => new AbortController().signal;
const LIVES = 'require("fs").appendFileSync("starts", process.pid + "\\n"); setInterval(() => {}, 1000)';
const spec = (script = LIVES, restart: AgentSpec['restart'] = { delayMs: 0 }, env: Record<string, string> = {}): AgentSpec => ({ command: process.execPath, args: ['-e', script], env, cwd: dir, restart });
const starts = () => (existsSync(join(dir, 'starts')) ? readFileSync(join(dir, 'starts'), 'utf8').split('\n').filter(Boolean).map(Number) : []);
const lives = (pid: number) => existsSync(`/proc/${pid}/exe`);
const http = (path: string, init: RequestInit = {}, token: string | null = box.token) =>
  fetch(`http://127.0.0.1:${box.port}${path}`, { ...init, headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...init.headers } });
const stopServer = async () => {
  server.child.kill('SIGKILL');
  await until(() => server.child.exitCode !== null || server.child.signalCode !== null);
};
const startServer = async () => {
  const { path } = await findServer(server.config, serverEnv());
  server.child = spawn(path, ['-c', serverFiles(server.config).configFile], { stdio: 'ignore' });
  await serverReady(natsLogin(server.config, 'master'), 15_000);
};

describe('joining', () => {
  it('gets a login of its own and goes on without the key', async () => {
    const first = await box.up();
    expect(boss.joins).toEqual([`${box.name} true`]);
    const identity = join(box.dir, 'agent', 'identity.json');
    expect(statSync(identity).mode & 0o777).toBe(0o600);
    expect(readFileSync(identity, 'utf8')).not.toContain(server.secrets.psk);
    await box.kill(first, 'SIGTERM');
    await box.up([], { WORKER_PSK_FILE: join(box.dir, 'no-such-file') });
    expect(boss.joins).toHaveLength(1);
    expect(await box.driver(boss.nc).health()).toEqual({ is: 'healthy', why: '' });
  });

  it('ends with 2 when NATS, or a master, is not there at the very first start', async () => {
    const nowhere = box.run(['--join-within', '0.5'], { NATS_URL: `nats://127.0.0.1:${await freePort()}` });
    expect(await nowhere.ended).toBe(2);
    expect(nowhere.output()).toMatch(/^troupe: could not join within 0.5 s: NATS at .* does not answer/m);
    await boss.close();
    const alone = box.run(['--join-within', '0.5']);
    expect(await alone.ended).toBe(2);
    expect(alone.output()).toMatch(/no master answered/);
  });

  it('ends with 78 for what waiting does not mend: no key, another key, a bad name, a port in use', async () => {
    const cases: [Record<string, string>, string[], RegExp][] = [
      [{ WORKER_PSK_FILE: join(box.dir, 'none') }, [], /none: is missing/],
      [{ WORKER_PSK_FILE: join(server.config.secretsDir, 'admin-password') }, [], /refuses the user join .*WORKER_PSK_FILE/],
      [{}, ['--machine', 'A b'], /--machine "A b": must be/],
      [{ NATS_URL: 'what' }, [], /NATS_URL/],
      [{ AGENT_PORT: String(Number(new URL(server.config.nats.servers[0]!).port)) }, [], /AGENT_PORT=\d+ .*choose another port/],
    ];
    for (const [env, args, words] of cases) {
      const run = box.run(args, env);
      expect(await run.ended, run.output()).toBe(78);
      expect(run.output()).toMatch(words);
      expect(run.output()).not.toMatch(/\n {4}at /);
    }
    expect(await box.run(['--orphan-after', 'soon']).ended).toBe(2);
  });

  it('refuses a second machine of the same name until it is told that the first is gone', async () => {
    const first = await box.up();
    const twin = await machine(server, box.name);
    try {
      const refused = twin.run();
      expect(await refused.ended).toBe(78);
      expect(refused.output()).toMatch(/has joined before, from another installation.*--replace/);
      expect(await box.driver(boss.nc).health()).toMatchObject({ is: 'healthy' });
      await box.kill(first);
      await twin.up(['--replace']);
      // The earlier one's password is void.
      const again = box.run([], { WORKER_PSK_FILE: join(box.dir, 'none') });
      await until(() => again.output().includes('NATS refuses agent-'), again.output);
    } finally {
      await twin.close();
    }
  });

  it('lets no two agents share a folder', async () => {
    await box.up();
    const second = box.run();
    expect(await second.ended).toBe(3);
    expect(second.output()).toMatch(/an agent runs already/);
  });
});

describe('supervision', () => {
  it('workers outlive a killed agent, and the next one adopts them', async () => {
    const first = await box.up();
    const driver = box.driver(boss.nc);
    const handle = await driver.start(spec(), 'w');
    await until(() => starts().length === 1);
    const ended = driver.wait(handle, never());
    await box.kill(first);
    expect(lives(handle.pid!)).toBe(true);
    await box.up();
    expect(await driver.recover(handle)).toBe('running');
    expect(await driver.start(spec(), 'w')).toEqual(handle);
    expect(starts()).toEqual([handle.pid]);
    // The wait outlived the agent, and still sees the end.
    process.kill(handle.pid!, 'SIGKILL');
    expect(await ended).toMatchObject({ code: null });
  });

  it('restarts a worker that is killed while NATS is away, and the master adopts it when it is back', async () => {
    await box.up(['--orphan-after', '0.3']);
    const driver = box.driver(boss.nc);
    const handle = await driver.start(spec(), 'w');
    await until(() => starts().length === 1);
    const ended = driver.wait(handle, never());
    await stopServer();
    try {
      process.kill(handle.pid!, 'SIGKILL');
      await until(() => starts().length === 2);
      expect(lives(starts()[1]!)).toBe(true);
    } finally {
      await startServer();
    }
    expect(await ended).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(await driver.recover(handle)).toBe('gone');
    const next = await driver.start(spec(), 'w');
    expect(next.pid).toBe(starts()[1]);
    expect(starts()).toHaveLength(2);
    // From here on the master decides again.
    const second = driver.wait(next, never());
    process.kill(next.pid!, 'SIGKILL');
    expect(await second).toMatchObject({ signal: 'SIGKILL' });
  });

  it('leaves an end alone that a master has taken notice of', async () => {
    await box.up(['--orphan-after', '0.3']);
    const driver = box.driver(boss.nc);
    const one = await driver.start(spec(), 'noticed');
    const other = await driver.start(spec(LIVES.replace('"starts"', '"other"')), 'unnoticed');
    await until(() => starts().length === 1 && existsSync(join(dir, 'other')));
    const waiting = driver.wait(one, never());
    process.kill(one.pid!, 'SIGKILL');
    expect(await waiting).toMatchObject({ signal: 'SIGKILL' });
    process.kill(other.pid!, 'SIGKILL');
    // The later end is mended by the agent; by then the earlier one's time is over too.
    await until(() => readFileSync(join(dir, 'other'), 'utf8').split('\n').length === 3);
    expect(starts()).toHaveLength(1);
    expect(await driver.recover(one)).toBe('gone');
  });

  it('stops what it put in a worker\'s place when the master stops the one that it knows', async () => {
    await box.up(['--orphan-after', '0.1']);
    const driver = box.driver(boss.nc);
    const handle = await driver.start(spec(), 'w');
    await until(() => starts().length === 1);
    process.kill(handle.pid!, 'SIGKILL');
    await until(() => starts().length === 2 && lives(starts()[1]!));
    await driver.stop(handle, 0);
    expect(lives(starts()[1]!)).toBe(false);
    expect((await driver.list()[Symbol.asyncIterator]().next()).done).toBe(true);
  });

  it('a stop of an earlier start does not reach a later one that a master asked for', async () => {
    await box.up(['--orphan-after', '0.1']);
    const driver = box.driver(boss.nc);
    const handle = await driver.start(spec(), 'w');
    await until(() => starts().length === 1);
    process.kill(handle.pid!, 'SIGKILL');
    await until(() => starts().length === 2);
    const next = await driver.start(spec(), 'w');
    await driver.stop(handle, 0);
    expect(await driver.recover(next)).toBe('running');
  });

  it('gives up a worker that keeps crashing, and leaves one that ended by itself', async () => {
    await box.up(['--orphan-after', '0.1']);
    const driver = box.driver(boss.nc);
    await driver.start(spec('require("fs").appendFileSync("starts", "1\\n"); process.exit(9)', { delayMs: 10, maxAttempts: 2 }), 'crashes');
    await driver.start(spec('process.exit(0)'), 'ends');
    await driver.start(spec('process.exit(78)'), 'misconfigured');
    const status = async (id: string) => (await (await http(`/workers/${id}/status`)).json()) as Record<string, unknown>;
    await until(async () => (await status('crashes'))['status'] === 'failed');
    expect(starts()).toHaveLength(3);
    expect(await status('crashes')).toMatchObject({ restarts: 2, unstable_restarts: 2, reason: '3 crashes within 10 min' });
    expect(await status('ends')).toMatchObject({ status: 'stopped', restarts: 0 });
    expect(await status('misconfigured')).toMatchObject({ status: 'failed', restarts: 0, reason: expect.stringContaining('78') });
  });

  it('mends after its own death what ended while no agent was there', async () => {
    const first = await box.up();
    const handle = await box.driver(boss.nc).start(spec(), 'w');
    await until(() => starts().length === 1);
    await box.kill(first);
    process.kill(handle.pid!, 'SIGKILL');
    await box.up(['--orphan-after', '0.2']);
    await until(() => starts().length === 2);
    expect(lives(starts()[1]!)).toBe(true);
  });

  it('keeps on what runs when the key of its configurations is lost, and says what it can\'t do', async () => {
    const first = await box.up();
    const handle = await box.driver(boss.nc).start(spec(), 'w');
    await until(() => starts().length === 1);
    await box.kill(first);
    rmSync(join(box.dir, 'secrets', 'agent-key'));
    const next = await box.up(['--orphan-after', '0.1']);
    expect(await box.driver(boss.nc).recover(handle)).toBe('running');
    process.kill(handle.pid!, 'SIGKILL');
    await until(() => next.output().includes("w can't be restarted here"), next.output);
    const again = await box.driver(boss.nc).start(spec(), 'w');
    expect(await box.driver(boss.nc).recover(again)).toBe('running');
  });

  it.each([[[], true], [['--stop-workers'], false]] as const)('ends in order with TERM: %j', async (args, runOn) => {
    const run = await box.up([...args]);
    const handle = await box.driver(boss.nc).start(spec(), 'w');
    await until(() => starts().length === 1);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(lives(handle.pid!)).toBe(runOn);
    if (runOn) return;
    // What was stopped on purpose stays so.
    await box.up(['--orphan-after', '0.1']);
    expect(await (await http('/workers/w/status')).json()).toMatchObject({ status: 'stopped' });
    expect(starts()).toHaveLength(1);
  });
});

it('reports the machine and its workers', async () => {
  await box.up();
  const beats: MachineHeartbeat[] = [];
  boss.nc.subscribe(`troupe.mhb.${box.name}`, { callback: (_, m) => void beats.push(m.json()) });
  const handle = await box.driver(boss.nc).start(spec(), 'w');
  await until(() => beats.some((b) => (b.workers[0]?.rssBytes ?? 0) > 1_000_000));
  const last = beats.at(-1)!;
  expect(last.workers).toEqual([expect.objectContaining({ key: 'w', state: 'running', pid: handle.pid, restarts: 0, startedAt: handle.startedAt })]);
  expect(last.seq).toBeGreaterThan(0);
  for (const n of [last.memoryTotalBytes, last.memoryFreeBytes, last.diskFreeBytes, last.diskTotalBytes, last.cpus]) expect(n).toBeGreaterThan(0);
  expect(last.cpuRatio).toBeGreaterThanOrEqual(0);
  expect(last.cpuRatio).toBeLessThanOrEqual(1);
  expect(last.place.node).toBe(process.execPath);
});

it('keeps the environment of its workers to itself', async () => {
  const run = await box.up();
  await box.driver(boss.nc).start(spec(LIVES, {}, { TOKEN: 'canary-4711' }), 'w');
  await until(() => starts().length === 1);
  const files = readdirSync(join(box.dir, 'agent'), { recursive: true, withFileTypes: true }).filter((f) => f.isFile());
  expect(files.length).toBeGreaterThan(3);
  for (const f of files) {
    const file = join(f.parentPath, f.name);
    expect(readFileSync(file).includes('canary-4711'), file).toBe(false);
    if (!/lock(-journal)?$/.test(f.name)) expect(statSync(file).mode & 0o077, file).toBe(0);
  }
  expect(statSync(join(box.dir, 'agent')).mode & 0o077).toBe(0);
  expect(run.output()).not.toContain('canary-4711');
  expect(readFileSync(`/proc/${run.child.pid}/cmdline`, 'utf8')).not.toContain(server.secrets.psk);
});

it('says what is wrong with a request, and carries on', async () => {
  await box.up();
  const ask = async (verb: string, body: string) => (await boss.nc.request(`troupe.agent.${box.name}.${verb}`, body)).json();
  expect(await ask('start', '{')).toMatchObject({ ok: false, code: 'bad-spec' });
  expect(await ask('explode', '{}')).toMatchObject({ ok: false, message: expect.stringContaining('start, stop') });
  expect(await ask('start', '{"key":"w","spec":{}}')).toMatchObject({ ok: false, code: 'bad-spec', message: expect.stringContaining('command') });
  const handle: AgentHandle = { machine: box.name, key: '../../../etc/passwd', nonce: 'x', bootId: 'x', pid: 1, startTime: '1', startedAt: 1 };
  expect(await ask('logs', JSON.stringify({ handle, tail: 10 }))).toMatchObject({ ok: false, code: 'bad-spec' });
  expect(await ask('recover', JSON.stringify({ handle: { ...handle, key: 'w', machine: 'other' } }))).toMatchObject({ ok: false, code: 'foreign' });
  expect(await box.driver(boss.nc).health()).toMatchObject({ is: 'healthy' });
  await expect(box.driver(boss.nc, { machine: 'nobody' }).list()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('troupe agent') });
});

it('answers with long logs that fit into a message', async () => {
  await box.up();
  const driver = box.driver(boss.nc);
  const handle = await driver.start(spec('for (let i = 0; i < 3000; i++) console.log(i + "\\u0007".repeat(300)); console.log("x".repeat(200_000)); console.log("end")', { auto: false }), 'w');
  await driver.wait(handle, never());
  const { lines } = await driver.logs(handle, { tail: 5000 });
  expect(lines.at(-1)).toBe('end');
  expect(lines.at(-2)).toMatch(/^x{100000}… \(cut\)$/);
  expect(lines.length).toBeGreaterThan(100);
  expect(Buffer.byteLength(JSON.stringify(lines))).toBeLessThan(1_000_000);
});

describe('HTTP', () => {
  it('starts, stops and restarts the workers that it knows', async () => {
    await box.up();
    const driver = box.driver(boss.nc);
    const handle = await driver.start(spec(`console.log("hello"); ${LIVES}`), 'w');
    await until(() => starts().length === 1);
    const post = async (path: string, body?: object) => {
      const res = await http(path, { method: 'POST', ...(body ? { body: JSON.stringify(body) } : {}) });
      return { status: res.status, body: (await res.json()) as Record<string, unknown> };
    };
    expect(await (await http('/workers/w/status')).json()).toMatchObject({ status: 'running', pid: handle.pid, restarts: 0, unstable_restarts: 0, uptime: expect.any(Number), cpu: expect.any(Number), memory: expect.any(Number) });
    expect(await (await http('/workers/w/logs?tail=1')).json()).toEqual({ logs: 'hello\n' });
    expect(await (await http('/workers/w/logs?format=text')).text()).toBe('hello\n');
    expect((await http('/workers/w/logs?tail=-1')).status).toBe(422);

    const again = await post('/workers/w/restart', { timeout: 0 });
    expect(again).toMatchObject({ status: 200, body: { success: true, worker_id: 'w', pid: expect.any(Number) } });
    expect(again.body['pid']).not.toBe(handle.pid);
    expect(lives(handle.pid!)).toBe(false);
    // Starting what runs gives what runs.
    expect((await post('/workers/w/start')).body['pid']).toBe(again.body['pid']);

    expect(await post('/workers/w/stop', { keep_in_list: true, timeout: 0 })).toMatchObject({ status: 200, body: { success: true } });
    expect(await (await http('/workers/w/status')).json()).toMatchObject({ status: 'stopped', pid: null });
    expect(((await (await http('/health')).json()) as { workers: string[] }).workers).toEqual(['w']);
    expect((await post('/workers/w/start')).status).toBe(200);
    expect(await post('/workers/w/stop', { timeout: 0 })).toMatchObject({ status: 200 });
    expect(((await (await http('/health')).json()) as { workers: string[] }).workers).toEqual([]);
    expect(await post('/workers/w/start')).toMatchObject({ status: 404, body: { error: expect.stringContaining('start it from the master once') } });
    expect(await post('/workers/w/stop', { keep_in_list: 'yes' })).toMatchObject({ status: 404 });
    expect(await post('/nowhere')).toMatchObject({ status: 404, body: { error: expect.any(String) } });
  });

  it('lets in whoever holds the token, and shows nothing but health to others on this machine', async () => {
    await box.up();
    expect(statSync(join(box.dir, 'secrets', 'agent-token')).mode & 0o777).toBe(0o600);
    for (const token of [null, 'x', `${box.token}x`, box.token.slice(1)]) {
      const res = await http('/workers/w/status', {}, token);
      expect(res.status).toBe(401);
      expect(await res.json()).toEqual({ error: expect.stringContaining('agent-token') });
    }
    expect((await http('/workers/w/status')).status).toBe(200);
    const health = await http('/health', {}, null);
    expect(await health.json()).toMatchObject({ status: 'healthy', uptime: expect.any(Number), workers: [], nats: 'connected' });
    expect((await http('/health', { method: 'POST' }, null)).status).toBe(401);
  });
});
