import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { workerLogin } from '../nats-login.ts';
import type { Secrets } from '../secrets.ts';
import { serverFiles } from './server-config.ts';
import { tryServer } from './server-ready.ts';
import { writeUsers } from './users.ts';

/**
 * Gives a worker its NATS user and returns once the server takes it. Does nothing for one that is known already.
 * Throws when the server doesn't know the worker within 10 s.
 */
export async function admitWorker(config: Config, secrets: Secrets, workerId: string): Promise<void> {
  const changed = writeUsers(config, secrets, workerId);
  const login = workerLogin({ ...config, nats: { ...config.nats, user: null, password: null, passwordFile: null } }, workerId);
  if (changed) reloadServer(config);
  const end = performance.now() + 10_000;
  for (;;) {
    const t = await tryServer(login, false);
    if (t.is === 'ready') return;
    if (performance.now() > end) {
      throw new Error(`nats-server doesn't take the user ${workerId} (${t.why}): copy ${config.dataDir}/nats-users.conf to the server's folder and reload it`);
    }
    await delay(50);
  }
}

/** Tells our server to read its users again. False when it doesn't run here. */
export function reloadServer(config: Config): boolean {
  const { pidFile, configFile } = serverFiles(config);
  if (!existsSync(pidFile)) return false;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  // The pid may be a stranger's by now: only a process that was started with our file is ours.
  let argv: string[];
  try {
    argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return false;
  }
  if (!Number.isInteger(pid) || !argv.includes(configFile)) return false;
  process.kill(pid, 'SIGHUP');
  return true;
}
