import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium as playwright, type BrowserContext, type Page } from 'playwright';
import { childGivesWay } from '../give-way.ts';
import { chromiumsUnder, clearProfile, killChromium, reapOrphans } from './chromium-processes.ts';
import type { Chromium } from './find-chromium.ts';
import { loadFingerprint, type Fingerprint } from './fingerprint.ts';
import { FreeBrowsers } from './free-browsers.ts';
import { contextOptions, freeContextOptions, launchOptions, NO_UDP } from './launch-options.ts';
import { lockProfile, type ProfileLock } from './profile-lock.ts';
import { openProxyDoor, type ProxyDoor, type ProxySpec } from './proxy-door.ts';
import { proxyFault } from './proxy-fault.ts';
import { SharedBrowser } from './shared-browser.ts';
import { StorageState } from './storage-state.ts';
import type { Vault } from './vault.ts';
import { walls } from './walls.ts';
import { WarmPage } from './warm-page.ts';

export type PoolOptions = {
  /** This worker's own folder: profiles, fingerprints, storage-states, screenshots. */
  dir: string;
  /** `profile`: a Chromium process and a persistent profile per account. `context`: one process, a context per account. */
  mode: 'profile' | 'context';
  chromium: Chromium;
  headless: boolean;
  vault: Vault;
  /** `host:port` on this machine or its network that pages may reach all the same. */
  allow?: readonly string[];
  idleMs?: number;
  saveEveryMs?: number;
  /** A browser of windows without an account gives way to a new one after so many. */
  recycleAfter?: number;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, details?: Record<string, unknown>): void;
};

/** One account's open browser. */
export type AccountBrowser = { account: string; context: BrowserContext; fingerprint: Fingerprint; pages: WarmPage; /** Where its traces are written. */ traces: string; save(): Promise<void>; screenshot(page: Page, name: string): Promise<void> };

type Entry = { browser: AccountBrowser; storage: StorageState; proxy: string; door: ProxyDoor | null; busy: number; usedAt: number; savedAt: number; alive: boolean; dispose(): Promise<void> };

const CLOSE_LIMIT = 5000;
/** Windows without an account have no secrets of their own. */
const NO_VAULT: Vault = { get: async () => null, put: async () => undefined };
const SHARED = 'shared';
/** After so many windows their browser gives way to a new one: what a Chromium has kept, it keeps. */
const WINDOWS = 200;

/** Chromium did not start on a profile that was there before. */
class DamagedProfile extends Error {
  constructor(cause: unknown) {
    super('the profile is damaged', { cause });
    this.name = 'DamagedProfile';
  }
}

