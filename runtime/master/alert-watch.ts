import { alertRule, BUILTIN_ALERTS, type MetricName } from '../../actors/alert.ts';
import type { AlertContext, AlertRule, Breach } from '../../machines/alert.ts';
import type { Db } from '../read-model/store.ts';
import { breachesOf, type alertMetrics } from './alert-metrics.ts';
import type { Engine } from './engine.ts';

type Row = { id: string; rule: string; status: string };
/** A value that moves is written down again this often while its alert is open. */
const REFRESH_MS = 60_000;

export type AlertWatchOptions = { db: Db; engine: Engine; read: ReturnType<typeof alertMetrics>; everyMs: number; /** Keeps the sinks where they are found without NATS; called when they may have changed. */ keep(): Promise<void>; log(level: 'warn', message: string): void };

/** Looks at what each rule is about, and tells its alert when the answer is another one. */
export class AlertWatch {
  private readonly o: AlertWatchOptions;
  private readonly timer: NodeJS.Timeout;
  private readonly rules;
  private readonly told = new Map<string, number>();
  private running = false;
  private faults = '';
  private readonly there = new Set<string>();
  private kept = '';
  private readonly sinks;

  constructor(options: AlertWatchOptions) {
    this.o = options;
    this.rules = options.db.prepare("SELECT id, rule, status FROM alerts WHERE status <> 'off'");
    this.sinks = options.db.prepare("SELECT COALESCE(group_concat(id || ':' || updated_ms || ':' || config), '') FROM (SELECT id, updated_ms, config FROM sinks ORDER BY id)").pluck();
    this.timer = setInterval(() => void this.pass(), options.everyMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Makes the rules that come with Troupe where they never were: each by the master that owns it. */
  private async setUp(): Promise<void> {
    const { engine } = this.o;
    for (const [id, rule] of Object.entries(BUILTIN_ALERTS)) {
      const actor = `alert/${id}`;
      if (this.there.has(id) || !engine.host.owns(actor)) continue;
      if (!(await engine.host.head(actor))) await engine.ask(actor, { is: 'start', input: { id, rule: alertRule.parse(rule), builtin: true, at: Date.now() }, cause: { id: `builtin:${id}` } });
      this.there.add(id);
    }
  }

  private async pass(): Promise<void> {
    if (this.running || !this.o.db.open) return;
    this.running = true;
    try {
      await this.setUp();
      const sinks = this.sinks.get() as string;
      if (sinks !== this.kept) {
        await this.o.keep();
        this.kept = sinks;
      }
      const rows = (this.rules.all() as Row[]).filter((r) => this.o.engine.host.owns(`alert/${r.id}`));
      const values = new Map<string, Breach[]>();
      for (const row of rows) await this.look(row, values);
    } catch (error) {
      const why = (error as Error).message;
      if (why !== this.faults) this.o.log('warn', `alerts could not be looked at: ${why}`);
      this.faults = why;
    } finally {
      this.running = false;
    }
  }

  private async look(row: Row, values: Map<string, Breach[]>): Promise<void> {
    const rule = JSON.parse(row.rule) as AlertRule;
    const actor = `alert/${row.id}`;
    const read = this.o.read[rule.metric as MetricName] as (() => Breach[] | Promise<Breach[]>) | undefined;
    const head = read && (await this.o.engine.host.head(actor));
    if (!head || (head.entry.after as { status: string }).status !== 'active') return;
    // The alert itself knows best what it was told; the view may be behind.
    const c = (head.entry.after as { context: AlertContext }).context;
    if (!values.has(rule.metric)) values.set(rule.metric, await read());
    const breaching = breachesOf(c.rule, values.get(rule.metric)!, c.breaching);
    const same = breaching.length === c.breaching.length && breaching.every((b, i) => b.subject === c.breaching[i]!.subject);
    const now = performance.now();
    if (same && (breaching.length === 0 || now - (this.told.get(row.id) ?? 0) < REFRESH_MS || breaching.every((b, i) => b.value === c.breaching[i]!.value))) return;
    this.told.set(row.id, now);
    this.o.engine.host.put(actor, { is: 'event', event: { type: 'SEEN', breaching }, cause: { id: `seen:${row.id}:${Date.now()}` } }, () => {});
  }
}
