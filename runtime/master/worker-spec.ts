import { join } from 'node:path';
import { workerDefaults } from '../../actors/worker.ts';
import type { WorkerConfig } from '../../machines/worker.ts';
import type { Config } from '../config.ts';
import type { Spec } from '../drivers/contract.ts';
import { packageRoot } from '../package-root.ts';
import { workerPassword, type Secrets } from '../secrets.ts';

/** Where Troupe's own image keeps the program. */
const IN_IMAGE = '/app';
const DATA_IN_IMAGE = '/data';

export type SpecOptions = { config: Config; secrets: Pick<Secrets, 'psk' | 'nextPsk'>; id: string; wanted: WorkerConfig; version: number; /** The sealed variables, opened. */ sealed: Record<string, string> };

/** What the worker's driver is asked to start: where the program is there, how the master is reached from there, and what it may use. */
export function specOf(o: SpecOptions): Spec {
  const { wanted, config } = o;
  const limits = { memoryMb: wanted.max_memory_mb, cpuCores: wanted.cpu_cores };
  const args = (root: string) => [join(root, 'dist', 'runtime', 'main.js'), 'worker', ...wanted.command_args];
  switch (wanted.deployment_type) {
    case 'local':
      return { command: process.execPath, args: args(packageRoot()), cwd: wanted.working_directory ?? packageRoot(), limits, env: { ...env(o), ...here(config) } };
    case 'agent':
      // The agent puts its own program and folder in the place of these two.
      return { command: 'node', args: ['dist/runtime/main.js', 'worker', ...wanted.command_args], cwd: wanted.working_directory ?? '.', limits, env: { ...env(o), ...there(o) } };
    case 'remote': {
      const root = `${wanted.ssh_directory}/current`;
      return { command: 'node', args: args(root), cwd: wanted.working_directory ?? root, limits, env: { ...env(o), ...there(o), TROUPE_DATA: `${wanted.ssh_directory}/data/${o.id}` } };
    }
    case 'docker':
      return { command: 'node', args: args(IN_IMAGE), cwd: wanted.working_directory ?? IN_IMAGE, limits, env: { ...env(o), ...there(o), TROUPE_DATA: DATA_IN_IMAGE }, container: { image: wanted.docker_image!, network: wanted.docker_network, volumes: wanted.docker_volumes, restartPolicy: 'no' } };
    case 'k8s':
      return {
        command: 'node', args: args(IN_IMAGE), cwd: wanted.working_directory ?? IN_IMAGE, limits, env: { ...env(o), ...there(o), TROUPE_DATA: DATA_IN_IMAGE },
        pod: { namespace: wanted.k8s_namespace ?? config.k8s.namespaces[0]!, image: wanted.k8s_image!, serviceAccount: wanted.k8s_service_account, nodeSelector: wanted.k8s_node_selector, labels: { 'troupe.dev/group': wanted.group_name } },
      };
  }
}

function env({ config, wanted, id, version, sealed }: SpecOptions): Record<string, string> {
  const { browser_config: browser } = wanted;
  return {
    ...(config.demo.on ? { SANDBOX_URL: process.env['SANDBOX_URL'] ?? `http://127.0.0.1:${config.demo.port}` } : {}),
    ...(wanted.allow_shell ? { MAX_SHELLS: String(config.worker.maxShells), SHELL_MEMORY_MB: String(config.worker.shellLimits.memoryMb), SHELL_CPU_CORES: String(config.worker.shellLimits.cpuCores) } : {}),
    ...(process.env['BROWSER_NICE'] === undefined ? {} : { BROWSER_NICE: process.env['BROWSER_NICE'] }),
    ...(config.worker.allowHosts.length > 0 ? { BROWSER_ALLOW: config.worker.allowHosts.join(',') } : {}),
    ...wanted.env_variables,
    ...sealed,
    WORKER_ID: id,
    ...(wanted.group_name === 'default' ? {} : { WORKER_GROUP: wanted.group_name }),
    ...(wanted.group_strict ? { GROUP_STRICT: '1' } : {}),
    WORKER_CONFIG_VERSION: String(version),
    WORKER_PORT: String(wanted.port),
    MAX_ACCOUNTS: String(wanted.max_accounts),
    MAX_AGENTS: String(wanted.max_agents ?? workerDefaults.max_agents),
    ALLOW_SHELL: wanted.allow_shell ? '1' : '0',
    HEADLESS: (browser.headless ?? config.worker.headless) ? '1' : '0',
    BROWSER_MODE: browser.mode ?? config.worker.mode,
    MAX_CONCURRENT: String(config.worker.maxConcurrent),
    HEARTBEAT_INTERVAL_MS: String(config.timing.heartbeat),
    SUSPECT_AFTER_MS: String(config.timing.suspect),
    OFFLINE_AFTER_MS: String(config.timing.offline),
    LEASE_FENCE_MS: String(config.timing.fence),
    LEASE_TTL_MS: String(config.timing.lease),
    STOP_GRACE_MS: String(wanted.stop_timeout_ms === 30_000 ? config.timing.grace : wanted.stop_timeout_ms),
    LOG_LEVEL: config.logLevel,
  };
}

/** On the master's own machine the worker reads the key itself. */
const here = (config: Config): Record<string, string> => ({
  NATS_URL: config.nats.servers.join(','),
  WORKER_PSK_FILE: config.nats.pskFile,
  TROUPE_DATA: config.dataDir,
  ...(config.chromium ? { TROUPE_CHROMIUM: config.chromium } : {}),
  ...(config.toolsDir ? { TROUPE_TOOLS_DIR: config.toolsDir } : {}),
  ...(config.platformsDir ? { TROUPE_PLATFORMS_DIR: config.platformsDir } : {}),
});

/** Elsewhere it gets its own password and no key that would open others. */
const there = ({ config, secrets, id }: SpecOptions): Record<string, string> => ({ NATS_URL: config.nats.advertised.join(','), NATS_PASSWORD: workerPassword(secrets.nextPsk ?? secrets.psk, id) });
