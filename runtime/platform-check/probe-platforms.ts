import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { packageRoot } from '../package-root.ts';
import type { PlatformAbout } from './platform-about.ts';

export type Probed = { list: PlatformAbout[]; /** Folders that do harm by being loaded, with the reason. */ leftOut: Map<string, string> };

/**
 * What the platforms of this machine are, found out in a thread of its own: one that blocks it while it is loaded is named, and the rest
 * is looked at without it. `extra`: the folder of further ones, '' for none; `known`: those of it that do harm, with the reason. Rejects when
 * the thread can't be started.
 */
export async function probePlatforms(extra: string, limitMs = 10_000, known: ReadonlyMap<string, string> = new Map()): Promise<Probed> {
  const leftOut = new Map(known);
  for (;;) {
    const said = await once(extra, limitMs, leftOut);
    if (Array.isArray(said)) return { list: said, leftOut };
    leftOut.set(said.blocked, said.why);
  }
}

function once(extra: string, limitMs: number, leftOut: ReadonlyMap<string, string>): Promise<PlatformAbout[] | { blocked: string; why: string }> {
  const compiled = join(import.meta.dirname, 'probe-thread.js');
  const thread = new Worker(existsSync(compiled) ? compiled : join(packageRoot(), 'dist/runtime/platform-check/probe-thread.js'), { workerData: { extra, limitMs, leftOut: [...leftOut] }, resourceLimits: { maxOldGenerationSizeMb: 256 }, stdout: true, stderr: true });
  return new Promise((resolve, reject) => {
    let at = '';
    let timer: NodeJS.Timeout;
    const end = (say: () => void) => {
      clearTimeout(timer);
      thread.removeAllListeners();
      thread.on('error', () => undefined);
      void thread.terminate();
      say();
    };
    const blame = (why: string) => end(() => (at === '' ? reject(new Error(why)) : resolve({ blocked: at, why })));
    const wind = () => {
      clearTimeout(timer);
      // What waits is ended inside the thread itself; only what never lets go gets here.
      timer = setTimeout(() => blame('it blocks the process while it is loaded: an endless loop at import or in create'), limitMs * 2 + 1000);
    };
    thread.on('message', (message: { next?: string; list?: PlatformAbout[] }) => {
      if (message.next !== undefined) at = message.next;
      wind();
      if (message.list) end(() => resolve(message.list!));
    });
    thread.on('error', (error) => blame(`loading it ended the thread: ${error instanceof Error ? error.message : String(error)}`));
    thread.on('exit', () => blame('loading it ended the process'));
    wind();
  });
}
