import { homedir } from 'node:os';
import { isIP } from 'node:net';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { isId } from '../transport/subjects.ts';
import { hostId } from './host-name.ts';

/** A setting that can't be used. Each line names the variable and the fix; the process ends with code 78. */
export class ConfigError extends Error {
  readonly exitCode = 78;
  readonly lines: string[];
  constructor(lines: string[]) {
    super(lines.join('\n'));
    this.name = 'ConfigError';
    this.lines = lines;
  }
}

const about = <T extends z.ZodType>(schema: T, fallback: string, help: string): T => schema.meta({ fallback, help }) as T;

const whole = (fallback: number, min: number, max: number, help: string) =>
  about(
    z.string().default(String(fallback))
      .refine((v) => /^\d{1,15}$/.test(v) && Number(v) >= min && Number(v) <= max, `must be a whole number from ${min} to ${max}`)
      .transform(Number),
    String(fallback), help);

const yes = ['1', 'true', 'yes', 'on'];
const no = ['0', 'false', 'no', 'off'];
const flag = (fallback: boolean, help: string) =>
  about(
    z.string().default(fallback ? '1' : '0')
      .transform((v) => v.toLowerCase())
      .refine((v) => yes.includes(v) || no.includes(v), 'must be 1 or 0')
      .transform((v) => yes.includes(v)),
    fallback ? '1' : '0', help);

const oneOf = <const T extends readonly [string, ...string[]]>(fallback: T[number], values: T, help: string) =>
  about(z.enum(values, `must be one of ${values.join(', ')}`).default(fallback as never), fallback, help);

const text = (fallback: string, help: string) => about(z.string().optional(), fallback, help);
const path = (fallback: string, help: string) =>
  about(z.string().refine((v) => !v.includes('\0'), 'must be a path').optional(), fallback, help);

const isPort = (v: string) => /^\d{1,5}$/.test(v) && Number(v) >= 1 && Number(v) <= 65535;
const port = (fallback: string, help: string) =>
  about(z.string().refine(isPort, 'must be a port from 1 to 65535').transform(Number).optional(), fallback, help);

const isHost = (v: string) => /^[\w.-]+$/.test(v) ? URL.canParse(`tcp://${v}`) : isIP(v) === 6;
const isAddress = (v: string, protocols: string[]) => {
  try {
    const { protocol, hostname, username, password } = new URL(v);
    return protocols.includes(protocol) && hostname !== '' && decodeURIComponent(username + password) !== null;
  } catch {
    return false;
  }
};
const isRoute = (v: string) => {
  const [, host, at] = /^([^:]+)(?::(\d{1,5}))?$/.exec(v) ?? [];
  return host !== undefined && isHost(host) && (at === undefined || isPort(at));
};
const routeOf = (v: string) => (v.includes(':') ? v : `${v}:6222`);
const url = (protocols: string[], fallback: string, help: string) =>
  about(
    z.string().refine((v) => v.split(',').every((u) => isAddress(u, protocols)),
      `must be an address like ${protocols[0]}//127.0.0.1:4222`).optional(),
    fallback, help);

