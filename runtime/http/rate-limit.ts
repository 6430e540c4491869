/** At most `most` in `windowMs` for each key; forgets by itself. */
export class RateLimit {
  private readonly tries = new Map<string, number[]>();
  private readonly most: number;
  private readonly windowMs: number;
  constructor(most: number, windowMs: number) {
    this.most = most;
    this.windowMs = windowMs;
  }

  /** False when this one is too many. */
  allow(key: string, now: number): boolean {
    if (this.tries.size > 10_000) for (const [k, times] of this.tries) if (times.at(-1)! < now - this.windowMs) this.tries.delete(k);
    const recent = (this.tries.get(key) ?? []).filter((t) => t > now - this.windowMs);
    const allowed = recent.length < this.most;
    this.tries.set(key, allowed ? [...recent, now] : recent);
    return allowed;
  }
}
