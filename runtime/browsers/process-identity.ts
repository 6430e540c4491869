import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process beyond doubt: a pid alone is used again. `start` is in clock ticks since boot, null where the system doesn't tell. */
export type ProcessIdentity = { pid: number; start: string | null; boot: string | null; host: string };

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

export const bootId = (): string | null => read('/proc/sys/kernel/random/boot_id')?.trim() ?? null;

/** Fields after the command name, which may itself hold blanks and brackets. State is 0, start time is 19. */
const statOf = (pid: number): string[] | null => {
  const stat = read(`/proc/${pid}/stat`);
  return stat ? stat.slice(stat.lastIndexOf(')') + 2).split(' ') : null;
};

export const identify = (pid: number): ProcessIdentity => ({ pid, start: statOf(pid)?.[19] ?? null, boot: bootId(), host: hostname() });

/** Whether this very process still runs here. A zombie is dead. A process of another host can't be judged and counts as dead. */
export function isAlive(p: ProcessIdentity): boolean {
  if (p.host !== hostname() || p.boot !== bootId()) return false;
  const stat = statOf(p.pid);
  if (stat) return stat[0] !== 'Z' && stat[0] !== 'X' && stat[19] === p.start;
  try {
    return p.boot === null && process.kill(p.pid, 0);
  } catch {
    return false;
  }
}
