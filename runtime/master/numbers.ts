import type { KV, Kvm } from '@nats-io/kv';
import { BUCKET } from '../../transport/subjects.ts';

const KEY = 'task-number';
const BLOCK = 200;

/** Running numbers, each given once however many masters there are: every master leases blocks of them, so they rise, with gaps. */
export class Numbers {
  private readonly kvm: Kvm;
  private kv: KV | null = null;
  private next = 0;
  private end = 0;
  private leasing: Promise<void> | null = null;

  constructor(kvm: Kvm) {
    this.kvm = kvm;
  }

  async take(): Promise<number> {
    while (this.next >= this.end) {
      this.leasing ??= this.lease().finally(() => (this.leasing = null));
      await this.leasing;
    }
    return this.next++;
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
        this.next = from;
        this.end = from + BLOCK;
        return;
      } catch (error) {
        // Another master was faster: the next block is ours.
        if (!/wrong last sequence|exists/i.test((error as Error).message)) throw error;
      }
    }
  }
}
