import { kinds } from '../../actors/kinds.ts';
import { statePaths, type Command, type Entry } from '../../actors/entry.ts';
import { turn, type Head, type Inbound } from '../../actors/turn.ts';

/** An actor's life, told step by step: events, results of its effects, time. Everything through the kernel's own turn. */
export class Story {
  private head: Head | null = null;
  private readonly kind: string;
  private count = 0;
  now = 1_000_000;
  rnd = 0.5;

  constructor(kind: string, input: Record<string, unknown>) {
    this.kind = kind;
    this.take({ is: 'start', input: { ...input, at: this.now }, cause: this.cause() });
  }

  get entry(): Entry {
    return this.head!.entry;
  }
  get state(): string {
    return statePaths((this.entry.after as { value: unknown }).value);
  }
  get context(): any {
    return (this.entry.after as { context: unknown }).context;
  }
  get commands(): Command[] {
    return this.entry.commands;
  }
  /** Messages to others of the last turn: `kind/id EVENT`. */
  get tells(): string[] {
    return this.commands.flatMap((c) => (c.do === 'tell' ? [`${c.to} ${c.event?.type ?? '~start'}`] : []));
  }
  get running(): string[] {
    return Object.values(this.entry.pending.effects).map((e) => e.src);
  }

  /** As `create` does it; false when it may not. */
  start(input: Record<string, unknown>): boolean {
    return this.take({ is: 'start', input: { ...input, at: this.now }, cause: this.cause() });
  }
  /** False when the event changes nothing. */
  send(type: string, fields: Record<string, unknown> = {}): boolean {
    return this.take({ is: 'event', event: { type, ...fields }, cause: this.cause() });
  }
  done(src: string, output: unknown = null): boolean {
    return this.take({ is: 'done', token: this.token(src), output, cause: this.cause() });
  }
  fail(src: string, kind: string, sent: 'no' | 'maybe' = 'no', more: Record<string, unknown> = {}): boolean {
    return this.take({ is: 'error', token: this.token(src), error: { kind, message: `it was ${kind}`, sent, ...more }, cause: this.cause() });
  }
  progress(src: string, type: string, fields: Record<string, unknown> = {}): boolean {
    return this.take({ is: 'progress', token: this.token(src), event: { type, ...fields }, cause: this.cause() });
  }
  wait(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const first = Object.entries(this.entry.pending.timers).sort(([, a], [, b]) => a.due - b.due)[0];
      if (!first || first[1].due > end) break;
      this.now = first[1].due;
      this.take({ is: 'timer', token: first[0], cause: this.cause() });
    }
    this.now = end;
  }

  /** The next timer, taken only `ms` after it was due: nothing ran meanwhile. */
  wakeLate(ms: number): void {
    const first = Object.entries(this.entry.pending.timers).sort(([, a], [, b]) => a.due - b.due)[0]!;
    this.now = first[1].due + ms;
    this.take({ is: 'timer', token: first[0], cause: this.cause() });
  }

  private token(src: string): string {
    const found = Object.entries(this.entry.pending.effects).find(([, e]) => e.src === src)?.[0];
    if (!found) throw new Error(`${this.kind} does not wait for ${src}; it is ${this.state} and waits for ${this.running.join(', ') || 'nothing'}`);
    return found;
  }
  private cause() {
    return { id: `s${++this.count}` };
  }
  private take(inbound: Inbound): boolean {
    const t = turn(kinds.get(this.kind)!, this.head, inbound, { actor: `${this.kind}/x`, at: this.now, rnd: this.rnd, epoch: 1 });
    if ('drop' in t) return false;
    this.head = { entry: JSON.parse(Buffer.from(t.bytes).toString('utf8')) as Entry, hash: t.hash, seq: this.count, snapshot: null };
    return true;
  }
}
