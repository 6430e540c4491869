import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright';
import type { Vault } from './vault.ts';

type State = Awaited<ReturnType<BrowserContext['storageState']>>;
type Sealed = { savedAt: number; state: State };

/** What fits into one message to the master; beyond it only the cookies are kept. */
const LIMIT = 600_000;

/**
 * Cookies and local storage of one account between its browser and the vault.
 * A small file beside the profile says which saved state the profile already has; it holds no secrets.
 */
export class StorageState {
  readonly #file: string;
  readonly #dir: string;
  readonly #account: string;
  readonly #vault: Vault;
  #last = '';

  constructor(dir: string, account: string, vault: Vault) {
    this.#dir = dir;
    this.#file = join(dir, `${account}_storage.json`);
    this.#account = account;
    this.#vault = vault;
  }

  /** Brings the vault's state into a context that does not have it: a new profile, or one that missed a login elsewhere. */
  async restore(context: BrowserContext, always: boolean): Promise<void> {
    const text = await this.#vault.get(this.#account, 'storage');
    if (text === null) return;
    const sealed = JSON.parse(text) as Sealed;
    if (!always && (await this.#marker()) === sealed.savedAt) return;
    await context.setStorageState(sealed.state);
    await this.#mark(sealed.savedAt);
  }

  /** Saves what changed. Rejects when the vault refuses. */
  async save(context: BrowserContext): Promise<void> {
    let state: State = await context.storageState();
    if (JSON.stringify(state).length > LIMIT) state = { ...state, origins: [] };
    const hash = createHash('sha256').update(JSON.stringify(state)).digest('hex');
    if (hash === this.#last) return;
    const savedAt = Date.now();
    await this.#vault.put(this.#account, 'storage', JSON.stringify({ savedAt, state } satisfies Sealed));
    await this.#mark(savedAt);
    this.#last = hash;
  }

  async #marker(): Promise<number | null> {
    try {
      return (JSON.parse(await readFile(this.#file, 'utf8')) as { savedAt: number }).savedAt;
    } catch {
      return null;
    }
  }

  async #mark(savedAt: number): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await writeFile(this.#file, JSON.stringify({ savedAt }), { mode: 0o600 });
  }
}
