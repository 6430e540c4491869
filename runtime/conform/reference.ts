import { createActor, fromPromise, type AnyActor, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate';
import type { Observed } from './observed.ts';

/** Virtual milliseconds: timeouts fire one by one at their own instant, in the order of arming when they tie. */
class VirtualClock {
  private now = 0;
  private next = 1;
  private readonly due = new Map<number, { at: number; fn: () => void }>();

  setTimeout(fn: () => void, ms: number): number {
    const id = this.next++;
    this.due.set(id, { at: this.now + Math.max(0, ms), fn });
    return id;
  }

  clearTimeout(id: number): void {
    this.due.delete(id);
  }

  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const [id, first] = [...this.due].sort(([a, x], [b, y]) => x.at - y.at || a - b)[0] ?? [];
      if (id === undefined || first!.at > end) break;
      this.now = first!.at;
      this.due.delete(id);
      first!.fn();
      await settle();
    }
    this.now = end;
  }
}

type Work = { resolve(v: unknown): void; reject(e: unknown): void };

/** The chart in XState's own interpreter, with its effects answered by hand and its clock turned by hand. */
export class Reference {
  private readonly clock = new VirtualClock();
  private readonly work = new Map<string, Work>();
  private readonly actor: AnyActor;
  private acts: string[] = [];
  private emitted: string[] = [];

  constructor(machine: AnyStateMachine, sources: string[], input: unknown) {
    const held = () =>
      fromPromise(({ self, signal }: { self: { id: string }; signal: AbortSignal }) => {
        return new Promise((resolve, reject) => {
          const mine: Work = { resolve, reject };
          this.work.set(self.id, mine);
          signal.addEventListener('abort', () => this.work.get(self.id) === mine && this.work.delete(self.id));
        });
      });
    const ready = machine.provide({ actors: Object.fromEntries(sources.map((s) => [s, held()])) } as never);
    this.actor = createActor(ready, {
      input: input as never,
      clock: this.clock as never,
      inspect: (e) => {
        if (e.type !== '@xstate.action' || e.actorRef !== this.actor || e.action.type.startsWith('xstate.')) return;
        this.acts.push(JSON.stringify([e.action.type, e.action.params ?? null]));
      },
    });
    this.actor.on('*', (e) => this.emitted.push(JSON.stringify(e)));
    // Without an observer a chart's error would end the process.
    this.actor.subscribe({ error: () => {} });
  }

  async start(): Promise<void> {
    this.actor.start();
    await this.settle();
  }

  async send(event: { type: string }): Promise<void> {
    this.actor.send(event);
    await this.settle();
  }

  async wait(ms: number): Promise<void> {
    await this.clock.advance(ms, () => this.settle());
  }

  /** False when no such effect is running. */
  async answer(child: string, result: { output: unknown } | { error: unknown }): Promise<boolean> {
    const work = this.work.get(child);
    if (!work) return false;
    this.work.delete(child);
    if ('output' in result) work.resolve(result.output);
    else work.reject(result.error);
    await this.settle();
    return true;
  }

  observe(): Observed {
    const s = this.actor.getSnapshot() as AnyMachineSnapshot;
    const seen: Observed = { status: s.status, value: s.value, context: plain(s.context), output: plain(s.output), emitted: this.emitted, acts: this.acts };
    this.emitted = [];
    this.acts = [];
    return seen;
  }

  stop(): void {
    this.actor.stop();
  }

  private settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}

const plain = (v: unknown): unknown => (v === undefined ? null : JSON.parse(JSON.stringify(v)));
