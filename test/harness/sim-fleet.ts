import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { natsLogin } from '../../runtime/nats-login.ts';
import { ResultPost } from '../../runtime/worker/result-post.ts';
import type { Config } from '../../runtime/config.ts';

type Run = { op: string; token: string; actor: { kind: string; id: string }; src: string; input: any; incarnation?: string };
export type Act = { worker: string; account: string; epoch: number; from: number; to: number };
export type SimOptions = { heartbeatMs?: number; fenceMs?: number; groups?: string[]; maxAccounts?: number; rssBytes?: number; maxAgents?: number; maxShells?: number; labels?: Record<string, string>; /** Hears of each piece of work as it comes. */ onWork?(task: string): void };
/** A task or a window as a simulated worker has it. The first step of a task says how it goes: `{tool: 'sim', args: {ms, fault, message, hang}}`. */
type Piece = { token: string; actor: string; is: 'page' | 'shell' | 'agent' | 'none'; timer: NodeJS.Timeout | null };

/** One worker without a browser: it registers, reports, holds leases, fences itself, and answers effects at once. */
export class SimWorker {
  readonly id: string;
  readonly leases = new Map<string, number>();
  /** When it did something for an account, and under which epoch. */
  readonly acts: Act[] = [];
  /** The tasks whose result it has sent, in order. */
  readonly did: string[] = [];
  /** What it works at now. */
  readonly pieces = new Map<string, Piece>();
  turnedAway = 0;
  private readonly post = new ResultPost(async (items) => new Set(await this.nc.request(`troupe.ask.${this.id}.results`, JSON.stringify({ items }), { timeout: 3_000 }).then((m) => m.json<{ settled?: string[] }>().settled ?? [], () => [])));
  incarnation = '';
  registered = 0;
  /** Reports that were answered. */
  confirmed = 0;
  rssBytes: number;
  busy = 0;
  configVersion: number | undefined;
  stopped = false;
  private readonly nc: NatsConnection;
  private readonly o: SimOptions;
  private readonly seen = new Set<string>();
  private confirmedAt = 0;
  private seq = 0;
  private timer: NodeJS.Timeout | null = null;
  private cut = false;

  constructor(nc: NatsConnection, id: string, options: SimOptions) {
    this.nc = nc;
    this.id = id;
    this.o = options;
    this.rssBytes = options.rssBytes ?? 1e8;
  }

  async start(): Promise<void> {
    this.incarnation = `${Date.now().toString(36).padStart(9, '0')}-${Math.random().toString(16).slice(2, 10)}`;
    this.nc.subscribe(`troupe.fx.${this.id}`, { callback: (error, msg) => {
      if (error || this.cut || this.stopped) return;
      const run = msg.json<Run>();
      if (run.op === 'stop') {
        const mine = run.incarnation === this.incarnation;
        msg.respond(JSON.stringify({ taken: mine }));
        if (mine) this.stop();
        return;
      }
      if (run.op === 'abort') this.end(run.token);
      if (run.op === 'run' && (run.src === 'work' || run.src === 'keep')) return void msg.respond(JSON.stringify(this.takeFree(run)));
      if (run.op !== 'run') return void msg.respond(JSON.stringify({ taken: true }));
      const held = this.leases.get(run.input.account) === run.input.epoch && this.mayAct();
      if (!held) {
        void this.beat();
        return void msg.respond(JSON.stringify({ taken: false, reason: 'no lease' }));
      }
      msg.respond(JSON.stringify({ taken: true }));
      if (!this.seen.has(run.token)) {
        this.seen.add(run.token);
        void this.run(run).catch(() => {});
      }
    } });
    await this.register();
    await this.beat();
    this.timer = setInterval(() => void this.beat(), this.o.heartbeatMs ?? 5_000);
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearInterval(this.timer);
  }
  /** Neither hears nor is heard, and lives on. */
  isolate(yes: boolean): void {
    this.cut = yes;
  }

  mayAct(): boolean {
    return performance.now() - this.confirmedAt < (this.o.fenceMs ?? 15_000);
  }

