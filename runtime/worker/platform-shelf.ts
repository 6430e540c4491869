import { realpathSync, unwatchFile, watchFile } from 'node:fs';
import type { Platform, PlatformConfig } from '../../platforms/contract.ts';
import { loadExtra, loadPlatforms, type LoadedPlatform } from '../../platforms/load.ts';
import { FolderWatch } from '../platform-check/folder-watch.ts';
import { loopFaults } from '../platform-check/loop-faults.ts';
import { probePlatforms } from '../platform-check/probe-platforms.ts';
import { WorkerFault } from './fault.ts';

type Options = {
  /** The folder of further platforms; '' for none. */
  extra: string;
  /** Whether a changed folder is loaded anew. */
  watch: boolean;
  limitMs?: number;
  /** How often the folder is looked at, ms. */
  lookMs?: number;
  /** Where is written which ones never let go of a worker, see loopFaults(). */
  loops?: string;
  log(level: 'info' | 'error', message: string): void;
  /** What it can has changed. */
  changed?(): void;
};

/** The platforms of a worker. A changed one takes the place of the old for new calls; a broken change leaves the last good one in place. */
export class PlatformShelf {
  readonly #o: Options;
  readonly #all = new Map<string, LoadedPlatform>();
  #watcher: FolderWatch | null = null;
  #loaded: () => void = () => undefined;
  #turn: Promise<void> = new Promise((done) => (this.#loaded = done));

  private constructor(options: Options) {
    this.#o = options;
  }

  static async open(options: Options): Promise<PlatformShelf> {
    const shelf = new PlatformShelf(options);
    const { extra, limitMs, log } = options;
    // What changes while it is loaded is a change, too.
    if (extra && options.watch) await shelf.#watch(extra);
    const leftOut = extra
      ? await probePlatforms(extra, limitMs, shelf.#held).then((p) => p.leftOut, (error: Error) => {
          log('error', `the platforms of ${extra} are loaded without a look at them first: ${error.message}`);
          return shelf.#held;
        })
      : undefined;
    for (const p of await loadPlatforms(extra, { limitMs, leftOut })) {
      // One that takes the name of another is said, and changes nothing.
      if (!shelf.#all.has(p.id)) shelf.#all.set(p.id, p);
      if (!p.ok) log('error', `platform ${p.id} is left out: ${p.reason}`);
    }
    // What one worker has found out concerns all that share its data.
    if (extra && options.loops) watchFile(options.loops, { interval: options.lookMs ?? 1000, persistent: false }, shelf.#moved);
    shelf.#loaded();
    return shelf;
  }

  get #held(): Map<string, string> {
    return this.#o.loops ? loopFaults(this.#o.loops, this.#o.extra) : new Map();
  }

  get list(): LoadedPlatform[] {
    return [...this.#all.values()];
  }

  get able(): string[] {
    return this.list.filter((p) => p.ok).map((p) => p.id);
  }

  /** Throws WorkerFault `refused` where there is none, with its reason. */
  get(id: string): { platform: Platform; config: PlatformConfig } {
    const loaded = this.#all.get(id);
    if (!loaded?.platform || !loaded.config) throw new WorkerFault('refused', loaded ? `platform ${id} could not be loaded: ${loaded.reason}` : `this worker has no platform "${id}"`);
    return { platform: loaded.platform, config: loaded.config };
  }

  close(): void {
    if (this.#o.loops) unwatchFile(this.#o.loops, this.#moved);
    this.#watcher?.close();
  }

  #moved = (): void => {
    for (const id of this.#held.keys()) if (this.#all.get(id)?.ok) this.#again(realpathSync(this.#o.extra), id);
  };

  #again(root: string, id: string): void {
    this.#turn = this.#turn.then(() => this.#reload(root, id)).catch((error: Error) => this.#o.log('error', `platform ${id} is not loaded anew: ${error.message}`));
  }

  #watch(extra: string): Promise<unknown> {
    this.#watcher = new FolderWatch(extra, this.#o.lookMs ?? 1000, (id) => {
      if (this.#all.get(id)?.own) return;
      this.#again(realpathSync(extra), id);
    });
    return this.#watcher.ready;
  }

  async #reload(root: string, id: string): Promise<void> {
    const { limitMs, log } = this.#o;
    const before = this.#all.get(id);
    const held = this.#held;
    const { leftOut, list } = await probePlatforms(root, limitMs, held);
    if (!list.some((p) => p.id === id)) {
      if (this.#all.delete(id)) log('info', `platform ${id} is gone`);
    } else {
      const now = await loadExtra(root, id, { limitMs, leftOut });
      if (!now.ok && before?.platform && !held.has(id)) {
        this.#all.set(id, { ...before, reason: `its last change is broken: ${now.reason}` });
        log('error', `platform ${id} stays as it was, its last change is broken: ${now.reason}`);
      } else {
        this.#all.set(id, now);
        if (now.ok) log('info', `platform ${id} was loaded anew`);
        else log('error', `platform ${id} is left out: ${now.reason}`);
      }
    }
    if (this.#all.get(id)?.ok !== before?.ok) this.#o.changed?.();
  }
}
