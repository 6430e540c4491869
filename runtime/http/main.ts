import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pino from 'pino';
import { readResult } from '../../transport/results.ts';
import { BUCKET } from '../../transport/subjects.ts';
import { openConnection } from '../../transport/connection.ts';
import type { Config } from '../config.ts';
import { natsLogin } from '../nats-login.ts';
import { packageRoot } from '../package-root.ts';
import { startProjector } from '../read-model/projector.ts';
import { openReadModel } from '../read-model/queries/read-model.ts';
import { loadSecrets } from '../secrets.ts';
import { makeApp } from './app.ts';
import { loadAssets } from './assets.ts';
import { Figures } from './figures.ts';
import { listen } from './listen.ts';
import { Live } from './live.ts';
import { BatchJobs } from './fleet/batch-jobs.ts';
import { MachineFigures } from './fleet/machine-figures.ts';
import { hearBeats, hearMachines, natsAudit, natsBucket, natsCommands, natsMarks } from './nats-ports.ts';
import { natsStreams } from './nats-streams.ts';
import type { Deps } from './ports.ts';
import { openTools } from '../tools/registry.ts';
import { ensureAdmin } from './users.ts';
import { CastHub } from './windows/cast-hub.ts';
import { Takeovers } from './windows/takeovers.ts';
import { loopFaultsFile } from '../platform-check/loop-faults.ts';
import { PlatformList } from './platform-list.ts';
import { askWorker, natsWindows } from './windows/windows-port.ts';

/** Starts the page and the API on every configured port; `stop` ends open connections too. */
export async function startWeb(config: Config): Promise<{ ports: number[]; stop(): Promise<void> }> {
  const log = pino({ level: config.logLevel, base: { part: 'web' } });
  const login = natsLogin(config, 'web');
  const nc = await openConnection(login);
  // The master writes the view of its own; two writers never share a file.
  const view = await startProjector({ servers: login.servers, user: login.user, pass: login.pass, file: join(dirname(config.dbPath), 'web.db') });
  const live = new Live();
  const figures = new Figures(() => Date.now());
  const machines = new MachineFigures(() => Date.now());
  // A large fleet is heard hundreds of times a second; pages are told once.
  const heard = new Set<string>();
  const telling = setInterval(() => {
    if (heard.size > 0) live.changed([...heard]);
    heard.clear();
  }, 1_000);
  hearBeats(nc, (beat) => {
    figures.take(beat);
    heard.add('heartbeat');
  });
  hearMachines(nc, (beat) => {
    machines.take(beat);
    heard.add('machine-heartbeat');
  });
  view.changes.subscribe((topics) => live.changed(topics));
  let connected = true;
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect' || status.type === 'reconnect') {
        connected = status.type === 'reconnect';
        live.changed(['health']);
      }
    }
  })();
  const windows = natsWindows(nc);
  const platforms = new PlatformList({
    extra: config.platformsDir ?? '', loops: loopFaultsFile(config.dataDir), known: platformIds(), changed: () => live.changed(['platform']),
    failed: (why) => log.warn({ why }, 'the platforms are not looked at again when they change'),
  });
  const deps: Deps = {
    db: openReadModel(view.file),
    command: natsCommands(nc),
    markRead: natsMarks(nc),
    audit: natsAudit(nc, () => Date.now(), (line, why) => log.warn({ ...line, why }, 'a line of the audit could not be stored')),
    users: natsBucket(nc, BUCKET.users),
    sessions: natsBucket(nc, BUCKET.sessions),
    tokens: natsBucket(nc, BUCKET.tokens),
    pictures: natsBucket(nc, BUCKET.pictures),
    result: (name) => readResult(nc, name),
    settings: natsBucket(nc, BUCKET.settings),
    desk: natsBucket(nc, BUCKET.desk),
    length: (platform) => platforms.list.find((p) => p.id === platform)?.can?.maxLength ?? null,
    figures,
    machines,
    live,
    jobs: new BatchJobs(() => Date.now()),
    connected: () => connected && !nc.isClosed(),
    view: () => view.health(),
    windows,
    selectors: (worker, request) => askWorker(nc, worker, request, 58_000),
    tools: openTools(config.toolsDir),
    casts: new CastHub(windows),
    takeovers: new Takeovers(windows),
    streams: natsStreams(nc),
    platforms: () => platforms.ids,
    platformList: () => platforms.list,
    authDisabled: config.http.authDisabled,
    version: (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version,
    assets: loadAssets().urls,
    joinUrl: config.nats.advertised[0] ?? config.nats.servers[0]!,
    hashAddress: (address) => createHmac('sha256', login.pass).update(`client ${address}`).digest('base64url').slice(0, 16),
    log: (level, message, about) => log[level]({ ...about }, message),
    now: () => Date.now(),
  };
  await until(() => ensureAdmin(deps.users, () => loadSecrets(config).admin, Date.now()), (error: unknown) => log.warn({ error: (error as Error).message }, 'waiting for first-time set-up by a master'));
  const app = makeApp(deps);
  const release = async () => {
    clearInterval(telling);
    platforms.close();
    live.close();
    await view.stop();
    deps.db.close();
    await nc.drain();
  };
  const opened = await Promise.allSettled(config.http.ports.map((port) => listen(app.fetch, config.http.host, port, config.http.maxSockets)));
  const servers = opened.filter((o) => o.status === 'fulfilled').map((o) => o.value);
  const refused = opened.find((o) => o.status === 'rejected');
  if (refused) {
    servers.forEach((s) => s.close());
    await release();
    throw refused.reason;
  }
  log.info({ host: config.http.host, ports: config.http.ports }, 'the page is up');
  return {
    ports: config.http.ports,
    async stop() {
      live.close();
      await Promise.all(servers.map((s) => new Promise<void>((resolve) => {
        s.close(() => resolve());
        s.closeAllConnections();
      })));
      await release();
    },
  };
}

/** The platforms of this build: every folder with a config.json of its own. */
function platformIds(): string[] {
  const dir = join(packageRoot(), 'platforms');
  return readdirSync(dir).filter((id) => id !== 'base' && existsSync(join(dir, id, 'config.json'))).sort();
}

async function until(attempt: () => Promise<void>, failed: (error: unknown) => void): Promise<void> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if ((error as { exitCode?: number }).exitCode === 78) throw error;
      failed(error);
      await delay(500);
    }
  }
}
