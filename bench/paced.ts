import { setTimeout as sleep } from 'node:timers/promises';

/** Starts `rate` a second whatever becomes of them; waits for all. */
export async function paced(rate: number, seconds: number, one: () => Promise<void>): Promise<void> {
  const all: Promise<void>[] = [];
  const from = performance.now();
  for (let sent = 0; sent < rate * seconds; ) {
    for (const due = ((performance.now() - from) / 1000) * rate; sent < due && sent < rate * seconds; sent++) all.push(one());
    await sleep(1);
  }
  await Promise.all(all);
}
