import type { Page } from 'playwright';
import type { BrowserPool } from '../../browsers/browser-pool.ts';
import { proxySpec } from '../../browsers/proxy-door.ts';
import type { ToolRegistry } from '../../tools/registry.ts';
import { readArguments, runTool } from '../../tools/run-tool.ts';
import { ToolFault } from '../../tools/tool-fault.ts';
import type { ToolIo } from '../../tools/tool.ts';
import { WorkerFault } from '../fault.ts';
import { Slots } from '../slots.ts';
import type { WorkerLog } from '../worker-log.ts';
import { Window, type User, type WindowParts } from './window.ts';

export type WindowSpec = { account: string | null; proxy: unknown; viewport: { width: number; height: number } | null };
export type WindowInfo = { agent: string; url: string; title: string; busy: User | null; account: string | null };
export type Keep = ToolIo['keep'];

export type WindowsOptions = {
  pool: Pick<BrowserPool, 'openFree' | 'use'>;
  tools: ToolRegistry;
  log: WorkerLog;
  /** Windows at once, of agents and of tasks. */
  max(): number;
};

/** Many that begin together only hold each other up, and the worker's own heartbeats with them. */
const OPENED_AT_ONCE = 2;
const VIEWPORT = { width: 1280, height: 800 };

/** The windows of this worker: one for each agent that lives here, and one for each task that has none. */
export class Windows {
  readonly #o: WindowsOptions;
  readonly #open = new Map<string, Window>();
  readonly #begin = new Slots(OPENED_AT_ONCE);
  #opening = 0;
  #closed = false;

  constructor(options: WindowsOptions) {
    this.#o = options;
  }

  /** How many are open or being opened; those lent by logins not. */
  get count(): number {
    return this.#opening + [...this.#open.values()].filter((w) => !w.lent).length;
  }

  /** Opens an agent's window; one of the same name is closed first. Throws WorkerFault `full`, or `crashed` where it can't start. */
  async open(agent: string, spec: WindowSpec, signal: AbortSignal): Promise<Window> {
    await this.close(agent, 'another of this name is opened');
    if (this.#closed) throw new WorkerFault('aborted', 'the worker is stopping');
    if (this.count >= this.#o.max()) throw new WorkerFault('full', `this worker has ${this.count} windows open, and ${this.#o.max()} is its most: close one, or raise MAX_AGENTS`);
    this.#opening++;
    try {
      const window = new Window({ agent, ...(await this.#begin.run(signal, () => this.#parts(spec))) });
      if (signal.aborted || this.#closed) {
        await window.close();
        throw signal.aborted ? signal.reason : new WorkerFault('aborted', 'the worker is stopping');
      }
      this.#add(window);
      return window;
    } finally {
      this.#opening--;
    }
  }

  /** Works alone at an agent's window, or at one of its own that is closed afterwards. `wait`: in turn where it is busy. */
  async use<T>(agent: string | null, own: { name: string; spec: WindowSpec; keep?: boolean }, user: User, signal: AbortSignal, work: (window: Window, signal: AbortSignal) => Promise<T>): Promise<T> {
    if (agent !== null) {
      const window = this.of(agent);
      if (!window) throw new WorkerFault('crashed', `agent ${agent} has no window on this worker`);
      return window.use(user, signal, (both) => work(window, both), true);
    }
    const window = await this.open(own.name, own.spec, signal);
    try {
      const done = await window.use(user, signal, (both) => work(window, both), true);
      return done;
    } finally {
      if (!own.keep) await window.close();
    }
  }

  /** Shows a page that somebody else owns, as a login its challenge. Returns how to take it back. */
  lend(name: string, page: Page, account: string | null): () => void {
    const window = new Window({ agent: name, account, page, downloads: false, lent: true, release: async () => undefined });
    this.#add(window);
    return () => void window.close('its owner took it back');
  }

  shows(page: Page): boolean {
    return [...this.#open.values()].some((w) => w.page === page);
  }

  of(agent: string): Window | null {
    return this.#open.get(agent) ?? null;
  }

  list(): { agent: string; task: string | null; account: string | null; url: string }[] {
    return [...this.#open.values()].filter((w) => !w.lent).map((w) => ({ agent: w.agent, task: w.user?.task ?? null, account: w.account, url: w.page.url() }));
  }

  async close(agent: string, why?: string): Promise<void> {
    await this.#open.get(agent)?.close(why);
  }

  async closeAll(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open.values()].map((w) => w.close('the worker is stopping')));
  }

  /** Throws ToolFault where a tool can't take these arguments, whatever the window does. */
  checkTool(name: string, args: unknown): void {
    readArguments(this.#o.tools, name, args);
  }

  /** Runs one tool in the window. `keep` takes what it makes. Throws ToolFault, or the signal's reason. */
  async runTool(window: Window, name: string, args: unknown, signal: AbortSignal, keep: Keep): Promise<unknown> {
    await window.settled();
    return runTool(this.#o.tools, name, args, {
      page: () => window.page,
      keep,
      account: window.account,
      withDownloads: (work) => {
        if (!window.downloads) throw new ToolFault('refused', `download: windows of an account take files by their address only: give url`, 'url');
        return window.withDownloads(work);
      },
      close: async () => {
        if (window.lent) throw new ToolFault('refused', 'close_window: a login closes its window itself: cancel the login');
        // The answer goes out before the window does.
        setImmediate(() => void window.close('by close_window'));
      },
    }, signal);
  }

  #add(window: Window): void {
    this.#open.set(window.agent, window);
    window.ended.addEventListener('abort', () => {
      if (this.#open.get(window.agent) === window) this.#open.delete(window.agent);
    }, { once: true });
  }

  async #parts(spec: WindowSpec): Promise<Omit<WindowParts, 'agent'>> {
    const proxy = proxySpec.safeParse(spec.proxy);
    if (!proxy.success) throw new WorkerFault('refused', `the proxy is not usable: ${proxy.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`);
    if (spec.account === null) {
      const { context, close } = await this.#o.pool.openFree(proxy.data, { viewport: spec.viewport ?? VIEWPORT }).catch(broken);
      const page = await context.newPage().catch(async (error: unknown) => {
        await close();
        return broken(error);
      });
      return { account: null, page, downloads: true, release: close };
    }
    const { account } = spec;
    let release!: () => void;
    const held = new Promise<void>((done) => (release = done));
    const page = await new Promise<Page>((resolve, reject) => {
      this.#o.pool.use(account, proxy.data, async ({ context }) => {
        resolve(await context.newPage());
        await held;
      }).catch(reject);
    }).catch(broken);
    if (spec.viewport) await page.setViewportSize(spec.viewport).catch(() => undefined);
    return { account, page, downloads: false, release: async () => release() };
  }
}

function broken(error: unknown): never {
  if (error instanceof WorkerFault) throw error;
  throw new WorkerFault('crashed', `no window could be opened: ${(error as Error).message.split('\n', 1)[0]}`);
}
