import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FileOutbox } from '../alerts/file-outbox.ts';
import { PartWatch } from '../alerts/part-watch.ts';
import type { Config } from '../config.ts';
import { openLocalDriver } from '../drivers/open-local-driver.ts';
import type { LocalDriver } from '../drivers/local/local-driver.ts';
import { takeLock } from '../file-lock.ts';
import { natsLogin } from '../nats-login.ts';
import { serverFiles } from '../nats-server/server-config.ts';
import { notOurs, serverReady, tryServer } from '../nats-server/server-ready.ts';
import { stagingFolder } from '../nats-server/staging.ts';
import { packageRoot } from '../package-root.ts';
import { freshRing, loadSecrets, writeWhole, type Secrets } from '../secrets.ts';
import { guardStorage } from '../supervisor/storage-guard.ts';
import { graphParts, ownsServer, pageAddress } from '../supervisor/parts.ts';
import { Supervisor, type Part, type SupervisorEvent } from '../supervisor/supervisor.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'up';
export const summary = 'run everything on this machine: nats-server, master, page, workers, the demo site';
export const usage = `Usage: troupe up

Starts the parts in order, starts again what dies, and stops all of them on Ctrl-C or TERM (a second time: at once).
Output of the parts is in <data>/logs. Killed without a chance to stop, the next \`troupe up\` adopts what runs.
Ends with 3 when another \`troupe up\` has the data folder, with 78 when a setting is wrong.`;

const SECOND_OWNER = 3;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  readArgs(args, {});
  const config = ctx.config();
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const pidFile = join(config.dataDir, 'up.pid');
  const lock = takeLock(join(config.dataDir, 'up.lock'));
  if (lock === null) {
    const pid = existsSync(pidFile) ? ` (pid ${readFileSync(pidFile, 'utf8').trim()})` : '';
    ctx.err(`troupe: another \`troupe up\`${pid} runs on ${config.dataDir}: stop it first, or set TROUPE_DATA to another folder`);
    return SECOND_OWNER;
  }
  try {
    writeWhole(pidFile, `${process.pid}\n`);
    return await runGraph(ctx, config);
  } finally {
    rmSync(pidFile, { force: true });
    lock.release();
  }
}

async function runGraph(ctx: VerbContext, config: Config): Promise<number> {
  const secrets = loadSecrets(config);
  const driver = openLocalDriver(config);
  const withServer = await runsServer(ctx, config, driver);
  const parts = await graphParts(config, secrets, ctx.env, withServer);
  await dropChanged(config, driver, parts);
  const outbox = new FileOutbox({ config, who: 'up', ring: freshRing(config), log: (_, message) => ctx.out(`alerts   ${message}`) });
  const watch = new PartWatch(outbox);
  const supervisor = new Supervisor(driver, parts, (event) => {
    tell(ctx, config, event);
    if (event.type === 'exited') watch.exited(event.key, `ended with ${event.exit.signal ?? `code ${event.exit.code ?? 'unknown'}`}`, event.again === null);
  });
  const ended = untilEnd(supervisor);
  if (!withServer) await serverReady(natsLogin(config, 'master'), 60_000);
  const guard = withServer ? guardStorage(natsLogin(config, 'operator'), config.dataDir, () => supervisor.restart('nats', 3_000), (text) => ctx.out(`nats     ${text}`)) : null;
  guard?.catch((error: Error) => ctx.err(`troupe: nats-server is not watched: ${error.message}`));
  const started = supervisor.start().then((whole) => whole && greet(ctx, config, secrets));
  try {
    return await Promise.race([ended.first, started.then(() => ended.first)]);
  } finally {
    supervisor.close();
    watch.stop();
    outbox.stop();
    // What is being started right now must be known before it can be stopped.
    await started.catch(() => undefined);
    void guard?.then((g) => g.close()).catch(() => undefined);
    await stopAll(supervisor, driver, parts, config, ended.second);
    if (withServer) rmSync(stagingFolder(serverFiles(config).storeDir), { recursive: true, force: true });
  }
}

