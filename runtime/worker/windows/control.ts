import type { Page } from 'playwright';
import type { WindowInput } from '../../../transport/protocol.ts';
import { WorkerFault } from '../fault.ts';

const IDLE = 60_000;

/** Who may act in one window by hand: one at a time, until they let go or do nothing for a minute. */
export class Control {
  readonly #idleMs: () => number;
  readonly #told: (ended?: { holder: string; why: string }) => void;
  #holder: { id: string; by: string } | null = null;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();

  /** `told` is called when somebody takes or lets go. */
  constructor(told: (ended?: { holder: string; why: string }) => void, idleMs = () => IDLE) {
    this.#told = told;
    this.#idleMs = idleMs;
  }

  get by(): string | null {
    return this.#holder?.by ?? null;
  }

  /** Throws WorkerFault `busy` naming who has it; the same person may take it over from another page of theirs. */
  take(id: string, by: string): void {
    if (this.#holder && this.#holder.by !== by) throw new WorkerFault('busy', `${this.#holder.by} has taken over: wait until they hand back`);
    if (this.#holder && this.#holder.id !== id) this.#end('taken over on another page');
    this.#holder = { id, by };
    this.#wind();
    this.#told();
  }

  end(id: string, why: string): void {
    if (this.#holder?.id === id) this.#end(why);
  }

  close(): void {
    if (this.#holder) this.#end('the window is gone');
  }

  /** Does inputs in the order in which they came. Throws WorkerFault `refused` for anybody but the holder. */
  input(id: string, page: Page, inputs: readonly WindowInput[]): Promise<void> {
    if (this.#holder?.id !== id) throw new WorkerFault('refused', 'you have not taken over, or you were idle for a minute: take over again');
    this.#wind();
    const done = this.#turn.then(async () => {
      const view = page.viewportSize() ?? (await page.evaluate(() => ({ width: innerWidth, height: innerHeight })));
      for (const input of inputs) await act(page, view, input);
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #wind(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end('idle for a minute'), this.#idleMs());
    this.#timer.unref();
  }

  #end(why: string): void {
    clearTimeout(this.#timer);
    const { id } = this.#holder!;
    this.#holder = null;
    this.#told({ holder: id, why });
  }
}

async function act(page: Page, view: { width: number; height: number }, input: WindowInput): Promise<void> {
  const { mouse, keyboard } = page;
  if ('x' in input) await mouse.move(input.x * view.width, input.y * view.height);
  switch (input.is) {
    case 'move':
      return;
    case 'down':
      return mouse.down({ button: input.button, clickCount: input.clicks });
    case 'up':
      return mouse.up({ button: input.button, clickCount: input.clicks });
    case 'wheel':
      return mouse.wheel(input.dx, input.dy);
    case 'key':
      return keyboard.press(input.key);
    case 'text':
      return keyboard.insertText(input.text);
  }
}
