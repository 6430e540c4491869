import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Config } from '../../runtime/config.ts';
import { openLocalDriver } from '../../runtime/drivers/open-local-driver.ts';
import type { LocalHandle } from '../../runtime/drivers/local/local-driver.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { pageAddress } from '../../runtime/supervisor/parts.ts';
import { ownConfig, serverEnv } from '../setup/running-server.ts';

// The built program: `npm test` builds before it runs the tests.
const bin = join(packageRoot(), 'bin', 'troupe');
const TEST_MS = 180_000;
let config: Config;
let env: Record<string, string>;
let ups: { child: ChildProcess; out: string }[] = [];

beforeEach(async () => {
  const own = await ownConfig({ STOP_GRACE_MS: '5000', ...pick('TROUPE_NATS_SERVER', 'TROUPE_CHROMIUM') });
  config = own.config;
  env = { ...serverEnv(), HOME: config.dataDir, ...own.env };
});
afterEach(async () => {
  for (const { child } of ups.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  const driver = openLocalDriver(config);
  for await (const { handle } of driver.list()) await driver.stop(handle, 0);
  rmSync(config.dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const pick = (...names: string[]) => Object.fromEntries(names.flatMap((n) => (process.env[n] ? [[n, process.env[n]]] : []))) as Record<string, string>;

function up() {
  const child = spawn(bin, ['up'], { cwd: config.dataDir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const run = { child, out: '' };
  for (const s of [child.stdout, child.stderr]) s.on('data', (d) => (run.out += String(d)));
  ups.push(run);
  return run;
}
const says = (run: { out: string }, text: string) => expect.poll(() => run.out, { timeout: 90_000 }).toContain(text);
async function handles(): Promise<Record<string, LocalHandle>> {
  const found: Record<string, LocalHandle> = {};
  const driver = openLocalDriver(config);
  for await (const { key, handle } of driver.list()) if ((await driver.recover(handle)) === 'running') found[key] = handle;
  return found;
}
const page = () => fetch(`${pageAddress(config)}/livez`).then((r) => r.status, () => 0);
/** Every process that knows this data folder. */
const alive = () => readdirSync('/proc').filter((p) => /^\d+$/.test(p) && Number(p) !== process.pid && knows(p));
function knows(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(config.dataDir) || readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(config.dataDir);
  } catch {
    return false;
  }
}

/** Whether a master answers commands. */
async function answers(): Promise<boolean> {
  try {
    const nc = await connect({ ...natsLogin(config, 'operator'), reconnect: false, timeout: 1000 });
    try {
      return (await nc.request('troupe.cmd.worker.nobody.inspect', '{}', { timeout: 2000 })).data.length > 0;
    } finally {
      await nc.close();
    }
  } catch {
    return false;
  }
}

it('runs everything, shows the password once, mends what is killed, is adopted, and leaves nothing behind', { timeout: TEST_MS }, async () => {
  const first = up();
  await says(first, 'Ctrl-C stops everything.');
  expect(await page()).toBe(200);
  const password = readFileSync(join(config.secretsDir, 'admin-password'), 'utf8').trim();
  expect(first.out).toContain(password);
  const before = await handles();
  expect(Object.keys(before)).toEqual(expect.arrayContaining(['nats', 'master', 'web', 'sandbox']));

  // A second owner of the folder is refused.
  const second = spawnSync(bin, ['up'], { cwd: config.dataDir, env, encoding: 'utf8' });
  expect(second.status).toBe(3);
  expect(second.stderr).toContain(`another \`troupe up\` (pid ${first.child.pid})`);

  // Each part comes back under a new pid.
  for (const key of ['master', 'web', 'nats']) {
    process.kill(before[key]!.pid!, 'SIGKILL');
    await expect.poll(async () => (await handles())[key]?.pid ?? before[key]!.pid, { timeout: 30_000 }).not.toBe(before[key]!.pid);
  }
  await expect.poll(page, { timeout: 60_000 }).toBe(200);

  // A master that came up while nats-server was away may still be on its way through another start: one that answers stays.
  await expect.poll(answers, { timeout: 60_000 }).toBe(true);

  // The parts outlive a killed `up`, and the next one takes them as they are.
  const kept = await handles();
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  expect(await page()).toBe(200);
  const next = up();
  await says(next, 'Ctrl-C stops everything.');
  for (const key of ['nats', 'master', 'web', 'sandbox']) {
    expect(next.out).toContain(`${key.padEnd(8)} adopted`);
    expect((await handles())[key]).toEqual(kept[key]);
  }
  expect(next.out).not.toContain(password);

  next.child.kill('SIGTERM');
  const [code] = (await once(next.child, 'exit')) as [number];
  expect(code).toBe(0);
  const stopped = [...next.out.matchAll(/^(\S+) +stopped$/gm)].map((m) => m[1]);
  expect(stopped).toEqual(['web', 'master', 'sandbox', 'nats']);
  expect(await handles()).toEqual({});
  await expect.poll(alive, { timeout: 10_000 }).toEqual([]);
});

// How fast is for the bench; here it has to come at all, and its time is said.
it('answers on the page after a second start', { timeout: TEST_MS }, async () => {
  const first = up();
  await says(first, 'Ctrl-C stops everything.');
  first.child.kill('SIGINT');
  await once(first.child, 'exit');
  const from = performance.now();
  const second = up();
  await expect.poll(page, { timeout: 60_000, interval: 50 }).toBe(200);
  console.log(`a second start answered after ${Math.round(performance.now() - from)} ms`);
  await says(second, 'Ctrl-C stops everything.');
});

it('is forced by a second signal', { timeout: TEST_MS }, async () => {
  const run = up();
  await says(run, 'master   started');
  const master = (await handles())['master']!;
  // Stopped, it can't hear TERM: only force ends it within the grace.
  process.kill(master.pid!, 'SIGSTOP');
  run.child.kill('SIGINT');
  await says(run, 'master   stopping');
  run.child.kill('SIGINT');
  await once(run.child, 'exit');
  expect(existsSync(`/proc/${master.pid}/exe`)).toBe(false);
  await expect.poll(alive, { timeout: 10_000 }).toEqual([]);
});

it('holds no secret in any argument', { timeout: TEST_MS }, async () => {
  const run = up();
  await says(run, 'master   started');
  const secrets = readdirSync(config.secretsDir).map((n) => readFileSync(join(config.secretsDir, n), 'utf8').trim());
  for (const pid of alive()) {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    for (const secret of secrets) expect(argv).not.toContain(secret);
  }
});
