import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bootId, identify, isAlive } from '../../runtime/browsers/process-identity.ts';
import { lockOwner, lockPath, lockProfile, ProfileBusy } from '../../runtime/browsers/profile-lock.ts';

let dir: string;
let profile: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'));
  profile = join(dir, 'browser_a');
});
afterEach(() => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));

/** A process that waits until it is killed. */
const sleeper = async () => {
  const script = join(dir, 'sleeper.cjs');
  writeFileSync(script, 'process.send("up"); setInterval(() => {}, 1000);');
  const child = fork(script, { stdio: 'ignore' });
  await once(child, 'message');
  return child;
};
const holdBy = (owner: object) => writeFileSync(lockPath(profile), JSON.stringify(owner));

test('a profile has one owner at a time and is free again after release', () => {
  const lock = lockProfile(profile);
  expect(lockOwner(profile)).toMatchObject({ pid: process.pid, host: hostname(), boot: bootId() });
  expect(() => lockProfile(profile)).toThrow(ProfileBusy);
  lock.release();
  expect(lockOwner(profile)).toBeNull();
  lockProfile(profile).release();
  expect(readdirSync(dir)).toEqual([]);
});

test('a live process keeps its lock, a dead one loses it', async () => {
  const child = await sleeper();
  const owner = identify(child.pid!);
  holdBy(owner);
  expect(() => lockProfile(profile)).toThrow(`process ${child.pid}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isAlive(owner)).toBe(false);
  lockProfile(profile).release();
});

test('a pid that was used again is somebody else', () => {
  holdBy({ ...identify(process.pid), start: '12345' });
  lockProfile(profile).release();
});

test('a lock of another boot or another host is stale: the caller holds the lease', () => {
  holdBy({ ...identify(process.pid), boot: 'another-boot' });
  lockProfile(profile).release();
  holdBy({ ...identify(process.pid), host: 'another-host' });
  lockProfile(profile).release();
});

test.each(['', '{"pid":', '[]', '{"pid":"x"}'])('a lock file that says %j owns nothing', (text) => {
  writeFileSync(lockPath(profile), text);
  lockProfile(profile).release();
  expect(existsSync(lockPath(profile))).toBe(false);
});

test('releasing late does not take the next owner its lock', () => {
  const lock = lockProfile(profile);
  rmSync(lockPath(profile));
  const next = lockProfile(profile);
  lock.release();
  expect(lockOwner(profile)).not.toBeNull();
  next.release();
});
