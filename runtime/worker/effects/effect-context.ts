import type { Platform, PlatformConfig } from '../../../platforms/contract.ts';
import type { BrowserPool } from '../../browsers/browser-pool.ts';
import type { Link } from '../link.ts';
import type { WorkerLog } from '../worker-log.ts';

/** What an effect is given to do its work with. */
export type EffectContext = {
  token: string;
  signal: AbortSignal;
  link: Link;
  pool: BrowserPool;
  log: WorkerLog;
  platform(id: string): { platform: Platform; config: PlatformConfig };
  /** Throws WorkerFault `fenced` unless the account may be acted for at this instant. */
  assertHeld(): void;
  /** Tells the actor something on the way; sent in order. */
  emit(event: { type: string; [key: string]: unknown }): void;
  /** The answer that a person gives to the step `txn`. */
  answer(txn: string): Promise<string>;
};
