import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync, statfsSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { STREAM } from '../../transport/subjects.ts';
import type { Config } from '../config.ts';
import { serverWith } from './left-over.ts';
import { serverFiles } from './server-config.ts';

const MEMORY = '/dev/shm';
const TMPFS = 0x01021994;
/** Bytes. Far more than the few batches that are under way at a time. */
const ROOM = 8 * 1024 * 1024;
/** Milliseconds. It is up some time before a client is connected again and sends a batch. */
const EVERY = 100;

/** Where in memory the parts lie that belong to a store. */
export const stagingFolder = (storeDir: string, memory = MEMORY): string => join(memory, `troupe-${createHash('sha256').update(resolve(storeDir)).digest('hex').slice(0, 16)}`);

/**
 * Has the server on this machine lay the parts of an atomic batch in memory instead of on the disk until the batch is whole (docs/adr/0023).
 * `server` gives its pid, null while it is down. It takes its own folder for them back at each start, so this looks again and again, until the
 * returned function is called. Where there is no memory file system of ours that the server sees too, or the store looks otherwise, all stays as the server has it.
 */
export function stageInMemory(storeDir: string, server: () => number | null, memory = MEMORY): () => void {
  const folder = stagingFolder(storeDir, memory);
  if (!hasRoom(memory)) return () => {};
  const look = () => {
    try {
      for (const account of readdirSync(join(storeDir, 'jetstream'))) link(join(storeDir, 'jetstream', account, 'streams', STREAM.journal), folder, server);
    } catch {
      // There is no store yet, or the server is busy in it: the next look finds it.
    }
  };
  look();
  const timer = setInterval(look, EVERY);
  timer.unref();
  return () => {
    clearInterval(timer);
    if (server() === null) rmSync(folder, { recursive: true, force: true });
  };
}

/** The same for the server of this configuration, whoever started it; nothing where it runs elsewhere, in a container of its own or in a cluster. */
export function stageForOwn(config: Config): () => void {
  if (config.nats.cluster) return () => {};
  const { storeDir, configFile } = serverFiles(config);
  return stageInMemory(storeDir, () => serverWith(configFile)?.pid ?? null);
}

function link(stream: string, folder: string, server: () => number | null): void {
  const batches = join(stream, 'batches');
  const there = lstatSync(batches, { throwIfNoEntry: false });
  if (there?.isSymbolicLink()) return makeOwn(folder);
  if (!lstatSync(stream, { throwIfNoEntry: false })) return;
  const pid = server();
  if (pid === null) return;
  makeOwn(folder);
  // In a container of its own it has another memory, and would find nothing there.
  const [seen, ours] = [statSync(`/proc/${pid}/root${folder}`), statSync(folder)];
  if (seen.dev !== ours.dev || seen.ino !== ours.ino) return;
  // Fails while something is laid there.
  if (there) rmdirSync(batches);
  // Without the link the server can't reach them: they were left by one that was killed, and it is up again.
  for (const left of readdirSync(folder)) rmSync(join(folder, left), { recursive: true, force: true });
  symlinkSync(folder, batches);
}

/** Makes the folder for nobody but us; throws where somebody else has one of its name. */
function makeOwn(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = lstatSync(folder);
  if (!made.isDirectory() || made.uid !== process.getuid?.() || (made.mode & 0o077) !== 0) throw new Error(`${folder} is not ours alone`);
}

function hasRoom(memory: string): boolean {
  try {
    const fs = statfsSync(memory);
    return fs.type === TMPFS && fs.bavail * fs.bsize >= ROOM;
  } catch {
    return false;
  }
}
