/** One that waits. Little more than a token: a burst of thousands must cost little. */
export type Waiting = { token: string; actor: string; priority: number; seq: number; at: number; gone?: boolean };

/** All that wait for the same: where one can't go, none can. `key` is the same on every master. */
export type Shape<W, J extends Waiting> = { key: string; group: string; want: W; size: number; lanes: Map<number, Heap<J>> };

/** Milliseconds of waiting that count as much as one step of priority: nothing starves under what is more urgent. */
export const AGEING = 20_000;

/**
 * Who is next: groups take turns, so that a flood in one starves no other; inside a group priority counts, and age with it;
 * among equals the lower number goes first.
 */
export class TaskQueue<W, J extends Waiting> {
  private readonly groups = new Map<string, Map<string, Shape<W, J>>>();
  private readonly jobs = new Map<string, { job: J; shape: Shape<W, J> }>();
  private turn: string | null = null;

  get size(): number {
    return this.jobs.size;
  }

  has(token: string): boolean {
    return this.jobs.has(token);
  }

  add(job: J, key: string, group: string, want: () => W): Shape<W, J> {
    const shapes = this.groups.get(group) ?? new Map<string, Shape<W, J>>();
    this.groups.set(group, shapes);
    const shape: Shape<W, J> = shapes.get(key) ?? { key, group, want: want(), size: 0, lanes: new Map() };
    shapes.set(key, shape);
    const lane = shape.lanes.get(job.priority) ?? new Heap<J>();
    shape.lanes.set(job.priority, lane);
    lane.push(job);
    shape.size++;
    this.jobs.set(job.token, { job, shape });
    return shape;
  }

  /** Takes one out, wherever it is in its lane; answers its shape. */
  remove(token: string): Shape<W, J> | null {
    const found = this.jobs.get(token);
    if (!found) return null;
    this.jobs.delete(token);
    found.job.gone = true;
    const { shape } = found;
    shape.size--;
    if (shape.size === 0) this.drop(shape);
    return shape;
  }

  /** The next that is not of a blocked shape; it stays until it is removed. Groups rotate from the one after the last answer. */
  next(now: number, blocked: ReadonlySet<Shape<W, J>>): { job: J; shape: Shape<W, J> } | null {
    const names = [...this.groups.keys()];
    const from = this.turn === null ? 0 : names.indexOf(this.turn) + 1;
    for (let i = 0; i < names.length; i++) {
      const name = names[(from + i) % names.length]!;
      const best = bestOf(this.groups.get(name)!, now, blocked);
      if (!best) continue;
      if (this.turn !== null && this.turn !== name && this.groups.get(this.turn)?.size === 0) this.groups.delete(this.turn);
      this.turn = name;
      return best;
    }
    return null;
  }

  /** All that wait for the same, in no order; for few. */
  *of(shape: Shape<W, J>): Generator<J> {
    for (const { job, shape: own } of this.jobs.values()) if (own === shape) yield job;
  }

  private drop(shape: Shape<W, J>): void {
    const shapes = this.groups.get(shape.group)!;
    shapes.delete(shape.key);
    // The place in the round stays: names before it would else be asked twice.
    if (shapes.size === 0 && this.turn !== shape.group) this.groups.delete(shape.group);
  }
}

function bestOf<W, J extends Waiting>(shapes: ReadonlyMap<string, Shape<W, J>>, now: number, blocked: ReadonlySet<Shape<W, J>>): { job: J; shape: Shape<W, J> } | null {
  let best: { job: J; shape: Shape<W, J> } | null = null;
  let rank = -Infinity;
  for (const shape of shapes.values()) {
    if (blocked.has(shape)) continue;
    for (const [priority, lane] of shape.lanes) {
      const job = lane.first();
      if (!job) continue;
      const urgency = priority + Math.max(0, now - job.at) / AGEING;
      if (urgency > rank || (urgency === rank && job.seq < best!.job.seq)) {
        rank = urgency;
        best = { job, shape };
      }
    }
  }
  return best;
}

/** The lowest number first; those that are gone fall out when they come up. */
class Heap<J extends Waiting> {
  private readonly items: J[] = [];

  push(job: J): void {
    const h = this.items;
    let i = h.push(job) - 1;
    for (let up = (i - 1) >> 1; i > 0 && h[up]!.seq > h[i]!.seq; i = up, up = (i - 1) >> 1) [h[up], h[i]] = [h[i]!, h[up]!];
  }

  first(): J | null {
    while (this.items[0]?.gone) this.pop();
    return this.items[0] ?? null;
  }

  private pop(): void {
    const h = this.items;
    const last = h.pop()!;
    if (h.length === 0) return;
    h[0] = last;
    for (let i = 0; ; ) {
      const l = 2 * i + 1;
      if (l >= h.length) return;
      const least = l + 1 < h.length && h[l + 1]!.seq < h[l]!.seq ? l + 1 : l;
      if (h[least]!.seq >= h[i]!.seq) return;
      [h[least], h[i]] = [h[i]!, h[least]!];
      i = least;
    }
  }
}
