import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { describeConfig, isLoopback, type Config } from '../config.ts';
import { findServer } from '../nats-server/find-server.ts';
import { SERVER_SLACK_NS } from '../nats-server/spawn-server.ts';
import { serverReady } from '../nats-server/server-ready.ts';
import { writeServerConfig } from '../nats-server/server-config.ts';
import { natsLogin } from '../nats-login.ts';
import { packageRoot } from '../package-root.ts';
import type { Secrets } from '../secrets.ts';
import type { Part } from './supervisor.ts';

const READY_MS = 60_000;

/** The address that a browser on this machine opens. */
export function pageAddress(config: Config): string {
  const host = ['0.0.0.0', '::'].includes(config.http.host) ? '127.0.0.1' : config.http.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${config.http.ports[0]}`;
}

/** True when the configured NATS is ours to run: it is on this machine. */
export const ownsServer = (config: Config): boolean => config.nats.servers.length === 1 && isLoopback(new URL(config.nats.servers[0]!).hostname);

/** What `up` runs, in the order of starting: nats, sandbox, master, web. */
export async function graphParts(config: Config, secrets: Secrets, env: Record<string, string | undefined>, withServer: boolean): Promise<Part[]> {
  const root = packageRoot();
  const passed = passedEnv(config, env);
  const node = (key: string, args: string[], more: Record<string, string>, ready: Part['ready'], graceMs: number): Part => ({
    key, spec: { command: process.execPath, args, env: { ...passed, ...more }, cwd: root }, ready, vital: false, graceMs,
  });
  const main = join(root, 'dist', 'runtime', 'main.js');
  const site = join(root, 'dist', 'platforms', 'sandbox', 'site', 'main.js');
  const parts: Part[] = [];
  if (withServer) {
    const server = await findServer(config, env);
    const { configFile } = writeServerConfig(config, secrets);
    parts.push({
      key: 'nats',
      spec: { command: server.path, args: ['-c', configFile], env: {}, cwd: config.dataDir, timerSlackNs: SERVER_SLACK_NS },
      ready: async (signal) => void (await serverReady(natsLogin(config, 'master'), READY_MS, signal)),
      vital: true,
      graceMs: 15_000,
    });
  }
  if (config.demo.on && existsSync(site)) {
    parts.push({ aside: true, ...node('sandbox', [site], { SANDBOX_PORT: String(config.demo.port), SANDBOX_DIR: join(config.dataDir, 'sandbox'), HOST: '127.0.0.1' }, (s) => answers(`http://127.0.0.1:${config.demo.port}/`, s), 5000) });
  }
  // Turns make much short-lived garbage: a larger nursery collects it in fewer goes.
  parts.push(node('master', ['--max-semi-space-size=32', main, 'master'], {}, (s) => masterAnswers(config, s), config.timing.grace));
  parts.push(node('web', [main, 'web'], {}, (s) => answers(`${pageAddress(config)}/livez`, s), 10_000));
  return parts;
}

// The settings that Troupe knows, and nothing else of our environment.
function passedEnv(config: Config, env: Record<string, string | undefined>): Record<string, string> {
  const known = new Set(describeConfig().map((r) => r.name));
  const kept = Object.entries(env).filter((e): e is [string, string] => e[1] !== undefined && (known.has(e[0]) || /^(TROUPE|SANDBOX)_[A-Z_]+$/.test(e[0])) && e[0] !== 'TROUPE_NONCE');
  return { ...Object.fromEntries(kept), TROUPE_DATA: config.dataDir };
}

/** Waits for any HTTP answer. */
async function answers(url: string, signal: AbortSignal): Promise<void> {
  await until(signal, async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000), redirect: 'manual' });
    await response.body?.cancel();
    return true;
  }, `${url} did not answer`);
}

/** Waits until a micro service of a master is on NATS. */
async function masterAnswers(config: Config, signal: AbortSignal): Promise<void> {
  const nc = await connect({ ...natsLogin(config, 'operator'), maxReconnectAttempts: -1, ignoreAuthErrorAbort: true });
  try {
    await until(signal, async () => (await nc.request('$SRV.PING', '', { timeout: 1000 })).data.length > 0, 'the master did not answer on NATS');
  } finally {
    await nc.close();
  }
}

async function until(signal: AbortSignal, ask: () => Promise<boolean>, late: string): Promise<void> {
  const end = performance.now() + READY_MS;
  while (performance.now() < end) {
    signal.throwIfAborted();
    if (await ask().catch(() => false)) return;
    await delay(50, undefined, { signal });
  }
  throw new Error(`${late} within ${READY_MS / 1000} s`);
}
