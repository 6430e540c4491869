import { setTimeout as delay } from 'node:timers/promises';
import { allPids, bootId, nonceOf, readStat, type ProcStat } from './proc.ts';

/** What names one process for good. A pid alone is never enough: pids are used again. */
export type Identity = { pid: number; startTime: string; bootId: string; nonce: string };

/** True only when pid, start time, boot and nonce all agree. */
export function isAlive(id: Identity): boolean {
  return id.bootId === bootId() && readStat(id.pid)?.startTime === id.startTime && nonceOf(id.pid) === id.nonce;
}

/** Signals it on a full match, and says whether it did. */
export function signal(id: Identity, name: NodeJS.Signals): boolean {
  return isAlive(id) && send(id.pid, name);
}

/** Every process with this nonce, and its descendants that carry no other: browsers rewrite their own environment. */
export function treeOf(nonce: string): ProcStat[] {
  const all = new Map<number, ProcStat>();
  for (const pid of allPids()) {
    const stat = readStat(pid);
    if (stat) all.set(pid, stat);
  }
  const nonces = new Map([...all.keys()].map((pid) => [pid, nonceOf(pid)]));
  const ours = new Set([...all.keys()].filter((pid) => nonces.get(pid) === nonce));
  if (ours.size === 0) return [];
  for (let grown = true; grown; ) {
    grown = false;
    for (const [pid, stat] of all) {
      if (!ours.has(pid) && ours.has(stat.ppid) && nonces.get(pid) === null) {
        ours.add(pid);
        grown = true;
      }
    }
  }
  ours.delete(process.pid);
  return [...ours].map((pid) => all.get(pid)!);
}

/** Kills the whole tree; gives the pids that are still there after `timeoutMs`. */
export async function killTree(nonce: string, timeoutMs: number): Promise<number[]> {
  const end = performance.now() + timeoutMs;
  // Children of a killed parent lose their place in the tree, so those seen once are remembered.
  const seen = new Map<number, string>();
  for (;;) {
    for (const p of treeOf(nonce)) seen.set(p.pid, p.startTime);
    const left = [...seen].filter(([pid, startTime]) => readStat(pid)?.startTime === startTime);
    if (left.length === 0) return [];
    if (performance.now() > end) return left.map(([pid]) => pid);
    for (const [pid] of left) send(pid, 'SIGKILL');
    await delay(20);
  }
}

function send(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
