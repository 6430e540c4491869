import { unwatchFile, watchFile } from 'node:fs';
import type { PlatformAbout } from '../platform-check/platform-about.ts';
import { FolderWatch } from '../platform-check/folder-watch.ts';
import { loopFaults } from '../platform-check/loop-faults.ts';
import { probePlatforms } from '../platform-check/probe-platforms.ts';

type Options = { extra: string; limitMs?: number; changed(): void; failed(message: string): void; /** Known before anything was loaded. */ known: readonly string[]; /** Where is written which ones never let go of a worker, see loopFaults(). */ loops?: string };

const LOOK = 2000;

/** What the platforms of this machine are, found out in a thread and again whenever their folder changes. Nothing of them runs in this process. */
export class PlatformList {
  readonly #o: Options;
  #list: PlatformAbout[];
  #watcher: FolderWatch | null = null;
  #looking: Promise<void> | null = null;
  #again = false;

  constructor(options: Options) {
    this.#o = options;
    this.#list = options.known.map((id) => ({ id, label: id, ok: true, reason: null, flows: [], can: null, own: true }));
    void this.look();
    if (!options.extra) return;
    this.#watcher = new FolderWatch(options.extra, LOOK, () => void this.look());
    if (options.loops) watchFile(options.loops, { interval: LOOK, persistent: false }, this.#moved);
  }

  get list(): PlatformAbout[] {
    return this.#list;
  }

  get ids(): string[] {
    return this.#list.filter((p) => p.ok).map((p) => p.id);
  }

  /** Looks again; one look at a time. */
  async look(): Promise<void> {
    if (this.#looking) {
      this.#again = true;
      return this.#looking;
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = null;
      if (this.#again) void this.look();
      this.#again = false;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    try {
      const held = this.#o.loops ? loopFaults(this.#o.loops, this.#o.extra) : new Map<string, string>();
      const { list } = await probePlatforms(this.#o.extra, this.#o.limitMs, held);
      const before = new Map(this.#list.map((p) => [p.id, p]));
      // One that takes the name of another is named behind it.
      this.#list = list.map((p) => {
        const had = before.get(p.id);
        return !p.ok && !p.own && !held.has(p.id) && had?.ok && had.can ? { ...had, reason: `its last change is broken: ${p.reason}` } : p;
      });
      this.#o.changed();
    } catch (error) {
      this.#o.failed((error as Error).message);
    }
  }

  #moved = (): void => void this.look();

  close(): void {
    if (this.#o.loops) unwatchFile(this.#o.loops, this.#moved);
    this.#watcher?.close();
  }
}
