import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { actorKinds } from '../read-model/queries/actors.ts';
import { countAccounts } from '../read-model/queries/accounts.ts';
import { countRepliesByStatus } from '../read-model/queries/replies.ts';
import { listWorkers, workerSummary } from '../read-model/queries/workers.ts';
import type { Deps } from './ports.ts';

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
    // The seeds' own names stay readable for their dashboards.
    this.gauge('workers_total', 'Configured workers (use troupe_workers)', [], (g) => g.set(workerSummary(d.db).configs));
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
