import type { Browser, BrowserContext } from 'playwright';

type Launched = { context: BrowserContext; close(): Promise<void> };

/** One Chromium for many contexts: started when first asked for one, started anew when it has died. */
export class SharedBrowser {
  readonly #launch: () => Promise<Launched>;
  #current: Promise<Launched> | null = null;
  #closing: Promise<void> = Promise.resolve();
  readonly #live = new Set<BrowserContext>();
  #asked = 0;

  constructor(launch: () => Promise<Launched>) {
    this.#launch = launch;
  }

  async context(options: object): Promise<BrowserContext> {
    this.#asked++;
    try {
      const was = this.#current;
      const known = await was?.catch(() => null);
      if (was && !known?.context.browser()?.isConnected()) await this.#closeThis(was);
      await this.#closing;
      this.#current ??= this.#launch();
      const context = await browserOf(await this.#current).newContext(options);
      this.#live.add(context);
      context.once('close', () => this.#live.delete(context));
      return context;
    } finally {
      this.#asked--;
    }
  }

  /** How many contexts are open or being opened. */
  get open(): number {
    return this.#live.size + this.#asked;
  }

  async close(): Promise<void> {
    if (this.#current) await this.#closeThis(this.#current);
    await this.#closing;
  }

  /** Closes this very browser; one that was opened since stays. */
  async #closeThis(which: Promise<Launched>): Promise<void> {
    if (this.#current === which) {
      this.#current = null;
      this.#closing = which.then(({ close }) => close(), () => undefined);
    }
    await this.#closing;
  }
}

function browserOf({ context }: Launched): Browser {
  const browser = context.browser();
  if (!browser) throw new Error('this Chromium can\'t be shared: use BROWSER_MODE=profile');
  return browser;
}
