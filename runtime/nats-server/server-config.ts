import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { ConfigError } from '../config.ts';
import { packageRoot } from '../package-root.ts';
import { writeWhole, type Secrets } from '../secrets.ts';
import { writeUsers } from './users.ts';

export type ServerFiles = { configFile: string; pidFile: string; storeDir: string; host: string; port: number; monitor: string };

/** Where the server of this configuration keeps its files and listens. NATS_URL must be on this machine for it to be ours. */
export function serverFiles(config: Config): ServerFiles {
  const first = new URL(config.nats.servers[0]!);
  // Servers of a cluster may share a folder: what is one's own has its name.
  const own = config.nats.cluster ? `-${config.nats.cluster.name}` : '';
  return {
    configFile: join(config.dataDir, `nats-server${own}.conf`),
    pidFile: join(config.dataDir, `nats-server${own}.pid`),
    storeDir: config.nats.store ?? join(config.dataDir, `nats${own}`),
    host: first.hostname.replace(/^\[|\]$/g, ''),
    port: Number(first.port || 4222),
    monitor: `127.0.0.1:${config.nats.monitorPort}`,
  };
}

/** Renders nats.conf for this configuration and writes the users beside it. */
export function writeServerConfig(config: Config, secrets: Secrets): ServerFiles {
  const files = serverFiles(config);
  const values: Record<string, string> = {
    host: JSON.stringify(isIP(files.host) || files.host === 'localhost' ? files.host : '0.0.0.0'),
    port: String(files.port),
    http: JSON.stringify(files.monitor),
    pid_file: JSON.stringify(files.pidFile),
    store_dir: JSON.stringify(files.storeDir),
    sync_interval: config.nats.sync === 'always' ? 'always' : JSON.stringify(config.nats.sync),
  };
  let body = readFileSync(join(packageRoot(), 'nats.conf'), 'utf8');
  refuseCluster(body, files.storeDir);
  const { cluster } = config.nats;
  refuseOther(cluster !== null, files.storeDir, config.dataDir);
  for (const [key, value] of Object.entries(values)) {
    const line = new RegExp(`^(\\s*${key}:).*$`, 'm');
    if (!line.test(body)) throw new ConfigError([`nats.conf: the line "${key}:" is missing; put it back, Troupe fills it in`]);
    body = body.replace(line, (_, name: string) => `${name} ${value}`);
  }
  const include = /^include .*$/m;
  if (!include.test(body)) throw new ConfigError(['nats.conf: the line "include ./data/nats-users.conf" is missing: without it anyone could log in']);
  writeUsers(config, secrets, config.worker.id);
  // An include is looked for beside the file that names it.
  body = body.replace(include, 'include ./nats-users.conf');
  mkdirSync(files.storeDir, { recursive: true, mode: 0o700 });
  if (cluster) {
    body = body.replace(/^server_name:.*$/m, `server_name: ${JSON.stringify(cluster.name)}`) + clusterBlock(cluster, secrets);
    writeWhole(join(files.storeDir, MARK), `${cluster.name}\n`);
  }
  writeWhole(files.configFile, body);
  return files;
}

const MARK = 'of-a-cluster';

/** A store is of one server or of a cluster, from its first start on: the other kind would delete its streams, or lose them. */
function refuseOther(clustered: boolean, storeDir: string, dataDir: string): void {
  const was = existsSync(join(storeDir, MARK));
  const filled = existsSync(join(storeDir, 'jetstream'));
  // Beside a new store the old one may still be there: work would begin at nothing, as if all were lost.
  const single = filled ? storeDir : join(dataDir, 'nats');
  if (clustered && !was && existsSync(join(single, 'jetstream'))) throw new ConfigError([`NATS_CLUSTER is set, but ${single} is the store of a single server: in a cluster its streams would be deleted, or left behind. Begin the cluster with an empty folder and copy into it, or unset NATS_CLUSTER`]);
  if (!clustered && was) throw new ConfigError([`${storeDir} is the store of a server of a cluster: set NATS_CLUSTER and NATS_SERVER_NAME as before`]);
  if (!clustered && !filled && existsSync(dataDir) && readdirSync(dataDir).some((n) => /^nats-server-.+\.conf$/.test(n))) throw new ConfigError([`${dataDir} belongs to a cluster, and ${storeDir} is empty: set NATS_CLUSTER and NATS_SERVER_NAME as before, or remove nats-server-*.conf there to begin anew`]);
}

function clusterBlock({ port, routes }: NonNullable<Config['nats']['cluster']>, secrets: Secrets): string {
  const password = createHmac('sha256', secrets.nats.master).update('troupe route').digest('hex');
  return `
cluster {
  name: troupe
  listen: "0.0.0.0:${port}"
  no_advertise: true
  authorization { user: route, password: "${password}", timeout: 5 }
  routes: [${routes.map((r) => `"nats-route://route:${password}@${r}"`).join(', ')}]
}
`;
}

// A server that finds a cluster block over the store of a single one deletes its streams as orphans.
function refuseCluster(body: string, storeDir: string): void {
  if (/^\s*cluster\b/m.test(body) && existsSync(join(storeDir, 'jetstream'))) {
    throw new ConfigError([`nats.conf: a cluster block over the store of a single server (${storeDir}) makes the server delete its streams: remove the block, and grow by copying into a new cluster`]);
  }
}
