import { z } from 'zod';
import { workerMachine } from '../machines/worker.ts';
import { bind } from './binding.ts';
import { ID, idShape as id } from './id.ts';

const LOADERS = /^(LD_|DYLD_|NODE_OPTIONS$|NODE_PATH$|PATH$|BASH_ENV$|ENV$|TROUPE_NONCE$)/;

const hostName = z.string().min(1).max(253).regex(/^[a-zA-Z0-9][a-zA-Z0-9.:_-]*$/, 'must be a host name or an IP address');
const absolute = z.string().max(500).regex(/^\/[^\0]*$/, 'must be a path that starts with /');
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a variable name');
const image = z.string().max(300).regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/, 'must be an image like name:tag');
const mount = z.string().max(500).regex(/^\/[^:\0]+:\/[^:\0]+(:ro)?$/, 'must be /here:/there or /here:/there:ro').refine((v) => !v.split(':').some((p) => p.split('/').includes('..')), 'must not climb with ..').refine((v) => !/docker\.sock/.test(v), 'must not be the Docker socket').refine((v) => v.split(':')[0] !== '/', 'must not be the whole disk');
const names = (what: string) => z.record(z.string().regex(/^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$/, `must be a ${what}`), z.string().max(63).regex(/^[A-Za-z0-9._-]*$/, 'must be of letters, digits, dots, hyphens')).refine((v) => Object.keys(v).length <= 32, 'must be 32 at most');

const fields = {
  name: z.string().trim().min(1).max(100),
  description: z.string().max(1000),
  deployment_type: z.enum(['local', 'remote', 'docker', 'k8s', 'agent']),
  machine: id.nullable(),
  host: hostName,
  port: z.number().int().min(1).max(65_535),
  max_accounts: z.number().int().min(1).max(100),
  max_agents: z.number().int().min(0).max(1000),
  allow_shell: z.boolean(),
  max_memory_mb: z.number().int().min(512).max(16_384).multipleOf(512),
  cpu_cores: z.number().min(1).max(16),
  env_variables: z
    .record(variable, z.string().max(4096))
    .refine((env) => Object.keys(env).length <= 100, 'must be 100 variables at most'),
  secret_env: z
    .record(variable, z.string().min(1).max(4096).nullable())
    .refine((env) => Object.keys(env).length <= 100, 'must be 100 variables at most'),
  allow_loader_variables: z.boolean(),
  command_args: z.array(z.string().max(500)).max(50).refine((args) => !args.some((a) => a.startsWith('--allow-shell')), 'must not hold --allow-shell: set allow_shell instead'),
  working_directory: z.string().max(500).nullable(),
  browser_config: z.strictObject({ headless: z.boolean().optional(), mode: z.enum(['profile', 'context']).optional() }),
  proxy_id: id.nullable(),
  group_name: z.string().regex(ID, 'must be lower-case letters, digits and hyphens'),
  groups: z.array(id).max(20),
  group_strict: z.boolean(),
  labels: names('label'),
  auto_start: z.boolean(),
  auto_restart: z.boolean(),
  restart_delay_ms: z.number().int().min(1000).max(60_000).multipleOf(1000),
  max_restart_attempts: z.number().int().min(1).max(10),
  memory_action: z.enum(['restart', 'drain', 'stop']),
  recycle_after_hours: z.number().int().min(0).max(720),
  stop_timeout_ms: z.number().int().min(0).max(600_000),
  drain_timeout_ms: z.number().int().min(1000).max(3_600_000),
  ssh_host: hostName.nullable(),
  ssh_port: z.number().int().min(1).max(65_535),
  ssh_user: z.string().regex(/^[a-z_][a-z0-9_.-]{0,31}$/i, 'must be a user name').nullable(),
  ssh_key_id: id.nullable(),
  ssh_password: z.string().min(1).max(500).nullable(),
  ssh_directory: absolute,
  docker_host: z.string().max(300).regex(/^(unix:\/\/\/[^\0]+|tcp:\/\/[a-zA-Z0-9.:[\]-]+)$/, 'must be unix:///… or tcp://host:port').nullable(),
  docker_image: image.nullable(),
  docker_network: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, 'must be the name of a network').refine((v) => v !== 'host', 'must not be the network of the host').nullable(),
  docker_volumes: z.array(mount).max(20),
  docker_restart_policy: z.literal('no', 'must be `no`: Troupe restarts it'),
  k8s_namespace: id.nullable(),
  k8s_image: image.nullable(),
  k8s_service_account: id.nullable(),
  k8s_node_selector: names('label'),
  enabled: z.boolean(),
};

