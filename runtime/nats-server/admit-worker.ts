import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { agentPassword, agentUser, pskName } from '../agent/passwords.ts';
import { workerLogin, type NatsLogin } from '../nats-login.ts';
import { readPsks, type Secrets } from '../secrets.ts';
import { tryServer } from './server-ready.ts';
import { knownMachines, writeMachine, writeUsers } from './users.ts';

/**
 * Gives a worker its NATS user and returns once the server takes it. Does nothing for one that is known already.
 * Throws when the server doesn't know the worker within 10 s.
 */
export async function admitWorker(config: Config, secrets: Secrets, workerId: string): Promise<void> {
  const changed = writeUsers(config, secrets, workerId);
  await taken(config, workerLogin({ ...config, nats: { ...config.nats, user: null, password: null, passwordFile: null } }, workerId), changed);
}

/** The same for a machine's agent; `key` names the pre-shared key that it holds. Throws when a worker has its name, or the machine is known from another installation and `replace` isn't set. */
export async function admitMachine(config: Config, secrets: Secrets, machine: string, install: string, replace: boolean, key: string | null = null): Promise<void> {
  const known = knownMachines(config);
  if (Object.hasOwn(known, machine) && known[machine] !== install && !replace) throw new MachineTaken(machine);
  const { psk, nextPsk } = readPsks(config);
  const of = nextPsk !== null && key === pskName(nextPsk) ? nextPsk : psk;
  const changed = writeMachine(config, secrets, machine, install, of);
  await taken(config, { servers: config.nats.servers, user: agentUser(machine), pass: agentPassword(of, machine, install), inboxPrefix: `_INBOX_${agentUser(machine)}`, name: 'troupe join' }, changed);
}

/** Two machines of one name would both carry out what either is told. */
export class MachineTaken extends Error {
  constructor(machine: string) {
    super(`machine ${machine} has joined before, from another installation: choose another name with --machine, or pass --replace if that one is gone for good`);
    this.name = 'MachineTaken';
  }
}

async function taken(config: Config, login: NatsLogin, changed: boolean): Promise<void> {
  if (changed) reloadServer(config);
  const end = performance.now() + 10_000;
  for (;;) {
    const t = await tryServer(login, false);
    if (t.is === 'ready') return;
    if (performance.now() > end) {
      throw new Error(`nats-server doesn't take the user ${login.user} (${t.why}): copy ${config.dataDir}/nats-users.conf to the server's folder and reload it`);
    }
    await delay(50);
  }
}

/** Tells our servers here to read their users again. False when none runs here. */
export function reloadServer(config: Config): boolean {
  const names = existsSync(config.dataDir) ? readdirSync(config.dataDir).flatMap((n) => /^nats-server(-[a-z0-9-]+)?\.pid$/.exec(n)?.slice(1, 2) ?? []) : [];
  const told = names.map((own = '') => reload(join(config.dataDir, `nats-server${own}.pid`), join(config.dataDir, `nats-server${own}.conf`)));
  return told.includes(true);
}

function reload(pidFile: string, configFile: string): boolean {
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
