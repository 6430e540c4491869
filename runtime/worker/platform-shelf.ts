import { realpathSync, watch, type FSWatcher } from 'node:fs';
import type { Platform, PlatformConfig } from '../../platforms/contract.ts';
import { loadExtra, loadPlatforms, type LoadedPlatform } from '../../platforms/load.ts';
import { probePlatforms } from '../platform-check/probe-platforms.ts';
import { WorkerFault } from './fault.ts';

type Options = {
  /** The folder of further platforms; '' for none. */
  extra: string;
  /** Whether a changed folder is loaded anew. */
  watch: boolean;
  limitMs?: number;
  log(level: 'info' | 'error', message: string): void;
  /** What it can has changed. */
  changed?(): void;
};

const SETTLE = 150;

/** The platforms of a worker. A changed one takes the place of the old for new calls; a broken change leaves the last good one in place. */
export class PlatformShelf {
  readonly #o: Options;
  readonly #all = new Map<string, LoadedPlatform>();
  readonly #due = new Map<string, NodeJS.Timeout>();
  #watcher: FSWatcher | null = null;
  #turn: Promise<void> = Promise.resolve();

  private constructor(options: Options) {
    this.#o = options;
  }

  static async open(options: Options): Promise<PlatformShelf> {
    const shelf = new PlatformShelf(options);
    const { extra, limitMs, log } = options;
    const leftOut = extra ? (await probePlatforms(extra, limitMs)).leftOut : undefined;
    for (const p of await loadPlatforms(extra, { limitMs, leftOut })) {
      // One that takes the name of another is said, and changes nothing.
      if (!shelf.#all.has(p.id)) shelf.#all.set(p.id, p);
      if (!p.ok) log('error', `platform ${p.id} is left out: ${p.reason}`);
    }
    if (extra && options.watch) shelf.#watch(extra);
    return shelf;
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
    this.#watcher?.close();
    for (const timer of this.#due.values()) clearTimeout(timer);
    this.#due.clear();
  }

  #watch(extra: string): void {
    try {
      const root = realpathSync(extra);
      this.#watcher = watch(root, { recursive: true, persistent: false }, (_, file) => {
        const id = file?.split(/[\\/]/, 1)[0];
        if (!id || id.startsWith('.') || this.#all.get(id)?.own) return;
        clearTimeout(this.#due.get(id));
        this.#due.set(id, setTimeout(() => {
          this.#due.delete(id);
          this.#turn = this.#turn.then(() => this.#reload(root, id)).catch((error: Error) => this.#o.log('error', `platform ${id} is not loaded anew: ${error.message}`));
        }, SETTLE));
      });
      this.#watcher.on('error', (error) => this.#o.log('error', `changes of platforms are not noticed: ${error.message}`));
    } catch (error) {
      this.#o.log('error', `changes of platforms are not noticed: ${(error as Error).message}`);
    }
  }

  async #reload(root: string, id: string): Promise<void> {
    const { limitMs, log } = this.#o;
    const before = this.#all.get(id);
    const { leftOut, list } = await probePlatforms(root, limitMs);
    if (!list.some((p) => p.id === id)) {
      if (this.#all.delete(id)) log('info', `platform ${id} is gone`);
    } else {
      const now = await loadExtra(root, id, { limitMs, leftOut });
      if (!now.ok && before?.platform) {
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
