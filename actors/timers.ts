/** Absolute deadlines, nearest first; one real timeout for all of them. Delays beyond 2^31 ms are chained. */
export class Timers {
  private heap: { due: number; token: string; actor: string }[] = [];
  private readonly live = new Map<string, number>();
  private timeout: NodeJS.Timeout | null = null;
  private readonly now: () => number;
  private readonly fire: (actor: string, token: string) => void;

  constructor(now: () => number, fire: (actor: string, token: string) => void) {
    this.now = now;
    this.fire = fire;
  }

  get size(): number {
    return this.live.size;
  }

  arm(actor: string, token: string, due: number): void {
    if (this.live.get(token) === due) return;
    this.live.set(token, due);
    this.push({ due, token, actor });
    if (this.heap[0]!.token === token) this.schedule();
  }

  disarm(token: string): void {
    this.live.delete(token);
  }

  /** Forgets every timer of the actors that `of` picks. */
  drop(of: (actor: string) => boolean): void {
    this.heap = this.heap.filter((t) => {
      if (!of(t.actor)) return true;
      this.live.delete(t.token);
      return false;
    });
    this.heap.sort((a, b) => a.due - b.due);
    this.schedule();
  }

  stop(): void {
    if (this.timeout) clearTimeout(this.timeout);
    this.timeout = null;
    this.heap = [];
    this.live.clear();
  }

  private schedule(): void {
    if (this.timeout) clearTimeout(this.timeout);
    this.timeout = null;
    const first = this.heap[0];
    if (!first) return;
    const wait = Math.min(Math.max(0, first.due - this.now()), 2 ** 31 - 1);
    this.timeout = setTimeout(() => this.run(), wait);
  }

  private run(): void {
    const now = this.now();
    while (this.heap[0] && this.heap[0].due <= now) {
      const { due, token, actor } = this.pop();
      if (this.live.get(token) !== due) continue;
      this.live.delete(token);
      this.fire(actor, token);
    }
    this.schedule();
  }

  private push(item: { due: number; token: string; actor: string }): void {
    const h = this.heap;
    let i = h.push(item) - 1;
    for (let up = (i - 1) >> 1; i > 0 && h[up]!.due > h[i]!.due; i = up, up = (i - 1) >> 1) [h[up], h[i]] = [h[i]!, h[up]!];
  }

  private pop(): { due: number; token: string; actor: string } {
    const h = this.heap;
    const top = h[0]!;
    const last = h.pop()!;
    if (h.length === 0) return top;
    h[0] = last;
    for (let i = 0; ; ) {
      const l = 2 * i + 1;
      if (l >= h.length) break;
      const least = l + 1 < h.length && h[l + 1]!.due < h[l]!.due ? l + 1 : l;
      if (h[least]!.due >= h[i]!.due) break;
      [h[least], h[i]] = [h[i]!, h[least]!];
      i = least;
    }
    return top;
  }
}
