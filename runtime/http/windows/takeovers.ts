import { windowState } from '../../../transport/protocol.ts';
import type { Place } from './windows-port.ts';
import type { WindowsPort } from './windows-port.ts';

/** The worker ends an idle one after a minute; when nothing is heard by then, the worker is gone. */
const SILENT = 90_000;

type One = { timer: NodeJS.Timeout; stop(): void; ended(why: string): void };

/** Windows that people of this web process have taken over: each end is told once, whoever caused it. */
export class Takeovers {
  readonly #windows: WindowsPort;
  readonly #open = new Map<string, One>();
  readonly #silentMs: number;

  constructor(windows: WindowsPort, silentMs = SILENT) {
    this.#windows = windows;
    this.#silentMs = silentMs;
  }

  begin(place: Place, holder: string, ended: (why: string) => void): void {
    const stop = this.#windows.listen(place.worker, place.window, (message) => {
      if (message[0] !== 0x7b) return;
      const state = windowState.safeParse(JSON.parse(Buffer.from(message).toString('utf8')));
      if (state.success && state.data.ended?.holder === holder) this.#end(holder, state.data.ended.why);
    });
    this.#open.set(holder, { timer: this.#wind(holder), stop, ended });
  }

  /** Something was done by it. */
  used(holder: string): void {
    const one = this.#open.get(holder);
    if (!one) return;
    clearTimeout(one.timer);
    one.timer = this.#wind(holder);
  }

  /** It never came to be. */
  drop(holder: string): void {
    const one = this.#open.get(holder);
    clearTimeout(one?.timer);
    one?.stop();
    this.#open.delete(holder);
  }

  #wind(holder: string): NodeJS.Timeout {
    return setTimeout(() => this.#end(holder, 'nothing was heard of the worker'), this.#silentMs).unref();
  }

  #end(holder: string, why: string): void {
    const one = this.#open.get(holder);
    if (!one) return;
    this.drop(holder);
    one.ended(why);
  }
}
