import { z } from 'zod';
import { workerMachine } from '../machines/worker.ts';
import { bind } from './binding.ts';

const LOADERS = /^(LD_|DYLD_|NODE_OPTIONS$|NODE_PATH$|PATH$|BASH_ENV$|ENV$|TROUPE_NONCE$)/;

const fields = {
  name: z.string().trim().min(1).max(100),
  description: z.string().max(1000),
  deployment_type: z.enum(['local', 'remote', 'docker', 'k8s']),
  host: z.string().min(1).max(253).regex(/^[a-zA-Z0-9][a-zA-Z0-9.:_-]*$/, 'must be a host name or an IP address'),
  port: z.number().int().min(1).max(65_535),
  max_accounts: z.number().int().min(1).max(100),
  max_memory_mb: z.number().int().min(512).max(16_384).multipleOf(512),
  cpu_cores: z.number().min(1).max(16),
  env_variables: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a variable name'), z.string().max(4096))
    .refine((env) => Object.keys(env).length <= 100, 'must be 100 variables at most')
    .refine((env) => !Object.keys(env).some((k) => LOADERS.test(k)), 'must not set loader variables (PATH, LD_*, NODE_OPTIONS …)'),
  command_args: z.array(z.string().max(500)).max(50),
  working_directory: z.string().max(500).nullable(),
  browser_config: z.strictObject({ headless: z.boolean().optional(), mode: z.enum(['profile', 'context']).optional() }),
  group_name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and hyphens'),
  auto_start: z.boolean(),
  auto_restart: z.boolean(),
  restart_delay_ms: z.number().int().min(1000).max(60_000).multipleOf(1000),
  max_restart_attempts: z.number().int().min(1).max(10),
  enabled: z.boolean(),
};

export const workerConfig = z.strictObject({
  name: fields.name,
  description: fields.description.default(''),
  deployment_type: fields.deployment_type.default('local'),
  host: fields.host.default('127.0.0.1'),
  port: fields.port.default(4001),
  max_accounts: fields.max_accounts.default(10),
  max_memory_mb: fields.max_memory_mb.default(2048),
  cpu_cores: fields.cpu_cores.default(2),
  env_variables: fields.env_variables.default({}),
  command_args: fields.command_args.default([]),
  working_directory: fields.working_directory.default(null),
  browser_config: fields.browser_config.default({}),
  group_name: fields.group_name.default('default'),
  auto_start: fields.auto_start.default(true),
  auto_restart: fields.auto_restart.default(true),
  restart_delay_ms: fields.restart_delay_ms.default(5000),
  max_restart_attempts: fields.max_restart_attempts.default(3),
  enabled: fields.enabled.default(true),
});

export const workerPatch = z.strictObject(Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, v.optional()])) as { [K in keyof typeof fields]: z.ZodOptional<(typeof fields)[K]> });

/** Ids that name routes of their own. */
export const RESERVED_WORKER_IDS = ['overview', 'batch'];

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });

/** A worker's public commands; its process is the master's business, by a driver. */
export const worker = bind({
  kind: 'worker',
  machine: workerMachine,
  stamp: true,
  commands: {
    create: { schema: workerConfig, input: (p, { id }) => ({ id, config: { worker_id: id, ...p } }) },
    update: { schema: workerPatch, event: (p, { by }) => ({ type: 'UPDATE', config: p, by }) },
    start: plain('START'),
    stop: { schema: z.strictObject({ graceful: z.boolean().default(true), timeout: z.number().int().min(0).max(600_000).default(30_000) }), event: (p, { by }) => ({ type: 'STOP', ...p, by }) },
    restart: { schema: z.strictObject({ graceful: z.boolean().default(true) }), event: (p, { by }) => ({ type: 'RESTART', ...p, by }) },
    drain: plain('DRAIN'),
    retry: plain('RETRY_NOW'),
    remove: plain('REMOVE'),
  },
  events: { START: nothing, STOP: z.object({ graceful: z.boolean().optional(), timeout: z.number().optional() }), RESTART: z.object({ graceful: z.boolean().optional() }), DRAIN: nothing, RETRY_NOW: nothing, BOOT: nothing, SUSPECT: nothing, SEEN: nothing, OFFLINE: nothing, DRAINED: nothing, REMOVE: nothing },
  effects: { spawn: { on: 'master' }, watch: { on: 'master' }, kill: { on: 'master' } },
});
