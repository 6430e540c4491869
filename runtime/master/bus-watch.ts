import type { NatsConnection } from '@nats-io/nats-core';
import type { FileOutbox } from '../alerts/file-outbox.ts';

/** Says that NATS is down, and that it is back, without it. A restart that takes seconds is no news. */
export class BusWatch {
  private readonly outbox: Pick<FileOutbox, 'say'>;
  private readonly afterMs: number;
  private timer: NodeJS.Timeout | null = null;
  private episode: string | null = null;
  private stopped = false;

  constructor(nc: NatsConnection, outbox: Pick<FileOutbox, 'say'>, afterMs: number) {
    this.outbox = outbox;
    this.afterMs = afterMs;
    void this.watch(nc);
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
  }

  private async watch(nc: NatsConnection): Promise<void> {
    for await (const s of nc.status()) {
      if (this.stopped) return;
      if (s.type === 'disconnect' && !this.timer && !this.episode) this.timer = setTimeout(() => this.down(), this.afterMs);
      if (s.type !== 'reconnect') continue;
      if (this.timer) clearTimeout(this.timer);
      this.timer = null;
      if (this.episode) this.tell('resolved', 'it answers again');
      this.episode = null;
    }
  }

  private down(): void {
    this.timer = null;
    this.episode = String(Date.now());
    this.tell('firing', `it has not answered for ${Math.round(this.afterMs / 1000)} s: workers stop acting by themselves, nothing is lost`);
  }

  private tell(what: 'firing' | 'resolved', text: string): void {
    this.outbox.say({ alert: 'bus-down', name: 'NATS is down', what, severity: 'critical', text, episode: this.episode! });
  }
}