/** The worker's browsers: opened when first used, closed when idle, replaced when they crash, one owner a profile. */
export class BrowserPool {
  readonly #options: PoolOptions;
  readonly #entries = new Map<string, Promise<Entry>>();
  readonly #proxies = new Map<string, ProxySpec>();
  /** A profile is free only when its last browser is gone. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #shared = new SharedBrowser(() => this.#launchShared(SHARED));
  /** Of windows without an account: never the accounts' own. */
  readonly #free: FreeBrowsers;
  #sweeper: NodeJS.Timeout;
  readonly #door = `d${randomBytes(16).toString('hex')}.invalid`;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#free = new FreeBrowsers((name) => this.#launchShared(name), options.recycleAfter ?? WINDOWS);
    this.#sweeper = setInterval(() => void this.#sweep(), Math.min(options.idleMs ?? 300_000, options.saveEveryMs ?? 60_000) / 2);
    this.#sweeper.unref();
  }

  /** Kills what a dead worker left running under `root`; returns how many. */
  async reap(root: string): Promise<number> {
    await rm(this.#traces, { recursive: true, force: true });
    const killed = await reapOrphans(root);
    for (const { process, profile } of killed) this.#options.log('warn', `killed a Chromium whose owner is dead`, { pid: process.pid, profile });
    return killed.length;
  }

  get #traces(): string {
    return join(this.#options.dir, 'traces');
  }

  get count(): number {
    return this.#entries.size;
  }

  accounts(): string[] {
    return [...this.#entries.keys()];
  }

  /** Runs `work` with the account's browser, opening it if need be. Throws ProfileBusy, or Playwright's error when it can't start. */
  async use<T>(account: string, proxy: ProxySpec, work: (browser: AccountBrowser) => Promise<T>): Promise<T> {
    this.#proxies.set(account, proxy);
    const entry = await this.#open(account, proxy);
    entry.busy++;
    const began = performance.now();
    try {
      return await work(entry.browser);
    } catch (error) {
      // A proxy that fails must never look like a site that does.
      throw proxyFault(error, proxy, entry.door?.fault(began) ?? null);
    } finally {
      entry.busy--;
      entry.usedAt = performance.now();
    }
  }

  /** What the account's browser was last opened with; undefined when it never was. */
  proxyOf(account: string): ProxySpec | undefined {
    return this.#proxies.get(account);
  }

  /** Closes an account's browser. With `save`, its session goes to the vault first. */
  async close(account: string, save: boolean): Promise<void> {
    const opening = this.#entries.get(account);
    if (!opening) return this.#closing.get(account);
    this.#entries.delete(account);
    const closing = this.#shutDown(account, opening, save).finally(() => {
      if (this.#closing.get(account) === closing) this.#closing.delete(account);
    });
    this.#closing.set(account, closing);
    return closing;
  }

  async #shutDown(account: string, opening: Promise<Entry>, save: boolean): Promise<void> {
    const entry = await opening.catch(() => null);
    if (!entry) return;
    const inOrder = save && entry.alive && (await this.#save(account, entry));
    await entry.dispose();
    if (inOrder) await entry.storage.closed();
  }

  async #save(account: string, entry: Entry): Promise<boolean> {
    try {
      await entry.storage.save(entry.browser.context);
      return true;
    } catch (error) {
      this.#options.log('warn', 'the session was not saved', { account, error: (error as Error).message });
      return false;
    }
  }

  async closeAll(save: boolean): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweeper);
    await Promise.all(this.accounts().map((account) => this.close(account, save)));
    await Promise.all(this.#closing.values());
    await Promise.all([this.#shared.close(), this.#free.close()]);
  }

  /** A context that no account owns, in the one Chromium that such windows share. The caller closes it. */
  async openFree(proxy: ProxySpec, options: { viewport: { width: number; height: number } }): Promise<{ context: BrowserContext; close(): Promise<void> }> {
    if (this.#closed) throw new Error('the worker is stopping: no browser is opened any more');
    const door = await openProxyDoor('', proxy, NO_VAULT, this.#door);
    try {
      const context = await this.#free.context(freeContextOptions(this.#options.chromium, options.viewport, door?.server ?? null));
      return {
        context,
        close: async () => {
          await within(context.close());
          await door?.close().catch(() => undefined);
          await this.#free.settle();
        },
      };
    } catch (error) {
      await door?.close();
      throw error;
    }
  }

  async #open(account: string, proxy: ProxySpec): Promise<Entry> {
    if (this.#closed) throw new Error('the worker is stopping: no browser is opened any more');
    const wanted = JSON.stringify(proxy ?? null);
    const present = this.#entries.get(account);
    if (present) {
      const entry = await present;
      if (entry.alive && entry.proxy === wanted) return entry;
      await this.close(account, entry.alive);
    }
    await this.#closing.get(account);
    const again = this.#entries.get(account);
    if (again) return again;
    const opening = this.#launch(account, proxy, wanted);
    this.#entries.set(account, opening);
    opening.catch(() => {
      if (this.#entries.get(account) === opening) this.#entries.delete(account);
    });
    return opening;
  }

  async #launch(account: string, proxy: ProxySpec, wanted: string): Promise<Entry> {
    const { dir, mode, vault, log } = this.#options;
    const began = performance.now();
    // Each question to the vault is a way to the master and back: they go together, and beside the browser's own start.
    const storage = new StorageState(join(dir, 'storage-states'), account, vault);
    storage.fetch();
    const opening = openProxyDoor(account, proxy, vault, this.#door);
    opening.catch(() => undefined);
    const { fingerprint, stored } = await loadFingerprint(join(dir, 'fingerprints'), account, this.#options.chromium, vault).catch(async (error: unknown) => {
      await opening.then((d) => d?.close(), () => undefined);
      throw error;
    });
    const door = await opening;
    try {
      const made = mode === 'profile' ? await this.#profile(account, fingerprint, door?.server ?? null) : await this.#inShared(fingerprint, door?.server ?? null);
      const { context } = made;
      const entry: Entry = {
        storage, proxy: wanted, door, busy: 0, usedAt: performance.now(), savedAt: performance.now(), alive: true,
        browser: { account, context, fingerprint, pages: new WarmPage(context), traces: this.#traces, save: async () => {
          await stored;
          await storage.save(context);
        }, screenshot: (page, name) => this.#screenshot(account, page, name) },
        dispose: async () => {
          entry.alive = false;
          await made.dispose();
          await door?.close().catch(() => undefined);
        },
      };
      stored.catch((error: Error) => log('warn', 'the fingerprint is not in the vault yet: the next start tries again', { account, error: error.message }));
      context.on('close', () => {
        if (!entry.alive) return;
        entry.alive = false;
        log('warn', 'the browser is gone; the next use opens a new one', { account });
        void this.close(account, false);
      });
      try {
        await storage.restore(context, made.fresh);
      } catch (error) {
        await entry.dispose();
        throw error;
      }
      log('info', 'browser opened', { account, ms: Math.round(performance.now() - began), mode });
      return entry;
    } catch (error) {
      await door?.close();
      throw error;
    }
  }

  async #profile(account: string, fingerprint: Fingerprint, proxy: string | null) {
    const profile = join(this.#options.dir, `browser_${account}`);
    const { context, lock, fresh } = await this.#persistent(profile, contextOptions(fingerprint, proxy), proxy === null ? [] : [NO_UDP]);
    return { context, fresh, dispose: () => shut(context, profile, lock) };
  }

  async #inShared(fingerprint: Fingerprint, proxy: string | null) {
    const context = await this.#shared.context(contextOptions(fingerprint, proxy));
    return { context, fresh: true, dispose: () => within(context.close()) };
  }

  async #launchShared(name: string): Promise<{ context: BrowserContext; close(): Promise<void> }> {
    const profile = join(this.#options.dir, `browser_${name}`);
    const { context, lock } = await this.#persistent(profile, {}, [NO_UDP]);
    return { context, close: () => shut(context, profile, lock) };
  }

  async #persistent(profile: string, options: object, args: readonly string[]) {
    const lock = lockProfile(profile);
    const launch = async () => {
      await mkdir(profile, { recursive: true, mode: 0o700 });
      await clearProfile(profile);
      const fresh = (await readdir(profile)).length === 0;
      const context = await playwright.launchPersistentContext(profile, { ...launchOptions(this.#options.chromium, this.#options.headless, [walls(this.#options.allow ?? [], this.#door), ...args]), tracesDir: this.#traces, ...options }).catch((error: unknown) => {
        throw fresh ? error : new DamagedProfile(error);
      });
      for (const { process } of chromiumsUnder(profile)) childGivesWay(process.pid);
      return { context, lock, fresh };
    };
    try {
      return await launch().catch(async (error: unknown) => {
        if (!(error instanceof DamagedProfile)) throw error;
        const aside = `${profile}.damaged`;
        this.#options.log('error', 'Chromium does not start on this profile: it is set aside, a new one takes the saved session', { profile, aside, error: String(error.cause).slice(0, 500) });
        await Promise.all(chromiumsUnder(profile).map(killChromium));
        await rm(aside, { recursive: true, force: true });
        await rename(profile, aside);
        return launch();
      });
    } catch (error) {
      await Promise.all(chromiumsUnder(profile).map(killChromium));
      lock.release();
      throw error;
    }
  }

  async #screenshot(account: string, page: Page, name: string): Promise<void> {
    const dir = join(this.#options.dir, 'screenshots');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const safe = name.toLowerCase().replace(/[^a-z0-9-]+/g, '-').slice(0, 60) || 'page';
    await page.screenshot({ path: join(dir, `${account}_${safe}.png`), fullPage: true, timeout: 10_000 });
  }

  /** Saves sessions now and then, and closes what nobody uses. */
  async #sweep(): Promise<void> {
    const { idleMs = 300_000, saveEveryMs = 60_000, log } = this.#options;
    for (const [account, opening] of this.#entries) {
      const entry = await opening.catch(() => null);
      if (!entry || entry.busy > 0) continue;
      const now = performance.now();
      if (now - entry.usedAt >= idleMs) {
        log('info', 'closing an idle browser', { account });
        await this.close(account, true);
      } else if (now - entry.savedAt >= saveEveryMs) {
        entry.savedAt = now;
        await this.#save(account, entry);
      }
    }
  }
}

const within = async (work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work.catch(() => undefined), new Promise((done) => (timer = setTimeout(done, CLOSE_LIMIT)))]);
  clearTimeout(timer);
};

/** Closes a Chromium; one that doesn't go is killed. Only then is its profile free. */
async function shut(context: BrowserContext, profile: string, lock: ProfileLock): Promise<void> {
  await within(context.close());
  await Promise.all(chromiumsUnder(profile).map(killChromium));
  lock.release();
}
