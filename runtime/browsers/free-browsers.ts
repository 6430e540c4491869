import type { BrowserContext } from 'playwright';
import { SharedBrowser } from './shared-browser.ts';

type Launch = ConstructorParameters<typeof SharedBrowser>[0];

/** Where contexts without an account live: one Chromium, which gives way to a second after `recycleAfter` contexts and is closed with its last one. */
export class FreeBrowsers {
  readonly #browsers: readonly [SharedBrowser, SharedBrowser];
  readonly #recycleAfter: number;
  #current: 0 | 1 = 0;
  #given = 0;

  constructor(launch: (name: string) => ReturnType<Launch>, recycleAfter: number) {
    this.#browsers = [new SharedBrowser(() => launch('windows-1')), new SharedBrowser(() => launch('windows-2'))];
    this.#recycleAfter = recycleAfter;
  }

  async context(options: object): Promise<BrowserContext> {
    const other = this.#current === 0 ? 1 : 0;
    if (this.#given >= this.#recycleAfter && this.#browsers[other].open === 0) {
      this.#current = other;
      this.#given = 0;
    }
    this.#given++;
    return this.#browsers[this.#current].context(options);
  }

  /** Closes the one that has given way, once nothing is open in it. */
  async settle(): Promise<void> {
    const old = this.#browsers[this.#current === 0 ? 1 : 0];
    if (old.open === 0) await old.close();
  }

  async close(): Promise<void> {
    await Promise.all(this.#browsers.map((b) => b.close()));
  }
}
