import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';

const DOCKERD = [...(process.env['PATH'] ?? '').split(':').map((d) => join(d, 'dockerd')), '/usr/sbin/dockerd'].find((f) => existsSync(f));

export const IMAGE = 'troupe-test:1';

export type DockerServer = {
  dir: string;
  socketPath: string;
  docker: Docker;
  /** Ends the daemon; its containers go on. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
};

/** A real daemon of the test's own, with an image of Node and a shell; or why there can't be one here. */
export async function dockerServer(): Promise<DockerServer | string> {
  if (DOCKERD === undefined) return 'dockerd is not installed: apt-get install docker.io';
  if (process.getuid?.() !== 0) return 'dockerd needs root';
  const dir = mkdtempSync(join(tmpdir(), 'troupe-dockerd-'));
  const socketPath = join(dir, 'docker.sock');
  const docker = new Docker({ socketPath });
  const logFile = join(dir, 'log');
  let daemon: ChildProcess | null = null;
  const down = async () => {
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const gone = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    await gone;
  };
  const up = async () => {
    const log = openSync(logFile, 'a');
    const args = ['--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '--pidfile', join(dir, 'pid'), '-H', `unix://${socketPath}`, '--storage-driver', 'vfs', '--iptables=false', '--ip6tables=false', '--bridge=none', '--live-restore'];
    daemon = spawn(DOCKERD, args, { stdio: ['ignore', log, log], env: { ...process.env, PATH: `/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` } });
    for (const end = Date.now() + 30_000; Date.now() < end; await delay(100)) {
      if (daemon.exitCode !== null) break;
      if (await docker.ping().then(() => true, () => false)) return;
    }
    await down();
    throw new Error(readFileSync(logFile, 'utf8').trim().split('\n').at(-1));
  };
  const close = async () => {
    for (const { Id } of await docker.listContainers({ all: true }).catch(() => [])) await docker.getContainer(Id).remove({ force: true }).catch(() => {});
    await down();
    // A daemon with live-restore leaves its folder mounted on itself.
    for (const point of mountsBelow(dir)) execFileSync('umount', ['-l', point]);
    rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  try {
    await up();
    await importImage(docker, dir);
    // A daemon may run where containers can't.
    const trial = await docker.createContainer({ Image: IMAGE, Cmd: ['/bin/sh', '-c', ':'], HostConfig: { NetworkMode: 'none' } });
    await trial.start();
    await trial.wait();
    await trial.remove();
  } catch (error) {
    await close();
    return `dockerd can't run containers here: ${(error as Error).message}`;
  }
  return { dir, socketPath, docker, down, up, close };
}

/** Node, a shell and their libraries, as they are on this machine. */
async function importImage(docker: Docker, dir: string): Promise<void> {
  const programs = [process.execPath, '/bin/sh', '/bin/rm', '/bin/sleep', '/usr/bin/unshare', '/bin/mount'];
  const libraries = programs.flatMap((p) => [...execFileSync('ldd', [p], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g)].map((m) => m[1]!));
  const root = join(dir, 'image');
  for (const file of new Set([...programs, ...libraries])) {
    mkdirSync(dirname(join(root, file)), { recursive: true, mode: 0o755 });
    copyFileSync(file, join(root, file));
  }
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
  const archive = join(dir, 'image.tar');
  execFileSync('tar', ['-cf', archive, '-C', root, '.']);
  const [repo, tag] = IMAGE.split(':');
  const progress = await docker.importImage(archive, { repo, tag });
  await new Promise((done, fail) => docker.modem.followProgress(progress, (error) => (error ? fail(error) : done(null))));
  rmSync(archive);
  rmSync(root, { recursive: true });
}

const mountsBelow = (dir: string) => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((l) => l.split(' ')[4] ?? '').filter((p) => p.startsWith(`${dir}/`)).reverse();

/** Whether a process of some container has this pid for itself. */
export function livesInside(pid: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const pids = /^NSpid:\s+(.*)$/m.exec(status)![1]!.split(/\s+/);
      return pids.length > 1 && pids.at(-1) === String(pid) && !/^State:\s+[ZX]/m.test(status);
    } catch {
      return false;
    }
  });
}

/** A folder that any user may write to, for a container's. */
export function openFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-mount-'));
  chmodSync(dir, 0o777);
  writeFileSync(join(dir, '.here'), '');
  return dir;
}
