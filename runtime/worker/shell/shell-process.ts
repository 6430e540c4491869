import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { confine, release, type Limits } from '../../drivers/local/cgroup.ts';
import { childGivesWay } from '../../give-way.ts';
import { killTree } from '../../drivers/local/process-tree.ts';

const KILL_WITHIN = 5000;

/**
 * Waits to be put under its limits, then runs the command in this very process group. Its standard input is held open by the
 * worker: when that ends for whatever reason, the group is killed, so that no command outlives the worker that answers for it.
 */
const GUARD = `read -r limit || exit 125
exec 3<&0 </dev/null
( read -r _ <&3; kill -KILL 0 ) & guard=$!
( exec 3<&-; eval "$limit"; exec /bin/sh -c "$1" )
code=$?
kill "$guard"
exit "$code"`;

export type ShellOptions = { command: string; cwd: string; env: Record<string, string>; limits: Limits; timeoutMs: number; /** Where commands that run are noted, so that the next worker finds them. */ notes: string };
export type ShellEnd = { code: number | null; signal: NodeJS.Signals | null };

/** One command in a process group of its own, with all that it starts. */
export class ShellProcess {
  readonly child: ChildProcess;
  readonly nonce = randomBytes(16).toString('hex');
  /** `cgroup`: the kernel holds memory and CPU of all together; `ulimit`: the memory of each process and its CPU seconds. */
  readonly held: 'cgroup' | 'ulimit';
  readonly ended: Promise<ShellEnd>;
  readonly #note: string;

  constructor(o: ShellOptions) {
    mkdirSync(o.notes, { recursive: true, mode: 0o700 });
    this.#note = join(o.notes, this.nonce);
    writeFileSync(this.#note, '');
    this.child = spawn('/bin/sh', ['-c', GUARD, 'troupe-task', o.command], { cwd: o.cwd, env: { ...cleanEnv(o.cwd), ...o.env, TROUPE_NONCE: this.nonce }, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.ended = new Promise((done, failed) => {
      this.child.once('exit', (code, signal) => done({ code, signal }));
      this.child.once('error', failed);
    });
    this.held = this.child.pid !== undefined && confine(this.nonce, this.child.pid, o.limits) ? 'cgroup' : 'ulimit';
    if (this.child.pid !== undefined) childGivesWay(this.child.pid);
    const seconds = Math.ceil((o.timeoutMs / 1000) * o.limits.cpuCores);
    this.child.stdin!.on('error', () => undefined);
    this.child.stdin!.write(this.held === 'cgroup' ? ':\n' : `ulimit -v ${o.limits.memoryMb * 1024}; ulimit -t ${seconds}\n`);
  }

  /** Ends everything that it started, also what has left its group. Gives the pids that could not be killed. */
  async kill(): Promise<number[]> {
    if (this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) {
      try {
        process.kill(-this.child.pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    }
    const left = existsSync('/proc') ? await killTree(this.nonce, KILL_WITHIN) : [];
    release(this.nonce);
    if (left.length === 0) rmSync(this.#note, { force: true });
    return left;
  }
}

/** Kills what commands of an earlier worker in this folder have left. */
export async function reapShells(notes: string): Promise<number> {
  if (!existsSync(notes) || !existsSync('/proc')) return 0;
  const nonces = readdirSync(notes).filter((n) => /^[0-9a-f]{32}$/.test(n));
  for (const nonce of nonces) if ((await killTree(nonce, KILL_WITHIN)).length === 0) rmSync(join(notes, nonce), { force: true });
  return nonces.length;
}

/** Nothing of the worker's own environment but where programs are and how to speak. */
function cleanEnv(home: string): Record<string, string> {
  const own = Object.entries(process.env).filter((e): e is [string, string] => /^(PATH|LANG|LC_[A-Z]+|TZ)$/.test(e[0]) && e[1] !== undefined);
  return { ...Object.fromEntries(own), HOME: home };
}
