import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, type Config } from '../../runtime/config.ts';
import { findServer } from '../../runtime/nats-server/find-server.ts';
import { writeServerConfig } from '../../runtime/nats-server/server-config.ts';
import { serverReady } from '../../runtime/nats-server/server-ready.ts';
import { spawnServer } from '../../runtime/nats-server/spawn-server.ts';
import { stagingFolder } from '../../runtime/nats-server/staging.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { loadSecrets, type Secrets } from '../../runtime/secrets.ts';
import { diesWithUs } from './dies-with-us.ts';
import { packageRoot } from '../../runtime/package-root.ts';

export type RunningServer = { config: Config; secrets: Secrets; child: ChildProcess; stop(): Promise<void> };

// Below the range that the kernel hands out by itself, and another part of it for each test process.
const POOL = 2_000;
const first = 10_000 + (Number(process.env['VITEST_POOL_ID'] ?? 0) % 11) * POOL;
let next = Math.floor(Math.random() * POOL);

/** A port that is free on loopback, and given to nobody else here. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + (next++ % POOL);
    const s = createServer();
    const free = await new Promise<boolean>((resolve) => s.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
    if (!free) continue;
    s.close();
    await once(s, 'close');
    return port;
  }
}

/** A configuration with its own folder and ports. */
export async function ownConfig(env: Record<string, string> = {}): Promise<{ config: Config; env: Record<string, string> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'troupe-'));
  const all = { TROUPE_DATA: dataDir, NATS_URL: `nats://127.0.0.1:${await freePort()}`, NATS_MONITOR_PORT: String(await freePort()), PORT: String(await freePort()), SANDBOX_PORT: String(await freePort()), ...env };
  return { config: loadConfig(all), env: all };
}

/** Where a nats-server of the checkout may be besides the PATH. */
export const serverEnv = (): Record<string, string> => ({ PATH: `${process.env['PATH']}:${join(packageRoot(), 'data', 'bin')}` });

/** A real nats-server with our users, in a folder of its own. */
export async function runningServer(): Promise<RunningServer> {
  const { config } = await ownConfig(process.env['TROUPE_NATS_SERVER'] ? { TROUPE_NATS_SERVER: process.env['TROUPE_NATS_SERVER'] } : {});
  const secrets = loadSecrets(config);
  const { path } = await findServer(config, serverEnv());
  const files = writeServerConfig(config, secrets);
  const child = diesWithUs(spawnServer(path, files.configFile, { stdio: 'ignore' }));
  await serverReady(natsLogin(config, 'master'), 15_000);
  const running: RunningServer = {
    config, secrets, child,
    async stop() {
      // A test may have put another one in its place.
      const now = running.child;
      if (now.exitCode === null && now.signalCode === null) {
        now.kill('SIGKILL');
        await once(now, 'exit');
      }
      for (const dir of [stagingFolder(files.storeDir), config.dataDir]) rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
  return running;
}
