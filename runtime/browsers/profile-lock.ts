import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

/** Thrown when another live process owns the profile. */
export class ProfileBusy extends Error {
  readonly owner: ProcessIdentity;
  constructor(path: string, owner: ProcessIdentity) {
    super(`the profile is in use by process ${owner.pid} on ${owner.host} (${path}): stop that worker first`);
    this.name = 'ProfileBusy';
    this.owner = owner;
  }
}

export type ProfileLock = { release(): void };

export const lockPath = (profileDir: string): string => `${profileDir}.lock`;

/** Who holds a profile now; null when nobody does or the file can't be read. */
export function lockOwner(profileDir: string): ProcessIdentity | null {
  try {
    const owner = JSON.parse(readFileSync(lockPath(profileDir), 'utf8')) as ProcessIdentity;
    return typeof owner.pid === 'number' ? owner : null;
  } catch {
    return null;
  }
}

/** Takes a profile for this process, atomically; a dead owner's lock is taken over, a live one's never. Throws ProfileBusy. */
export function lockProfile(profileDir: string): ProfileLock {
  const path = lockPath(profileDir);
  const own = `${path}.${randomUUID()}`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(own, JSON.stringify({ ...identify(process.pid), id: own }), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      if (link(own, path)) return { release: () => release(path, own) };
      const owner = lockOwner(profileDir);
      if (owner && isAlive(owner)) throw new ProfileBusy(path, owner);
      setAside(path, profileDir);
    }
    throw new Error(`${path} is fought over by several processes: try again`);
  } finally {
    rmSync(own, { force: true });
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a stale lock away; if a live one slipped in between, it is put back. */
function setAside(path: string, profileDir: string): void {
  const aside = `${profileDir}.stale-${randomUUID()}`;
  try {
    renameSync(path, aside);
    const owner = JSON.parse(readFileSync(aside, 'utf8')) as ProcessIdentity;
    if (isAlive(owner)) link(aside, path);
  } catch {
    // Gone already, or never complete: nobody owns it.
  } finally {
    rmSync(aside, { force: true });
  }
}

function release(path: string, id: string): void {
  try {
    if ((JSON.parse(readFileSync(path, 'utf8')) as { id?: string }).id === id) rmSync(path, { force: true });
  } catch {
    // Nothing of ours is left to release.
  }
}
