import type { TaskInput, TaskPlace, TaskRequirements, TaskType } from '../../machines/task.ts';
import { CORDON } from '../read-model/queries/cordons.ts';
import type { Db } from '../read-model/store.ts';
import { laneOf, shapeKey, shapeText } from '../tasks/shape.ts';
import type { Strategy } from './assignment.ts';
import type { Book, Running } from './book.ts';
import { EffectFailed, type Answers, type HeldEffect, type HeldJob } from './effects.ts';
import type { Liveness } from './liveness.ts';
import type { Gates } from './gates.ts';
import { choose, FORWARD_AFTER, UNSEEN, type AgentSite, type Holder, type Site, type Want, type World } from './placing.ts';
import { TaskQueue, type Shape, type Waiting } from './task-queue.ts';

type Asked = { type: TaskType; priority: number; group: string; requirements: TaskRequirements };
type PlaceInput = Asked & { task: string; seq: number; avoid: string | null; at: number };
type AgentInput = { agent: string; group: string; worker: string | null; account: string | null; at: number };
type Job = Waiting & { answers: Answers };
type Wanted = Want & { type: string; lane: string; isAgent: boolean };
type Waits = Shape<Wanted, Job>;
type Seen = Omit<World, 'holder' | 'last'> & { agents: AgentSite[] };
type Decision = { site: Site; agent: string | null; lease: AccountRow | null } | { why: string; gated?: true } | { never: string };
type Told = { why: string | null; said: string | null };

export type Why = { shape: string; why: string | null };
export type PlacerOptions = {
  db: Db;
  liveness: Liveness;
  book: Book;
  gates: Gates;
  owns(actor: string): boolean;
  strategy(): Strategy | null;
  /** Says why tasks wait: once for all that wait for the same. */
  tell(whys: Why[]): void;
};

type Row = { id: string; incarnation: string; groups: string[]; labels: Record<string, string>; allow_shell: number; max_agents: number; max_shells: number; cpu_cores: number; max_memory_mb: number; phase: string; cordoned: string | null };
type AccountRow = { worker: string | null; epoch: number; incarnation: string | null; lease: string; platform: string; proxy: string | null };

/** So many are placed before others have the event loop. */
const AT_ONCE = 500;
/** Waits that are shorter are not worth a word. */
const QUIET = 2_000;
const TELL_EVERY = 1_000;
/** A worker that turned something away has no room for so long, whatever was counted. */
const TURNED_AWAY = 1_000;

/** Gives tasks and agents to workers as room comes up. Nothing is polled: what changes wakes it. */
export class Placer implements HeldEffect {
  private readonly o: PlacerOptions;
  private readonly queue = new TaskQueue<Wanted, Job>();
  private readonly told = new Map<Waits, Told>();
  private readonly over: string[] = [];
  private readonly workers;
  private readonly agents;
  private readonly account;
  private readonly lastGiven = new Map<string, number>();
  private readonly lastOf = new Map<string, string>();
  private readonly turnedAway = new Map<string, number>();
  private readonly telling: NodeJS.Timeout;
  private rows: Row[] = [];
  private agentRows: Omit<AgentSite, 'busy'>[] & { task?: string }[] = [];
  private stale = true;
  private seen: Seen | null = null;
  private scheduled = false;
  private later: { at: number; timer: NodeJS.Timeout } | null = null;
  private stopped = false;

  constructor(options: PlacerOptions) {
    this.o = options;
    const { db } = options;
    this.workers = db.prepare(`SELECT w.id, w.incarnation, w.groups, w.labels, w.allow_shell, w.max_agents, w.max_shells, c.cpu_cores, c.max_memory_mb, r.status AS phase, ${CORDON} AS cordoned
      FROM workers w JOIN worker_runtime r ON r.worker_id = w.id JOIN worker_configs c ON c.worker_id = w.id WHERE w.status = 'connected' AND r.status IN ('running', 'draining')`);
    this.agents = db.prepare(`SELECT id, COALESCE(worker_id, '') AS worker, account_id AS account, group_name AS "group", shared, status AS state, task_id AS task FROM agents WHERE status <> 'closed'`);
    this.account = db.prepare(`SELECT assigned_worker_id AS worker, lease_epoch AS epoch, lease_incarnation AS incarnation, lease_state AS lease, platform, CASE WHEN proxy_id IS NULL THEN proxy ELSE json_object('id', proxy_id) END AS proxy FROM accounts WHERE id = ?`);
    this.telling = setInterval(() => this.tell(), TELL_EVERY);
  }

  /** How many wait. */
  get size(): number {
    return this.queue.size;
  }

