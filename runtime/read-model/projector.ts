import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { openConnection } from '../../transport/connection.ts';
import { partitionsOf } from '../../transport/streams.ts';
import { Feed, type Commit, type Unsafe } from './feed.ts';

export type ProjectorOptions = { servers: string | string[]; user: string; pass: string; file: string };

export type Projector = {
  file: string;
  changes: { subscribe(fn: (topics: string[]) => void): () => void };
  /** `safe` is null while all is well; `lag` has the newest sequence applied of each stream; `fault` is the last trouble. */
  health(): { safe: Unsafe | null; lag: Record<string, number>; at: number; fault: string | null };
  /** The newest sequence of a stream that the view holds. */
  position(stream: string): number;
  stop(): Promise<void>;
};

type Said = { is: 'commit'; commit: Commit } | { is: 'safe'; safe: Unsafe | null } | { is: 'fault'; why: string } | { is: 'ready' };

/** Starts the view's writer: in a thread of its own when built, beside the caller when run from source. */
export async function startProjector(options: ProjectorOptions): Promise<Projector> {
  const listeners = new Set<(topics: string[]) => void>();
  const positions: Record<string, number> = {};
  const state = { safe: null as Unsafe | null, fault: null as string | null, at: Date.now() };
  let ready!: () => void;
  let failed!: (e: Error) => void;
  const started = new Promise<void>((resolve, reject) => ((ready = resolve), (failed = reject)));
  const hear = (said: Said) => {
    if (said.is === 'ready') ready();
    else if (said.is === 'safe') state.safe = said.safe;
    else if (said.is === 'fault') state.fault = said.why;
    else {
      Object.assign(positions, said.commit.positions);
      state.at = Date.now();
      state.fault = null;
      if (said.commit.topics.length > 0) for (const fn of listeners) fn(said.commit.topics);
    }
  };
  const stop = import.meta.url.endsWith('.ts') ? await runHere(options, hear) : runThread(options, hear, failed);
  await started;
  return {
    file: options.file,
    changes: {
      subscribe(fn) {
        listeners.add(fn);
        return () => listeners.delete(fn);
      },
    },
    health: () => ({ safe: state.safe, lag: { ...positions }, at: state.at, fault: state.fault }),
    position: (stream) => positions[stream] ?? 0,
    stop,
  };
}

async function runHere(options: ProjectorOptions, say: (s: Said) => void): Promise<() => Promise<void>> {
  const nc = await openConnection({ servers: options.servers, user: options.user, pass: options.pass, name: `${options.user} view` });
  const feed = new Feed(nc, options.user, options.file, (await partitionsOf(nc)) ?? 16, (commit) => say({ is: 'commit', commit }), (why) => say({ is: 'fault', why }));
  const safe = await feed.check();
  say({ is: 'safe', safe });
  if (!safe) await feed.start();
  say({ is: 'ready' });
  return async () => {
    await feed.stop();
    await nc.close();
  };
}

function runThread(options: ProjectorOptions, say: (s: Said) => void, failed: (e: Error) => void): () => Promise<void> {
  const thread = new Worker(fileURLToPath(new URL('./projector-thread.js', import.meta.url)), { workerData: options });
  thread.on('message', say);
  thread.on('error', (error) => {
    failed(error);
    say({ is: 'fault', why: error.message });
  });
  return async () => {
    thread.postMessage('stop');
    await new Promise((resolve) => thread.once('exit', resolve));
  };
}

export { runHere as runProjector };
