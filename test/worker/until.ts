import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `look` gives something that is not null, undefined or false, and returns it. */
export async function until<T>(what: string, look: () => T | Promise<T>, limitMs = 20_000): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found as NonNullable<T>;
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await sleep(30);
  }
}
