export type WorkerConfig = {
  worker_id: string;
  name: string;
  description: string;
  deployment_type: 'local' | 'remote' | 'docker' | 'k8s' | 'agent';
  /** The machine of the agent that starts it. */
  machine: string | null;
  host: string;
  port: number;
  max_accounts: number;
  /** Windows at once, of agents and of tasks; absent in what was stored before there were any. */
  max_agents?: number;
  /** Runs shell tasks, as its own user. */
  allow_shell?: boolean;
  max_memory_mb: number;
  cpu_cores: number;
  env_variables: Record<string, string>;
  /** Variables whose values are sealed: name to reference. */
  secret_env: Record<string, string>;
  allow_loader_variables: boolean;
  command_args: string[];
  working_directory: string | null;
  browser_config: { headless?: boolean; mode?: 'profile' | 'context' };
  proxy_id: string | null;
  group_name: string;
  /** Further groups that it serves. */
  groups: string[];
  /** Serves its own groups only, not `default` besides. */
  group_strict: boolean;
  labels: Record<string, string>;
  auto_start: boolean;
  auto_restart: boolean;
  restart_delay_ms: number;
  max_restart_attempts: number;
  /** What happens when it uses more memory than max_memory_mb. */
  memory_action: 'restart' | 'drain' | 'stop';
  /** It is drained and started anew at this age; 0 for never. */
  recycle_after_hours: number;
  stop_timeout_ms: number;
  drain_timeout_ms: number;
  ssh_host: string | null;
  ssh_port: number;
  ssh_user: string | null;
  /** A key of the key store. */
  ssh_key_id: string | null;
  /** A reference to the sealed password. */
  ssh_password: string | null;
  ssh_directory: string;
  docker_host: string | null;
  docker_image: string | null;
  docker_network: string | null;
  docker_volumes: string[];
  docker_restart_policy: 'no';
  k8s_namespace: string | null;
  k8s_image: string | null;
  k8s_service_account: string | null;
  k8s_node_selector: Record<string, string>;
  enabled: boolean;
};

/** A patch: a sealed variable is taken away by null. */
export type WorkerPatch = Partial<Omit<WorkerConfig, 'secret_env'>> & { secret_env?: Record<string, string | null> };

/** A configuration with a patch laid over it. */
export function merged(config: WorkerConfig, { secret_env, ...patch }: WorkerPatch): WorkerConfig {
  const sealed = Object.entries({ ...config.secret_env, ...secret_env }).filter((e): e is [string, string] => e[1] !== null);
  return { ...config, ...patch, secret_env: Object.fromEntries(sealed) };
}
