import { isId } from '../../transport/subjects.ts';
import { DriverError } from '../drivers/contract.ts';
import type { LocalHandle } from '../drivers/local/local-driver.ts';
import { newKept, type KeptSpec } from './kept-store.ts';
import { Keeper, type KeeperOptions } from './keeper.ts';

/** All workers of this machine. */
export class Keepers {
  readonly #o: KeeperOptions;
  readonly #all = new Map<string, Keeper>();

  constructor(options: KeeperOptions) {
    this.#o = options;
  }

  /** Takes up every worker that an earlier agent kept or only started. */
  async adopt(): Promise<void> {
    const { kept, damaged } = this.#o.store.all();
    for (const file of damaged) this.#o.log('warn', `${file} can't be read: start its worker again from the master`);
    const handles = new Map<string, LocalHandle>();
    for await (const { key, handle } of this.#o.driver.list()) handles.set(key, handle);
    for (const each of kept) this.#all.set(each.key, new Keeper(each, this.#o));
    for (const key of handles.keys()) if (!this.#all.has(key)) this.#all.set(key, new Keeper(newKept(key), this.#o));
    for (const keeper of this.#all.values()) await keeper.adopt(handles.get(keeper.key) ?? null);
  }

  get(key: string): Keeper | undefined {
    return this.#all.get(key);
  }

  all(): Keeper[] {
    return [...this.#all.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async start(key: string, spec: KeptSpec): Promise<LocalHandle> {
    if (!isId(key)) throw new DriverError('bad-key', `key ${JSON.stringify(key.slice(0, 80))}: must be 1 to 63 of a-z, 0-9 and hyphens, starting with a letter or digit`);
    const keeper = this.#all.get(key) ?? new Keeper(newKept(key), this.#o);
    this.#all.set(key, keeper);
    try {
      return await keeper.start(spec);
    } catch (error) {
      // One that has never run leaves nothing behind.
      if (!keeper.known && this.#all.get(key) === keeper) this.#all.delete(key);
      throw error;
    }
  }

  /** Ends it and forgets its configuration. */
  async forget(key: string, graceMs: number): Promise<void> {
    const keeper = this.#all.get(key);
    if (!keeper) return;
    await keeper.stopNow(graceMs);
    keeper.close();
    this.#all.delete(key);
    this.#o.store.remove(key);
  }

  async stopAll(graceMs: number): Promise<void> {
    await Promise.all(this.all().map((k) => k.stopNow(graceMs)));
  }

  close(): void {
    for (const keeper of this.#all.values()) keeper.close();
  }
}
