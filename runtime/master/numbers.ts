import type { KV, Kvm } from '@nats-io/kv';
import { BUCKET } from '../../transport/subjects.ts';

const KEY = 'task-number';
const BLOCK = 50;

/** Running numbers, each given once however many masters there are: every master leases blocks of them, so they rise, with gaps. */
export class Numbers {
  private readonly kvm: Kvm;
  private kv: KV | null = null;
  private next = 0;
  private end = 0;
  /** Where the block after this one begins, once it is leased. */
  private ahead: number | null = null;
  private leasing: Promise<void> | null = null;

  constructor(kvm: Kvm) {
    this.kvm = kvm;
  }

  async take(): Promise<number> {
    while (this.next >= this.end) {
      if (this.ahead === null) await this.leaseOnce();
      // Another caller may have gone on to it meanwhile.
      if (this.next < this.end || this.ahead === null) continue;
      [this.next, this.end, this.ahead] = [this.ahead, this.ahead + BLOCK, null];
    }
    // Leased while there is room: nobody waits for it under load.
    if (this.ahead === null && this.end - this.next < BLOCK / 2) void this.leaseOnce().catch(() => undefined);
    return this.next++;
  }

  private leaseOnce(): Promise<void> {
    return (this.leasing ??= this.lease().finally(() => (this.leasing = null)));
  }

  private async lease(): Promise<void> {
    const kv = (this.kv ??= await this.kvm.open(BUCKET.settings));
    for (;;) {
      const entry = await kv.get(KEY);
      const from = entry?.operation === 'PUT' ? Number(entry.string()) : 1;
      const to = String(from + BLOCK);
      try {
        if (entry) await kv.update(KEY, to, entry.revision);
        else await kv.create(KEY, to);
        this.ahead = from;
        return;
      } catch (error) {
        // Another master was faster: the next block is ours.
        if (!/wrong last sequence|exists/i.test((error as Error).message)) throw error;
      }
    }
  }
}
