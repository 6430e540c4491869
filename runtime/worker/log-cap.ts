export type LogCap = { perSecond: number; burst: number };

/**
 * Lets `burst` rows through at once and `perSecond` from then on. What is left out is counted and told in one row a second at most.
 * `told` gets that count; `now` is monotonic milliseconds.
 */
export function createLogCap({ perSecond, burst }: LogCap, told: (leftOut: number) => void, now: () => number = () => performance.now()): () => boolean {
  let room = burst;
  let at = now();
  let leftOut = 0;
  let toldAt = -Infinity;
  return () => {
    const t = now();
    room = Math.min(burst, room + ((t - at) / 1000) * perSecond);
    at = t;
    if (leftOut > 0 && room >= 1 && t - toldAt >= 1000) {
      const n = leftOut;
      leftOut = 0;
      toldAt = t;
      room -= 1;
      told(n);
    }
    if (room < 1) {
      leftOut++;
      return false;
    }
    room -= 1;
    return true;
  };
}