/** What no single field can say. */
const whole = (c: { deployment_type?: string; machine?: string | null; ssh_host?: string | null; ssh_user?: string | null; ssh_key_id?: string | null; ssh_password?: string | null; docker_image?: string | null; k8s_image?: string | null; env_variables?: object; secret_env?: object; allow_loader_variables?: boolean }, ctx: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void }, patch: boolean): void => {
  const need = (path: keyof typeof c, message: string) => {
    if (patch ? c[path] === null : c[path] == null) ctx.addIssue({ code: 'custom', path: [path], message });
  };
  if (c.deployment_type === 'agent') need('machine', 'is needed: the machine whose agent starts it');
  if (c.deployment_type === 'remote') {
    need('ssh_host', 'is needed to start a worker over SSH');
    need('ssh_user', 'is needed to start a worker over SSH');
    if (!patch && c.ssh_key_id == null && c.ssh_password == null) ctx.addIssue({ code: 'custom', path: ['ssh_key_id'], message: 'a key or a password is needed' });
  }
  if (c.deployment_type === 'docker') need('docker_image', 'is needed to start a container');
  if (c.deployment_type === 'k8s') need('k8s_image', 'is needed to start a pod');
  for (const path of ['env_variables', 'secret_env'] as const) {
    if (Object.hasOwn(c[path] ?? {}, 'ALLOW_SHELL')) ctx.addIssue({ code: 'custom', path: [path], message: 'must not hold ALLOW_SHELL: set allow_shell instead' });
    const bad = Object.keys(c[path] ?? {}).find((k) => LOADERS.test(k));
    if (bad && !c.allow_loader_variables) ctx.addIssue({ code: 'custom', path: [path], message: `must not set loader variables like ${bad} (PATH, LD_*, NODE_OPTIONS …) unless allow_loader_variables is on` });
  }
};

export const workerFields = z.strictObject({
  name: fields.name,
  description: fields.description.default(''),
  deployment_type: fields.deployment_type.default('local'),
  machine: fields.machine.default(null),
  host: fields.host.default('127.0.0.1'),
  port: fields.port.default(4001),
  max_accounts: fields.max_accounts.default(10),
  max_agents: fields.max_agents.default(10),
  allow_shell: fields.allow_shell.default(false),
  max_memory_mb: fields.max_memory_mb.default(2048),
  cpu_cores: fields.cpu_cores.default(2),
  env_variables: fields.env_variables.default({}),
  secret_env: fields.secret_env.default({}),
  allow_loader_variables: fields.allow_loader_variables.default(false),
  command_args: fields.command_args.default([]),
  working_directory: fields.working_directory.default(null),
  browser_config: fields.browser_config.default({}),
  proxy_id: fields.proxy_id.default(null),
  group_name: fields.group_name.default('default'),
  groups: fields.groups.default([]),
  group_strict: fields.group_strict.default(false),
  labels: fields.labels.default({}),
  auto_start: fields.auto_start.default(true),
  auto_restart: fields.auto_restart.default(true),
  restart_delay_ms: fields.restart_delay_ms.default(5000),
  max_restart_attempts: fields.max_restart_attempts.default(3),
  memory_action: fields.memory_action.default('restart'),
  recycle_after_hours: fields.recycle_after_hours.default(0),
  stop_timeout_ms: fields.stop_timeout_ms.default(30_000),
  drain_timeout_ms: fields.drain_timeout_ms.default(120_000),
  ssh_host: fields.ssh_host.default(null),
  ssh_port: fields.ssh_port.default(22),
  ssh_user: fields.ssh_user.default(null),
  ssh_key_id: fields.ssh_key_id.default(null),
  ssh_password: fields.ssh_password.default(null),
  ssh_directory: fields.ssh_directory.default('/opt/troupe'),
  docker_host: fields.docker_host.default(null),
  docker_image: fields.docker_image.default(null),
  docker_network: fields.docker_network.default(null),
  docker_volumes: fields.docker_volumes.default([]),
  docker_restart_policy: fields.docker_restart_policy.default('no'),
  k8s_namespace: fields.k8s_namespace.default(null),
  k8s_image: fields.k8s_image.default(null),
  k8s_service_account: fields.k8s_service_account.default(null),
  k8s_node_selector: fields.k8s_node_selector.default({}),
  enabled: fields.enabled.default(true),
});

