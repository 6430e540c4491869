import { join } from 'node:path';
import type { Config } from '../config.ts';
import { LocalDriver } from './local/local-driver.ts';

/** The local driver of this data folder. `up` and the masters share its keys: `nats`, `master`, `web`, `sandbox`, and worker ids. */
export function openLocalDriver(config: Pick<Config, 'dataDir'>): LocalDriver {
  return new LocalDriver({ runDir: join(config.dataDir, 'run'), logDir: join(config.dataDir, 'logs') });
}
