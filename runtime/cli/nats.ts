import { unwatchFile, watchFile } from 'node:fs';
import { ConfigError } from '../config.ts';
import { admitWorker } from '../nats-server/admit-worker.ts';
import { findServer } from '../nats-server/find-server.ts';
import { endServer, serverWith, watchedByUs } from '../nats-server/left-over.ts';
import { writeServerConfig } from '../nats-server/server-config.ts';
import { spawnServer } from '../nats-server/spawn-server.ts';
import { stageInMemory } from '../nats-server/staging.ts';
import { usersFile } from '../nats-server/users.ts';
import { loadSecrets } from '../secrets.ts';
import { readArgs, type VerbContext } from '../verb.ts';

export const name = 'nats';
export const summary = 'run nats-server in the foreground, with our users and settings';
export const usage = `Usage: troupe nats [--cluster] [--prepare | --follow-users | --worker ID]

Writes <data>/nats-server.conf and its users, then runs nats-server with it.
  --prepare       write the files and print the server and its configuration, one a line
  --follow-users  have the server read its users again whenever their file changes: for a master that
                  can't signal it, on another machine or in another container with the same folder
  --cluster       as one of the servers in NATS_CLUSTER, under NATS_SERVER_NAME; only over an empty store or one that
                  a cluster has made, and with the same secrets and users as the others
  --worker ID     give a worker elsewhere its user, and let the running server know`;

export async function run(args: string[], ctx: VerbContext): Promise<number> {
  const { flags } = readArgs(args, { cluster: { type: 'boolean' }, prepare: { type: 'boolean' }, 'follow-users': { type: 'boolean' }, worker: { type: 'string' } });
  const config = ctx.config();
  if ((flags.cluster ?? false) !== (config.nats.cluster !== null)) throw new ConfigError([flags.cluster ? '--cluster needs NATS_CLUSTER (its servers) and NATS_SERVER_NAME' : 'NATS_CLUSTER is set: say --cluster too, or unset it']);
  if (flags.worker !== undefined) {
    await admitWorker(config, loadSecrets(config), flags.worker);
    ctx.out(`${flags.worker} may connect; it needs ${config.nats.pskFile} and WORKER_ID=${flags.worker}`);
    return 0;
  }
  const server = await findServer(config, ctx.env);
  const { configFile, storeDir } = writeServerConfig(config, loadSecrets(config));
  if (flags.prepare) {
    ctx.out(`${server.path}\n${configFile}`);
    return 0;
  }
  // Killed without warning, an earlier one could not take its server along.
  const other = serverWith(configFile);
  if (other && !other.left) throw new Error(`nats-server (pid ${other.pid}) runs with ${configFile} already: stop what started it, or set TROUPE_DATA to another folder`);
  if (other) {
    ctx.err(`nats-server (pid ${other.pid}) was left by one that was killed: stopping it`);
    await endServer(other.pid, config.timing.grace);
  }
  const child = spawnServer(server.path, configFile, { stdio: 'inherit', env: { ...process.env, ...watchedByUs() } });
  // What has replicas is kept in memory until it is whole by the server itself.
  const unstage = flags.cluster ? null : stageInMemory(storeDir, () => (child.exitCode === null && child.signalCode === null ? (child.pid ?? null) : null));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  if (flags['follow-users']) watchFile(usersFile(config), { interval: 500 }, (now, before) => now.mtimeMs !== before.mtimeMs && child.kill('SIGHUP'));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (code) => {
      unwatchFile(usersFile(config));
      unstage?.();
      done(code ?? 1);
    });
  });
}