export const workerPatchFields = z.strictObject(Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, v.optional()])) as { [K in keyof typeof fields]: z.ZodOptional<(typeof fields)[K]> });
export const workerConfig = workerFields.superRefine((c, ctx) => whole(c, ctx, false));
export const workerPatch = workerPatchFields.superRefine((c, ctx) => whole(c, ctx, true));
/** What a configuration has where nothing is said. */
export const workerDefaults = workerFields.parse({ name: 'x' });

/** Ids that name routes of their own. */
export const RESERVED_WORKER_IDS = ['overview', 'batch', 'new', 'map', 'rebalance'];

const nothing = z.strictObject({});
const secrets = [{ path: 'secret_env.*', field: 'env-*' }, { path: 'ssh_password', field: 'ssh-password' }];
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });

/** Two states of the first version have parts now. */
const processOfV1 = (process: unknown): unknown => (process === 'draining' ? { draining: 'supervised' } : (process as { running?: string }).running === 'supervised' ? { running: { supervised: 'heard' } } : process);

/** A worker's public commands; its process is the master's business, by a driver. */
export const worker = bind({
  kind: 'worker',
  machine: workerMachine,
  stamp: true,
  again: true,
  commands: {
    create: { schema: workerConfig, secrets, input: (p, { id }) => ({ id, config: { worker_id: id, ...p } }) },
    update: { schema: workerPatch, secrets, event: (p, { by }) => ({ type: 'UPDATE', config: p, by }) },
    start: plain('START'),
    stop: { schema: z.strictObject({ graceful: z.boolean().default(true), timeout: z.number().int().min(0).max(600_000).optional() }), event: (p, { by }) => ({ type: 'STOP', ...p, by }) },
    restart: { schema: z.strictObject({ graceful: z.boolean().default(true) }), event: (p, { by }) => ({ type: 'RESTART', ...p, by }) },
    drain: plain('DRAIN'),
    kill: plain('KILL'),
    prepare: plain('PREPARE'),
    retry: plain('RETRY_NOW'),
    remove: plain('REMOVE'),
  },
  events: { START: nothing, STOP: z.object({ graceful: z.boolean().optional(), timeout: z.number().optional() }), RESTART: z.object({ graceful: z.boolean().optional() }), DRAIN: nothing, RETRY_NOW: nothing, BOOT: nothing, SUSPECT: nothing, SEEN: nothing, OFFLINE: nothing, GOODBYE: nothing, DRAINED: nothing, REMOVE: nothing, KILL: nothing, PREPARE: nothing, OVER_MEMORY: z.object({ usedMb: z.number(), limitMb: z.number() }), APPLIED: z.object({ version: z.number().int() }) },
  effects: { prepare: { on: 'master' }, spawn: { on: 'master' }, watch: { on: 'master' }, kill: { on: 'master' } },
  migrations: {
    'worker-v1': (stored: { value: any; context: { config: object; configVersion: number; registration: object | null } }) => ({
      ...stored,
      value: stored.value?.active ? { active: { ...stored.value.active, process: processOfV1(stored.value.active.process) } } : stored.value,
      context: { ...stored.context, history: [], lastHandle: null, runs: stored.context.registration && { started: stored.context.configVersion, applied: stored.context.configVersion }, config: { ...workerDefaults, ...stored.context.config } },
    }),
  },
});
