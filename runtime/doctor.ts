import { constants } from 'node:fs';
import { access, mkdir, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { findChromium } from './browsers/find-chromium.ts';
import { describeConfig, type Config } from './config.ts';
import { nearest } from './nearest.ts';
import { FLOOR, findServer } from './nats-server/find-server.ts';
import { tryServer } from './nats-server/server-ready.ts';
import { natsLogin } from './nats-login.ts';
import { loadSecrets } from './secrets.ts';
import { ownsServer, pageAddress } from './supervisor/parts.ts';

/** One finding. `fix` says what to do; empty when it is ok. */
export type Finding = { check: string; is: 'ok' | 'warn' | 'fail'; what: string; fix: string };

type Verdict = Omit<Finding, 'check'>;
const ok = (what: string): Verdict => ({ is: 'ok', what, fix: '' });
const warn = (what: string, fix: string): Verdict => ({ is: 'warn', what, fix });
const fail = (what: string, fix: string): Verdict => ({ is: 'fail', what, fix });

const GIB = 1024 ** 3;
const LAST_RELEASE = Date.UTC(2025, 0, 1);

/** Looks at everything that Troupe needs of this machine. Changes nothing but makes the data folder. */
export async function examine(config: Config, env: Record<string, string | undefined>): Promise<Finding[]> {
  const checks: Record<string, () => Verdict | Promise<Verdict>> = {
    node: () => node(process.versions.node),
    settings: () => settings(env),
    'better-sqlite3': sqlite,
    'data folder': () => folder(config),
    disk: () => disk(config),
    secrets: () => secrets(config),
    'nats-server': () => server(config, env),
    nats: () => running(config),
    chromium: () => chromium(config),
    ports: () => ports(config),
    clock: () => clock(Date.now()),
  };
  return Promise.all(
    Object.entries(checks).map(async ([check, look]) => {
      try {
        return { check, ...(await look()) };
      } catch (error) {
        return { check, ...fail(firstLine(error), 'see the line above') };
      }
    }),
  );
}

const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0]!;

export function node(version: string): Verdict {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) return fail(`Node ${version}`, 'install Node 20.19 or newer');
  return ok(`Node ${version}`);
}

// Read elsewhere than in the configuration: by the set-up, the driver and the fault tests.
const OTHER_NAMES = ['TROUPE_NATS_RELEASES', 'TROUPE_NONCE', 'TROUPE_CRASH_AT'];

export function settings(env: Record<string, string | undefined>): Verdict {
  const known = [...describeConfig().map((r) => r.name), ...OTHER_NAMES];
  const strange = Object.keys(env).filter((n) => n.startsWith('TROUPE_') && !known.includes(n));
  if (strange.length === 0) return ok('every value is readable');
  const near = strange.map((n) => nearest(n, known)).filter((n) => n !== null);
  return warn(`${strange.join(', ')} ${strange.length > 1 ? 'mean' : 'means'} nothing to Troupe`, near.length > 0 ? `did you mean ${near.join(', ')}?` : 'take it out; the README lists the names');
}

async function sqlite(): Promise<Verdict> {
  try {
    const { default: Database } = await import('better-sqlite3');
    const db = new Database(':memory:');
    const { v } = db.prepare('select sqlite_version() as v').get() as { v: string };
    db.close();
    return ok(`SQLite ${v}`);
  } catch (error) {
    return fail(`it does not load: ${firstLine(error)}`, 'run npm rebuild better-sqlite3 (it needs python3, make and g++)');
  }
}

async function folder({ dataDir }: Config): Promise<Verdict> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    return fail(firstLine(error), `give ${dataDir} to this user (chown), or set TROUPE_DATA`);
  }
  const { mode } = await stat(dataDir);
  return (mode & 0o002) === 0 ? ok(dataDir) : fail(`${dataDir} may be written by anyone`, `run chmod 700 ${dataDir}`);
}

async function disk({ dataDir }: Config): Promise<Verdict> {
  const { bavail, bsize } = await statfs(dataDir).catch(() => statfs(dirname(dataDir)));
  const free = (bavail * bsize) / GIB;
  const what = `${free.toFixed(1)} GiB free at ${dataDir}`;
  if (free < 0.5) return fail(what, 'free some space: the journal stops when the disk is full');
  return free < 5 ? warn(what, 'the journal may take 20 GiB, a browser profile 0.1 to 0.5') : ok(what);
}

function secrets(config: Config): Verdict {
  try {
    loadSecrets(config);
    return ok(config.secretsDir);
  } catch (error) {
    return fail(firstLine(error), 'Troupe does not start until this is mended');
  }
}

async function server(config: Config, env: Record<string, string | undefined>): Promise<Verdict> {
  if (!ownsServer(config)) return ok(`runs elsewhere: ${config.nats.servers.join(', ')}`);
  try {
    const { path, version } = await findServer(config, env);
    return ok(`${version} at ${path}`);
  } catch (error) {
    return fail(firstLine(error), `install nats-server ${FLOOR} or newer, or run npm start, which fetches it`);
  }
}

async function running(config: Config): Promise<Verdict> {
  const t = await tryServer(natsLogin(config, 'operator'));
  const where = config.nats.servers[0]!;
  if (t.is !== 'ready') {
    if (t.is === 'refused') return fail(`a nats-server at ${where} that is not ours: ${t.why}`, 'stop it, or set NATS_URL to another port');
    return ownsServer(config) ? ok(`not running at ${where}; troupe up starts it`) : fail(`no answer from ${where}: ${t.why}`, 'start it there, or mend NATS_URL');
  }
  if (t.info.apiLevel < 2) return fail(`${t.info.version} with API level ${t.info.apiLevel}`, `upgrade it to ${FLOOR} or newer`);
  return ok(`${t.info.version} answers at ${where}, API level ${t.info.apiLevel}`);
}

async function chromium(config: Config): Promise<Verdict> {
  try {
    const { path, version } = await findChromium({ ...process.env, ...(config.chromium && { TROUPE_CHROMIUM: config.chromium }) });
    return ok(`${version} at ${path}`);
  } catch (error) {
    return fail(firstLine(error), 'run apt-get install chromium as root, or npx playwright install chromium');
  }
}

async function ports(config: Config): Promise<Verdict> {
  const wanted: [number, string, string][] = [
    ...config.http.ports.map((p): [number, string, string] => [p, config.http.host, 'PORT']),
    ...(config.demo.on ? [[config.demo.port, '127.0.0.1', 'SANDBOX_PORT'] as [number, string, string]] : []),
  ];
  const taken = (await Promise.all(wanted.map(async (w) => ((await isFree(w[0], w[1])) ? null : w)))).filter((w) => w !== null);
  if (taken.length === 0) return ok(`${wanted.map(([p]) => p).join(', ')} free`);
  const ours = await fetch(`${pageAddress(config)}/livez`, { signal: AbortSignal.timeout(2000) }).then((r) => r.ok, () => false);
  const list = taken.map(([p, , name]) => `${p} (${name})`).join(', ');
  return ours ? ok(`${list} taken by a running Troupe`) : warn(`${list} taken by another program`, `stop it, or set ${[...new Set(taken.map((t) => t[2]))].join(' and ')} to a free port`);
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((done) => {
    const s = createServer();
    s.once('error', () => done(false));
    s.listen(port, host, () => s.close(() => done(true)));
  });
}

export function clock(now: number): Verdict {
  const day = new Date(now).toISOString();
  return now < LAST_RELEASE ? fail(`the clock says ${day}`, 'set it (timedatectl set-ntp true): cookies and certificates fail under a wrong one') : ok(day);
}
