import type { Db } from './store.ts';

const STEPS = { '1m': 60, '10m': 600 } as const;
/** Classes of waits in an octave. */
const FINE = 4;

/** The class of a wait: the first whose bound it doesn't pass. */
export const waitClass = (ms: number): number => Math.ceil(FINE * Math.log2(Math.max(1, ms)));
/** The bound of a class, in ms. */
export const waitBound = (of: number): number => 2 ** (of / FINE);

/** The curves of work, a step at a time. Times are epoch milliseconds. */
export function taskCurves(db: Db): { count(at: number, what: { made?: number; done?: number; failed?: number }): void; waited(at: number, ms: number): void } {
  const count = db.prepare('INSERT INTO task_counts (step, at, made, done, failed) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET made = made + excluded.made, done = done + excluded.done, failed = failed + excluded.failed');
  const wait = db.prepare('INSERT INTO task_waits (step, at, class, n) VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1');
  const each = (at: number, run: (step: string, begin: number) => void) => {
    for (const [step, seconds] of Object.entries(STEPS)) run(step, Math.floor(at / 1000 / seconds) * seconds);
  };
  return {
    count: (at, { made = 0, done = 0, failed = 0 }) => each(at, (step, begin) => count.run(step, begin, made, done, failed)),
    waited: (at, ms) => each(at, (step, begin) => wait.run(step, begin, waitClass(ms))),
  };
}
