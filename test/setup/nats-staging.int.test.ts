import { once } from 'node:events';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { NatsConnection } from '@nats-io/nats-core';
import { natsLogin } from '../../runtime/nats-login.ts';
import { findServer } from '../../runtime/nats-server/find-server.ts';
import { serverFiles } from '../../runtime/nats-server/server-config.ts';
import { serverReady } from '../../runtime/nats-server/server-ready.ts';
import { serverWith } from '../../runtime/nats-server/left-over.ts';
import { spawnServer } from '../../runtime/nats-server/spawn-server.ts';
import { stageInMemory, stagingFolder } from '../../runtime/nats-server/staging.ts';
import { openConnection } from '../../transport/connection.ts';
import { JournalStream } from '../../transport/journal.ts';
import { Mux, withHeaders } from '../../transport/mux.ts';
import { createStreams } from '../../transport/streams.ts';
import { openStage } from '../harness/stage.ts';
import { diesWithUs } from './dies-with-us.ts';
import { runningServer, serverEnv, type RunningServer } from './running-server.ts';

let server: RunningServer;
let nc: NatsConnection;
let memory: string;
let stop = () => {};
const stream = () => join(serverFiles(server.config).storeDir, 'jetstream', '$G', 'streams', 'TROUPE_JOURNAL');
const batches = () => join(stream(), 'batches');
const target = () => {
  const is = lstatSync(batches(), { throwIfNoEntry: false });
  return is?.isSymbolicLink() ? readlinkSync(batches()) : is ? 'a folder' : null;
};
const pid = () => (server.child.exitCode === null && server.child.signalCode === null ? server.child.pid! : null);
const stage = (memory: string) => stageInMemory(serverFiles(server.config).storeDir, pid, memory);
const linked = () => expect.poll(target, { timeout: 10_000 }).toMatch(new RegExp(`^${memory}/troupe-[0-9a-f]{16}$`));
const entries = (n: number, round: number) => Array.from({ length: n }, (_, i) => ({ actor: `count/r${round}-${i}`, bytes: Buffer.from(`{"round":${round}}`), expect: 0 }));
/** Lays one part of a batch, which stays without its end. */
const lay = (id: string) => nc.publish('troupe.journal.count.laid', '{}', { headers: withHeaders({ 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': '1' }) });

beforeEach(async () => {
  server = await runningServer();
  nc = await openConnection(natsLogin(server.config, 'master'));
  await createStreams(nc, 4, null);
  memory = mkdtempSync('/dev/shm/troupe-test-');
});
afterEach(async () => {
  stop();
  await nc.close();
  await server.stop();
  rmSync(memory, { recursive: true, force: true });
});

async function killAndStart(): Promise<void> {
  server.child.kill('SIGKILL');
  await once(server.child, 'exit');
  const { path } = await findServer(server.config, serverEnv());
  server.child = diesWithUs(spawnServer(path, serverFiles(server.config).configFile, { stdio: 'ignore' }));
  await serverReady(natsLogin(server.config, 'master'), 15_000);
}

it('the parts of a batch lie in memory until it is whole; after a kill too, and what was left there is cleared', async () => {
  stop = stage(memory);
  await linked();
  const folder = readlinkSync(batches());
  lay('left');
  await expect.poll(() => readdirSync(folder).length).toBe(1);
  expect(lstatSync(folder).mode & 0o777).toBe(0o700);
  const journal = new JournalStream(new Mux(nc, 'master'));
  expect(await journal.append(entries(20, 0))).toEqual(entries(20, 0).map((_, i) => ({ seq: i + 1 })));

  await killAndStart();
  await linked();
  await expect.poll(() => readdirSync(folder), { timeout: 10_000 }).toEqual([]);
  expect((await journal.append(entries(20, 1)))[0]).toEqual({ seq: 21 });
  expect(Buffer.from((await journal.last('count/r0-19'))!.bytes).toString()).toBe('{"round":0}');

  // Whoever looked after it goes, the server stays: so does what it needs.
  stop();
  expect(target()).toBe(folder);
  expect((await journal.append(entries(20, 2))).every((r) => 'seq' in r)).toBe(true);
  // Entries whose batch can't be laid anywhere are stored one by one.
  rmSync(folder, { recursive: true });
  expect((await journal.append(entries(20, 3))).every((r) => 'seq' in r)).toBe(true);
  stop = stage(memory);
  server.child.kill('SIGKILL');
  await once(server.child, 'exit');
  stop();
  expect(lstatSync(folder, { throwIfNoEntry: false })).toBeUndefined();
});

it('what was acknowledged is there after kills in the middle of batches', async () => {
  stop = stage(memory);
  await linked();
  const journal = new JournalStream(new Mux(nc, 'master'), { timeout: 2_000 });
  const acknowledged: string[] = [];
  let round = 0;
  for (let kill = 0; kill < 5; kill++) {
    let killed = false;
    const running = Array.from({ length: 3 }, async () => {
      while (!killed) {
        const items = entries(40, round++);
        const stored = await journal.append(items).catch(() => []);
        stored.forEach((s, i) => 'seq' in s && acknowledged.push(items[i]!.actor));
      }
    });
    const before = acknowledged.length;
    await expect.poll(() => acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(before + 500);
    await killAndStart();
    killed = true;
    await Promise.all(running);
  }
  for (const actor of acknowledged) expect(await journal.last(actor), actor).not.toBeNull();
}, 60_000);

it('a folder that was made on the disk before is taken over as soon as nothing lies in it', async () => {
  lay('slow');
  await expect.poll(target).toBe('a folder');
  stop = stage(memory);
  expect(target()).toBe('a folder');
  await new Mux(nc, 'master').publish('troupe.journal.count.laid', '{}', { 'Nats-Batch-Id': 'slow', 'Nats-Batch-Sequence': '2', 'Nats-Batch-Commit': '1' });
  await linked();
});

it('without a memory file system, with a server that has another, or where the folder is somebody else\'s, the server keeps its own', async () => {
  const { storeDir, configFile } = serverFiles(server.config);
  const disk = mkdtempSync(join(tmpdir(), 'troupe-'));
  stage(disk)();
  expect(target()).toBeNull();
  rmSync(disk, { recursive: true });
  // A process that isn't there, or whose root is elsewhere, as that of a server in a container.
  for (const elsewhere of [() => null, () => 2 ** 22 + 1]) {
    stageInMemory(storeDir, elsewhere, memory)();
    expect(target()).toBeNull();
  }
  const folder = stagingFolder(storeDir, memory);
  rmSync(folder, { recursive: true, force: true });
  for (const make of [() => mkdirSync(folder, { mode: 0o755 }), () => symlinkSync(tmpdir(), folder), () => writeFileSync(folder, '')]) {
    make();
    stage(memory)();
    expect(target()).toBeNull();
    rmSync(folder, { recursive: true, force: true });
  }
  expect(serverWith(configFile)?.pid).toBe(server.child.pid);
});

it('a master does it for the server of its own configuration', async () => {
  const own = await openStage();
  try {
    await own.master();
    const { storeDir } = serverFiles(own.config);
    await expect.poll(() => lstatSync(join(storeDir, 'jetstream', '$G', 'streams', 'TROUPE_JOURNAL', 'batches'), { throwIfNoEntry: false })?.isSymbolicLink(), { timeout: 10_000 }).toBe(true);
    expect(lstatSync(stagingFolder(storeDir)).isDirectory()).toBe(true);
  } finally {
    await own.close();
  }
}, 60_000);
