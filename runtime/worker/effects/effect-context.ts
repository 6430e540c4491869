import type { Platform, PlatformConfig } from '../../../platforms/contract.ts';
import type { BrowserPool } from '../../browsers/browser-pool.ts';
import type { TaskNote } from '../../../transport/protocol.ts';
import type { Limits } from '../../drivers/local/cgroup.ts';
import type { ToolRegistry } from '../../tools/registry.ts';
import type { Link } from '../link.ts';
import type { Windows } from '../windows/windows.ts';
import type { WorkerLog } from '../worker-log.ts';

/** What an effect is given to do its work with. */
export type EffectContext = {
  token: string;
  signal: AbortSignal;
  link: Link;
  pool: BrowserPool;
  windows: Windows;
  tools: ToolRegistry;
  /** Whether and how commands may run here; `dir` is a folder of their own. */
  shell: { allowed: boolean; dir: string; limits: Limits };
  log: WorkerLog;
  platform(id: string): { platform: Platform; config: PlatformConfig };
  /** Throws WorkerFault `fenced` unless the account may be acted for at this instant; without an account, unless the master still hears this worker. */
  assertHeld(): void;
  /** A row of the task's log, and how far it is; floods are left out in part. For `work` alone. */
  note(row: Omit<TaskNote, 'at' | 'attempt'>): void;
  /** Tells the actor something on the way; sent in order. */
  emit(event: { type: string; [key: string]: unknown }): void;
  /** The answer that a person gives to the step `txn`. */
  answer(txn: string): Promise<string>;
};
