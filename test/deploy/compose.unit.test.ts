import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../runtime/config.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { bytesOf, deployDir, documents, openRoutes, passwordsIn, unknownVariables } from './manifests.ts';

type Service = Record<string, any>;
const plain = documents('compose.yaml')[0]!;
const groups = documents('compose.groups.yaml')[0]!;

/** As compose merges: maps by key, the rest replaced. */
const merged = (a: any, b: any): any => (isMap(a) && isMap(b) ? Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((k) => [k, k in b ? (k in a ? merged(a[k], b[k]) : b[k]) : a[k]])) : b);
const isMap = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const extended = (s: Service): Service => {
  const { extends: base, ...own } = s;
  return base === undefined ? own : merged((documents(base.file)[0]!['services'] as Record<string, Service>)[base.service], own);
};
const services = (file: Record<string, any>) => Object.entries(file['services'] as Record<string, Service>).map(([name, s]) => [name, extended(s)] as const);
const all = [...services(plain), ...services(groups).filter(([name]) => name !== 'worker')];
const parts = all.filter(([name]) => name !== 'keys');
const config = (s: Service) => loadConfig({ TROUPE_DATA: '/data', ...s['environment'] });

describe('compose files', () => {
  it.each(all)('%s has few rights and a bound to what it takes', (_, s) => {
    expect(s['user']).toBe('10001:10001');
    expect(s['read_only']).toBe(true);
    expect(s['cap_drop']).toEqual(['ALL']);
    expect(s['security_opt']).toContain('no-new-privileges:true');
    expect(s['privileged'] ?? false).toBe(false);
    expect(s['cap_add'] ?? []).toEqual([]);
    const { limits } = s['deploy'].resources;
    expect(Number(limits.cpus)).toBeGreaterThan(0);
    expect(bytesOf(limits.memory)).toBeGreaterThanOrEqual(256 * 1024 ** 2);
    expect(limits.pids).toBeGreaterThan(0);
    expect(s['image']).toBe('troupe');
    expect(JSON.stringify(s)).not.toContain('docker.sock');
  });

  it.each(parts)('%s comes back by itself, says how it is, and may end in order', (_, s) => {
    expect(s['restart']).toBe('unless-stopped');
    expect(s['healthcheck'].test.slice(0, 3)).toEqual(['CMD', 'node', '/app/deploy/probe.mjs']);
    expect(Number(/^(\d+)s$/.exec(s['stop_grace_period'])![1]) * 1000).toBeGreaterThan(config(s).timing.grace);
  });

  it.each(parts)('%s runs a verb that there is, with settings that are read', async (_, s) => {
    const [verb, ...flags] = s['command'] as string[];
    const { usage } = (await import(`../../runtime/cli/${verb}.ts`)) as { usage: string };
    for (const flag of flags) expect(usage).toContain(flag);
    expect(unknownVariables(Object.keys(s['environment']))).toEqual([]);
    expect(config(s).nats.servers).toEqual(['nats://nats:4222']);
    for (const value of Object.values(s['environment'])) expect(typeof value).toBe('string');
  });

  it('asks where the parts answer', () => {
    const of = (name: string) => all.find(([n]) => n === name)![1];
    const asked = (name: string) => of(name)['healthcheck'].test[3] as string;
    expect(asked('nats')).toBe(`http://127.0.0.1:${config(of('nats')).nats.monitorPort}/healthz`);
    expect(asked('master')).toBe('master');
    expect(asked('web')).toBe(`http://127.0.0.1:${config(of('web')).http.ports[0]}/readyz`);
    expect(openRoutes()).toContain('/readyz');
    for (const [name, s] of all.filter(([n]) => n.startsWith('worker'))) expect(asked(name)).toBe(`http://127.0.0.1:${config(s).worker.port}/healthz`);
  });

  it('maps the ports that the page listens on, for this machine only', () => {
    const { http } = config(plain['services'].web);
    expect(http.host).toBe('0.0.0.0');
    expect(plain['services'].web.ports).toEqual(http.ports.map((p) => `127.0.0.1:${p}:${p}`));
    expect(http.ports).toEqual([3000, 8100, 6767]);
    for (const [name, s] of all) if (name !== 'web') expect(s['ports'], name).toBeUndefined();
  });

  it('lets a worker reach nats and no other part', () => {
    const nets = (s: Service): string[] => s['networks'] ?? [];
    for (const [name, s] of all.filter(([n]) => n.startsWith('worker'))) {
      const met = all.filter(([other, o]) => !other.startsWith('worker') && nets(o).some((n) => nets(s).includes(n))).map(([n]) => n);
      expect(met, name).toEqual(['nats']);
    }
    expect(nets(plain['services'].nats).every((n) => plain['networks'][n].internal === true)).toBe(true);
  });

  it('names volumes, networks and services that there are', () => {
    for (const [name, s] of all) {
      const named = ((s['volumes'] ?? []) as string[]).filter((v) => v.includes(':')).map((v) => v.split(':')[0]!);
      for (const v of named) expect(Object.keys(plain['volumes']), name).toContain(v);
      for (const n of (s['networks'] ?? []) as string[]) expect(Object.keys(plain['networks']), name).toContain(n);
      for (const d of Object.keys(s['depends_on'] ?? {})) expect(Object.keys(plain['services']), name).toContain(d);
    }
  });

  it('gives a worker the pre-shared key and nothing else of the secrets', () => {
    for (const [name, s] of all.filter(([n]) => n.startsWith('worker'))) {
      expect(s['volumes'], name).toEqual(['worker-key:/keys/worker:ro', '/data']);
      expect(s['environment'].WORKER_PSK_FILE, name).toBe('/keys/worker/worker-psk');
      expect(s['environment'].WORKER_ID, name).toBe('hostname');
    }
    expect(plain['services'].web.volumes).toEqual(['web:/data']);
    expect(plain['services'].keys.network_mode).toBe('none');
  });

  it('has no password', () => {
    for (const file of ['compose.yaml', 'compose.groups.yaml']) expect(passwordsIn(readFileSync(join(deployDir, file), 'utf8')), file).toEqual([]);
  });

  it('uses the seccomp profile under which the Docker driver was tried', () => {
    for (const [name, s] of all.filter(([n]) => n.startsWith('worker'))) {
      const profile = (s['security_opt'] as string[]).find((o) => o.startsWith('seccomp='))!.slice('seccomp='.length);
      expect(join(deployDir, profile), name).toBe(join(packageRoot(), 'runtime/drivers/docker/seccomp.json'));
      expect(existsSync(join(deployDir, profile))).toBe(true);
    }
  });

  it('has three workers, and with the groups one of each kind besides', () => {
    expect(plain['services'].worker.deploy.replicas).toBe(3);
    const of = (name: string) => config(all.find(([n]) => n === name)![1]).worker;
    expect(of('worker-linux').group).toBe('linux');
    expect(of('worker-docker').group).toBeNull();
    expect(of('worker-gpu')).toMatchObject({ group: 'gpu', groups: ['linux'] });
    expect(of('worker-strict')).toMatchObject({ group: 'strict', strict: true });
  });
});

const plugin = (() => {
  const asked = spawnSync('docker', ['compose', 'version'], { encoding: 'utf8' });
  return asked.status === 0 ? null : 'docker compose is not installed';
})();

describe.skipIf(plugin !== null)(`docker compose config${plugin ? ` (skipped: ${plugin})` : ''}`, () => {
  it.each([[['compose.yaml']], [['compose.yaml', 'compose.groups.yaml']]])('takes %s', (files) => {
    const out = JSON.parse(execFileSync('docker', ['compose', ...files.flatMap((f) => ['-f', join(deployDir, f)]), '--profile', 'gpu', 'config', '--format', 'json'], { encoding: 'utf8' })) as { services: Record<string, { user: string; cap_drop: string[] }> };
    expect(Object.keys(out.services)).toContain(files.length > 1 ? 'worker-strict' : 'worker');
    for (const s of Object.values(out.services)) expect(s).toMatchObject({ user: '10001:10001', cap_drop: ['ALL'] });
  });
});