/** Whether nats-server is ours to run: not when it is elsewhere, nor when one with our users runs here already. */
async function runsServer(ctx: VerbContext, config: Config, driver: LocalDriver): Promise<boolean> {
  if (!ownsServer(config)) return false;
  for await (const { key, handle } of driver.list()) if (key === 'nats' && (await driver.recover(handle)) === 'running') return true;
  const there = await tryServer(natsLogin(config, 'master'));
  if (there.is === 'refused') throw notOurs(config.nats.servers[0]!, there.why);
  if (there.is === 'silent') return true;
  ctx.out(`nats     runs already at ${config.nats.servers[0]}, and is left to who started it`);
  return false;
}

type Ends = { first: Promise<number>; second: Promise<void> };

function untilEnd(supervisor: Supervisor<unknown>): Ends {
  let first: (code: number) => void = () => undefined;
  let second: () => void = () => undefined;
  const ends: Ends = { first: new Promise((done) => (first = done)), second: new Promise((done) => (second = done)) };
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => (++signals === 1 ? first(0) : second()));
  void supervisor.fatal.then(({ code }) => first(code));
  return ends;
}

/** The page, the workers while a master still takes their sessions, the master, the demo site, and NATS last, so that every result is stored. */
async function stopAll(supervisor: Supervisor<unknown>, driver: LocalDriver, parts: Part[], config: Config, hurry: Promise<void>): Promise<void> {
  const keys = parts.map((p) => p.key);
  const part = (key: string) => async (graceMs?: number) => void (keys.includes(key) && (await supervisor.stop(key, graceMs)));
  const workers = async (graceMs?: number) => {
    const stops = [];
    for await (const { key, handle } of driver.list()) if (!keys.includes(key)) stops.push(driver.stop(handle, graceMs ?? config.timing.grace));
    await Promise.all(stops);
  };
  let forced = false;
  const force = hurry.then(() => void (forced = true));
  // A master may have started a worker again before it stopped itself.
  for (const step of [part('web'), workers, part('master'), workers, part('sandbox'), part('nats')]) {
    if (!forced) await Promise.race([step(), force]);
    if (forced) await step(0);
  }
}

/** What an earlier `up` left is adopted only if this one would start the very same; NATS goes on in any case. */
async function dropChanged(config: Config, driver: LocalDriver, parts: Part[]): Promise<void> {
  const stamp = join(packageRoot(), 'dist', '.stamp');
  const build = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  const own = parts.filter((p) => p.key !== 'nats');
  const now = createHash('sha256').update(JSON.stringify([build, own.map((p) => [p.key, p.spec])])).digest('hex');
  const file = join(config.dataDir, 'up-graph');
  if (existsSync(file) && readFileSync(file, 'utf8').trim() !== now) {
    for await (const { key, handle } of driver.list()) if (key !== 'nats') await driver.stop(handle, 10_000);
  }
  writeWhole(file, `${now}\n`);
}

function greet(ctx: VerbContext, config: Config, secrets: Secrets): void {
  ctx.out(`\nTroupe is at ${pageAddress(config)}/`);
  const shown = join(config.dataDir, 'admin-shown');
  if (!existsSync(shown) && !config.http.authDisabled) {
    ctx.out(`Sign in as admin with the password ${secrets.admin} (shown this once; it stays in ${join(config.secretsDir, 'admin-password')})`);
    writeWhole(shown, '');
  }
  ctx.out('Ctrl-C stops everything.');
}

function tell(ctx: VerbContext, config: Config, event: SupervisorEvent): void {
  const say = (text: string) => ctx.out(`${event.key.padEnd(8)} ${text}`);
  switch (event.type) {
    case 'ready':
      return say(`ready after ${(event.ms / 1000).toFixed(1)} s`);
    case 'late':
      return say(`not ready yet: ${event.why}; its log: ${join(config.dataDir, 'logs', `${event.key}.log`)}`);
    case 'exited':
      say(`ended (${event.exit.signal ?? `code ${event.exit.code ?? 'unknown'}`})${event.again === null ? '' : `; starts again in ${event.again / 1000} s`}`);
      return event.lastLines.forEach((line) => say(`| ${line}`));
    case 'stuck':
      return say(`can't be started: ${event.why}`);
    default:
      return say(event.type);
  }
}
