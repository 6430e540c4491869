import { jetstream } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { natsLogin } from '../../runtime/nats-login.ts';
import type { Config } from '../../runtime/config.ts';

type Run = { op: string; token: string; actor: { kind: string; id: string }; src: string; input: any; incarnation?: string };
export type Act = { worker: string; account: string; epoch: number; from: number; to: number };
export type SimOptions = { heartbeatMs?: number; fenceMs?: number; groups?: string[]; maxAccounts?: number; rssBytes?: number };

/** One worker without a browser: it registers, reports, holds leases, fences itself, and answers effects at once. */
export class SimWorker {
  readonly id: string;
  readonly leases = new Map<string, number>();
  /** When it did something for an account, and under which epoch. */
  readonly acts: Act[] = [];
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
        group: this.o.groups?.[0] ?? 'default', groups: this.o.groups?.slice(1) ?? [], mode: 'context', ...(this.configVersion ? { configVersion: this.configVersion } : {}),
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
    const body = { worker: this.id, incarnation: this.incarnation, seq: ++this.seq, at: Date.now(), rssBytes: this.rssBytes, cpuRatio: 0.1, browsers: 0, busy: { crawl: this.busy, reply: 0, login: 0 }, accounts: [...this.leases].map(([account, epoch]) => ({ account, epoch })), ...(this.configVersion ? { config: this.configVersion } : {}) };
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