const schema = z.object({
  NATS_URL: url(['nats:', 'tls:', 'ws:', 'wss:'], 'nats://127.0.0.1:4222', 'NATS address; several with commas. Wins over MASTER_URL and MASTER_HOST'),
  NATS_ADVERTISE: url(['nats:', 'tls:', 'ws:', 'wss:'], 'NATS_URL', 'NATS address as workers on other machines reach it'),
  NATS_USER: text('by role', 'NATS user; default `master`, `web`, or the worker id'),
  NATS_PASSWORD: text('from data/secrets', 'its password'),
  NATS_PASSWORD_FILE: path('', 'a file of mode 0600 that holds it'),
  WORKER_PSK_FILE: path('data/secrets/worker-psk', 'file of the pre-shared key of which each worker derives its password'),
  MASTER_URL: url(['http:', 'https:', 'nats:'], '', 'the master\'s address; NATS is looked for on its host, port 4222'),
  MASTER_HOST: about(z.string().refine(isHost, 'must be a host name or an IP address').optional(), '', 'the same, as a host name'),
  MASTER_PORT: port('', 'port of the master\'s page'),
  TROUPE_DATA: path('./data', 'where everything is kept'),
  DATA_DIR: path('./data', 'the same; TROUPE_DATA wins'),
  DB_PATH: path('<data>/master.db', 'file of the read model'),
  HOST: about(z.string().default('127.0.0.1').refine(isHost, 'must be a host name or an IP address'), '127.0.0.1', 'address that the page listens on'),
  PORT: port('3000; worker-n: 4000+n', 'port of the page, or of the worker in a worker\'s process'),
  LISTEN: about(z.string().refine((v) => v.split(',').every((p) => isPort(p.trim())), 'must be ports with commas, like 3000,8100').optional(), 'PORT', 'several ports for the page, like 3000,8100,6767'),
  WORKER_PORT: port('PORT', 'port of the worker where PORT is taken by the page'),
  MAX_SOCKETS: whole(1000, 10, 100_000, 'connections the page takes at once, on each port'),
  AGENT_PORT: port('4100', 'port of the worker agent'),
  NODE_ENV: text('production', 'passed on'),
  LOG_LEVEL: oneOf('info', ['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'least level that is logged'),
  AUTH_DISABLED: flag(false, 'no sign-in; allowed only while HOST is loopback'),
  WORKER_ID: about(z.string().default('worker-1').refine((v) => isId(v) && v !== 'overview' && v !== 'batch', 'must be 1 to 63 of a-z, 0-9 and hyphens, starting with a letter or digit, not `overview` or `batch`'), 'worker-1', 'the worker\'s name; `hostname` for that of its machine, as replicas need it'),
  WORKER_GROUP: about(z.string().refine((v) => v.split(',').every((g) => isId(g.trim())), 'must be 1 to 63 of a-z, 0-9 and hyphens; several with commas').optional(), 'detected', 'group of the worker; several with commas, the first is its own'),
  GROUP_STRICT: flag(false, 'the worker serves its own groups only, not `default` besides'),
  GROUP_DETECT: oneOf('troupe', ['troupe', 'seed'], '`seed`: a container counts before Kubernetes'),
  WORKER_CONFIG_VERSION: whole(0, 0, 1_000_000_000, 'set by the master: the version of the configuration that the worker was started with'),
  HEADLESS: flag(true, 'browsers without a window; 0 needs DISPLAY'),
  DISPLAY: text('', 'X display of browsers with a window'),
  BROWSER_MODE: oneOf('profile', ['profile', 'context'], '`profile`: one Chromium an account; `context`: one Chromium shared'),
  MAX_ACCOUNTS: whole(10, 1, 100, 'accounts a worker takes'),
  MAX_CONCURRENT: whole(3, 1, 50, 'rounds a worker crawls at once'),
  MAX_AGENTS: whole(10, 0, 1000, 'windows that a worker opens at once, of agents and of tasks'),
  MAX_SHELLS: whole(4, 0, 100, 'shell tasks at once, where they are allowed'),
  ALLOW_SHELL: flag(false, 'the worker runs shell tasks, as its own user: for machines where that may be'),
  SHELL_MEMORY_MB: whole(4096, 64, 1_048_576, 'memory that one shell task may use'),
  SHELL_CPU_CORES: whole(1, 1, 256, 'CPU cores that one shell task may use'),
  BROWSER_NICE: whole(10, 0, 19, 'niceness of browsers and shell commands, behind their worker on a full machine; 0 leaves them as the worker is'),
  BROWSER_ALLOW: about(z.string().refine((v) => v.split(',').every((h) => /^[\w.-]+:\d{1,5}$/.test(h.trim())), 'must be host:port with commas, like 10.0.0.5:8080').optional(), '', 'places on this machine or its network that windows may reach, like 10.0.0.5:8080; all others stay closed to them'),
  TROUPE_PROXY_CHECK_URL: about(z.string().default('https://api.ipify.org').refine((v) => isAddress(v, ['https:', 'http:']), 'must be an address like https://api.ipify.org'), 'https://api.ipify.org', 'what a proxy is checked with: an address that answers with the caller\'s own, as plain text or as JSON'),
  WORKER_LABELS: about(z.string().refine((v) => v.split(',').every((l) => /^[a-z0-9][a-z0-9.-]{0,62}=[\w.-]{1,63}$/i.test(l.trim())), 'must be name=value with commas, like zone=cn-beijing,disk=ssd').optional(), '', 'what tasks may ask for besides cpu, memory and gpu, which are found out; like zone=cn-beijing'),
  HEARTBEAT_INTERVAL_MS: whole(5000, 50, 60_000, 'how often a worker reports'),
  SUSPECT_AFTER_MS: whole(15_000, 100, 600_000, 'silence after which a worker is suspect'),
  OFFLINE_AFTER_MS: whole(25_000, 150, 600_000, 'silence after which a worker is offline and its accounts go elsewhere'),
  LEASE_FENCE_MS: whole(15_000, 50, 600_000, 'a worker stops acting this long after its last confirmed heartbeat'),
  LEASE_TTL_MS: whole(20_000, 100, 600_000, 'how long an account is a worker\'s without renewal'),
  ALERT_INTERVAL_MS: whole(5000, 100, 60_000, 'how often a master looks at what alerts are about'),
  STOP_GRACE_MS: whole(30_000, 0, 600_000, 'wait between TERM and KILL'),
  PARTITIONS: whole(16, 1, 256, 'partitions of the inbox; fixed at first start'),
  TROUPE_SYNC: about(
    z.string().default('always').refine((v) => v === 'always' || /^[1-9]\d{0,3}(ms|s|m)$/.test(v), 'must be `always` or a time like 10s; `always` is the one that survives a power cut'),
    'always', 'sync_interval of the journal\'s server'),
  TROUPE_NATS_SERVER: path('found', 'nats-server to run, 2.12 or newer'),
  NATS_CLUSTER: about(z.string().refine((v) => v.split(',').every((h) => isRoute(h.trim())), 'must be the servers of the cluster as host or host:port, with commas').optional(), '', 'servers of the cluster that `troupe nats --cluster` is one of, with commas; only for a new store'),
  NATS_SERVER_NAME: about(z.string().refine((v) => isId(v), 'must be 1 to 63 of a-z, 0-9 and hyphens').optional(), '', 'the name of this server in its cluster; no two are alike'),
  NATS_CLUSTER_PORT: port('6222', 'port on which the servers of a cluster reach this one'),
  NATS_STORE: path('<data>/nats', 'where nats-server keeps the streams'),
  NATS_REPLICAS: oneOf('1', ['1', '3', '5'], 'how many servers of the cluster keep each stream, when the streams are made'),
  NATS_MONITOR_PORT: port('8222', 'port of nats-server\'s monitoring page, on loopback'),
  TROUPE_CHROMIUM: path('found', 'Chromium or Chrome to run'),
  TROUPE_DOCKER_MOUNTS: about(z.string().refine((v) => v.split(',').every((p) => isAbsolute(p.trim()) && p.trim() !== '/'), 'must be folders that start with /, with commas').optional(), '', 'folders that containers may mount'),
  TROUPE_K8S_NAMESPACES: about(z.string().default('troupe').refine((v) => v.split(',').every((n) => isId(n.trim())), 'must be names of namespaces, with commas'), 'troupe', 'namespaces that pods may be made in; the first is the usual one'),
  TROUPE_K8S_SECCOMP: about(z.string().regex(/^[\w.-]+(\/[\w.-]+)*$/, 'must be the name of a profile, like troupe.json').optional(), 'RuntimeDefault', 'seccomp profile of the nodes for workers\' pods: Chromium\'s sandbox needs more than the usual one'),
  KUBECONFIG: path('of the home folder, or of the pod', 'how the Kubernetes API is reached'),
  TROUPE_PLATFORMS_DIR: path('', 'a folder of further platform plugins'),
  TROUPE_TOOLS_DIR: path('', 'a folder of further tools, one JSON file each'),
  TROUPE_LOCAL_WORKER: flag(true, 'at the very first start the master defines worker-1 on this machine and starts it'),
  TROUPE_DEMO: flag(true, 'the sandbox site and its two demo accounts'),
  SANDBOX_PORT: whole(3900, 1, 65_535, 'port of the sandbox site'),
  REDIS_URL: text('', 'not used: the queue is NATS_URL'),
});

export type Variables = z.output<typeof schema>;

export type Config = {
  /** Absolute; everything that Troupe keeps is below. */
  dataDir: string;
  dbPath: string;
  secretsDir: string;
  nats: {
    /** One or more addresses, no credentials in them. */
    servers: string[];
    /** The same for workers on other machines. */
    advertised: string[];
    user: string | null;
    password: string | null;
    passwordFile: string | null;
    pskFile: string;
    monitorPort: number;
    /** Null for a server alone. */
    cluster: { name: string; port: number; routes: string[] } | null;
    store: string | null;
    replicas: number;
    /** `always`, or a time like `10s`. */
    sync: string;
    server: string | null;
  };
  http: { host: string; ports: number[]; maxSockets: number; authDisabled: boolean };
  worker: {
    id: string;
    /** Null where nobody said: it is detected. */
    group: string | null;
    groups: string[];
    strict: boolean;
    detect: 'troupe' | 'seed';
    configVersion: number;
    port: number;
    headless: boolean;
    mode: 'profile' | 'context';
    maxAccounts: number;
    maxConcurrent: number;
    maxAgents: number;
    maxShells: number;
    allowShell: boolean;
    /** Of one shell task. */
    shellLimits: { memoryMb: number; cpuCores: number };
    labels: Record<string, string>;
    /** `host:port` of private networks that windows may reach all the same. */
    allowHosts: string[];
  };
  /** All in milliseconds. */
  timing: { heartbeat: number; suspect: number; offline: number; fence: number; lease: number; grace: number };
  alertEveryMs: number;
  proxyCheckUrl: string;
  agentPort: number;
  partitions: number;
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  nodeEnv: string;
  chromium: string | null;
  platformsDir: string | null;
  toolsDir: string | null;
  dockerMounts: string[];
  k8s: { namespaces: string[]; kubeconfig: string | null; seccomp: string | null };
  localWorker: boolean;
  demo: { on: boolean; port: number };
};

export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/** Reads the environment; throws ConfigError with one line for each bad value. An empty value counts as unset. */
export function loadConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, v]) => v !== undefined && v.trim() !== '').map(([k, v]) => [k, v!.trim()]));
  const read = schema.safeParse(given);
  if (!read.success) {
    throw new ConfigError(read.error.issues.map((i) => `${String(i.path[0])}=${shown(String(i.path[0]), given)}: ${i.message}`));
  }
  const v = read.data;
  const bad = contradictions(v);
  if (bad.length > 0) throw new ConfigError(bad);

  const dataDir = absolute(v.TROUPE_DATA ?? v.DATA_DIR ?? 'data');
  const secretsDir = join(dataDir, 'secrets');
  const { servers, user, password } = natsAddress(v);
  return {
    dataDir,
    dbPath: v.DB_PATH ? absolute(v.DB_PATH) : join(dataDir, 'master.db'),
    secretsDir,
    nats: {
      servers,
      advertised: v.NATS_ADVERTISE ? v.NATS_ADVERTISE.split(',').map((u) => `${new URL(u).protocol}//${new URL(u).host}`) : servers,
      user: v.NATS_USER ?? user,
      password: v.NATS_PASSWORD ?? password,
      passwordFile: v.NATS_PASSWORD_FILE ? absolute(v.NATS_PASSWORD_FILE) : null,
      pskFile: v.WORKER_PSK_FILE ? absolute(v.WORKER_PSK_FILE) : join(secretsDir, 'worker-psk'),
      monitorPort: v.NATS_MONITOR_PORT ?? 8222,
      cluster: v.NATS_CLUSTER ? { name: v.NATS_SERVER_NAME ?? hostId('nats-1'), port: v.NATS_CLUSTER_PORT ?? 6222, routes: v.NATS_CLUSTER.split(',').map((h) => routeOf(h.trim())) } : null,
      store: v.NATS_STORE ? absolute(v.NATS_STORE) : null,
      replicas: Number(v.NATS_REPLICAS),
      sync: v.TROUPE_SYNC,
      server: v.TROUPE_NATS_SERVER ? absolute(v.TROUPE_NATS_SERVER) : null,
    },
    http: { host: v.HOST, ports: v.LISTEN ? [...new Set(v.LISTEN.split(',').map(Number))] : [v.PORT ?? 3000], maxSockets: v.MAX_SOCKETS, authDisabled: v.AUTH_DISABLED },
    worker: {
      id: v.WORKER_ID === 'hostname' ? hostId('worker-1') : v.WORKER_ID,
      group: v.WORKER_GROUP?.split(',')[0]!.trim() ?? null,
      groups: v.WORKER_GROUP?.split(',').slice(1).map((g) => g.trim()) ?? [],
      strict: v.GROUP_STRICT,
      detect: v.GROUP_DETECT,
      configVersion: v.WORKER_CONFIG_VERSION,
      port: v.WORKER_PORT ?? v.PORT ?? 4000 + (Number(/-(\d{1,2})$/.exec(v.WORKER_ID)?.[1] ?? 0)),
      headless: v.HEADLESS,
      mode: v.BROWSER_MODE,
      maxAccounts: v.MAX_ACCOUNTS,
      maxConcurrent: v.MAX_CONCURRENT,
      maxAgents: v.MAX_AGENTS,
      maxShells: v.MAX_SHELLS,
      allowShell: v.ALLOW_SHELL,
      shellLimits: { memoryMb: v.SHELL_MEMORY_MB, cpuCores: v.SHELL_CPU_CORES },
      allowHosts: (v.BROWSER_ALLOW ?? '').split(',').filter(Boolean).map((h) => h.trim()),
      labels: Object.fromEntries((v.WORKER_LABELS ?? '').split(',').filter(Boolean).map((l) => l.trim().split('=') as [string, string])),
    },
    timing: {
      heartbeat: v.HEARTBEAT_INTERVAL_MS, suspect: v.SUSPECT_AFTER_MS, offline: v.OFFLINE_AFTER_MS,
      fence: v.LEASE_FENCE_MS, lease: v.LEASE_TTL_MS, grace: v.STOP_GRACE_MS,
    },
    alertEveryMs: v.ALERT_INTERVAL_MS,
    proxyCheckUrl: v.TROUPE_PROXY_CHECK_URL,
    agentPort: v.AGENT_PORT ?? 4100,
    partitions: v.PARTITIONS,
    logLevel: v.LOG_LEVEL,
    nodeEnv: v.NODE_ENV ?? 'production',
    chromium: v.TROUPE_CHROMIUM ? absolute(v.TROUPE_CHROMIUM) : null,
    platformsDir: v.TROUPE_PLATFORMS_DIR ? absolute(v.TROUPE_PLATFORMS_DIR) : null,
    toolsDir: v.TROUPE_TOOLS_DIR ? absolute(v.TROUPE_TOOLS_DIR) : null,
    dockerMounts: v.TROUPE_DOCKER_MOUNTS?.split(',').map((p) => p.trim()) ?? [],
    k8s: { namespaces: v.TROUPE_K8S_NAMESPACES.split(',').map((n) => n.trim()), kubeconfig: v.KUBECONFIG ? absolute(v.KUBECONFIG) : null, seccomp: v.TROUPE_K8S_SECCOMP ?? null },
    localWorker: v.TROUPE_LOCAL_WORKER,
    demo: { on: v.TROUPE_DEMO, port: v.SANDBOX_PORT },
  };
}

