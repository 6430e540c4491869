import { heartbeatAnswer, type Heartbeat, type HeartbeatAnswer } from '../../transport/protocol.ts';
import type { Fence } from './fence.ts';
import type { Link } from './link.ts';

export type HeartbeatOptions = {
  link: Link;
  fence: Fence;
  everyMs: number;
  report(): Promise<Omit<Heartbeat, 'seq' | 'at'>>;
  /** The master does not know this worker. */
  onUnknown(): Promise<void>;
  /** A newer configuration is there; what needs no restart is taken on. */
  onConfig?(config: NonNullable<HeartbeatAnswer['config']>): void;
};

/** A busy machine may answer later than the pace of the reports, ms. */
const ANSWER_AT_LEAST = 2000;

/** Reports to the master at a steady pace; each confirmed report renews the leases. */
export class HeartbeatLoop {
  readonly #options: HeartbeatOptions;
  #seq = 0;
  #beating: Promise<void> | null = null;
  #fresh: Promise<void> | null = null;
  #nextFresh: Promise<void> | null = null;
  #timer: NodeJS.Timeout;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.now(), options.everyMs);
  }

  /** One report at once; joins one that is on its way. */
  now(): Promise<void> {
    this.#beating ??= this.#beat().finally(() => (this.#beating = null));
    return this.#beating;
  }

  /** One report that is sent after this call: the answer to one on its way may be older than what is asked about. */
  afresh(): Promise<void> {
    // Not after the one on its way: on a slow line that is a wait of its own. All that ask while one waits share the next.
    if (!this.#fresh) return (this.#fresh = this.#beat().finally(() => (this.#fresh = null)));
    return (this.#nextFresh ??= this.#fresh.then(() => {
      this.#nextFresh = null;
      return this.afresh();
    }));
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    const { link, fence, everyMs, report, onUnknown, onConfig } = this.#options;
    const body = { ...(await report()), seq: ++this.#seq, at: Date.now() };
    const sentAt = performance.now();
    const answer = heartbeatAnswer.safeParse(await link.beat(body, Math.min(Math.max(everyMs, ANSWER_AT_LEAST), 5000)));
    if (!answer.success) return;
    if (answer.data.config) onConfig?.(answer.data.config);
    if (answer.data.known) fence.confirm(sentAt, answer.data.leases);
    else await onUnknown();
  }
}
