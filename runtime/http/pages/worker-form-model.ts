import { z } from 'zod';
import { workerDefaults } from '../../../actors/worker.ts';
import type { WorkerConfig } from '../../../machines/worker.ts';
import type { WorkerForm } from '../../../views/worker-form.ts';
import { listKeys, listMachines } from '../../read-model/queries/machines.ts';
import { proxyNames } from '../../read-model/queries/proxies.ts';
import { checked, readForm } from '../body.ts';
import type { Call } from '../call.ts';
import { allowsShell, readsValues } from '../fleet/config-service.ts';
import { DOTS, shown } from '../fleet/config-shape.ts';
import { Problem } from '../problem.ts';

const number = z.string().regex(/^\d{1,9}(\.\d{1,3})?$/, 'must be a number').transform(Number);
const flag = z.literal('1').optional().transform((v) => v === '1');
const text = z.string().default('');
const none = text.transform((v) => v.trim() || null);
const list = text.transform((v) => v.split(/\r?\n/).map((l) => l.trim()).filter(Boolean));
const form = z.object({
  worker_id: text, name: z.string(), description: text, deployment_type: z.string(), group_name: text.transform((v) => v.trim() || 'default'), groups: text.transform((v) => v.split(/[\s,，]+/).filter(Boolean)), group_strict: flag, labels: text,
  host: z.string(), port: number, max_accounts: number, max_agents: number, allow_shell: flag, max_memory_mb: number, cpu_cores: number, memory_action: z.string(), mode: z.enum(['profile', 'context']), headless: flag, auto_start: flag, auto_restart: flag, enabled: flag,
  restart_delay_ms: number, max_restart_attempts: number, recycle_after_hours: number, stop_timeout_ms: number, drain_timeout_ms: number, env_variables: text, allow_loader_variables: flag, command_args: list, working_directory: none, proxy_id: none,
  ssh_host: none, ssh_port: number, ssh_user: none, ssh_key_id: none, ssh_password: text, ssh_password_drop: flag, ssh_directory: z.string(),
  docker_host: none, docker_image: none, docker_network: none, docker_volumes: list, k8s_namespace: none, k8s_image: none, k8s_service_account: none, k8s_node_selector: text, machine: none,
});

/** The fields of the dialog as a configuration; sealed values only where one was typed, null where one is to go. */
export async function readWorkerForm(call: Call): Promise<{ id: string; config: Record<string, unknown> }> {
  const raw = await readForm(call.c);
  const { worker_id, mode, headless, ssh_password, ssh_password_drop, allow_shell, ...rest } = checked(form, { ...raw });
  return {
    id: worker_id,
    config: {
      ...rest, labels: pairs('labels', rest.labels), env_variables: pairs('env_variables', rest.env_variables), k8s_node_selector: pairs('k8s_node_selector', rest.k8s_node_selector), browser_config: { mode, headless }, secret_env: secrets(raw),
      // To others the box is closed: what is set stays.
      ...(allowsShell(call) ? { allow_shell } : {}),
      ...(ssh_password !== '' ? { ssh_password } : ssh_password_drop ? { ssh_password: null } : {}),
    },
  };
}

/** `NAME=value` lines; a line without `=` is refused by its number. */
function pairs(field: string, lines: string): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [i, raw] of lines.split(/\r?\n/).entries()) {
    if (raw.trim() === '') continue;
    const at = raw.indexOf('=');
    if (at < 1) throw new Problem(422, 'invalid', `${field}: line ${i + 1} is not NAME=value`, { field });
    const name = raw.slice(0, at).trim();
    if (Object.hasOwn(map, name) || name === '__proto__') throw new Problem(422, 'invalid', `${field}: ${name} is given twice or not allowed`, { field });
    map[name] = raw.slice(at + 1);
  }
  return map;
}

