import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../../secrets.ts';

const shape = z.object({
  key: z.string(),
  nonce: z.string(),
  bootId: z.string(),
  /** Null between the note and the start: a crash in there is found again by the nonce. */
  pid: z.number().int().nullable(),
  startTime: z.string().nullable(),
  startedAt: z.number(),
  log: z.string(),
  limits: z.enum(['scope', 'cgroup', 'watched']).optional(),
});

/** A local process, for whoever comes after us. `startedAt` in epoch milliseconds. */
export type LocalHandle = z.infer<typeof shape>;

/** One JSON file a key. A file that can't be read counts as none. */
export class HandleStore {
  readonly #dir: string;
  constructor(dir: string) {
    this.#dir = dir;
  }

  lockFile(key: string): string {
    return join(this.#dir, `${key}.lock`);
  }

  read(key: string): LocalHandle | null {
    const file = this.#file(key);
    if (!existsSync(file)) return null;
    try {
      return shape.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      return null;
    }
  }

  write(handle: LocalHandle): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    writeWhole(this.#file(handle.key), `${JSON.stringify(handle)}\n`);
  }

  /** Forgets this very start; a later one under the same key stays. */
  remove(handle: LocalHandle): void {
    if (this.read(handle.key)?.nonce === handle.nonce) rmSync(this.#file(handle.key), { force: true });
  }

  keys(): string[] {
    if (!existsSync(this.#dir)) return [];
    return readdirSync(this.#dir).filter((n) => n.endsWith('.json')).map((n) => n.slice(0, -'.json'.length));
  }

  #file(key: string): string {
    return join(this.#dir, `${key}.json`);
  }
}
