import type { BrowserContext, Page } from 'playwright';

const KEEP = 3000;

/** Keeps one page of a context for a moment: in a burst of work most of the time is a new page's process starting. */
export class WarmPage {
  readonly #context: BrowserContext;
  #spare: Page | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(context: BrowserContext) {
    this.#context = context;
  }

  async take(): Promise<Page> {
    clearTimeout(this.#timer);
    const spare = this.#spare;
    this.#spare = null;
    return spare && !spare.isClosed() ? spare : this.#context.newPage();
  }

  /** False when the page can't be kept: there is one already, or it is gone. */
  async keep(page: Page): Promise<boolean> {
    if (this.#spare) return false;
    try {
      await page.unrouteAll({ behavior: 'ignoreErrors' });
    } catch {
      return false;
    }
    if (page.isClosed()) return false;
    this.#spare = page;
    this.#timer = setTimeout(() => {
      this.#spare = null;
      page.close().catch(() => undefined);
    }, KEEP);
    this.#timer.unref();
    return true;
  }
}