function secrets(raw: Record<string, string>): Record<string, string | null> {
  const map: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(raw)) {
    const [, what, name] = /^secret-(value|drop|name)-([A-Za-z0-9_]{1,128})$/.exec(key) ?? [];
    if (what === 'drop' && value === '1') map[name!] = null;
    if (what === 'value' && value !== '') map[name!] ??= value;
    if (what !== 'name' || value.trim() === '') continue;
    const given = raw[`secret-new-${name}`] ?? '';
    if (given === '') throw new Problem(422, 'invalid', `secret_env: give ${value.trim().slice(0, 60)} a value`, { field: 'secret_env' });
    if (value.trim() !== '__proto__') map[value.trim()] = given;
  }
  return map;
}

const lines = (map: Record<string, string> | undefined): string => Object.entries(map ?? {}).map(([k, v]) => `${k}=${v}`).join('\n');

/** A configuration, or a template, as the dialog shows it. */
export function workerFormModel(call: Call, given: Partial<WorkerConfig>, about: { id: string; isNew: boolean; template: string | null; name: string }): WorkerForm {
  const c = { ...workerDefaults, ...given } as WorkerConfig;
  const env = shown(c, readsValues(call))['env_variables'] as Record<string, string>;
  return {
    ...about, description: c.description, deploymentType: c.deployment_type, host: c.host, port: c.port, group: c.group_name, groups: c.groups.join(', '), groupStrict: c.group_strict, labels: lines(c.labels),
    maxAccounts: c.max_accounts, maxAgents: c.max_agents!, allowShell: c.allow_shell!, mayAllowShell: allowsShell(call), maxMemoryMb: c.max_memory_mb, cpuCores: c.cpu_cores, memoryAction: c.memory_action, mode: c.browser_config.mode ?? 'profile', headless: c.browser_config.headless ?? true, proxies: proxyNames(call.d.db), proxy: c.proxy_id,
    autoStart: c.auto_start, autoRestart: c.auto_restart, enabled: c.enabled, restartDelayMs: c.restart_delay_ms, maxRestartAttempts: c.max_restart_attempts, recycleAfterHours: c.recycle_after_hours, stopTimeoutMs: c.stop_timeout_ms, drainTimeoutMs: c.drain_timeout_ms,
    env: lines(env), secrets: Object.keys(c.secret_env).sort(), allowLoader: c.allow_loader_variables, args: c.command_args.join('\n'), workingDirectory: c.working_directory ?? '',
    ssh: { host: c.ssh_host ?? '', port: c.ssh_port, user: c.ssh_user ?? '', key: c.ssh_key_id ?? '', hasPassword: c.ssh_password !== null, directory: c.ssh_directory },
    docker: { host: c.docker_host ?? '', image: c.docker_image ?? '', network: c.docker_network ?? '', volumes: c.docker_volumes.join('\n') },
    k8s: { namespace: c.k8s_namespace ?? '', image: c.k8s_image ?? '', serviceAccount: c.k8s_service_account ?? '', nodeSelector: lines(c.k8s_node_selector) },
    machine: c.machine ?? '',
    keys: listKeys(call.d.db).filter((k) => k.status === 'stored' || k.id === c.ssh_key_id).map((k) => ({ id: k.id, label: k.comment || k.id })),
    machines: listMachines(call.d.db).filter((m) => m.is === 'agent' && (!m.cordoned || m.id === c.machine)).map((m) => ({ id: m.id, label: m.name === m.id ? m.id : `${m.name} (${m.id})` })),
  };
}

/** Variables of a template that the reader saw as dots get their values from it. */
export const fillDots = (config: Record<string, unknown>, template: Record<string, unknown> | null): Record<string, unknown> => {
  const known = (template?.['env_variables'] ?? {}) as Record<string, string>;
  const env = config['env_variables'] as Record<string, string>;
  return { ...config, env_variables: Object.fromEntries(Object.entries(env).map(([k, v]) => [k, v === DOTS && Object.hasOwn(known, k) ? known[k]! : v])) };
};
