import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError, type Config } from '../config.ts';

const run = promisify(execFile);

/** Atomic batches, pinned consumers and message TTL begin here; older servers take such settings and ignore them. */
export const FLOOR = '2.12.0';

export type FoundServer = { path: string; version: string };

export function isBelow(version: string, floor: string): boolean {
  const [a, b] = [version, floor].map((v) => v.split('.').map((n) => Number.parseInt(n, 10) || 0));
  for (let i = 0; i < 3; i++) if (a![i] !== b![i]) return (a![i] ?? 0) < (b![i] ?? 0);
  return false;
}

/** The version that a binary says it has; null when it doesn't run. */
export async function serverVersion(path: string): Promise<string | null> {
  try {
    const { stdout } = await run(path, ['--version'], { timeout: 10_000 });
    return /v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}

/** TROUPE_NATS_SERVER, the PATH, then data/bin: the first that is new enough. Throws ConfigError with one sentence. */
export async function findServer(config: Config, env: Record<string, string | undefined> = process.env): Promise<FoundServer> {
  if (config.nats.server !== null) {
    const version = await serverVersion(config.nats.server);
    if (version === null) throw new ConfigError([`TROUPE_NATS_SERVER=${config.nats.server}: is not a nats-server that runs here; name one of ${FLOOR} or newer, or unset it`]);
    if (isBelow(version, FLOOR)) throw new ConfigError([`TROUPE_NATS_SERVER=${config.nats.server}: is nats-server ${version}, Troupe needs ${FLOOR} or newer; name a newer one, or unset it`]);
    return { path: config.nats.server, version };
  }
  const old: string[] = [];
  const folders = [...(env['PATH'] ?? '').split(delimiter).filter((d) => d !== ''), join(config.dataDir, 'bin')];
  for (const path of folders.map((d) => join(d, 'nats-server')).filter(isExecutable)) {
    const version = await serverVersion(path);
    if (version !== null && !isBelow(version, FLOOR)) return { path, version };
    if (version !== null) old.push(`${path} is ${version}`);
  }
  throw new ConfigError([`nats-server ${FLOOR} or newer is not here${old.length > 0 ? ` (${old.join(', ')})` : ''}: run npm start, which fetches it, or set TROUPE_NATS_SERVER`]);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
