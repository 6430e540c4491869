import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { serveJoins } from '../../runtime/agent/serve-joins.ts';
import { AgentDriver, type AgentOptions } from '../../runtime/drivers/agent/agent-driver.ts';
import { LocalDriver } from '../../runtime/drivers/local/local-driver.ts';
import { natsLogin } from '../../runtime/nats-login.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { freePort, type RunningServer } from '../setup/running-server.ts';

export type Run = { child: ChildProcess; output(): string; ended: Promise<number | null> };

/** A machine of its own: a data folder on which agents run one after the other. Everything on it dies with `close`. */
export async function machine(server: RunningServer, name: string) {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-agent-'));
  const port = await freePort();
  const runs: Run[] = [];
  const env = { TROUPE_DATA: dir, NATS_URL: server.config.nats.servers[0]!, AGENT_PORT: String(port), WORKER_PSK_FILE: server.config.nats.pskFile, HEARTBEAT_INTERVAL_MS: '100' };
  return {
    dir,
    port,
    name,
    get token() {
      return readFileSync(join(dir, 'secrets', 'agent-token'), 'utf8').trim();
    },
    /** One run of `troupe agent` as a process. */
    run(args: string[] = [], more: Record<string, string> = {}): Run {
      const child = spawn(process.execPath, [join(packageRoot(), 'dist', 'runtime', 'main.js'), 'agent', '--machine', name, ...args], { env: { PATH: process.env['PATH'], ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'], cwd: dir });
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (d: Buffer) => void (text += d.toString()));
      const run = { child, output: () => text, ended: once(child, 'close').then(([code]) => code as number | null) };
      runs.push(run);
      return run;
    },
    /** The same, up and connected. */
    async up(args: string[] = [], more: Record<string, string> = {}): Promise<Run> {
      const run = this.run(args, more);
      await until(() => (run.output().includes('agent is up') && run.output().includes('connected to NATS')) || run.child.exitCode !== null, run.output);
      if (run.child.exitCode !== null) throw new Error(run.output());
      return run;
    },
    async kill(run: Run, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
      run.child.kill(signal);
      await run.ended;
    },
    async close(): Promise<void> {
      for (const run of runs) if (run.child.exitCode === null && run.child.signalCode === null) await this.kill(run);
      const local = new LocalDriver({ runDir: join(dir, 'agent', 'run'), logDir: join(dir, 'agent', 'logs') });
      for await (const { handle } of local.list()) await local.stop(handle, 0);
      rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
    driver: (nc: NatsConnection, more: Partial<AgentOptions> = {}) => new AgentDriver({ nc, machine: name, pollMs: 50, openMs: 1000, ...more }),
  };
}
export type Machine = Awaited<ReturnType<typeof machine>>;

/** A master's connection, which lets machines join. */
export async function master(server: RunningServer): Promise<{ nc: NatsConnection; joins: string[]; close(): Promise<void> }> {
  const nc = await connect({ ...natsLogin(server.config, 'master'), maxReconnectAttempts: -1, reconnectTimeWait: 50, ignoreAuthErrorAbort: true });
  const joins: string[] = [];
  serveJoins({ nc, config: server.config, secrets: server.secrets, log: () => undefined, joined: (name, facts) => void joins.push(`${name} ${facts.cpus > 0}`) });
  return { nc, joins, close: () => nc.close() };
}

export async function until(done: () => boolean | Promise<boolean>, words: () => string = () => '', ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${words()}`);
    await new Promise((r) => setTimeout(r, 20));
  }
}
