import { readFileSync, readdirSync } from 'node:fs';

/** One process as /proc shows it. `startTime` is in ticks since boot: with the pid it names a process for as long as the machine is up. */
export type ProcStat = { pid: number; state: string; ppid: number; startTime: string; cpuTicks: number };

let boot: string | null = null;
/** Changes with every boot of the machine. */
export function bootId(): string {
  return (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

/** Null when there is no such process, or only its zombie. */
export function readStat(pid: number): ProcStat | null {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The name in parentheses may hold spaces and parentheses itself.
  const f = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const state = f[0]!;
  if (state === 'Z' || state === 'X') return null;
  return { pid, state, ppid: Number(f[1]), startTime: f[19]!, cpuTicks: Number(f[11]) + Number(f[12]) };
}

/** The start time of a process that may be a zombie already: for our own child, right after it was started. */
export function startTimeOf(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19]!;
  } catch {
    return null;
  }
}

/** The TROUPE_NONCE that a process was started with; null when it has none or isn't ours to look at. */
export function nonceOf(pid: number): string | null {
  try {
    const found = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').find((v) => v.startsWith('TROUPE_NONCE='));
    return found?.slice('TROUPE_NONCE='.length) ?? null;
  } catch {
    return null;
  }
}

export const allPids = (): number[] => readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map(Number);

/** Resident bytes; 0 when it is gone. */
export function rssBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