/** Names that `loadConfig` reads, with default and meaning: the README's table. */
export function describeConfig(): { name: string; fallback: string; help: string }[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const { fallback, help } = field.meta() as { fallback: string; help: string };
    return { name, fallback, help };
  });
}

function contradictions(v: Variables): string[] {
  const bad: string[] = [];
  const less = (a: keyof Variables, b: keyof Variables, fix: string) => {
    if (!((v[a] as number) < (v[b] as number))) bad.push(`${a}=${v[a]} must be less than ${b}=${v[b]}: ${fix}`);
  };
  if (v.OFFLINE_AFTER_MS < 3 * v.HEARTBEAT_INTERVAL_MS) {
    bad.push(`OFFLINE_AFTER_MS=${v.OFFLINE_AFTER_MS} must be at least 3 x HEARTBEAT_INTERVAL_MS=${v.HEARTBEAT_INTERVAL_MS}: raise OFFLINE_AFTER_MS to ${3 * v.HEARTBEAT_INTERVAL_MS} or more`);
  }
  less('HEARTBEAT_INTERVAL_MS', 'LEASE_FENCE_MS', 'a worker must renew before it stops itself');
  less('HEARTBEAT_INTERVAL_MS', 'SUSPECT_AFTER_MS', 'one heartbeat must fit before suspicion');
  less('SUSPECT_AFTER_MS', 'OFFLINE_AFTER_MS', 'suspicion comes before offline');
  less('LEASE_FENCE_MS', 'LEASE_TTL_MS', 'a worker must stop before its lease ends');
  less('LEASE_TTL_MS', 'OFFLINE_AFTER_MS', 'a lease must end before its account goes elsewhere');
  if (v.AUTH_DISABLED && !isLoopback(v.HOST)) bad.push(`AUTH_DISABLED=1 is allowed only while HOST is loopback: set HOST=127.0.0.1 or AUTH_DISABLED=0 (HOST=${v.HOST})`);
  const web = v.LISTEN ? v.LISTEN.split(',').map(Number) : [v.PORT ?? 3000];
  if (v.TROUPE_DEMO && web.includes(v.SANDBOX_PORT)) bad.push(`SANDBOX_PORT=${v.SANDBOX_PORT} is the page's own port: choose another, or set TROUPE_DEMO=0`);
  if (web.includes(v.NATS_MONITOR_PORT ?? 8222)) bad.push(`NATS_MONITOR_PORT=${v.NATS_MONITOR_PORT ?? 8222} is the page's own port: choose another`);
  return bad;
}

function natsAddress(v: Variables): { servers: string[]; user: string | null; password: string | null } {
  const host = v.MASTER_URL ? new URL(v.MASTER_URL).hostname : v.MASTER_HOST;
  const urls = (v.NATS_URL ?? `nats://${isIP(host ?? '') === 6 ? `[${host}]` : host ?? '127.0.0.1'}:4222`).split(',').map((u) => new URL(u));
  const first = urls[0]!;
  return {
    servers: urls.map((u) => `${u.protocol}//${u.host}`),
    user: first.username ? decodeURIComponent(first.username) : null,
    password: first.password ? decodeURIComponent(first.password) : null,
  };
}

const absolute = (p: string): string => (p.startsWith('~/') ? join(homedir(), p.slice(2)) : isAbsolute(p) ? p : resolve(p));

/** A value as errors show it: credentials stay out, long ones are cut. */
function shown(name: string, given: Record<string, string>): string {
  if (/PASSWORD|PSK|URL/.test(name)) return '…';
  const value = given[name] ?? '';
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
