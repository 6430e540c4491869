import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import pino from 'pino';
import type { MachineFacts, MachineHeartbeat } from '../../transport/protocol.ts';
import { subjects } from '../../transport/subjects.ts';
import { ConfigError, type Config } from '../config.ts';
import { LocalDriver } from '../drivers/local/local-driver.ts';
import { takeLock } from '../file-lock.ts';
import { AgentDesk } from './agent-desk.ts';
import { httpFace } from './http-face.ts';
import { KeptStore, secretOf } from './kept-store.ts';
import { Keepers } from './keepers.ts';
import { machineFacts, machineLoad } from './machine.ts';
import { Membership } from './membership.ts';

export type AgentOptions = {
  machine: string | null;
  /** The earlier installation of this name is gone for good. */
  replace: boolean;
  /** How long the very first start waits for NATS and a master, ms. */
  joinWithinMs: number;
  /** How long an end waits for a master before the agent mends it, ms. */
  orphanMs: number;
  heartbeatMs: number;
  /** Workers end with the agent. */
  stopWorkers: boolean;
};

/** A second agent on one data folder: exit code 3. */
class AlreadyRuns extends Error {
  readonly exitCode = 3;
}

/** Starts the agent of this machine: its workers first, then the way to the masters, which may be away for as long as it likes. */
export async function startAgent(config: Config, options: AgentOptions): Promise<{ machine: string; port: number; stop(graceMs: number): Promise<void> }> {
  const log = pino({ level: config.logLevel, base: { part: 'agent' } });
  const tell = (level: 'info' | 'warn', message: string, about: object = {}) => log[level](about, message);
  const dir = join(config.dataDir, 'agent');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(dir, 'lock'));
  if (!lock) throw new AlreadyRuns(`an agent runs already in ${dir}: stop it first, or give this one a TROUPE_DATA of its own`);
  const done: (() => Promise<void> | void)[] = [() => lock.release()];
  const undo = async () => {
    for (const each of done.splice(0).reverse()) await each();
  };
  try {
    const membership = new Membership({ file: join(dir, 'identity.json'), servers: config.nats.servers, pskFile: config.nats.pskFile, machine: options.machine, replace: options.replace, log: (message) => log.warn(message) });
    const facts = await machineFacts(config.dataDir);
    if (!membership.joined) await membership.first(facts, options.joinWithinMs);
    const logDir = join(dir, 'logs');
    const driver = new LocalDriver({ runDir: join(dir, 'run'), logDir });
    const keepers = new Keepers({ driver, store: new KeptStore(join(dir, 'workers'), config.secretsDir), orphanMs: options.orphanMs, log: tell });
    await keepers.adopt();
    done.push(() => keepers.close());
    const desk = new AgentDesk({ machine: membership.machine, keepers, driver, facts, logFile: (key) => join(logDir, `${key}.log`) });
    const link = new MasterLink({ membership, facts, desk, log: tell });
    done.push(() => link.close());
    const face = httpFace({ keepers, driver, token: secretOf(join(config.secretsDir, 'agent-token')), graceMs: config.timing.grace, machine: membership.machine, connected: () => link.connected });
    const server = await listen(face.fetch, config.http.host, config.agentPort);
    done.push(() => close(server));
    link.run();
    const beat = heartbeat(membership.machine, facts, keepers, config.dataDir, tell);
    let beating = false;
    const timer = setInterval(() => {
      if (beating) return;
      beating = true;
      void beat().then((body) => link.publish(subjects.mhb(membership.machine), body)).catch((error: Error) => log.warn(error.message)).finally(() => (beating = false));
    }, options.heartbeatMs);
    done.push(() => clearInterval(timer));
    log.info({ machine: membership.machine, port: config.agentPort, workers: keepers.all().length }, 'agent is up');
    return {
      machine: membership.machine,
      port: config.agentPort,
      async stop(graceMs) {
        if (options.stopWorkers) await keepers.stopAll(graceMs);
        await undo();
        log.info(options.stopWorkers ? 'agent and its workers have stopped' : 'agent has stopped; its workers run on');
      },
    };
  } catch (error) {
    await undo();
    throw error;
  }
}

