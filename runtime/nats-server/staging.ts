import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync, statfsSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { STREAM } from '../../transport/subjects.ts';

const TMPFS = 0x01021994;
/** Bytes. Far more than the few batches that are under way at a time. */
const ROOM = 8 * 1024 * 1024;
/** Milliseconds. It is up some time before a client is connected again and sends a batch. */
const EVERY = 100;

/**
 * Has the server lay the parts of an atomic batch in memory instead of on the disk until the batch is whole (docs/adr/0023).
 * It takes its own folder for them back at each start, so this looks again and again, until the returned function is called once it has ended.
 * Where there is no memory file system of ours, or the store looks otherwise, all stays as the server has it.
 */
export function stageInMemory(storeDir: string, memory = '/dev/shm'): () => void {
  const folder = join(memory, `troupe-${createHash('sha256').update(resolve(storeDir)).digest('hex').slice(0, 16)}`);
  if (!hasRoom(memory)) return () => {};
  const look = () => {
    try {
      for (const account of readdirSync(join(storeDir, 'jetstream'))) link(join(storeDir, 'jetstream', account, 'streams', STREAM.journal), folder);
    } catch {
      // There is no store yet, or the server is busy in it: the next look finds it.
    }
  };
  look();
  const timer = setInterval(look, EVERY);
  timer.unref();
  return () => {
    clearInterval(timer);
    rmSync(folder, { recursive: true, force: true });
  };
}

function link(stream: string, folder: string): void {
  const batches = join(stream, 'batches');
  const there = lstatSync(batches, { throwIfNoEntry: false });
  if (there?.isSymbolicLink()) {
    makeOwn(folder);
    return;
  }
  if (!lstatSync(stream, { throwIfNoEntry: false })) return;
  // Fails while something is laid there.
  if (there) rmdirSync(batches);
  makeOwn(folder);
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