  take(job: HeldJob, answers: Answers): void {
    const isAgent = job.actor.startsWith('agent/');
    const input = job.input as PlaceInput | AgentInput;
    const one: Job = { token: job.token, actor: job.actor, priority: isAgent ? 10 : (input as PlaceInput).priority, seq: isAgent ? 0 : (input as PlaceInput).seq, at: input.at, answers };
    if (isAgent) {
      const a = input as AgentInput;
      this.queue.add(one, `agent\n${a.worker}\n${a.account}`, a.group, () => ({ what: 'agent', group: a.group, forwardTo: [], forwardAfterMs: 0, worker: a.worker, agent: null, account: a.account, labels: {}, min: {}, type: 'agent', lane: 'high', isAgent: true }));
    } else {
      const t = input as PlaceInput;
      if (t.avoid) this.turnedAway.set(t.avoid, performance.now() + TURNED_AWAY);
      this.queue.add(one, shapeText(t), t.group, () => wantOf(t));
    }
    this.wake();
  }

  /** A place for a task that is being made, with its room set aside; null when it has to wait, or others do. */
  atOnce(actor: string, task: TaskInput): TaskPlace | null {
    if (this.queue.size > 0 || this.stopped || task.after.length > 0 || (task.notBefore ?? 0) > task.at || !this.o.db.open) return null;
    this.o.book.expire();
    const want = wantOf(task);
    const world = this.worldOfTurn();
    const choice = this.decide(want, world, 0);
    return 'site' in choice ? this.setAside(actor, want, choice, world) : null;
  }

  drop(token: string): void {
    const shape = this.queue.remove(token);
    if (shape && shape.size === 0) this.forget(shape);
  }

  /** What workers, agents, accounts or gates are has changed. */
  changed(topics: readonly string[]): void {
    if (!topics.some((t) => t === 'worker' || t === 'agent' || t === 'account' || t === 'gate' || t === 'machine')) return;
    this.stale = true;
    this.seen = null;
    this.wake();
  }

  heard(worker: string, running: readonly Running[]): void {
    if (this.o.book.heard(worker, running)) this.wake();
  }

