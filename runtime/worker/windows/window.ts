import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright';
import { WorkerFault } from '../fault.ts';
import { Slots } from '../slots.ts';

const POPUPS = 5;
const CLOSE = 5000;
const POPUP = 3000;

/** Who works at a window: a task, or a person by name. */
export type User = { task?: string; by?: string };

export type WindowParts = {
  agent: string;
  account: string | null;
  page: Page;
  /** Its context takes files; where it doesn't, only addresses can be downloaded. */
  downloads: boolean;
  /** Closes what was opened for it, after its pages. */
  release(): Promise<void>;
  /** It belongs to somebody else, who closes it. */
  lent?: boolean;
};

/** One agent's browser page, with the popups that it opens. It ends once, and says why. */
export class Window {
  readonly agent: string;
  readonly account: string | null;
  readonly downloads: boolean;
  readonly lent: boolean;
  /** Aborted when the window is no more; the reason is a WorkerFault: `crashed`, or `closed` in order. */
  readonly ended: AbortSignal;
  readonly #parts: WindowParts;
  readonly #pages: Page[] = [];
  readonly #end = new AbortController();
  readonly #turn = new Slots(1);
  #user: User | null = null;
  #closing: Promise<void> | null = null;
  #expected = 0;
  readonly #moved = new Set<() => void>();
  #coming: Promise<unknown> = Promise.resolve();

  constructor(parts: WindowParts) {
    this.#parts = parts;
    this.agent = parts.agent;
    this.account = parts.account;
    this.downloads = parts.downloads;
    this.lent = parts.lent ?? false;
    this.ended = this.#end.signal;
    this.#watch(parts.page);
    const context = parts.page.context();
    const gone = () => this.#fail('its browser is gone');
    context.once('close', gone);
    // A context of an account outlives many windows.
    this.ended.addEventListener('abort', () => context.off('close', gone), { once: true });
  }

  /** The page in front: the newest popup while there is one. */
  get page(): Page {
    return this.#pages.at(-1) ?? this.#parts.page;
  }

  get user(): User | null {
    return this.#user;
  }

  /** Called whenever its address may have changed; returns how to stop that. */
  onMove(tell: () => void): () => void {
    this.#moved.add(tell);
    return () => void this.#moved.delete(tell);
  }

  /** Runs `work` alone at the window. Without `wait` a busy one is refused at once. */
  async use<T>(user: User, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>, wait: boolean): Promise<T> {
    if (!wait && this.#user) throw new WorkerFault('busy', `${this.agent} is busy: ${whoText(this.#user)} has it`);
    const both = AbortSignal.any([signal, this.ended]);
    return this.#turn.run(both, async () => {
      this.#user = user;
      try {
        return await work(both);
      } catch (error) {
        // A page that went under the work is the reason, whatever the work says.
        if (this.ended.aborted && !signal.aborted) throw this.ended.reason;
        throw error;
      } finally {
        this.#user = null;
      }
    });
  }

  /** Lets downloads through while `work` runs. */
  async withDownloads<T>(work: () => Promise<T>): Promise<T> {
    this.#expected++;
    try {
      return await work();
    } finally {
      this.#expected--;
    }
  }

  /** Resolves once popups that were asked for are there, so that the next step finds the page in front. */
  async settled(): Promise<void> {
    await this.#coming;
  }

  /** Ends it in order. A page that does not close is left to its browser's end. */
  close(why = 'it was closed'): Promise<void> {
    this.#end.abort(new WorkerFault('closed', why));
    return (this.#closing ??= this.#shut());
  }

  async #shut(): Promise<void> {
    if (!this.lent) await Promise.race([Promise.allSettled([...this.#pages].map((p) => p.close())), sleep(CLOSE, undefined, { ref: false })]);
    await this.#parts.release();
  }

  #fail(why: string): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(new WorkerFault('crashed', `the window of ${this.agent} ended: ${why}`));
    void (this.#closing ??= this.#shut());
  }

  #watch(page: Page): void {
    this.#pages.push(page);
    page.on('crash', () => this.#fail('the page crashed'));
    page.once('close', () => {
      const at = this.#pages.indexOf(page);
      if (at >= 0) this.#pages.splice(at, 1);
      if (page === this.#parts.page) this.#fail('the page closed itself');
      else this.#tell();
    });
    page.on('framenavigated', (frame) => frame === page.mainFrame() && this.#tell());
    page.on('domcontentloaded', () => this.#tell());
    page.on('download', (d) => this.#expected === 0 && void d.cancel().catch(() => undefined));
    page.on('popup', (popup) => {
      if (this.#pages.length > POPUPS || this.#end.signal.aborted) void popup.close().catch(() => undefined);
      else this.#watch(popup);
      this.#tell();
    });
    void this.#foresee(page).catch(() => undefined);
  }

  /** Chromium says that a popup is asked for before Playwright has made a page of it. */
  async #foresee(page: Page): Promise<void> {
    const cdp = await page.context().newCDPSession(page);
    cdp.on('Page.windowOpen', () => {
      this.#coming = Promise.race([new Promise((done) => page.once('popup', done)), sleep(POPUP, undefined, { ref: false })]);
    });
    await cdp.send('Page.enable');
  }

  #tell(): void {
    for (const tell of this.#moved) tell();
  }
}

export const whoText = (u: User): string => (u.task ? `task ${u.task}` : (u.by ?? 'somebody'));
