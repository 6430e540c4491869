import type { PlatformAbout } from '../platform-check/platform-about.ts';
import { countListed } from '../read-model/queries/accounts.ts';
import { listWorkers } from '../read-model/queries/workers.ts';
import type { Deps } from './ports.ts';

export type PlatformUse = PlatformAbout & { accounts: number; workers: string[]; ofWorkers: number };

/** The platforms with who uses them and which connected workers have them. */
export function platformRows(d: Pick<Deps, 'db' | 'platformList'>): PlatformUse[] {
  const workers = listWorkers(d.db).filter((w) => w.link === 'connected');
  return d.platformList().map((p) => ({ ...p, accounts: countListed(d.db, { platform: p.id }), workers: workers.filter((w) => w.capabilities.includes(p.id)).map((w) => w.id), ofWorkers: workers.length }));
}