  private async register(): Promise<void> {
    for (let i = 0; i < 100 && !this.stopped; i++) {
      if (this.cut) return;
      const answer = await this.nc.request(`troupe.ask.${this.id}.register`, JSON.stringify({
        worker: this.id, incarnation: this.incarnation, host: 'sim', pid: 1, port: 0, version: '0', node: 'v20', chromium: '1', capabilities: ['sandbox'], maxAccounts: this.o.maxAccounts ?? 10,
        group: this.o.groups?.[0] ?? 'default', groups: this.o.groups?.slice(1) ?? [], mode: 'context', maxAgents: this.o.maxAgents ?? 10, maxShells: this.o.maxShells ?? 0, allowShell: (this.o.maxShells ?? 0) > 0, labels: this.o.labels ?? {}, ...(this.configVersion ? { configVersion: this.configVersion } : {}),
      }), { timeout: 5_000 }).then((m) => m.json<{ ok: boolean }>(), () => null);
      if (answer?.ok) {
        this.registered++;
        return;
      }
      await new Promise((r) => setTimeout(r, 200));
    }
  }

  async beat(): Promise<void> {
    if (this.cut || this.stopped) return;
    const sentAt = performance.now();
    const body = { worker: this.id, incarnation: this.incarnation, seq: ++this.seq, at: Date.now(), rssBytes: this.rssBytes, cpuRatio: 0.1, browsers: 0, busy: { crawl: this.busy, reply: 0, login: 0 }, running: [...this.pieces.values()].map((p) => ({ actor: p.actor, is: p.is })), accounts: [...this.leases].map(([account, epoch]) => ({ account, epoch })), ...(this.configVersion ? { config: this.configVersion } : {}) };
    const answer = await this.nc.request(`troupe.hb.${this.id}`, JSON.stringify(body), { timeout: 5_000 }).then((m) => m.json<{ known: boolean; leases: { account: string; epoch: number }[]; config?: { version: number } }>(), () => null);
    if (!answer || this.cut) return;
    if (!answer.known) {
      this.leases.clear();
      return this.register();
    }
    this.confirmed++;
    this.confirmedAt = sentAt;
    this.leases.clear();
    for (const l of answer.leases) this.leases.set(l.account, l.epoch);
    if (answer.config) this.configVersion = answer.config.version;
  }

  /** Ends a window as a crash would. */
  crash(agent: string): void {
    for (const p of this.pieces.values()) if (p.actor === `agent/${agent}`) void this.settle(p, 'error', { error: { kind: 'crashed', message: 'the page crashed', sent: 'no' } });
  }

  private takeFree(run: Run): { taken: boolean; reason?: string } {
    const { input, token } = run;
    if (input.incarnation !== this.incarnation) return { taken: false, reason: 'another process is meant' };
    if (!this.mayAct()) return { taken: false, reason: 'no heartbeat was confirmed' };
    if (this.seen.has(token)) return { taken: true };
    this.seen.add(token);
    const is = run.src === 'keep' ? 'agent' : input.type === 'shell' ? 'shell' : input.agent === null ? 'page' : 'none';
    const piece: Piece = { token, actor: `${run.actor.kind}/${run.actor.id}`, is, timer: null };
    const used = [...this.pieces.values()].filter((p) => (is === 'shell' ? p.is === 'shell' : p.is === 'page' || p.is === 'agent')).length;
    if (is !== 'none' && used >= (is === 'shell' ? (this.o.maxShells ?? 0) : (this.o.maxAgents ?? 10))) {
      this.turnedAway++;
      void this.send(piece, 'error', { error: { kind: 'full', message: 'this worker is full', sent: 'no' } });
      return { taken: true };
    }
    this.pieces.set(token, piece);
    if (run.src === 'work') this.o.onWork?.(run.actor.id);
    if (run.src === 'keep') {
      void this.send(piece, 'event', { event: { type: 'OPENED', window: `w-${run.actor.id}`, url: input.url, title: 'Sim' } }, ':1');
      return { taken: true };
    }
    const { ms = 0, fault, message = 'it failed', hang } = (input.payload.actions?.[0]?.args ?? {}) as { ms?: number; fault?: string; message?: string; hang?: boolean };
    if (hang) return { taken: true };
    const finish = () => void (fault ? this.settle(piece, 'error', { error: { kind: fault, message, sent: 'no' } }) : this.settle(piece, 'done', { output: { result: { by: this.id, attempt: input.attempt }, object: null, artefacts: [], agent: input.agent, ms } }));
    if (ms === 0) finish();
    else piece.timer = setTimeout(finish, ms);
    return { taken: true };
  }

