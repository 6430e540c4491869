import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { chromiumsUnder, killChromium } from '../../runtime/browsers/chromium-processes.ts';
import { openLocalDriver } from '../../runtime/drivers/open-local-driver.ts';
import type { LocalHandle } from '../../runtime/drivers/local/local-driver.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { pageAddress } from '../../runtime/supervisor/parts.ts';
import { ownConfig, serverEnv } from '../setup/running-server.ts';
import { until } from '../worker/until.ts';

export type LedgerRow = { id: number; user: string; target: string; text: string; at: number };
type Json = Record<string, any>;

const pick = (...names: string[]) => Object.fromEntries(names.flatMap((n) => (process.env[n] ? [[n, process.env[n]]] : []))) as Record<string, string>;

/** Everything as a stranger starts it: the built `troupe up` with a folder and ports of its own, and hands on the sandbox's strings. */
export async function wholeStage(more: Record<string, string> = {}) {
  const own = await ownConfig({ STOP_GRACE_MS: '5000', BROWSER_MODE: 'context', LOG_LEVEL: 'warn', ...pick('TROUPE_NATS_SERVER', 'TROUPE_CHROMIUM', 'BROWSER_NICE'), ...more });
  const { config } = own;
  const site = `http://127.0.0.1:${config.demo.port}`;
  const env = { ...serverEnv(), HOME: config.dataDir, ...own.env };
  const driver = openLocalDriver(config);
  let up: { child: ChildProcess; out: string };
  const start = async () => {
    const run = { child: spawn(join(packageRoot(), 'bin', 'troupe'), ['up'], { cwd: config.dataDir, env, stdio: ['ignore', 'pipe', 'pipe'] }), out: '' };
    for (const s of [run.child.stdout, run.child.stderr]) s.on('data', (d: Buffer) => (run.out += d.toString()));
    up = run;
    await until('troupe up to greet', () => {
      if (run.child.exitCode !== null) throw new Error(`troupe up ended with ${run.child.exitCode}:\n${run.out}`);
      return run.out.includes('Ctrl-C stops everything.');
    }, 90_000);
  };
  let nc: NatsConnection | undefined;
  const operator = async () => (nc ??= await connect({ ...natsLogin(config, 'operator'), maxReconnectAttempts: -1, reconnectTimeWait: 100, ignoreAuthErrorAbort: true }));
  let commands = 0;

  const stage = {
    config,
    site,
    page: pageAddress(config),
    /** What `up` has printed so far. */
    get out() {
      return up.out;
    },
    operator,
    /** The processes of the graph that run now, by name. */
    async handles(): Promise<Record<string, LocalHandle>> {
      const found: Record<string, LocalHandle> = {};
      for await (const { key, handle } of driver.list()) if ((await driver.recover(handle)) === 'running') found[key] = handle;
      return found;
    },
    /** kill -9 of one process; resolves when it is gone. */
    async kill(key: string): Promise<void> {
      const handle = await until(`${key} to run`, async () => (await stage.handles())[key]);
      process.kill(handle.pid!, 'SIGKILL');
      await until(`${key} to be gone`, async () => (await stage.handles())[key]?.pid !== handle.pid);
    },
    /** A command over NATS, asked again with the same id until somebody answers. */
    async command(actor: string, verb: string, payload: object = {}): Promise<Json> {
      const h = headers();
      h.set('Nats-Msg-Id', `whole-${process.pid}-${++commands}`);
      return until(`an answer to ${verb} of ${actor}`, async () => {
        try {
          const answer = (await (await operator()).request(`troupe.cmd.${actor.replace('/', '.')}.${verb}`, JSON.stringify(payload), { headers: h, timeout: 5_000 })).json<Json>();
          return answer.code === 'unavailable' ? null : answer;
        } catch {
          return null;
        }
      }, 60_000);
    },
    /** An actor's snapshot as the journal has it. */
    async state(actor: string): Promise<Json | null> {
      const jsm = await jetstreamManager(await operator());
      const message = await jsm.streams.getMessage('TROUPE_JOURNAL', { last_by_subj: `troupe.journal.${actor.replace('/', '.')}` }).catch(() => null);
      return message && message.json<Json>().after;
    },
    control: async (path: string, body: object = {}): Promise<Json> => {
      const answer = await fetch(`${site}/control/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`control/${path}: ${await answer.text()}`);
      return answer.json() as Promise<Json>;
    },
    ledger: async (): Promise<LedgerRow[]> => (await fetch(`${site}/control/ledger`)).json() as Promise<LedgerRow[]>,
    /** Rows of the master's view. */
    rows<T>(sql: string, ...args: unknown[]): T[] {
      const db = new Database(config.dbPath, { readonly: true });
      try {
        return db.prepare(sql).all(...args) as T[];
      } finally {
        db.close();
      }
    },
    /** Confirms the code of a login as `user`, as a phone does. */
    async confirm(url: string, user: string): Promise<void> {
      await fetch(url);
      const answer = await fetch(`${site}/phone`, { method: 'POST', body: new URLSearchParams({ code: new URL(url).searchParams.get('code') ?? '', user }) });
      if (!answer.ok) throw new Error(`the phone page answered ${answer.status}`);
    },
    /** Logs an account in by its code; resolves when it is. */
    async login(account: string, user: string): Promise<void> {
      const { login, ...rest } = await stage.command(`account/${account}`, 'login');
      if (!login) throw new Error(`login of ${account}: ${JSON.stringify(rest)}`);
      const url = await until(`the code of ${account}`, async () => (await stage.state(`login/${login}`))?.context.qr?.url as string | undefined, 60_000);
      await stage.confirm(url, user);
      await until(`${account} to be logged in`, async () => (await stage.state(`login/${login}`))?.value === 'success', 60_000);
    },
    async close(): Promise<void> {
      await nc?.close();
      const left = up.child;
      if (left.exitCode === null && left.signalCode === null) {
        left.kill('SIGKILL');
        await once(left, 'exit');
      }
      for await (const { handle } of driver.list()) await driver.stop(handle, 0);
      // A master that was just ended may have started its worker once more.
      for await (const { handle } of driver.list()) await driver.stop(handle, 0);
      await Promise.all(chromiumsUnder(config.dataDir).map(killChromium));
      if (process.env['STAGE_LOGS']) showLogs(join(config.dataDir, 'logs'), up.out);
      rmSync(config.dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await start();
  } catch (error) {
    await stage.close();
    throw error;
  }
  return stage;
}
export type WholeStage = Awaited<ReturnType<typeof wholeStage>>;

function showLogs(dir: string, out: string): void {
  process.stderr.write(`--- up\n${out}\n`);
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir)) process.stderr.write(`--- ${name}\n${readFileSync(join(dir, name), 'utf8').split('\n').slice(-60).join('\n')}\n`);
}
