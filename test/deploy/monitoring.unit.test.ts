import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../runtime/package-root.ts';
import { fixture, type Fixture } from '../http/fixture.ts';
import { documents } from './manifests.ts';

const DEPLOY = join(packageRoot(), 'deploy');
const noPromtool = spawnSync('promtool', ['--version']).error ? 'promtool is not installed: apt-get install prometheus' : null;
const withPromtool = (name: string, run: () => void | Promise<void>) => it(name, async (t) => (noPromtool === null ? run() : t.skip(noPromtool)));

let f: Fixture;
let text: string;
let now: number;
const scrape = async () => (await f.get('/metrics', { authorization: `Bearer ${await f.token('read')}` })).text();
beforeAll(async () => {
  f = await fixture({ fleet: true });
  await scrape();
  // What happens after the first look is counted.
  now = f.clock.now;
  const view = new Database(f.deps.db.name);
  // Whatever else a row must have is of no account here.
  const columns = view.prepare("SELECT name, type FROM pragma_table_info('tasks') WHERE \"notnull\" = 1 AND dflt_value IS NULL").all() as { name: string; type: string }[];
  const add = (seq: number, status: string, more: object = {}) => {
    const row: Record<string, unknown> = { ...Object.fromEntries(columns.map((c) => [c.name, c.type === 'TEXT' ? '{}' : 0])), id: `canary-task-${seq}`, seq: 9_000 + seq, type: 'scrape', lane: 'normal', group_name: 'gpu', status, attempt: 1, created_ms: now + 1_000, ...more };
    view.prepare(`INSERT INTO tasks (${Object.keys(row).join(', ')}) VALUES (${Object.keys(row).map((c) => `@${c}`).join(', ')})`).run(row);
  };
  for (let i = 0; i < 3; i++) add(i, 'pending', { attempt: 0 });
  for (let i = 3; i < 7; i++) add(i, 'completed', { placings: 1, assigned_ms: now + 1_004, started_ms: now + 1_010, finished_ms: now + 3_010 });
  add(7, 'failed', { attempt: 3, placings: 3, assigned_ms: now + 60_000, started_ms: now + 60_000, finished_ms: now + 61_000 });
  view.close();
  f.clock.now += 120_000;
  text = await scrape();
});
afterAll(() => f.close());

const value = (series: string): number | undefined => {
  const line = text.split('\n').find((l) => l.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
};
const exported = () => new Set(text.split('\n').flatMap((l) => /^# TYPE (\S+) (\S+)/.exec(l)?.slice(1, 3).join(' ') ?? []).flatMap((l) => {
  const [name, type] = l.split(' ') as [string, string];
  return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}));