  /** Looks again, soon and once. */
  wake(): void {
    if (this.scheduled || this.stopped || this.queue.size === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (!this.stopped) this.pass();
    });
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.telling);
    if (this.later) clearTimeout(this.later.timer);
  }

  private pass(): void {
    if (!this.o.db.open) return;
    this.o.book.expire();
    const world = this.world();
    this.seen = null;
    const now = Date.now();
    const blocked = new Set<Waits>();
    const block = (shape: Waits, why: string): void => {
      blocked.add(shape);
      const told = this.told.get(shape);
      if (told) told.why = why;
      else this.told.set(shape, { why, said: null });
    };
    for (let placed = 0; ; ) {
      const next = this.queue.next(now, blocked);
      if (!next) break;
      if (placed >= AT_ONCE) return this.wake();
      const { job, shape } = next;
      const { want } = shape;
      const waited = now - job.at;
      const choice = this.decide(want, world, waited);
      if ('why' in choice) {
        block(shape, choice.why);
        if (choice.gated) continue;
        if (want.forwardTo.length > 0 && waited < want.forwardAfterMs) this.lookAt(now + want.forwardAfterMs - waited);
        if (want.agent !== null && waited < UNSEEN) this.lookAt(now + UNSEEN - waited);
        continue;
      }
      this.out(shape, job);
      if ('never' in choice) {
        job.answers.failed(job, new EffectFailed('refused', choice.never));
        continue;
      }
      placed++;
      const { agent, ...place } = this.setAside(job.actor, want, choice, world);
      job.answers.done(job, want.isAgent ? place : { ...place, agent });
    }
  }

  /** Where it goes as the world is, and whose account it works with. */
  private decide(want: Wanted, world: Seen, waited: number): Decision {
    const lease = want.account === null ? null : ((this.account.get(want.account) as AccountRow | undefined) ?? null);
    if (want.account !== null && !lease) return { never: `there is no account ${want.account}` };
    const gate = want.isAgent ? null : this.o.gates.holds({ group: want.group, lane: want.lane, kind: want.type, account: want.account, platform: lease?.platform ?? null });
    if (gate) return { why: gate, gated: true };
    const choice = choose(want, { ...world, holder: (a) => this.holder(a, lease), last: this.lastOf.get(lastKey(want)) ?? null }, waited);
    return 'site' in choice ? { ...choice, lease } : choice;
  }

  /** Keeps the room for it until its effect is out. */
  private setAside(actor: string, want: Wanted, { site, agent, lease }: Extract<Decision, { site: Site }>, world: Seen): TaskPlace {
    site.lastGiven = performance.now();
    this.lastGiven.set(site.id, site.lastGiven);
    this.lastOf.set(lastKey(want), site.id);
    const what = want.what === 'page' && agent !== null ? 'none' : want.what;
    if (what === 'shell') site.shells++;
    else if (what !== 'none') site.windows++;
    const used = agent !== null && world.agents.find((a) => a.id === agent);
    if (used) used.busy = actor;
    this.o.book.reserve(actor, { worker: site.id, what, agent, account: want.isAgent ? null : want.account });
    return { worker: site.id, incarnation: site.incarnation, agent, account: want.account, platform: lease?.platform ?? null, epoch: lease?.epoch ?? null, proxy: lease?.proxy ? (JSON.parse(lease.proxy) as TaskPlace['proxy']) : null };
  }

  /** Out of the queue; what was said of its kind is taken back when it was the last. */
  private out(shape: Waits, job: Job): void {
    this.queue.remove(job.token);
    if (shape.size === 0) this.forget(shape);
  }

  private forget(shape: Waits): void {
    if (this.told.get(shape)?.said) this.over.push(shape.key);
    this.told.delete(shape);
  }

  /** The world as it was when this turn of the event loop first looked, with what was given since. */
  private worldOfTurn(): Seen {
    if (this.seen === null) setImmediate(() => (this.seen = null));
    return (this.seen ??= this.world());
  }

  private world(): Seen {
    if (this.stale) {
      this.rows = (this.workers.all() as (Omit<Row, 'groups' | 'labels'> & { groups: string; labels: string })[]).map((w) => ({ ...w, groups: JSON.parse(w.groups) as string[], labels: { cpu: String(w.cpu_cores), memory: String(w.max_memory_mb), ...(JSON.parse(w.labels) as Record<string, string>) } }));
      this.agentRows = this.agents.all() as never;
      this.stale = false;
    }
    const { liveness, book, owns } = this.o;
    const now = performance.now();
    const sites: Site[] = [];
    for (const w of this.rows) {
      if (liveness.incarnation(w.id) !== w.incarnation || liveness.state(w.id) !== 'connected') continue;
      const away = this.turnedAway.get(w.id);
      if (away !== undefined && away <= now) this.turnedAway.delete(w.id);
      else if (away !== undefined) this.lookAt(Date.now() + away - now);
      const full = away !== undefined && away > now;
      const { windows, shells } = book.load(w.id);
      const beat = liveness.beatOf(w.id);
      sites.push({
        id: w.id, incarnation: w.incarnation, groups: w.groups, labels: w.labels, allowShell: w.allow_shell === 1,
        maxAgents: w.max_agents, maxShells: w.max_shells, windows: full ? Math.max(windows, w.max_agents) : windows, shells: full ? Math.max(shells, w.max_shells) : shells,
        cpu: (beat?.cpuRatio ?? 0) / w.cpu_cores, overMemory: (beat?.rssBytes ?? 0) / 1_048_576 > w.max_memory_mb, closed: w.cordoned ? `machine ${w.cordoned} is cordoned` : w.phase === 'draining' ? 'it drains' : null, lastGiven: this.lastGiven.get(w.id) ?? 0,
      });
    }
    const agents = (this.agentRows as unknown as (Omit<AgentSite, 'busy' | 'shared'> & { shared: number; task: string | null })[]).map((a): AgentSite => ({
      id: a.id, worker: a.worker, account: a.account, group: a.group, shared: a.shared === 1,
      // The view may be a moment behind this master's own tasks.
      state: a.state === 'busy' ? 'idle' : a.state, busy: book.inAgent(a.id) ?? (a.task !== null && !owns(`task/${a.task}`) ? `task/${a.task}` : null),
    }));
    return { sites, agents, strategy: this.o.strategy() };
  }

  private holder(account: string, lease: AccountRow | null): Holder {
    if (!lease?.worker || !lease.incarnation || lease.lease !== 'held') return { why: `no worker has account ${account} yet` };
    const busy = this.o.book.withAccount(account);
    return { worker: lease.worker, incarnation: lease.incarnation, busy: busy && (busy.startsWith('task/') ? 'another task' : busy) };
  }

  private lookAt(at: number): void {
    if (this.later && this.later.at <= at) return;
    if (this.later) clearTimeout(this.later.timer);
    this.later = {
      at,
      timer: setTimeout(() => {
        this.later = null;
        this.wake();
      }, Math.max(1, at - Date.now())),
    };
  }

  private tell(): void {
    const now = Date.now();
    const whys: Why[] = this.over.splice(0).map((key) => ({ shape: shapeKey(key), why: null }));
    for (const [shape, told] of this.told) {
      if (told.why === told.said || !oldest(shape, now - QUIET)) continue;
      told.said = told.why;
      if (!shape.want.isAgent) whys.push({ shape: shapeKey(shape.key), why: told.why });
      else for (const job of this.queue.of(shape)) job.answers.say(job, { type: 'WAITING', why: told.why! });
    }
    if (whys.length > 0) this.o.tell(whys);
  }
}

const lastKey = (want: Wanted): string => `${want.group}\n${want.account ?? want.type}`;

const wantOf = ({ type, priority, group, requirements: r }: Asked): Wanted => ({
  what: type === 'shell' ? 'shell' : 'page', group, forwardTo: r.forwardTo ?? [], forwardAfterMs: r.forwardAfterMs ?? FORWARD_AFTER, worker: r.worker ?? null, agent: r.agent ?? null, account: r.account ?? null,
  labels: r.labels ?? {}, min: r.min ?? {}, type, lane: laneOf(priority), isAgent: false,
});

/** Whether one of them waits since before `since`. */
function oldest(shape: Waits, since: number): boolean {
  for (const lane of shape.lanes.values()) if ((lane.first()?.at ?? Infinity) < since) return true;
  return false;
}
