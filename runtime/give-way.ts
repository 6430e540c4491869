import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Niceness of a worker, and of its browsers and shells: on a full machine first the masters, NATS and pages, then heartbeats, then the work itself. */
const WORKER = 5;
/** BROWSER_NICE, as configuration has checked it where there is one. */
const childNice = (): number => Number(process.env['BROWSER_NICE'] ?? 10);

/** Puts this process, and what it starts from now on, behind the others of its machine. Does nothing where the system has no such thing. */
export function giveWay(): void {
  eachThread(process.pid, WORKER);
  sessionGivesWay(process.pid, WORKER);
}

/** Puts a browser or a shell, with all its processes, behind its own worker. */
export function childGivesWay(pid: number): void {
  const nice = childNice();
  if (nice === 0) return;
  const parents = new Map<number, number>();
  for (const name of attempt(() => readdirSync('/proc')) ?? []) {
    const parent = /^\d+$/.test(name) ? fieldOf(Number(name), 1) : null;
    if (parent !== null) parents.set(Number(name), parent);
  }
  const below = (of: number): boolean => of === pid || (parents.has(of) && parents.get(of) !== 0 && below(parents.get(of)!));
  // Windows to come are children of these, and inherit it.
  for (const each of new Set([pid, ...[...parents.keys()].filter(below)])) eachThread(each, nice);
  sessionGivesWay(pid, nice);
}

/** On Linux niceness is a thread's own; new ones have that of whoever starts them. */
function eachThread(pid: number, nice: number): void {
  for (const thread of attempt(() => readdirSync(`/proc/${pid}/task`)) ?? [String(pid)]) attempt(() => setPriority(Number(thread), nice));
}

/** Linux shares the processor between sessions first, where each process has one of its own: then its niceness counts, and a process's own only inside. */
function sessionGivesWay(pid: number, nice: number): void {
  // A session that others began is not ours to change.
  if (fieldOf(pid, 3) === pid) attempt(() => writeFileSync(`/proc/${pid}/autogroup`, String(nice)));
}

/** A number of /proc/PID/stat after the command's name, which may itself hold blanks and brackets: 1 is the parent, 3 the session. */
function fieldOf(pid: number, at: number): number | null {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[at]);
}

/** Null where it can't be done: a process may be gone, a system may have no /proc. */
function attempt<T>(what: () => T): T | null {
  try {
    return what();
  } catch {
    return null;
  }
}
