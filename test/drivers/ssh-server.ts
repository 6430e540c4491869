import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { HostKeys, SshTarget } from '../../runtime/drivers/ssh/target.ts';

const SSHD = [...(process.env['PATH'] ?? '').split(':').map((d) => join(d, 'sshd')), '/usr/sbin/sshd'].find((f) => existsSync(f));

/** Why these tests can't run here; null when they can. */
export const noSshd = SSHD === undefined ? 'sshd is not installed: apt-get install openssh-server' : null;

export type SshServer = {
  dir: string;
  port: number;
  target: SshTarget;
  keys: string;
  fingerprint(): string;
  log(): string;
  /** Ends it, its sessions too; the processes that workers are go on. */
  down(): Promise<void>;
  up(settings?: string): Promise<void>;
  newHostKey(): void;
  /** Stops or lets go on all sessions, as a hung machine would. */
  signal(name: NodeJS.Signals): void;
  close(): Promise<void>;
};

/** A real OpenSSH server on loopback, run by the current user with its own keys. */
export async function sshServer(settings = ''): Promise<SshServer> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-sshd-'));
  chmodSync(dir, 0o700);
  const keygen = (file: string, ...more: string[]) => execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, file), ...more]);
  // Started as root it wants this folder, which a service manager would make.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  keygen('host');
  keygen('user');
  writeFileSync(join(dir, 'authorized_keys'), readFileSync(join(dir, 'user.pub')));
  const port = await freePort();
  let server: ChildProcess | null = null;
  const log = () => (existsSync(join(dir, 'log')) ? readFileSync(join(dir, 'log'), 'utf8') : '');
  const sessions = () => execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n').map((l) => l.trim().split(/\s+/)).filter((f) => f.length > 2);
  const family = (): number[] => {
    const rows = sessions();
    const found = server?.pid === undefined ? [] : [server.pid];
    for (const pid of found) found.push(...rows.filter((f) => Number(f[1]) === pid && /sshd|sftp/.test(f[2]!)).map((f) => Number(f[0])));
    return found;
  };
  const up = async (more = settings) => {
    writeFileSync(join(dir, 'config'), `Port ${port}
ListenAddress 127.0.0.1
HostKey ${join(dir, 'host')}
AuthorizedKeysFile ${join(dir, 'authorized_keys')}
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
LogLevel DEBUG1
Subsystem sftp internal-sftp
${more}
`);
    server = spawn(SSHD!, ['-D', '-f', join(dir, 'config'), '-E', join(dir, 'log')], { stdio: 'ignore' });
    for (;;) {
      if (server.exitCode !== null) throw new Error(`sshd ended: ${log().slice(-500)}`);
      if (await answers(port)) return;
      await delay(20);
    }
  };
  const down = async () => {
    const all = family();
    const gone = server && server.exitCode === null && server.signalCode === null ? once(server, 'exit') : null;
    for (const pid of all.reverse()) tryKill(pid, 'SIGKILL');
    await gone;
    server = null;
  };
  await up();
  return {
    dir,
    port,
    keys: dir,
    target: { host: '127.0.0.1', port, user: userInfo().username, auth: { privateKey: readFileSync(join(dir, 'user'), 'utf8') } },
    fingerprint: () => execFileSync('ssh-keygen', ['-lf', join(dir, 'host.pub')], { encoding: 'utf8' }).split(' ')[1]!,
    log,
    down,
    up,
    newHostKey: () => {
      rmSync(join(dir, 'host'));
      rmSync(join(dir, 'host.pub'));
      keygen('host');
    },
    signal: (name) => family().forEach((pid) => tryKill(pid, name)),
    close: async () => {
      for (const pid of family()) tryKill(pid, 'SIGCONT');
      await down();
      rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** Pins what it is told, and remembers what was offered. */
export function pins(entries: Record<string, string>): HostKeys & { offers: [string, string][]; entries: Record<string, string> } {
  const offers: [string, string][] = [];
  return { entries, offers, pinned: async (hostPort) => entries[hostPort] ?? null, offered: (hostPort, fingerprint) => void offers.push([hostPort, fingerprint]) };
}

function tryKill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It went by itself.
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
