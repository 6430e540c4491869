import type { Page } from 'playwright';
import type { Window } from './window.ts';

/** How long pictures go out after somebody last asked for them, ms. */
const RENEWED = 10_000;
/** A larger one does not fit into a message. */
const LARGEST = 900_000;

/** Pictures of one window while somebody looks; of its page in front, as they change. */
export class Cast {
  readonly #window: Window;
  readonly #publish: (frame: Uint8Array) => void;
  #page: Page | null = null;
  #width = 0;
  #gap = 125;
  #sentAt = -Infinity;
  #last: Uint8Array | null = null;
  #waiting: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  readonly #unlisten: () => void;

  constructor(window: Window, publish: (frame: Uint8Array) => void) {
    this.#window = window;
    this.#publish = publish;
    this.#unlisten = window.onMove(() => void (this.#page && this.#page !== window.page && this.#restart()));
    window.ended.addEventListener('abort', () => this.close(), { once: true });
  }

  /** Goes on for 10 s; who comes later gets the last picture at once. */
  renew(fps: number, width: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(() => this.#stop()), RENEWED);
    this.#timer.unref();
    this.#gap = 1000 / fps;
    if (this.#page === this.#window.page && this.#width === width) {
      if (this.#last) this.#publish(this.#last);
      return Promise.resolve();
    }
    this.#width = width;
    return this.#restart();
  }

  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#waiting);
    this.#unlisten();
    void this.#run(() => this.#stop());
  }

  #restart(): Promise<void> {
    return this.#run(async () => {
      await this.#stop();
      if (this.#window.ended.aborted) return;
      const { page } = this.#window;
      this.#page = page;
      const view = page.viewportSize() ?? { width: 1280, height: 800 };
      const width = Math.min(this.#width, view.width);
      await page.screencast.start({ size: { width, height: Math.round((width * view.height) / view.width) }, quality: 60, onFrame: ({ data, viewportWidth, viewportHeight }) => this.#frame(data, viewportWidth, viewportHeight) });
    });
  }

  #frame(data: Buffer, width: number, height: number): void {
    if (data.length > LARGEST) return;
    const frame = Buffer.alloc(4 + data.length);
    frame.writeUInt16BE(Math.min(width, 65_535), 0);
    frame.writeUInt16BE(Math.min(height, 65_535), 2);
    data.copy(frame, 4);
    this.#last = frame;
    const wait = this.#sentAt + this.#gap - performance.now();
    if (wait <= 0) return this.#send();
    this.#waiting ??= setTimeout(() => this.#send(), wait);
  }

  #send(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#sentAt = performance.now();
    if (this.#last) this.#publish(this.#last);
  }

  async #stop(): Promise<void> {
    const page = this.#page;
    this.#page = null;
    this.#last = null;
    if (page && !page.isClosed()) await page.screencast.stop().catch(() => undefined);
  }

  /** One start or stop at a time. */
  #run(work: () => Promise<void>): Promise<void> {
    return (this.#turn = this.#turn.then(work, work).catch(() => undefined));
  }
}
