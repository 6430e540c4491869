import type { MachineHeartbeat } from '../../../transport/protocol.ts';

export type MachineFigure = Omit<MachineHeartbeat, 'place'> & { atMs: number };
const FRESH = 30_000;

/** What the machines' agents said last; in memory only. */
export class MachineFigures {
  private readonly last = new Map<string, MachineFigure>();
  private readonly now: () => number;
  constructor(now: () => number) {
    this.now = now;
  }

  take({ place: _, ...beat }: MachineHeartbeat): void {
    this.last.set(beat.machine, { ...beat, atMs: this.now() });
  }
  /** The newest, unless it is stale. */
  latest(machine: string): MachineFigure | null {
    const figure = this.last.get(machine);
    return figure && figure.atMs > this.now() - FRESH ? figure : null;
  }
}