type LinkOptions = { membership: Membership; facts: MachineFacts; desk: AgentDesk; log: (level: 'info' | 'warn', message: string) => void };

/** The way to the masters: logs in again for ever, and joins again where its login was lost. */
class MasterLink {
  readonly #o: LinkOptions;
  readonly #closed = new AbortController();
  #nc: NatsConnection | null = null;
  #up = false;

  constructor(options: LinkOptions) {
    this.#o = options;
  }

  get connected(): boolean {
    return this.#up;
  }

  run(): void {
    void (async () => {
      while (!this.#closed.signal.aborted) {
        await this.#session().catch((error: Error) => this.#o.log('warn', `the connection to NATS failed: ${error.message}`));
        this.#up = false;
      }
    })();
  }

  publish(subject: string, body: object): void {
    if (this.#up && this.#nc && !this.#nc.isClosed()) this.#nc.publish(subject, JSON.stringify(body));
  }

  async close(): Promise<void> {
    this.#closed.abort();
    const late = setTimeout(() => void this.#nc?.close(), 2000);
    await this.#nc?.drain().catch(() => undefined);
    clearTimeout(late);
  }

  async #session(): Promise<void> {
    const { membership, facts, desk, log } = this.#o;
    await membership.ready(facts, this.#closed.signal);
    if (this.#closed.signal.aborted) return;
    // A login that is refused twice ends the connection, and the next one joins again.
    const nc = await connect({ ...membership.login, maxReconnectAttempts: -1, reconnectTimeWait: 250, reconnectJitter: 100, pingInterval: 5000, maxPingOut: 2, noAsyncTraces: true });
    this.#nc = nc;
    nc.subscribe(subjects.agent(membership.machine, '*'), {
      callback: (error, msg) => {
        if (error) return log('warn', `the subscription to commands failed: ${error.message}`);
        const verb = msg.subject.slice(msg.subject.lastIndexOf('.') + 1);
        void Promise.resolve()
          .then(() => desk.answer(verb, msg.json()))
          .catch((failure: Error) => ({ ok: false, code: 'bad-spec', message: failure.message }))
          .then((answer) => void (nc.isClosed() || msg.respond(JSON.stringify(answer))));
      },
    });
    void (async () => {
      for await (const s of nc.status()) {
        if (s.type === 'disconnect') this.#up = false;
        if (s.type === 'reconnect') this.#up = true;
        if (s.type === 'disconnect' || s.type === 'reconnect') log(s.type === 'reconnect' ? 'info' : 'warn', s.type === 'reconnect' ? 'connected to NATS again' : 'the connection to NATS is lost; workers are kept running');
      }
    })();
    await nc.flush();
    this.#up = true;
    log('info', `connected to NATS as ${membership.login.user}`);
    await nc.closed();
  }
}

function heartbeat(machine: string, facts: MachineFacts, keepers: Keepers, dataDir: string, log: LinkOptions['log']): () => Promise<MachineHeartbeat> {
  const incarnation = `${Date.now().toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`;
  const load = machineLoad(dataDir);
  let seq = 0;
  return async () => {
    const workers = await Promise.all(
      keepers.all().map(async (k) => {
        const stats = await k.stats();
        if (stats) k.boundMemory(stats).catch((error: Error) => log('warn', error.message));
        const { state, pid, startedAt, restarts } = k.status;
        return { key: k.key, state, pid, startedAt, restarts, rssBytes: stats?.rssBytes ?? 0, cpuRatio: stats?.cpuRatio ?? 0 };
      }),
    );
    return { ...facts, ...(await load()), machine, incarnation, seq: ++seq, at: Date.now(), workers };
  };
}

async function listen(fetch: (request: Request, env?: unknown) => Response | Promise<Response>, host: string, port: number): Promise<Server> {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, getRequestListener(fetch as never) as never);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new ConfigError([`AGENT_PORT=${port} on HOST=${host} can't be listened on (${(error as NodeJS.ErrnoException).code}): choose another port`]);
  }
  return server;
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, 'close');
}
