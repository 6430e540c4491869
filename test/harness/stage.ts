import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { jetstream } from '@nats-io/jetstream';
import { natsLogin, workerLogin } from '../../runtime/nats-login.ts';
import { findServer } from '../../runtime/nats-server/find-server.ts';
import { serverReady } from '../../runtime/nats-server/server-ready.ts';
import { spawnServer } from '../../runtime/nats-server/spawn-server.ts';
import { stagingFolder } from '../../runtime/nats-server/staging.ts';
import { writeServerConfig } from '../../runtime/nats-server/server-config.ts';
import { writeUsers } from '../../runtime/nats-server/users.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { loadSecrets } from '../../runtime/secrets.ts';
import { diesWithUs } from '../setup/dies-with-us.ts';
import { ownConfig, serverEnv } from '../setup/running-server.ts';

export const built = (...path: string[]): string => join(packageRoot(), 'dist', ...path);

/** A real nats-server and real master processes in a folder of their own. Everything dies with SIGKILL. */
export async function openStage(env: Record<string, string> = {}) {
  const own = await ownConfig({
    TROUPE_DEMO: '0', TROUPE_LOCAL_WORKER: '0', LOG_LEVEL: 'error', PARTITIONS: '4',
    ...(process.env['TROUPE_NATS_SERVER'] ? { TROUPE_NATS_SERVER: process.env['TROUPE_NATS_SERVER'] } : {}),
    ...env,
  });
  const { config } = own;
  const secrets = loadSecrets(config);
  const { path } = await findServer(config, serverEnv());
  const files = writeServerConfig(config, secrets);
  writeUsers(config, secrets, 'w1');
  const masters: ChildProcess[] = [];
  let server: ChildProcess;
  const startServer = async () => {
    server = diesWithUs(spawnServer(path, files.configFile, { stdio: 'ignore' }));
    await serverReady(natsLogin(config, 'master'), 15_000);
  };
  await startServer();
  const connections: NatsConnection[] = [];
  const open = async (login: { servers: string[]; user: string; pass: string; inboxPrefix: string }) => {
    const nc = await connect({ ...login, maxReconnectAttempts: -1, reconnectTimeWait: 100, ignoreAuthErrorAbort: true });
    connections.push(nc);
    return nc;
  };
  let asking: NatsConnection | null = null;
  const stage = {
    config,
    /** A master as its own process; resolves when it says that it is up, or has died. */
    async master(more: Record<string, string> = {}): Promise<ChildProcess> {
      const child = spawn(process.execPath, [built('test', 'harness', 'master.js')], { env: { PATH: process.env['PATH'], ...own.env, ...more }, stdio: ['ignore', 'pipe', process.env['STAGE_LOGS'] ? 'inherit' : 'pipe'] });
      child.stderr?.resume();
      masters.push(diesWithUs(child));
      await Promise.race([
        new Promise<void>((resolve) => {
          let text = '';
          child.stdout!.on('data', (d: Buffer) => {
            text += d.toString();
            if (process.env['STAGE_LOGS']) process.stderr.write(d);
            if (text.includes('master is up')) resolve();
          });
        }),
        once(child, 'exit'),
      ]);
      return child;
    },
    async died(child: ChildProcess): Promise<string | null> {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return child.signalCode;
    },
    async kill(child: ChildProcess): Promise<void> {
      child.kill('SIGKILL');
      await stage.died(child);
    },
    /** It takes bytes and does nothing with them, until it is killed. */
    pauseServer: () => void server.kill('SIGSTOP'),
    async killServer(): Promise<void> {
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
    startServer,
    async restartServer(): Promise<void> {
      await stage.killServer();
      await startServer();
    },
    /** Rows of the master's view. */
    rows<T>(sql: string, ...args: unknown[]): T[] {
      const db = new Database(config.dbPath, { readonly: true });
      try {
        return db.prepare(sql).all(...args) as T[];
      } finally {
        db.close();
      }
    },
    /** A command, as the operator. */
    async command(actor: string, verb: string, payload: object = {}): Promise<any> {
      asking ??= await open(natsLogin(config, 'operator'));
      return (await asking.request(`troupe.cmd.${actor.replace('/', '.')}.${verb}`, JSON.stringify(payload), { timeout: 10_000 })).json();
    },
    /** The newest journal message that the master's view holds. */
    seen(): number {
      const db = new Database(config.dbPath, { readonly: true });
      try {
        return (db.prepare("SELECT seq FROM position WHERE stream = 'TROUPE_JOURNAL'").pluck().get() as number | undefined) ?? 0;
      } finally {
        db.close();
      }
    },
    /** Breaks a stream's files while the server is down. */
    async damage(stream: string, how: 'remove' | 'empty' | 'truncate'): Promise<void> {
      server.kill('SIGTERM');
      await once(server, 'exit');
      const dir = readdirSync(files.storeDir, { recursive: true }).map(String).filter((p) => p.endsWith(join('streams', stream))).map((p) => join(files.storeDir, p))[0];
      if (how === 'remove') rmSync(dir!, { recursive: true, maxRetries: 20, retryDelay: 100 });
      else
        for (const block of readdirSync(join(dir!, 'msgs'))) {
          const file = join(dir!, 'msgs', block);
          if (block.endsWith('.blk')) truncateSync(file, how === 'empty' ? 0 : Math.floor(statSync(file).size / 2));
          else rmSync(file);
        }
      await startServer();
    },
    operator: () => open(natsLogin(config, 'operator')),
    worker: (id: string) => open(workerLogin(config, id)),
    /** Accepted means: the server has stored it. */
    async accept(nc: NatsConnection, actor: string, event: string, body: object, id: string): Promise<void> {
      const [kind, name] = actor.split('/');
      for (;;) {
        try {
          await jetstream(nc).publish(`troupe.in.${kind}.${name}.${event}`, JSON.stringify(body), { msgID: id, timeout: 2_000 });
          return;
        } catch {
          await new Promise((r) => setTimeout(r, 100));
        }
      }
    },
    async close(): Promise<void> {
      for (const nc of connections) await nc.close().catch(() => {});
      for (const m of masters) if (m.exitCode === null && m.signalCode === null) await stage.kill(m);
      server.kill('SIGKILL');
      await once(server, 'exit');
      for (const dir of [stagingFolder(files.storeDir), config.dataDir]) rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
  return stage;
}
export type Stage = Awaited<ReturnType<typeof openStage>>;

/** Looks until it is so; says what it last saw when it never is. */
export async function until<T>(look: () => Promise<T | null | undefined | false> | T | null | undefined | false, what: string, ms = 20_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((r) => setTimeout(r, 40));
  }
}
