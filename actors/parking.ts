import type { Clock, Park } from './ports.ts';
import type { Item, Slot } from './slot.ts';

type Options = { park: Park; clock: Clock; onFault?: (where: string, error: Error) => void };

/** Timers and settling come back by themselves from what is pending; everything else is kept. */
const COMES_BACK = ['timer', 'settle'];
const TRY_AGAIN = 500;

/** Takes an actor that can't go on out of the way, with the event that it could not take and all that follow. */
export class Parking {
  private readonly o: Options;
  private readonly wake: (slot: Slot) => void;
  private stopped = false;

  constructor(options: Options, wake: (slot: Slot) => void) {
    this.o = options;
    this.wake = wake;
  }

  /** `item` is the event at fault; null when the journal's own last entry is. */
  park(slot: Slot, item: Item | null, error: Error): void {
    slot.parked = error.message;
    if (item) slot.queue.unshift(item);
    this.o.onFault?.(`park ${slot.actor}`, error);
    void this.hold(slot, error);
  }

  /** Moves what waits for a parked actor to its list of parked events; nothing is acknowledged before it is stored there. */
  async hold(slot: Slot, error?: Error): Promise<void> {
    if (slot.busy) return;
    slot.busy = true;
    while (slot.queue.length > 0 && slot.parked !== null && !this.stopped) {
      const item = slot.queue[0]!;
      const why = slot.parked;
      try {
        if (error || !COMES_BACK.includes(item.inbound.is)) {
          await this.o.park.put(slot.actor, { inbound: item.inbound, error: why, stack: error?.stack ?? '', index: slot.head?.entry.index ?? 0, at: this.o.clock.now() });
          error = undefined;
        }
        slot.queue.shift();
        item.done({ is: 'parked', why });
      } catch (fault) {
        this.o.onFault?.(`park ${slot.actor}`, fault as Error);
        await new Promise((r) => setTimeout(r, TRY_AGAIN));
      }
    }
    slot.busy = false;
    if (slot.parked === null) this.wake(slot);
  }

  stop(): void {
    this.stopped = true;
  }
}
