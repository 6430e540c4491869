import { statfs } from 'node:fs/promises';
import { openConnection, type Access } from '../../transport/connection.ts';
import { subjects } from '../../transport/subjects.ts';

type Seen = {
  /** How many appends in a row a master got no answer to. */
  appends: number;
  /** Free bytes where nats-server stores. */
  room: number;
  /** Milliseconds since it was restarted for this; Infinity for never. */
  sinceRestart: number;
};

const SILENT_APPENDS = 3;
const ROOM = 64 * 1024 * 1024;
/** A restarted server reads its store first. */
const PAUSE_MS = 60_000;

/**
 * nats-server doesn't write again by itself after its volume was full: it reads and answers, and every write times out until it is restarted.
 * A restart on a volume that is still full may lose a stream, so the room is looked at first.
 */
export function verdict({ appends, room, sinceRestart }: Seen): 'wait' | 'no-room' | 'restart' {
  if (appends < SILENT_APPENDS || sinceRestart < PAUSE_MS) return 'wait';
  return room < ROOM ? 'no-room' : 'restart';
}

/** Listens to the masters, and restarts nats-server when it has stopped to write. */
export async function guardStorage(login: Access, storeDir: string, restart: () => Promise<void>, say: (text: string) => void): Promise<{ close(): Promise<void> }> {
  const nc = await openConnection({ ...login, name: 'troupe up' });
  let last = -Infinity;
  let told = -Infinity;
  const look = async (appends: number): Promise<void> => {
    const { bavail, bsize } = await statfs(storeDir);
    const now = performance.now();
    const is = verdict({ appends, room: bavail * bsize, sinceRestart: now - last });
    if (is === 'no-room' && now - told > PAUSE_MS) {
      told = now;
      say(`can't store: ${Math.floor((bavail * bsize) / 2 ** 20)} MB are free in ${storeDir}; free at least ${ROOM / 2 ** 20} MB, then it is restarted`);
    }
    if (is !== 'restart') return;
    last = now;
    say('stores nothing although its disk has room: restarting it');
    await restart();
  };
  nc.subscribe(subjects.stuck('*'), {
    callback: (error, msg) => {
      if (error) return;
      const appends = Number((JSON.parse(msg.string()) as { appends?: unknown }).appends);
      look(appends).catch((e: Error) => say(`can't be examined: ${e.message}`));
    },
  });
  return { close: () => nc.close() };
}
