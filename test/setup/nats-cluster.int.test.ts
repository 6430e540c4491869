import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, expect, it } from 'vitest';
import { loadConfig, type Config } from '../../runtime/config.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { serverReady } from '../../runtime/nats-server/server-ready.ts';
import { spawnServer } from '../../runtime/nats-server/spawn-server.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { loadSecrets } from '../../runtime/secrets.ts';
import { brokenChains, lastOf, readJournal } from '../harness/checker.ts';
import { built, until } from '../harness/stage.ts';
import { freePort, ownConfig, serverEnv } from './running-server.ts';

const children = new Map<string, ChildProcess>();
let config: Config | null = null;
let nc: NatsConnection | null = null;
afterEach(async () => {
  await nc?.close();
  nc = null;
  for (const [name, child] of children) await kill(name, child);
  if (config) rmSync(config.dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

async function kill(name: string, child = children.get(name)!): Promise<void> {
  children.delete(name);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const NAMES = ['n1', 'n2', 'n3'];
const nats = (env: Record<string, string>, ...args: string[]) => ({ command: join(packageRoot(), 'bin', 'troupe'), args: ['nats', ...args], options: { env: { ...serverEnv(), ...env }, cwd: env['TROUPE_DATA']! } });
/** The server itself and not the verb around it: that would leave it behind when it is killed. */
const server = (name: string, env: Record<string, string>) => {
  const { command, args, options } = nats(env, '--cluster', '--prepare');
  const prepared = spawnSync(command, args, { ...options, encoding: 'utf8' });
  const [path, file] = prepared.stdout.trim().split('\n');
  if (prepared.status !== 0) throw new Error(prepared.stderr);
  children.set(name, spawnServer(path!, file!, { stdio: 'ignore' }));
};

it('three servers keep every stream: killing the one that leads loses nothing, and work goes on; a store is of one kind for ever (K12)', async () => {
  const own = await ownConfig(process.env['TROUPE_NATS_SERVER'] ? { TROUPE_NATS_SERVER: process.env['TROUPE_NATS_SERVER'] } : {});
  const ports = await Promise.all(NAMES.map(() => freePort()));
  const routes = await Promise.all(NAMES.map(() => freePort()));
  const all = { ...own.env, NATS_URL: ports.map((p) => `nats://127.0.0.1:${p}`).join(','), NATS_REPLICAS: '3', PARTITIONS: '4', TROUPE_DEMO: '0', TROUPE_LOCAL_WORKER: '0', LOG_LEVEL: 'error' };
  config = loadConfig(all);
  loadSecrets(config);
  const envs = await Promise.all(NAMES.map(async (name, i) => ({ ...all, NATS_URL: `nats://127.0.0.1:${ports[i]}`, NATS_CLUSTER: routes.map((r) => `127.0.0.1:${r}`).join(','), NATS_SERVER_NAME: name, NATS_CLUSTER_PORT: String(routes[i]), NATS_MONITOR_PORT: String(await freePort()) })));
  NAMES.forEach((name, i) => server(name, envs[i]!));
  const login = natsLogin(config, 'operator');
  await serverReady(natsLogin(config, 'master'), 60_000);

  const master = spawn(process.execPath, [built('test', 'harness', 'master.js')], { env: { PATH: process.env['PATH'], ...all }, stdio: ['ignore', 'pipe', 'ignore'] });
  children.set('master', master);
  let said = '';
  master.stdout.on('data', (d: Buffer) => (said += d.toString()));
  await until(() => said.includes('master is up'), 'the master is up', 60_000);
  nc = await connect({ ...login, maxReconnectAttempts: -1, reconnectTimeWait: 100, ignoreAuthErrorAbort: true });
  const cmd = async (actor: string, verb: string, payload: object): Promise<any> => nc!.request(`troupe.cmd.${actor.replace('/', '.')}.${verb}`, JSON.stringify(payload), { timeout: 10_000 }).then((m) => m.json(), (e: Error) => ({ ok: false, message: e.message }));
  for (let i = 0; i < 5; i++) await until(async () => {
    const { ok, code } = await cmd(`account/a${i}`, 'create', { platform: 'sandbox', name: `A${i}` });
    return ok || code === 'duplicate';
  }, `account a${i} is there`, 60_000);

  const jsm = await jetstreamManager(nc);
  // Whoever leads the cluster may still be chosen: then nobody answers.
  const info = (stream: string) => until(() => jsm.streams.info(stream).catch(() => null), `what ${stream} is`, 60_000);
  const names: string[] = [];
  for await (const name of jsm.streams.names()) names.push(name);
  for (const name of names) expect([(await info(name)).config.num_replicas, name]).toEqual([3, name]);
  await until(async () => (await info('TROUPE_JOURNAL')).cluster?.replicas?.every((r) => r.current), 'every server has the journal', 30_000);
  const leader = (await info('TROUPE_JOURNAL')).cluster!.leader!;
  expect(NAMES).toContain(leader);
  await kill(leader);
  // What was taken stays, and more is taken, by the two that are left.
  await until(async () => (await cmd('account/after', 'create', { platform: 'sandbox', name: 'After' })).ok, 'work goes on', 60_000);
  // A reader's consumer needs the head of the cluster, which may still be chosen.
  const journal = await until(() => readJournal(nc!).catch(() => null), 'the journal is read', 60_000);
  for (const id of ['a0', 'a1', 'a2', 'a3', 'a4', 'after']) expect(lastOf(journal, `account/${id}`), id).toBeDefined();
  expect(brokenChains(journal)).toEqual([]);
  server(leader, envs[NAMES.indexOf(leader)]!);
  await until(async () => {
    const { cluster } = await info('TROUPE_JOURNAL');
    return cluster?.replicas?.length === 2 && cluster.replicas.every((r) => r.current && !r.offline);
  }, 'the third has caught up', 60_000);

  // A cluster's store is refused to a server alone, and the other way round.
  const refused = (env: Record<string, string>, ...args: string[]) => {
    const { command, args: all, options } = nats(env, ...args);
    const run = spawnSync(command, all, { ...options, encoding: 'utf8' });
    return [run.status, run.stderr] as const;
  };
  const { NATS_CLUSTER: _, NATS_SERVER_NAME: __, ...alone } = envs[0]!;
  expect(refused({ ...alone, NATS_STORE: join(config.dataDir, 'nats-n1') }, '--prepare')).toEqual([78, expect.stringContaining('is the store of a server of a cluster')]);
  const single = join(config.dataDir, 'single');
  mkdirSync(join(single, 'jetstream'), { recursive: true });
  writeFileSync(join(single, 'jetstream', 'x'), '');
  expect(refused({ ...envs[0]!, NATS_STORE: single }, '--cluster', '--prepare')).toEqual([78, expect.stringContaining('is the store of a single server')]);
  expect(refused({ ...alone, NATS_STORE: join(config.dataDir, 'fresh') }, '--prepare')).toEqual([78, expect.stringContaining('belongs to a cluster')]);
  mkdirSync(join(config.dataDir, 'nats', 'jetstream'), { recursive: true });
  expect(refused({ ...envs[0]!, NATS_STORE: join(config.dataDir, 'fresh') }, '--cluster', '--prepare')).toEqual([78, expect.stringContaining('or left behind')]);
  expect(refused(envs[0]!, '--prepare')[0]).toBe(78);
}, 240_000);
