import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { loadSecrets } from '../../runtime/secrets.ts';
import { built, openStage, until, type Stage } from '../harness/stage.ts';
import { freePort } from '../setup/running-server.ts';

type Run = { op: string; token: string; id: string; actor: { kind: string; id: string }; src: string; input: any; data: any };

/** A worker on the wire whose platform is a list: it says what a test wants it to say. */
export class WireWorker {
  readonly posted: string[] = [];
  readonly secrets: string[] = [];
  readonly id = 'w1';
  /** Comments that the next rounds find, by account. */
  readonly comments = new Map<string, { id: string; text: string }[]>();
  private readonly seen = new Set<string>();
  private readonly incarnation = `i${Date.now()}`;
  private readonly nc: NatsConnection;
  private beat: NodeJS.Timeout | null = null;
  private seq = 0;
  /** Asked with the token of each login; the login is done when it resolves. */
  onLogin: (run: Run) => Promise<void> = () => Promise.resolve();
  constructor(nc: NatsConnection) {
    this.nc = nc;
  }

  async start(): Promise<void> {
    this.nc.subscribe(`troupe.fx.${this.id}`, {
      callback: (_, msg) => {
        const run = msg.json<Run>();
        msg.respond(JSON.stringify({ taken: true }));
        // A signal is said again until it is known to be heard.
        if (run.op === 'signal' && !this.seen.has(run.id) && this.seen.add(run.id)) void this.ask('secret', { ref: run.data.ref, token: run.token }).then((answer) => this.secrets.push(answer.value));
        if (run.op !== 'run' || this.seen.has(run.token)) return;
        this.seen.add(run.token);
        void this.run(run);
      },
    });
    await until(() => this.ask('register', { worker: this.id, incarnation: this.incarnation, host: 'h', pid: 1, port: 0, version: '0', node: 'v20', chromium: '1', capabilities: ['sandbox'], maxAccounts: 10, group: 'default', mode: 'context' }).catch(() => null), 'the worker is registered');
    const beat = () => this.nc.publish(`troupe.hb.${this.id}`, JSON.stringify({ worker: this.id, incarnation: this.incarnation, seq: ++this.seq, at: Date.now(), rssBytes: 1e8, cpuRatio: 0, browsers: 0, busy: { crawl: 0, reply: 0, login: 0 }, accounts: [] }), { reply: `_INBOX_${this.id}.none` });
    beat();
    this.beat = setInterval(beat, 300);
  }
  stop(): void {
    if (this.beat) clearInterval(this.beat);
  }

  async ask(verb: string, body: object): Promise<any> {
    return (await this.nc.request(`troupe.ask.${this.id}.${verb}`, JSON.stringify(body), { timeout: 3_000 })).json();
  }

  async say(run: Run, verb: 'done' | 'error' | 'event', body: object): Promise<void> {
    await jetstream(this.nc).publish(`troupe.in.${run.actor.kind}.${run.actor.id}.~${verb}.${this.id}`, JSON.stringify({ token: run.token, ...body }), { msgID: `${run.token}:${verb}` });
  }

  private async run(run: Run): Promise<void> {
    const { input } = run;
    if (run.src === 'login') {
      await this.onLogin(run);
      return this.say(run, 'done', { output: { user: { id: 'u', nickname: 'U', avatar: null }, validUntil: null, fingerprint: null } });
    }
    if (run.src === 'crawl') {
      const comments = (this.comments.get(input.account) ?? []).map((c) => ({ ...c, author: { id: 'a', name: 'A' }, post: { id: 'p', title: 'P' }, at: 1 }));
      await this.ask('found', { account: input.account, epoch: input.epoch, round: input.round, comments, messages: [] });
      return this.say(run, 'done', { output: { comments: comments.length, messages: 0, cursor: { comments: null, messages: null }, ms: 1 } });
    }
    if (run.src === 'find') return this.say(run, 'done', { output: { remoteId: this.posted.includes(input.text) ? 'x' : null, reliable: true } });
    const leave = await this.ask('leave', { reply: input.reply, token: run.token, account: input.account, epoch: input.epoch });
    if (!leave.ok) return this.say(run, 'error', { error: { kind: 'fenced', message: leave.message, sent: 'no' } });
    this.posted.push(input.text);
    return this.say(run, 'done', { output: { remoteId: 'x' } });
  }
}

/** nats-server, a master and the page as processes of their own, and a worker on the wire, or none. Everything that they print is kept. */
export async function wholeSystem({ wire = true, env = {} }: { wire?: boolean; /** Of the master. */ env?: Record<string, string> } = {}) {
  const port = await freePort();
  const stage: Stage = await openStage({ PORT: String(port), LOG_LEVEL: 'debug', ...env });
  const { config } = stage;
  const children: ChildProcess[] = [];
  let printed = '';
  const keep = (child: ChildProcess) => {
    for (const pipe of [child.stdout, child.stderr]) pipe?.on('data', (d: Buffer) => void (printed += d.toString()));
    return child;
  };
  const base = `http://127.0.0.1:${port}`;
  keep(await stage.master());
  const web = keep(spawn(process.execPath, [built('runtime', 'main.js'), 'web'], {
    env: { PATH: process.env['PATH'], TROUPE_DATA: config.dataDir, NATS_URL: config.nats.servers[0]!, PORT: String(port), LOG_LEVEL: 'debug', TROUPE_DEMO: '0', PARTITIONS: '4' }, stdio: ['ignore', 'pipe', 'pipe'],
  }));
  children.push(web);
  await until(() => fetch(`${base}/readyz`).then((r) => r.ok, () => false), 'the page is ready');
  const worker = new WireWorker(await stage.worker('w1'));
  if (wire) await worker.start();
  const admin = loadSecrets(config).admin;
  const entered = await fetch(`${base}/sign-in`, { method: 'POST', redirect: 'manual', headers: { origin: base, 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ user: 'admin', password: admin }) });
  const cookie = entered.headers.getSetCookie()[0]!.split(';')[0]!;
  const made = await fetch(`${base}/settings/tokens`, { method: 'POST', headers: { origin: base, cookie, 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ name: 'tests', scope: 'admin' }) });
  const token = /trp_\w+?_[\w-]{43}/.exec(await made.text())![0];
  return {
    stage, base, cookie, token, admin, worker,
    printed: () => printed,
    pids: () => children.map((c) => c.pid!),
    async api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: any; headers: Headers }> {
      const answer = await fetch(`${base}/api/v1${path}`, { method, headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      return { status: answer.status, body: await answer.json(), headers: answer.headers };
    },
    page: async (path: string): Promise<string> => (await fetch(base + path, { headers: { cookie, 'accept-language': 'en' } })).text(),
    async close(): Promise<void> {
      worker.stop();
      for (const child of children) {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      await stage.close();
    },
  };
}
export type WholeSystem = Awaited<ReturnType<typeof wholeSystem>>;