  private end(token: string): void {
    const piece = this.pieces.get(token);
    if (piece?.timer) clearTimeout(piece.timer);
    this.pieces.delete(token);
  }

  private async settle(piece: Piece, verb: 'done' | 'error', body: object): Promise<void> {
    if (!this.pieces.delete(piece.token) || this.stopped) return;
    if (verb === 'done') this.did.push(piece.actor);
    if (piece.actor.startsWith('task/') && (await this.post.send({ id: `${piece.token}:${verb}`, actor: piece.actor, token: piece.token, ...body }))) return;
    await this.send(piece, verb, body);
  }

  private async send(piece: Piece, verb: 'done' | 'error' | 'event', body: object, suffix = `:${verb}`): Promise<void> {
    for (let i = 0; i < 100 && !this.nc.isClosed(); i++) {
      try {
        await jetstream(this.nc, { timeout: 5_000 }).publish(`troupe.in.${piece.actor.replace('/', '.')}.~${verb}.${this.id}`, JSON.stringify({ token: piece.token, ...body }), { msgID: `${piece.token}${suffix}` });
        return;
      } catch {
        await new Promise((r) => setTimeout(r, 100));
      }
    }
  }

  private async run(run: Run): Promise<void> {
    const { account, epoch, round } = run.input;
    const from = Date.now();
    const output = run.src === 'crawl' ? { comments: 0, messages: 0, cursor: { comments: null, messages: null }, ms: 1 } : run.src === 'login' ? { user: { id: `u-${account}`, nickname: 'U', avatar: null }, validUntil: null, fingerprint: null } : { session: 'valid' };
    if (run.src === 'crawl') await this.nc.request(`troupe.ask.${this.id}.found`, JSON.stringify({ account, epoch, round, comments: [], messages: [] }), { timeout: 3_000 });
    if (!this.mayAct()) return;
    this.acts.push({ worker: this.id, account, epoch, from, to: Date.now() });
    await jetstream(this.nc, { timeout: 5_000 }).publish(`troupe.in.${run.actor.kind}.${run.actor.id}.~done.${this.id}`, JSON.stringify({ token: run.token, output }), { msgID: `${run.token}:done` });
  }
}

/** Many simulated workers over few connections, never a process each. */
export async function simFleet(config: Config, names: string[], options: SimOptions = {}, connections = 4) {
  const ncs: NatsConnection[] = [];
  for (let i = 0; i < Math.min(connections, names.length); i++) ncs.push(await connect({ ...natsLogin(config, 'master'), name: `sim ${i}`, maxReconnectAttempts: -1, reconnectTimeWait: 100, ignoreAuthErrorAbort: true }));
  const workers = names.map((id, i) => new SimWorker(ncs[i % ncs.length]!, id, options));
  // In waves: a real fleet does not come up in one millisecond either.
  for (let i = 0; i < workers.length; i += 50) await Promise.all(workers.slice(i, i + 50).map((w) => w.start()));
  return {
    workers,
    of: (id: string): SimWorker => workers.find((w) => w.id === id)!,
    acts: (): Act[] => workers.flatMap((w) => w.acts),
    async close(): Promise<void> {
      for (const w of workers) w.stop();
      for (const nc of ncs) await nc.close();
    },
  };
}
export type SimFleet = Awaited<ReturnType<typeof simFleet>>;

/** Epochs rise and never overlap: for each account, no act of an older epoch after one of a newer. */
export function overlaps(acts: Act[]): string[] {
  const bad: string[] = [];
  const byAccount = new Map<string, Act[]>();
  for (const a of acts) byAccount.set(a.account, [...(byAccount.get(a.account) ?? []), a]);
  for (const [account, list] of byAccount) {
    const sorted = [...list].sort((a, b) => a.from - b.from);
    let highest = 0;
    for (const a of sorted) {
      if (a.epoch < highest) bad.push(`${account}: ${a.worker} acted at epoch ${a.epoch} after epoch ${highest}`);
      highest = Math.max(highest, a.epoch);
    }
  }
  return bad;
}
