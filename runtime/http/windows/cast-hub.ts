import { windowState, type WindowState } from '../../../transport/protocol.ts';
import { askWindow } from './ask-window.ts';
import type { Place, WindowsPort } from './windows-port.ts';

const RENEW = 4000;
const FPS = 8;
const WIDTH = 1280;

export type Frame = { width: number; height: number; jpeg: Uint8Array };
export type Viewer = { frame(frame: Frame): void; state(state: WindowState): void; failed(error: Error): void };
type One = { viewers: Set<Viewer>; timer: NodeJS.Timeout; stop(): void };

/** Live views: one for each window that anybody looks at, shared by all who do. */
export class CastHub {
  readonly #windows: WindowsPort;
  readonly #open = new Map<string, One>();

  constructor(windows: WindowsPort) {
    this.#windows = windows;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Shows a window until what it returns is called. */
  watch(place: Pick<Place, 'worker' | 'window'>, viewer: Viewer): () => void {
    const key = `${place.worker}/${place.window}`;
    const one = this.#open.get(key) ?? this.#begin(key, place);
    one.viewers.add(viewer);
    void this.#renew(key, place);
    return () => {
      one.viewers.delete(viewer);
      if (one.viewers.size > 0 || this.#open.get(key) !== one) return;
      clearInterval(one.timer);
      one.stop();
      this.#open.delete(key);
    };
  }

  #begin(key: string, place: Pick<Place, 'worker' | 'window'>): One {
    const viewers = new Set<Viewer>();
    const one: One = { viewers, timer: setInterval(() => void this.#renew(key, place), RENEW), stop: this.#windows.listen(place.worker, place.window, (message) => tell(viewers, message)) };
    this.#open.set(key, one);
    return one;
  }

  async #renew(key: string, place: Pick<Place, 'worker' | 'window'>): Promise<void> {
    try {
      const said = await askWindow({ windows: this.#windows }, place, { op: 'watch', fps: FPS, width: WIDTH }, 8000);
      const state = windowState.parse(said);
      for (const viewer of this.#open.get(key)?.viewers ?? []) viewer.state(state);
    } catch (error) {
      for (const viewer of this.#open.get(key)?.viewers ?? []) viewer.failed(error as Error);
    }
  }
}

function tell(viewers: ReadonlySet<Viewer>, message: Uint8Array): void {
  if (message[0] === 0x7b) {
    const state = windowState.safeParse(JSON.parse(Buffer.from(message).toString('utf8')));
    if (state.success) for (const viewer of viewers) viewer.state(state.data);
    return;
  }
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const frame: Frame = { width: view.getUint16(0), height: view.getUint16(2), jpeg: message.subarray(4) };
  for (const viewer of viewers) viewer.frame(frame);
}
