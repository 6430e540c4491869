import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { actorKinds, countActors } from '../read-model/queries/actors.ts';
import { agentCounts } from '../read-model/queries/agents.ts';
import { countAlerts, listSinks } from '../read-model/queries/alerts.ts';
import { listMachines } from '../read-model/queries/machines.ts';
import { listPauses, queueLanes } from '../read-model/queries/queues.ts';
import { journalSeen } from '../read-model/queries/read-model.ts';
import { taskCounts } from '../read-model/queries/tasks.ts';
import { countAccounts } from '../read-model/queries/accounts.ts';
import { countRepliesByStatus } from '../read-model/queries/replies.ts';
import { listWorkers, workerSummary } from '../read-model/queries/workers.ts';
import type { Deps } from './ports.ts';
import { pendingTasks, taskMetrics } from './task-metrics.ts';

/** What Prometheus reads at /metrics. No id is ever a label but a worker's, of which there are few. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly requests: Histogram<'method' | 'status'>;

  constructor(d: Deps) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.requests = new Histogram({ name: 'troupe_http_request_duration_seconds', help: 'Time to answer, by method and class of status', labelNames: ['method', 'status'], buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5], registers });
    new Gauge({ name: 'troupe_build_info', help: 'Always 1; the version is in the label', labelNames: ['version'], registers }).set({ version: d.version }, 1);
    this.gauge('troupe_workers', 'Workers by state of their process', ['state'], (g) => {
      for (const [state, n] of Object.entries(workerSummary(d.db).byStatus)) g.set({ state }, n);
    });
    this.gauge('troupe_worker_cpu_ratio', 'CPU of a worker as a share of one core', ['worker_id'], (g) => listWorkers(d.db).forEach((w) => {
      const f = d.figures.latest(w.id);
      if (f) g.set({ worker_id: w.id }, f.cpuPercent / 100);
    }));
    this.gauge('troupe_worker_resident_memory_bytes', 'Resident memory of a worker', ['worker_id'], (g) => listWorkers(d.db).forEach((w) => {
      const f = d.figures.latest(w.id);
      if (f) g.set({ worker_id: w.id }, f.memoryMb * 1_048_576);
    }));
    this.gauge('troupe_accounts', 'Accounts by what they do', ['state'], (g) => Object.entries(countAccounts(d.db)).forEach(([state, n]) => g.set({ state: state.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`) }, n)));
    this.gauge('troupe_replies', 'Replies by state', ['state'], (g) => Object.entries(countRepliesByStatus(d.db)).forEach(([state, n]) => g.set({ state }, n)));
    this.gauge('troupe_actors', 'Actors by kind', ['kind'], (g) => actorKinds(d.db).forEach(({ kind, n }) => g.set({ kind }, n)));
    this.gauge('troupe_pages_open', 'Pages with a live connection', [], (g) => g.set(d.live.open));
    this.gauge('troupe_bus_up', '1 while NATS answers', [], (g) => g.set(d.connected() ? 1 : 0));
    this.gauge('troupe_safe_mode', '1 while nothing is written', [], (g) => g.set(d.view().safe ? 1 : 0));
    this.gauge('troupe_tasks', 'Tasks by state', ['state'], (g) => Object.entries(taskCounts(d.db).byStatus).forEach(([state, n]) => g.set({ state }, n)));
    this.gauge('troupe_queue_depth', 'Tasks that wait, by group and lane', ['group', 'lane'], (g) => queueLanes(d.db, d.now()).forEach((q) => g.set({ group: q.group, lane: q.lane }, q.depth)));
    this.gauge('troupe_queue_running', 'Tasks that run, by group and lane', ['group', 'lane'], (g) => queueLanes(d.db, d.now()).forEach((q) => g.set({ group: q.group, lane: q.lane }, q.running)));
    this.gauge('troupe_queue_oldest_pending_seconds', 'Age of the oldest task that waits, by group and lane', ['group', 'lane'], (g) => queueLanes(d.db, d.now()).forEach((q) => g.set({ group: q.group, lane: q.lane }, q.oldestMs === null ? 0 : Math.max(0, d.now() - q.oldestMs) / 1000)));
    this.gauge('troupe_pauses', 'What is paused, by scope', ['scope'], (g) => listPauses(d.db).forEach((p) => g.inc({ scope: p.scope })));
    this.gauge('troupe_agents', 'Agents by state', ['state'], (g) => Object.entries(agentCounts(d.db)).forEach(([state, n]) => g.set({ state }, n)));
    this.gauge('troupe_alerts', 'Alerts by state', ['state'], (g) => {
      g.set({ state: 'firing' }, 0);
      Object.entries(countAlerts(d.db)).forEach(([state, n]) => g.set({ state }, n));
    });
    this.gauge('troupe_alert_messages_kept', 'Messages of alerts that no sink has got yet', [], (g) => g.set(listSinks(d.db).reduce((n, s) => n + s.kept, 0)));
    this.gauge('troupe_actors_parked', 'Actors that wait for an admin', [], (g) => g.set(countActors(d.db, { parked: true })));
    this.gauge('troupe_workers_up', 'Workers by whether they should run and are heard of', ['up'], (g) => {
      const up = listWorkers(d.db).filter((w) => !['stopped', 'stopping'].includes(w.status)).map((w) => w.status === 'running' && w.link === 'connected');
      g.set({ up: 'true' }, up.filter(Boolean).length);
      g.set({ up: 'false' }, up.filter((u) => !u).length);
    });
    this.gauge('troupe_disk_used_ratio', 'Used share of the disks of machines with an agent', ['machine'], (g) => listMachines(d.db).forEach((m) => {
      const f = d.machines.latest(m.id);
      if (f && f.diskTotalBytes > 0) g.set({ machine: m.id }, 1 - f.diskFreeBytes / f.diskTotalBytes);
    }));
    const turns = new Counter({
      name: 'troupe_turns_total', help: 'Turns in the journal, of all actors', registers,
      collect() {
        const seen = journalSeen(d.db);
        this.reset();
        this.inc(seen === Number.MAX_SAFE_INTEGER ? 0 : seen);
      },
    });
    void turns;
    taskMetrics(d.db, registers, d.now);
    // The seeds' own names stay readable for their dashboards.
    this.gauge('workers_total', 'Configured workers (use troupe_workers)', [], (g) => g.set(workerSummary(d.db).configs));
    this.gauge('agents_total', 'Agents that are not closed (use troupe_agents)', [], (g) => g.set(Object.entries(agentCounts(d.db)).reduce((n, [state, m]) => (state === 'closed' ? n : n + m), 0)));
    this.gauge('tasks_pending', 'Tasks that wait for a worker (use troupe_queue_depth)', [], (g) => g.set(pendingTasks(d.db)));
    this.gauge('worker_cpu_usage', 'CPU of a worker as a share of what it may use, 0 to 1 (use troupe_worker_cpu_ratio)', ['worker_id'], (g) => listWorkers(d.db).forEach((w) => {
      const f = d.figures.latest(w.id);
      if (f) g.set({ worker_id: w.id }, f.cpuPercent / 100 / w.cpuCores);
    }));
    this.gauge('worker_memory_usage', 'Memory of a worker in bytes (use troupe_worker_resident_memory_bytes)', ['worker_id'], (g) => listWorkers(d.db).forEach((w) => {
      const f = d.figures.latest(w.id);
      if (f) g.set({ worker_id: w.id }, f.memoryMb * 1_048_576);
    }));
    this.commands = new Counter({ name: 'troupe_commands_total', help: 'Commands sent to actors, by outcome', labelNames: ['outcome'], registers });
  }
  readonly commands: Counter<'outcome'>;

  request(method: string, status: number, ms: number): void {
    this.requests.observe({ method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'].includes(method) ? method : 'OTHER', status: `${Math.floor(status / 100)}xx` }, ms / 1000);
  }

  async text(): Promise<{ type: string; body: string }> {
    return { type: this.registry.contentType, body: await this.registry.metrics() };
  }

  private gauge(name: string, help: string, labelNames: string[], fill: (g: Gauge<string>) => void): void {
    new Gauge({
      name, help, labelNames, registers: [this.registry],
      collect() {
        this.reset();
        fill(this);
      },
    });
  }
}
