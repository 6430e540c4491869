import { existsSync, mkdirSync, readFileSync } from 'node:fs';
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
  return {
    configFile: join(config.dataDir, 'nats-server.conf'),
    pidFile: join(config.dataDir, 'nats-server.pid'),
    storeDir: join(config.dataDir, 'nats'),
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
  writeWhole(files.configFile, body);
  return files;
}

// A server that finds a cluster block over the store of a single one deletes its streams as orphans.
function refuseCluster(body: string, storeDir: string): void {
  if (/^\s*cluster\b/m.test(body) && existsSync(join(storeDir, 'jetstream'))) {
    throw new ConfigError([`nats.conf: a cluster block over the store of a single server (${storeDir}) makes the server delete its streams: remove the block, and grow by copying into a new cluster`]);
  }
}
