import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright';
import type { Vault } from './vault.ts';

type State = Awaited<ReturnType<BrowserContext['storageState']>>;
type Sealed = { savedAt: number; state: State };

/** What fits into one message to the master; beyond it only the cookies are kept. */
const LIMIT = 600_000;

/**
 * Cookies and local storage of one account between its browser and the vault.
 * A small file beside the profile names the saved state that the profile surely has. It holds no secrets, and it is gone
 * while the browser is open: a Chromium that is killed loses cookies that it had not written yet.
 */
export class StorageState {
  readonly #file: string;
  readonly #dir: string;
  readonly #account: string;
  readonly #vault: Vault;
  #hash = '';
  #savedAt: number | null = null;
  #saved: Promise<string | null> | null = null;

  constructor(dir: string, account: string, vault: Vault) {
    this.#dir = dir;
    this.#file = join(dir, `${account}_storage.json`);
    this.#account = account;
    this.#vault = vault;
  }

  /** Asks the vault already, for `restore`. */
  fetch(): void {
    this.#saved = this.#vault.get(this.#account, 'storage');
    this.#saved.catch(() => undefined);
  }

  /** Brings the vault's state into a context that may lack it: a new profile, one that was killed, one that missed a login elsewhere. */
  async restore(context: BrowserContext, fresh: boolean): Promise<void> {
    const has = fresh ? null : await this.#marker();
    await rm(this.#file, { force: true });
    const text = await (this.#saved ?? this.#vault.get(this.#account, 'storage'));
    this.#saved = null;
    if (text === null) return;
    const sealed = JSON.parse(text) as Sealed;
    this.#savedAt = sealed.savedAt;
    // A damaged cookie file is silently started anew by Chromium.
    const emptied = sealed.state.cookies.length > 0 && (await context.cookies()).length === 0;
    if (has !== sealed.savedAt || emptied) await context.setStorageState(sealed.state);
  }

  /** Saves what changed. Rejects when the vault refuses. */
  async save(context: BrowserContext): Promise<void> {
    let state: State = await context.storageState();
    if (JSON.stringify(state).length > LIMIT) state = { ...state, origins: [] };
    const hash = createHash('sha256').update(JSON.stringify(state)).digest('hex');
    if (hash === this.#hash) return;
    const savedAt = Date.now();
    await this.#vault.put(this.#account, 'storage', JSON.stringify({ savedAt, state } satisfies Sealed));
    this.#hash = hash;
    this.#savedAt = savedAt;
  }

  /** Notes that the profile was closed in order after its last save. */
  async closed(): Promise<void> {
    if (this.#savedAt === null) return;
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await writeFile(this.#file, JSON.stringify({ savedAt: this.#savedAt }), { mode: 0o600 });
  }

  async #marker(): Promise<number | null> {
    try {
      return (JSON.parse(await readFile(this.#file, 'utf8')) as { savedAt: number }).savedAt;
    } catch {
      return null;
    }
  }
}
