import type { Binding } from '../../actors/binding.ts';
import { decodeEntry, hashOf, type Command, type Entry } from '../../actors/entry.ts';
import { turn, type Head, type Inbound } from '../../actors/turn.ts';
import type { Observed } from './observed.ts';

/** Where the entries go: memory, or a real journal. */
export type Store = { append(actor: string, bytes: Uint8Array, expect: number): Promise<number>; last(actor: string): Promise<{ bytes: Uint8Array; seq: number } | null> };

export function memoryStore(): Store {
  const entries = new Map<string, Uint8Array[]>();
  return {
    async append(actor, bytes) {
      const all = entries.get(actor) ?? [];
      entries.set(actor, [...all, bytes]);
      return all.length + 1;
    },
    async last(actor) {
      const all = entries.get(actor) ?? [];
      return all.length ? { bytes: all.at(-1)!, seq: all.length } : null;
    },
  };
}

/** The chart in the durable kernel; after every turn the actor is dropped from memory and read back from the store. */
export class Durable {
  private readonly binding: Binding;
  private readonly actor: string;
  private readonly store: Store;
  private now = 0;
  private count = 0;
  private acts: string[] = [];
  private emitted: string[] = [];

  constructor(binding: Binding, actor: string, store: Store) {
    this.binding = binding;
    this.actor = actor;
    this.store = store;
  }

  start(input: unknown): Promise<void> {
    return this.put({ is: 'start', input, cause: this.cause() });
  }

  send(event: { type: string }): Promise<void> {
    return this.put({ is: 'event', event, cause: this.cause() });
  }

  async wait(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const timers = Object.entries((await this.entry()).pending.timers);
      const first = timers.sort(([, a], [, b]) => a.due - b.due)[0];
      if (!first || first[1].due > end) break;
      this.now = first[1].due;
      await this.put({ is: 'timer', token: first[0], cause: this.cause() });
    }
    this.now = end;
  }

  async answer(child: string, result: { output: unknown } | { error: unknown }): Promise<boolean> {
    const token = Object.entries((await this.entry()).pending.effects).findLast(([, e]) => e.child === child)?.[0];
    if (!token) return false;
    await this.put('output' in result ? { is: 'done', token, output: result.output, cause: this.cause() } : { is: 'error', token, error: result.error, cause: this.cause() });
    return true;
  }

  async observe(): Promise<Observed> {
    const after = (await this.entry()).after as { status: string; value: unknown; context: unknown; output?: unknown };
    const seen: Observed = { status: after.status, value: after.value, context: after.context ?? null, output: after.output ?? null, emitted: this.emitted, acts: this.acts };
    this.emitted = [];
    this.acts = [];
    return seen;
  }

  private cause() {
    return { id: `conform:${this.count++}` };
  }

  private async head(): Promise<Head | null> {
    const last = await this.store.last(this.actor);
    return last && { entry: decodeEntry(last.bytes), hash: hashOf(last.bytes), seq: last.seq, snapshot: null };
  }

  private async entry(): Promise<Entry> {
    return (await this.head())!.entry;
  }

  /** One turn; a message to itself without delay is taken at once, as the interpreter does. */
  private async put(inbound: Inbound): Promise<void> {
    const head = await this.head();
    const t = turn(this.binding, head, JSON.parse(JSON.stringify(inbound)) as Inbound, { actor: this.actor, at: this.now, rnd: 0, epoch: 1 });
    if ('drop' in t) return;
    await this.store.append(this.actor, t.bytes, head?.seq ?? 0);
    for (const c of t.entry.commands) this.carry(c);
    for (const [token, timer] of Object.entries(t.entry.pending.timers)) {
      if (timer.due <= this.now && t.entry.commands.some((c) => c.do === 'arm' && c.delay === 0 && token.endsWith(`/${c.n}`))) await this.put({ is: 'timer', token, cause: this.cause() });
    }
  }

  private carry(c: Command): void {
    if (c.do === 'emit') this.emitted.push(JSON.stringify(c.event));
    if (c.do === 'act') this.acts.push(JSON.stringify([c.type, c.params]));
    if (c.do === 'tell') this.acts.push(JSON.stringify(['tell', c.start ? { to: c.to, start: c.start } : { to: c.to, event: c.event }]));
    if (c.do === 'signal') this.acts.push(JSON.stringify(['signal', { effect: c.child, data: c.data }]));
  }
}
