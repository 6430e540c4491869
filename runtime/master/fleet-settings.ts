import type { Kvm, KV } from '@nats-io/kv';
import { z } from 'zod';
import { BUCKET } from '../../transport/subjects.ts';
import { keepDays } from '../read-model/keep-days.ts';
import { STRATEGIES, type Strategy } from './assignment.ts';

/** What an operator has set for the whole fleet; key `fleet` of the settings bucket. */
export const fleetSettings = z.object({
  strategy: z.enum(STRATEGIES as [Strategy, ...Strategy[]]).default('least-connections'),
  /** How tasks are spread; null: affinity where an account is set, else least-connections. */
  taskStrategy: z.enum(STRATEGIES as [Strategy, ...Strategy[]]).nullable().default(null),
  /** Days that what is over is shown. */
  ...keepDays.shape,
});
export type FleetSettings = z.infer<typeof fleetSettings>;

const EVERY = 2_000;

/** Looks at the settings every two seconds: a watch may sleep for a minute and a half after its server was lost. */
export class FleetSettingsReader {
  private kv: KV | null = null;
  private readonly kvm: Kvm;
  private readonly timer: NodeJS.Timeout;
  now: FleetSettings = fleetSettings.parse({});

  constructor(kvm: Kvm) {
    this.kvm = kvm;
    this.timer = setInterval(() => void this.look(), EVERY);
    void this.look();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** The template of this name, as it was saved. */
  async template(name: string): Promise<Record<string, unknown> | null> {
    return this.value(`template.${name}`);
  }

  /** What is saved under a key of the settings, null where nothing is. */
  async value(key: string): Promise<Record<string, unknown> | null> {
    const entry = await (await this.open()).get(key);
    return entry && entry.operation === 'PUT' ? entry.json<Record<string, unknown>>() : null;
  }

  private async open(): Promise<KV> {
    return (this.kv ??= await this.kvm.open(BUCKET.settings));
  }

  private async look(): Promise<void> {
    try {
      const entry = await (await this.open()).get('fleet');
      const read = fleetSettings.safeParse(entry && entry.operation === 'PUT' ? entry.json() : {});
      if (read.success) this.now = read.data;
    } catch {
      // NATS is away: what was set last still counts.
    }
  }
}
