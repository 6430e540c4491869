import type { Ledger } from './dispatcher.ts';
import type { What } from './placing.ts';

type Line = { actor: string; worker: string; what: What | 'none'; agent: string | null; account: string | null };
type Out = Line & { token: string };
/** What a worker says that it runs: `is` tells what each takes up. */
export type Running = { actor: string; is: What | 'none' };

/** A reservation without its effect was for an actor that went another way. */
const RESERVED = 5_000;

/** What is out on which worker: by this master's own effects, by what it has just placed, and by what workers say of other masters' work. */
export class Book implements Ledger {
  private readonly out = new Map<string, Out>();
  private readonly reserved = new Map<string, Line & { at: number }>();
  private readonly loads = new Map<string, { windows: number; shells: number }>();
  private readonly others = new Map<string, { windows: number; shells: number; text: string }>();
  private readonly agents = new Map<string, string>();
  private readonly accounts = new Map<string, string>();
  private readonly owns: (actor: string) => boolean;
  private readonly freed: () => void;

  constructor(owns: (actor: string) => boolean, freed: () => void) {
    this.owns = owns;
    this.freed = freed;
  }

  reserve(actor: string, line: Omit<Line, 'actor'>): void {
    this.release(actor);
    this.reserved.set(actor, { actor, ...line, at: performance.now() });
    this.count(line, 1);
    this.mark({ actor, ...line });
  }

  given(token: string, actor: string, src: string, input: Record<string, unknown>): void {
    if (src !== 'work' && src !== 'keep') return;
    this.release(actor);
    const agent = (src === 'work' ? (input['agent'] as string | null) : null) ?? null;
    const line: Out = { token, actor, worker: String(input['worker']), what: src === 'keep' ? 'agent' : whatOf(String(input['type']), agent), agent, account: src === 'work' ? ((input['account'] as string | null) ?? null) : null };
    this.out.set(token, line);
    this.count(line, 1);
    this.mark(line);
  }

  /** The worker says that it has ended: its room is free before the result is stored. */
  ended(token: string, worker: string): void {
    if (this.out.get(token)?.worker === worker) this.over(token);
  }

  over(token: string): void {
    const line = this.out.get(token);
    if (!line) return;
    this.out.delete(token);
    this.count(line, -1);
    this.unmark(line);
    this.freed();
  }

  /** What the worker runs for other masters, who count the same way; true when that has changed. */
  heard(worker: string, running: readonly Running[]): boolean {
    const foreign = running.filter((r) => !this.owns(r.actor));
    const windows = foreign.filter((r) => r.is === 'page' || r.is === 'agent').length;
    const shells = foreign.filter((r) => r.is === 'shell').length;
    const text = `${windows} ${shells}`;
    if (this.others.get(worker)?.text === text) return false;
    this.others.set(worker, { windows, shells, text });
    return true;
  }

  load(worker: string): { windows: number; shells: number } {
    const own = this.loads.get(worker);
    const others = this.others.get(worker);
    return { windows: (own?.windows ?? 0) + (others?.windows ?? 0), shells: (own?.shells ?? 0) + (others?.shells ?? 0) };
  }

  /** The actor that works in the agent's window, as far as this master knows. */
  inAgent(agent: string): string | null {
    return this.agents.get(agent) ?? null;
  }

  withAccount(account: string): string | null {
    return this.accounts.get(account) ?? null;
  }

  /** Takes a reservation back. */
  cancel(actor: string): void {
    if (!this.reserved.has(actor)) return;
    this.release(actor);
    this.freed();
  }

  /** Drops reservations whose effect never came. */
  expire(): void {
    const old = performance.now() - RESERVED;
    for (const [actor, r] of this.reserved) {
      if (r.at > old) break;
      this.release(actor);
    }
  }

  private release(actor: string): void {
    const line = this.reserved.get(actor);
    if (!line) return;
    this.reserved.delete(actor);
    this.count(line, -1);
    this.unmark(line);
  }

  private count({ worker, what }: Pick<Line, 'worker' | 'what'>, by: number): void {
    const load = this.loads.get(worker) ?? { windows: 0, shells: 0 };
    this.loads.set(worker, load);
    if (what === 'shell') load.shells += by;
    else if (what !== 'none') load.windows += by;
  }

  private mark({ actor, agent, account }: Line): void {
    if (agent !== null) this.agents.set(agent, actor);
    if (account !== null) this.accounts.set(account, actor);
  }

  private unmark({ actor, agent, account }: Line): void {
    if (agent !== null && this.agents.get(agent) === actor) this.agents.delete(agent);
    if (account !== null && this.accounts.get(account) === actor) this.accounts.delete(account);
  }
}

/** What a task takes up on its worker: a window of its own, a shell, or nothing beside its agent. */
export const whatOf = (type: string, agent: string | null): What | 'none' => (type === 'shell' ? 'shell' : agent === null ? 'page' : 'none');