describe('/metrics', () => {
  it('has the seed\'s names and counts each task once', async () => {
    for (const [name, type] of [['workers_total', 'gauge'], ['agents_total', 'gauge'], ['tasks_total', 'counter'], ['tasks_duration_seconds', 'histogram'], ['worker_cpu_usage', 'gauge'], ['worker_memory_usage', 'gauge'], ['tasks_pending', 'gauge']]) expect(text).toContain(`# TYPE ${name} ${type}\n`);
    expect([value('tasks_total{status="completed"}'), value('tasks_total{status="failed"}'), value('tasks_total{status="cancelled"}')]).toEqual([4, 1, 0]);
    expect([value('tasks_duration_seconds_count'), value('tasks_duration_seconds_sum')]).toEqual([5, 9]);
    expect([value('troupe_task_dispatch_duration_seconds_bucket{le="0.005"}'), value('troupe_task_dispatch_duration_seconds_count'), value('troupe_task_retries_total')]).toEqual([4, 4, 2]);
    expect(value('troupe_queue_depth{group="gpu",lane="normal"}')).toBe(3);
    expect(value('worker_cpu_usage{worker_id="worker-1"}')).toBeUndefined();
    expect(value('troupe_alerts{state="firing"}')).toBe(1);
    text = await scrape();
    expect(value('tasks_total{status="completed"}')).toBe(4);
  });

  it('never has an account or a task in a label', () => {
    expect(text).not.toMatch(/canary-task/);
    for (const label of new Set([...text.matchAll(/[{,]([a-z_]+)="/g)].map((m) => m[1]!))) expect(['account', 'account_id', 'task', 'task_id', 'user', 'path', 'url'], label).not.toContain(label);
  });

  withPromtool('is as promtool wants it, but for the names that the seed gave', () => {
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    const said = `${checked.stdout}${checked.stderr}`.split('\n').filter((l) => l.trim() !== '' && !/^(nodejs|process)_/.test(l));
    expect(said.sort()).toEqual(['agents_total non-counter metrics should not have "_total" suffix', 'workers_total non-counter metrics should not have "_total" suffix']);
  });
});

/** Names in an expression that are no functions, labels or words of the language. */
function metricsOf(expr: string): string[] {
  const bare = expr.replace(/"[^"]*"/g, '').replace(/\{[^}]*\}/g, '').replace(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, '').replace(/\[[^\]]*\]/g, '');
  return [...bare.matchAll(/(?<![\w:])[a-zA-Z_:][\w:]*(?![\w:]|\s*\()/g)].map((m) => m[0]).filter((n) => !['and', 'or', 'unless', 'le'].includes(n));
}

describe('alerts for Prometheus', () => {
  const rules = () => (parse(readFileSync(join(DEPLOY, 'prometheus', 'alerts.yml'), 'utf8')) as { groups: { rules: { alert: string; expr: string; for?: string; labels: object; annotations: Record<string, string> }[] }[] }).groups.flatMap((g) => g.rules);

  it('have the seed\'s three with their limits, and ask for nothing that is not exported', () => {
    const byName = Object.fromEntries(rules().map((r) => [r.alert, [r.expr, r.for]]));
    expect(byName).toMatchObject({ WorkerDown: ['up == 0', '1m'], HighCPUUsage: ['worker_cpu_usage > 0.8', '5m'], TaskQueueBacklog: ['tasks_pending > 100', '10m'] });
    const known = exported();
    for (const rule of rules()) {
      for (const metric of metricsOf(rule.expr)) expect(known.has(metric) || metric === 'up', `${rule.alert}: ${metric}`).toBe(true);
      expect(Object.keys(rule.annotations).sort(), rule.alert).toEqual(['description', 'summary']);
    }
  });

  withPromtool('fire when they should and not before, and the configuration is one', () => {
    const prometheus = join(DEPLOY, 'prometheus');
    expect(execFileSync('promtool', ['check', 'rules', join(prometheus, 'alerts.yml')], { encoding: 'utf8' })).toContain(`${rules().length} rules found`);
    expect(execFileSync('promtool', ['test', 'rules', join(prometheus, 'alerts.test.yml')], { encoding: 'utf8' })).toContain('SUCCESS');
    const dir = mkdtempSync(join(tmpdir(), 'troupe-prom-'));
    try {
      writeFileSync(join(dir, 'token'), 'x');
      const config = readFileSync(join(prometheus, 'prometheus.yml'), 'utf8').replace('/etc/prometheus/alerts.yml', join(prometheus, 'alerts.yml')).replace('/run/troupe/troupe-token', join(dir, 'token'));
      writeFileSync(join(dir, 'prometheus.yml'), config);
      expect(execFileSync('promtool', ['check', 'config', join(dir, 'prometheus.yml')], { encoding: 'utf8' })).toContain('SUCCESS');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('dashboards', () => {
  const dir = join(DEPLOY, 'grafana', 'dashboards');
  type Panel = { id: number; type: string; title: string; datasource: { uid: string }; gridPos: { x: number; y: number; w: number; h: number }; targets: { expr: string; refId: string }[] };
  const boards = () => readdirSync(dir).map((name) => ({ name, board: JSON.parse(readFileSync(join(dir, name), 'utf8')) as { uid: string; title: string; panels: Panel[]; templating: { list: { name: string; definition: string }[] } } }));
  const provisioned = (file: string) => parse(readFileSync(join(DEPLOY, 'grafana', 'provisioning', file), 'utf8')) as Record<string, any>;

  it('ask for nothing that is not exported, and each panel stands in a place of its own', () => {
    const known = exported();
    expect(new Set(boards().map((b) => b.board.uid)).size).toBe(boards().length);
    for (const { name, board } of boards()) {
      for (const p of board.panels) for (const t of p.targets) for (const metric of metricsOf(t.expr.replaceAll(/\$\w+/g, ''))) expect(known.has(metric), `${name}, ${p.title}: ${metric}`).toBe(true);
      for (const v of board.templating.list) expect(known.has(/label_values\((\w+),/.exec(v.definition)![1]!), `${name}, $${v.name}`).toBe(true);
      for (const v of board.panels.flatMap((p) => p.targets.flatMap((t) => [...t.expr.matchAll(/\$(\w+)/g)].map((m) => m[1]!)))) expect(board.templating.list.map((l) => l.name), name).toContain(v);
      expect(new Set(board.panels.map((p) => p.id)).size).toBe(board.panels.length);
      const cells = board.panels.flatMap(({ gridPos: g }) => Array.from({ length: g.w * g.h }, (_, i) => `${g.x + (i % g.w)},${g.y + Math.floor(i / g.w)}`));
      expect(new Set(cells).size, `${name}: panels lie on each other`).toBe(cells.length);
    }
  });

  it('show workers, agents, throughput, resources, errors and dispatch', () => {
    const titles = boards().flatMap((b) => b.board.panels.map((p) => p.title));
    expect(titles).toEqual(expect.arrayContaining(['Workers by state', 'Agents by state', 'Throughput', 'CPU of workers', 'Memory of workers', 'Error rate', 'Dispatch latency']));
  });

  it('read from the source that is provisioned beside them', () => {
    const { uid } = provisioned('datasources/prometheus.yml')['datasources'][0] as { uid: string };
    for (const { name, board } of boards()) for (const p of board.panels) expect(p.datasource.uid, name).toBe(uid);
    expect(provisioned('dashboards/troupe.yml')['providers'][0].options.path).toBe('/etc/grafana/dashboards');
  });
});

describe('the overlay of compose', () => {
  const file = documents('compose.monitoring.yaml')[0]!;
  const services = Object.entries(file['services'] as Record<string, Record<string, any>>);
  const plain = documents('compose.yaml')[0]!;

  it.each(services)('%s has few rights, a bound, and files that are there', (name, s) => {
    expect(s).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], user: expect.stringMatching(/^[1-9]\d+:[1-9]\d+$/) });
    expect(s['deploy'].resources.limits).toEqual({ cpus: expect.any(String), memory: expect.any(String), pids: expect.any(Number) });
    expect(s['image'], 'a version, never the newest').toMatch(name === 'token' ? /^troupe$/ : /:v?\d+\.\d+\.\d+$/);
    for (const v of (s['volumes'] ?? []) as string[]) {
      const [from] = v.split(':') as [string];
      if (from.startsWith('./')) expect(existsSync(join(DEPLOY, from)), v).toBe(true);
      else expect(Object.keys(file['volumes'])).toContain(from);
    }
    for (const n of (s['networks'] ?? []) as string[]) expect(n in { ...plain['networks'], ...file['networks'] }, n).toBe(true);
    for (const port of (s['ports'] ?? []) as string[]) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('lets Prometheus reach the page, and reads what is mounted', () => {
    const { prometheus, token } = Object.fromEntries(services) as Record<string, Record<string, any>>;
    expect(prometheus!['networks'].some((n: string) => plain['services'].web.networks.includes(n))).toBe(true);
    const config = parse(readFileSync(join(DEPLOY, 'prometheus', 'prometheus.yml'), 'utf8')) as Record<string, any>;
    const places = (prometheus!['volumes'] as string[]).map((v) => v.split(':')[1]!);
    for (const path of [...config['rule_files'], config['scrape_configs'][0].authorization.credentials_file] as string[]) expect(places.some((p) => path === p || path.startsWith(`${p}/`)), path).toBe(true);
    expect(token!['entrypoint'].at(-1)).toContain('/token/troupe-token');
  });
});

describe('the overlay of Kubernetes', () => {
  const dir = 'k8s-monitoring';
  const kustomization = documents(`${dir}/kustomization.yaml`)[0]!;
  const objects = (kustomization['resources'] as string[]).flatMap((r) => documents(`${dir}/${r}`));
  const workloads = objects.filter((o) => ['StatefulSet', 'Deployment'].includes(o['kind'] as string)).map((o) => [o['metadata'].name as string, o] as const);

  it('asks the page of the cluster, and else as compose does', () => {
    expect(readFileSync(join(DEPLOY, dir, 'prometheus.yml'), 'utf8')).toBe(readFileSync(join(DEPLOY, 'prometheus', 'prometheus.yml'), 'utf8').replace('web:3000', 'troupe-web:3000'));
    expect(objects.every((o) => o['metadata'].namespace === 'troupe')).toBe(true);
    const web = documents('k8s/web.yaml').find((o) => o['kind'] === 'Service')!;
    expect([web['metadata'].name, web['spec'].ports[0].port]).toEqual(['troupe-web', 3000]);
  });

  it.each(workloads)('%s runs as nobody, with a bound, from maps whose files are there', (_, w) => {
    const { spec, metadata } = w['spec'].template as { spec: Record<string, any>; metadata: { labels: Record<string, string> } };
    expect(metadata.labels).toMatchObject(w['spec'].selector.matchLabels as object);
    expect(spec).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } });
    const [c] = spec['containers'] as Record<string, any>[];
    expect(c!['securityContext']).toEqual({ allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    expect(c!['resources'].limits).toEqual({ memory: expect.any(String), cpu: expect.any(String) });
    const volumes = [...spec['volumes'], ...((w['spec'].volumeClaimTemplates ?? []) as { metadata: { name: string } }[]).map((v) => ({ name: v.metadata.name }))] as { name: string; configMap?: { name: string } }[];
    expect((c!['volumeMounts'] as { name: string }[]).map((m) => m.name).sort()).toEqual(volumes.map((v) => v.name).sort());
    const maps = kustomization['configMapGenerator'] as { name: string; files: string[] }[];
    for (const v of volumes) if (v.configMap) for (const f of maps.find((m) => m.name === v.configMap!.name)!.files) expect(existsSync(join(DEPLOY, dir, f.split('=').at(-1)!)), f).toBe(true);
  });

  it('has every dashboard', () => {
    const files = (kustomization['configMapGenerator'] as { name: string; files: string[] }[]).find((m) => m.name === 'troupe-grafana-dashboards')!.files;
    expect(files.map((f) => f.split('=')[0]).sort()).toEqual(readdirSync(join(DEPLOY, 'grafana', 'dashboards')).sort());
  });
});

