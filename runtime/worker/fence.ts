import type { HeartbeatAnswer } from '../../transport/protocol.ts';

/**
 * Which accounts this worker may act for. A lease counts until `leaseMs` after the last confirmed heartbeat was sent,
 * by the monotonic clock: a worker that was cut off or stopped stops acting before the master gives the account away.
 */
export class Fence {
  readonly #leaseMs: number;
  readonly #onLost: (account: string, reason: string) => void;
  readonly #onSilent: () => void;
  readonly #leases = new Map<string, number>();
  #until = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `onSilent`: the masters have not been heard for so long that they give away what is bound to no account, too. */
  constructor(leaseMs: number, onLost: (account: string, reason: string) => void, onSilent: () => void = () => {}) {
    this.#leaseMs = leaseMs;
    this.#onLost = onLost;
    this.#onSilent = onSilent;
  }

  /** Takes the answer to a heartbeat that was sent at `sentAt` (performance.now()). */
  confirm(sentAt: number, leases: HeartbeatAnswer['leases']): void {
    const until = sentAt + this.#leaseMs;
    if (until < this.#until || until <= performance.now()) return;
    this.#until = until;
    const next = new Map(leases.map((l) => [l.account, l.epoch]));
    for (const [account, epoch] of [...this.#leases]) if (next.get(account) !== epoch) this.#lose(account, 'the lease went to somebody else');
    for (const [account, epoch] of next) this.#leases.set(account, epoch);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expire(), until - performance.now());
    this.#timer.unref();
  }

  /** Whether the account may be acted for at this instant. */
  holds(account: string, epoch: number): boolean {
    return performance.now() < this.#until && this.#leases.get(account) === epoch;
  }

  /** Whether anything may be done at this instant: the masters have confirmed a heartbeat in time. */
  live(): boolean {
    return performance.now() < this.#until;
  }

  epochOf(account: string): number | null {
    return performance.now() < this.#until ? (this.#leases.get(account) ?? null) : null;
  }

  list(): { account: string; epoch: number }[] {
    return [...this.#leases].map(([account, epoch]) => ({ account, epoch }));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #expire(): void {
    for (const account of [...this.#leases.keys()]) this.#lose(account, `no heartbeat was confirmed for ${this.#leaseMs} ms`);
    this.#onSilent();
  }

  #lose(account: string, reason: string): void {
    this.#leases.delete(account);
    this.#onLost(account, reason);
  }
}
