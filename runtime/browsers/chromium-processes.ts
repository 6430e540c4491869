import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import { lockOwner } from './profile-lock.ts';

export type ChromiumProcess = { process: ProcessIdentity; profile: string };

/** The main processes of every Chromium on this machine whose profile lies under `root`. */
export function chromiumsUnder(root: string): ChromiumProcess[] {
  if (!existsSync('/proc')) return [];
  const base = resolve(root);
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const profile = /--user-data-dir=([^\0]+?)(?:\0| --|$)/.exec(line)?.[1];
      if (!profile || line.includes('--type=')) return [];
      const dir = resolve(profile);
      return dir === base || dir.startsWith(base + sep) ? [{ process: identify(Number(pid)), profile: dir }] : [];
    } catch {
      return [];
    }
  });
}

/** Kills one Chromium, if it is still that one, and waits until it is gone. */
export async function killChromium(found: ChromiumProcess): Promise<void> {
  if (!isAlive(found.process)) return;
  try {
    process.kill(found.process.pid, 'SIGKILL');
  } catch {
    return;
  }
  for (let n = 0; n < 100 && isAlive(found.process); n++) await sleep(50);
}

/** Kills every Chromium under `root` whose owner is dead; a live owner's is left alone. Returns what was killed. */
export async function reapOrphans(root: string): Promise<ChromiumProcess[]> {
  const orphans = chromiumsUnder(root).filter(({ profile }) => {
    const owner = lockOwner(profile);
    return !owner || !isAlive(owner);
  });
  await Promise.all(orphans.map(killChromium));
  return orphans;
}

/**
 * Makes a profile whose lock we hold ready to be opened: a left-over Chromium of a dead owner is killed,
 * Chromium's own stale locks (of this host or of another) are removed.
 */
export async function clearProfile(profileDir: string): Promise<void> {
  await Promise.all(chromiumsUnder(profileDir).map(killChromium));
  for (const name of ['SingletonLock', 'SingletonSocket', 'SingletonCookie']) rmSync(join(profileDir, name), { force: true });
}
