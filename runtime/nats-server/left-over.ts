import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { allPids, readStat, startTimeOf } from '../drivers/local/proc.ts';

/** A nats-server that runs with this configuration. `left`: it was started by a process that watched over it, and is no more. */
export type Running = { pid: number; left: boolean };

const MARK = 'TROUPE_WATCHED_BY';
/** The environment of a server that this process watches over. */
export const watchedByUs = (): Record<string, string> => ({ [MARK]: `${process.pid}:${startTimeOf(process.pid)}` });

/** Finds it in the process table by the file that it was started with; null when there is none. */
export function serverWith(configFile: string): Running | null {
  for (const pid of allPids()) {
    const words = read(pid, 'cmdline');
    const at = words.indexOf('-c');
    if (at < 1 || words[at + 1] !== configFile || !words[0]!.includes('nats-server')) continue;
    if (!readStat(pid)) continue;
    const [watcher, since] = read(pid, 'environ').find((v) => v.startsWith(`${MARK}=`))?.slice(MARK.length + 1).split(':') ?? [];
    return { pid, left: watcher !== undefined && readStat(Number(watcher))?.startTime !== since };
  }
  return null;
}

/** Ends one that was left: kindly, and after `graceMs` for good. */
export async function endServer(pid: number, graceMs: number): Promise<void> {
  const from = readStat(pid)?.startTime;
  const gone = () => readStat(pid)?.startTime !== from;
  for (const [signal, ms] of [['SIGTERM', graceMs], ['SIGKILL', 5_000]] as const) {
    if (gone()) return;
    process.kill(pid, signal);
    for (const end = performance.now() + ms; !gone() && performance.now() < end; ) await delay(20);
  }
}

function read(pid: number, what: 'cmdline' | 'environ'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
