import { describe, expect, it } from 'vitest';
import { ToolRegistry } from '../../runtime/tools/registry.ts';
import { Windows, type WindowsOptions } from '../../runtime/worker/windows/windows.ts';

const SPEC = { account: null, proxy: null, viewport: null };
const never = () => new AbortController().signal;

/** Windows over a browser that opens a context only when it is told to. */
function slowBrowser() {
  const asked: (() => void)[] = [];
  let open = 0;
  const page = () => ({ on: () => undefined, once: () => undefined, off: () => undefined, context: () => ({ on: () => undefined, off: () => undefined, pages: () => [] }), url: () => 'about:blank', isClosed: () => false, close: async () => undefined });
  const pool = {
    openFree: async () => {
      await new Promise<void>((done) => asked.push(done));
      open++;
      return { context: { newPage: async () => page(), on: () => undefined, off: () => undefined, pages: () => [] }, close: async () => void open-- };
    },
    use: async () => undefined,
  };
  const windows = new Windows({ pool: pool as unknown as WindowsOptions['pool'], tools: new ToolRegistry(), log: () => undefined, max: () => 10 });
  return { windows, asked, open: () => open };
}
const turn = () => new Promise((done) => setImmediate(done));

describe('windows that are asked for together', () => {
  it('open two at a time, and each counts from the moment that it is asked for', async () => {
    const { windows, asked } = slowBrowser();
    const wanted = [1, 2, 3, 4, 5].map((n) => windows.open(`a${n}`, SPEC, never()).catch((error: Error) => error));
    await turn();
    expect([asked.length, windows.count]).toEqual([2, 5]);
    for (const n of [3, 4, 5]) {
      asked[n - 3]!();
      await turn();
      await turn();
      expect(asked.length).toBe(n);
    }
    asked.slice(3).forEach((go) => go());
    await Promise.all(wanted);
  });

  it('that are called off in the queue never open', async () => {
    const { windows, asked } = slowBrowser();
    const stop = new AbortController();
    const first = [1, 2].map((n) => windows.open(`a${n}`, SPEC, never()).catch((error: Error) => error));
    const third = windows.open('a3', SPEC, stop.signal);
    await turn();
    stop.abort(new Error('called off'));
    await expect(third).rejects.toThrow('called off');
    asked.forEach((go) => go());
    await Promise.all(first);
    await turn();
    expect(asked.length).toBe(2);
    expect(windows.count).toBeLessThanOrEqual(2);
  });
});
