import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';
/** The group's own limit lies above the configured one: at that one the worker is restarted in order, here the kernel ends it. */
const HARD = 1.5;
const PERIOD_US = 100_000;

export type Limits = { memoryMb: number; cpuCores: number };

/** Folders of the group called `name`, each with what is written into it. */
function plan(name: string, { memoryMb, cpuCores }: Limits): { dir: string; files: [string, string][] }[] {
  const bytes = String(Math.round(memoryMb * HARD) * 1_048_576);
  const quota = Math.round(cpuCores * PERIOD_US);
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [{ dir: join(ROOT, name), files: [['memory.max', bytes], ['cpu.max', `${quota} ${PERIOD_US}`]] }];
  return [
    { dir: join(ROOT, 'memory', name), files: [['memory.limit_in_bytes', bytes]] },
    { dir: join(ROOT, 'cpu', name), files: [['cpu.cfs_period_us', String(PERIOD_US)], ['cpu.cfs_quota_us', String(quota)]] },
  ];
}

const nameOf = (nonce: string): string => `troupe-${nonce.slice(0, 16)}`;

/** Puts a process and all that it will start under its limits. False where this machine or this user has no cgroups to give: then its memory is only watched. */
export function confine(nonce: string, pid: number, limits: Limits): boolean {
  const groups = plan(nameOf(nonce), limits);
  try {
    for (const { dir, files } of groups) {
      mkdirSync(dir);
      for (const [file, value] of files) writeFileSync(join(dir, file), value);
    }
    for (const { dir } of groups) writeFileSync(join(dir, 'cgroup.procs'), String(pid));
    return true;
  } catch {
    release(nonce);
    return false;
  }
}

/** Takes the group away once its processes are gone; fine when there is none. */
export function release(nonce: string): void {
  for (const dir of [join(ROOT, nameOf(nonce)), join(ROOT, 'memory', nameOf(nonce)), join(ROOT, 'cpu', nameOf(nonce))]) {
    try {
      rmdirSync(dir);
    } catch {
      // It never was, or a process of it is still dying: an empty group costs nothing.
    }
  }
}

/** What the kernel keeps a process to, in bytes; null where it keeps it to nothing. */
export function memoryLimitOf(nonce: string): number | null {
  for (const file of [join(ROOT, nameOf(nonce), 'memory.max'), join(ROOT, 'memory', nameOf(nonce), 'memory.limit_in_bytes')]) {
    try {
      return Number(readFileSync(file, 'utf8'));
    } catch {
      // The other version of cgroups.
    }
  }
  return null;
}
