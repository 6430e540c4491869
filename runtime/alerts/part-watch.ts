import type { FileOutbox } from './file-outbox.ts';

const ENDS = 3;
const WITHIN_MS = 120_000;
const CALM_MS = 60_000;

/** Says that a part of the graph ends again and again, and that it has stopped to: by the way that needs no part of the graph. */
export class PartWatch {
  private readonly outbox: Pick<FileOutbox, 'say'>;
  private readonly ends = new Map<string, number[]>();
  private readonly firing = new Map<string, { episode: string; calm: NodeJS.Timeout }>();
  constructor(outbox: Pick<FileOutbox, 'say'>) {
    this.outbox = outbox;
  }

  /** `final`: it is not started again. */
  exited(key: string, why: string, final = false, now = Date.now()): void {
    const recent = [...(this.ends.get(key) ?? []).filter((t) => t > now - WITHIN_MS), now];
    this.ends.set(key, recent);
    const known = this.firing.get(key);
    if (!known && recent.length < ENDS && !final) return;
    if (known) clearTimeout(known.calm);
    const episode = known?.episode ?? `${key} ${recent[0]}`;
    if (!known) this.outbox.say({ alert: `part-${key}`, name: `${key} ends again and again`, what: 'firing', severity: 'critical', text: why, episode });
    const calm = setTimeout(() => {
      this.firing.delete(key);
      this.ends.delete(key);
      this.outbox.say({ alert: `part-${key}`, name: `${key} ends again and again`, what: 'resolved', severity: 'critical', text: 'it runs again', episode });
    }, CALM_MS);
    calm.unref();
    this.firing.set(key, { episode, calm });
    if (final) clearTimeout(calm);
  }

  stop(): void {
    for (const { calm } of this.firing.values()) clearTimeout(calm);
  }
}
