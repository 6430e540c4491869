import { readdir, readFile } from 'node:fs/promises';

/** Clock ticks a second, as every Linux reports them. */
const HZ = 100;

type Proc = { pid: number; parent: number; start: string; ticks: number };

const read = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);

async function look(pid: number): Promise<Proc | null> {
  const stat = await read(`/proc/${pid}/stat`);
  if (!stat) return null;
  // The command's name may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, parent: Number(fields[1]), start: fields[19] ?? '', ticks: Number(fields[11]) + Number(fields[12]) };
}

/** A process's share of memory in bytes: what it shares is split among those who share it; its whole resident set where that can't be read. */
async function memoryOf(pid: number): Promise<number> {
  const kb = async (file: string, name: string): Promise<number | null> => {
    const hit = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec((await read(`/proc/${pid}/${file}`)) ?? '');
    return hit ? Number(hit[1]) * 1024 : null;
  };
  return (await kb('smaps_rollup', 'Pss')) ?? (await kb('status', 'VmRSS')) ?? 0;
}

/** Memory of a process with all below it, and the CPU seconds that they used since the last call. Null where there is no /proc. */
export function treeUsage(root: number) {
  let before = new Map<string, number>();
  return async (): Promise<{ memory: number; cpuSeconds: number } | null> => {
    const names = await readdir('/proc').catch(() => []);
    const all = (await Promise.all(names.filter((n) => /^\d+$/.test(n)).map((n) => look(Number(n))))).filter((p) => p !== null);
    if (!all.some((p) => p.pid === root)) return null;
    const tree = new Set([root]);
    // A child is not always listed after its parent.
    for (let size = 0; size !== tree.size; ) {
      size = tree.size;
      for (const p of all) if (tree.has(p.parent)) tree.add(p.pid);
    }
    const mine = all.filter((p) => tree.has(p.pid));
    let memory = 0;
    for (const p of mine) memory += await memoryOf(p.pid);
    const now = new Map(mine.map((p) => [`${p.pid}/${p.start}`, p.ticks]));
    const first = before.size === 0;
    const ticks = first ? 0 : [...now].reduce((sum, [key, used]) => sum + used - (before.get(key) ?? 0), 0);
    before = now;
    return { memory, cpuSeconds: ticks / HZ };
  };
}
