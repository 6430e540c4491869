import { setTimeout as delay } from 'node:timers/promises';
import { join } from 'node:path';
import type { Exit, WorkerConfig } from '../../machines/worker.ts';
import type { Config } from '../config.ts';
import type { Spec } from '../drivers/contract.ts';
import type { LocalDriver, LocalHandle } from '../drivers/local/local-driver.ts';
import { admitWorker } from '../nats-server/admit-worker.ts';
import { packageRoot } from '../package-root.ts';
import type { Secrets } from '../secrets.ts';
import { EffectFailed, type MasterEffect } from './effects.ts';

type Input = { id: string; generation: number; handle: LocalHandle | null; graceMs: number; config: WorkerConfig };

/** What the worker chart asks of the outside: start, watch and end one process through its driver. */
export function workerEffects(config: Config, secrets: Secrets, driver: LocalDriver, exited: (worker: string) => void): Record<'spawn' | 'watch' | 'kill', MasterEffect> {
  return {
    async spawn({ id, config: wanted }: Input) {
      if (wanted.deployment_type !== 'local') throw new EffectFailed('refused', `this build starts workers of type local; ${wanted.deployment_type} has no driver here`);
      await admitWorker(config, secrets, id);
      const handle = await driver.start(specOf(config, wanted, id), id);
      return { handle, pid: handle.pid };
    },
    async watch({ id, handle }: Input, { again, signal }) {
      if (!handle) throw new EffectFailed('unknown', 'it has no process to watch');
      const there = await driver.recover(handle);
      if (there === 'gone' && again) {
        exited(id);
        return { code: null, signal: null, unseen: true } satisfies Exit;
      }
      const exit = await driver.wait(handle, signal);
      exited(id);
      return { code: exit.code, signal: exit.signal } satisfies Exit;
    },
    async kill({ id, handle, graceMs }: Input) {
      if (!handle) return { code: null, signal: null };
      const waiting = driver.wait(handle, AbortSignal.timeout(graceMs + 10_000)).catch(() => null);
      await driver.stop(handle, graceMs);
      exited(id);
      const exit = await Promise.race([waiting, delay(500, null)]);
      return { code: exit?.code ?? null, signal: exit?.signal ?? null };
    },
  };
}

function specOf(config: Config, wanted: WorkerConfig, id: string): Spec {
  const { browser_config: browser } = wanted;
  return {
    command: process.execPath,
    args: [join(packageRoot(), 'dist', 'runtime', 'main.js'), 'worker', ...wanted.command_args],
    cwd: wanted.working_directory ?? packageRoot(),
    env: {
      ...demoEnv(config),
      ...wanted.env_variables,
      WORKER_ID: id,
      WORKER_GROUP: wanted.group_name,
      WORKER_PORT: String(wanted.port),
      MAX_ACCOUNTS: String(wanted.max_accounts),
      HEADLESS: (browser.headless ?? config.worker.headless) ? '1' : '0',
      BROWSER_MODE: browser.mode ?? config.worker.mode,
      MAX_CONCURRENT: String(config.worker.maxConcurrent),
      HEARTBEAT_INTERVAL_MS: String(config.timing.heartbeat),
      SUSPECT_AFTER_MS: String(config.timing.suspect),
      OFFLINE_AFTER_MS: String(config.timing.offline),
      LEASE_FENCE_MS: String(config.timing.fence),
      LEASE_TTL_MS: String(config.timing.lease),
      STOP_GRACE_MS: String(config.timing.grace),
      NATS_URL: config.nats.servers.join(','),
      WORKER_PSK_FILE: config.nats.pskFile,
      TROUPE_DATA: config.dataDir,
      LOG_LEVEL: config.logLevel,
      ...(config.chromium ? { TROUPE_CHROMIUM: config.chromium } : {}),
      ...(config.platformsDir ? { TROUPE_PLATFORMS_DIR: config.platformsDir } : {}),
    },
  };
}

const demoEnv = (config: Config): Record<string, string> => (config.demo.on ? { SANDBOX_URL: process.env['SANDBOX_URL'] ?? `http://127.0.0.1:${config.demo.port}` } : {});
