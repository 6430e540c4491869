import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../runtime/config.ts';
import { loadSecrets } from '../../runtime/secrets.ts';
import { bytesOf, deployDir, documents, openRoutes, passwordsIn, unknownVariables, yamlFiles } from './manifests.ts';

type Labels = Record<string, string>;
type Pod = { metadata: { labels: Labels }; spec: Record<string, any> };

const files = (documents('k8s/kustomization.yaml')[0]!['resources'] as string[]).map((f) => `k8s/${f}`);
const objects = files.flatMap(documents);
const of = (kind: string) => objects.filter((o) => o['kind'] === kind);
const named = (kind: string, name: string) => of(kind).find((o) => o['metadata'].name === name)!;
const workloads = [...of('Deployment'), ...of('StatefulSet')];
const names = workloads.map((w) => [w['metadata'].name as string, w] as const);
const podOf = (w: Record<string, any>) => w['spec'].template as Pod;
const containers = workloads.flatMap((w) => [...(podOf(w).spec['initContainers'] ?? []), ...podOf(w).spec['containers']].map((c: Record<string, any>) => [`${w['metadata'].name}/${c['name']}`, c, w] as const));
const mains = containers.filter(([, c]) => c['name'] !== 'keys');
const env = (c: Record<string, any>): Labels => Object.fromEntries(((c['env'] ?? []) as { name: string; value?: string; valueFrom?: object }[]).map((e) => [e.name, e.value ?? 'troupe-worker-7c9d5-abcde']));
const config = (c: Record<string, any>) => loadConfig({ TROUPE_DATA: '/data', ...env(c) });
const fits = (selector: { matchLabels?: Labels; matchExpressions?: { key: string; values: string[] }[] }, labels: Labels) =>
  Object.entries(selector.matchLabels ?? {}).every(([k, v]) => labels[k] === v) && (selector.matchExpressions ?? []).every((e) => e.values.includes(labels[e.key] ?? ''));

describe('every file', () => {
  it.each(yamlFiles())('%s parses, and has no password', (file) => {
    expect(documents(file).length).toBeGreaterThan(0);
    expect(passwordsIn(readFileSync(join(deployDir, file), 'utf8').replace(/nonce: '0+'|troupe-worker-1-0+/g, ''))).toEqual([]);
  });

  it('is of a known version, in our namespace, and named once', () => {
    const versions: Labels = { Namespace: 'v1', ServiceAccount: 'v1', Service: 'v1', PersistentVolumeClaim: 'v1', Role: 'rbac.authorization.k8s.io/v1', RoleBinding: 'rbac.authorization.k8s.io/v1', NetworkPolicy: 'networking.k8s.io/v1', Deployment: 'apps/v1', StatefulSet: 'apps/v1', PodDisruptionBudget: 'policy/v1' };
    for (const o of objects) {
      expect(o['apiVersion'], o['kind']).toBe(versions[o['kind'] as string]);
      if (o['kind'] !== 'Namespace') expect(o['metadata'].namespace, `${o['kind']} ${o['metadata'].name}`).toBe('troupe');
    }
    const all = objects.map((o) => `${o['kind']} ${o['metadata'].name}`);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('workloads', () => {
  it.each(names)('%s finds its own pods, and their volumes are there', (_, w) => {
    const { metadata, spec } = podOf(w);
    expect(Object.keys(w['spec'].selector.matchLabels).length).toBeGreaterThan(0);
    expect(fits(w['spec'].selector, metadata.labels)).toBe(true);
    expect(names.filter(([, other]) => fits(w['spec'].selector, podOf(other).metadata.labels))).toHaveLength(1);
    const volumes = spec['volumes'] as Record<string, any>[];
    const mounted = [...(spec['initContainers'] ?? []), ...spec['containers']].flatMap((c: Record<string, any>) => c['volumeMounts'] as { name: string }[]).map((m) => m.name);
    expect([...new Set(mounted)].sort()).toEqual(volumes.map((v) => v['name'] as string).sort());
    for (const v of volumes) if (v['persistentVolumeClaim']) expect(named('PersistentVolumeClaim', v['persistentVolumeClaim'].claimName)).toBeDefined();
    expect(spec['terminationGracePeriodSeconds'] * 1000).toBeGreaterThan(config(spec['containers'][0]).timing.grace);
  });

  it.each(names)('%s runs as nobody in particular, and only the master has a token', (name, w) => {
    const { spec } = podOf(w);
    expect(spec['securityContext']).toMatchObject({ runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, seccompProfile: { type: expect.stringMatching(/^(RuntimeDefault|Localhost)$/) } });
    expect(spec['automountServiceAccountToken']).toBe(name === 'troupe-master');
    expect(spec['serviceAccountName']).toBe(name === 'troupe-master' ? 'troupe-master' : undefined);
    expect(spec['hostNetwork'] ?? spec['hostPID'] ?? false).toBe(false);
    expect((spec['volumes'] as object[]).some((v) => 'hostPath' in v)).toBe(false);
    // A volume that is opened to its group at each start would open the secrets' files.
    if (spec['securityContext'].fsGroup !== undefined) expect(spec['securityContext'].fsGroupChangePolicy).toBe('OnRootMismatch');
  });

  it.each(containers)('%s has few rights, and a bound', (_, c) => {
    expect(c['image']).toBe('troupe:latest');
    expect(c['securityContext']).toEqual({ allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    expect(bytesOf(c['resources'].limits.memory)).toBeGreaterThan(bytesOf(c['resources'].requests.memory));
    expect(c['resources'].limits.cpu).toBeDefined();
  });

  it.each(mains)('%s runs a verb that there is, with settings that are read', async (_, c, w) => {
    const [verb, ...flags] = c['args'] as string[];
    const { usage } = (await import(`../../runtime/cli/${verb}.ts`)) as { usage: string };
    for (const flag of flags) expect(usage).toContain(flag);
    expect(unknownVariables(Object.keys(env(c)))).toEqual([]);
    const address = new URL(config(c).nats.servers[0]!);
    const service = named('Service', address.hostname);
    expect(service['spec'].ports.map((p: { port: number }) => p.port)).toContain(Number(address.port));
    expect(podOf(w).spec['containers']).toHaveLength(1);
  });

  it.each(mains)('%s is asked where it answers', (_, c) => {
    const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'].map((k) => c[k] as Record<string, any> | undefined).filter((p) => p !== undefined);
    const verb = (c['args'] as string[])[0]!;
    expect(probes.length).toBeGreaterThan(0);
    for (const probe of probes) {
      if (probe['httpGet']) {
        expect(openRoutes()).toContain(probe['httpGet'].path);
        expect(c['ports'].find((p: { name: string }) => p.name === probe['httpGet'].port)?.containerPort).toBe(config(c).http.ports[0]);
      } else if (probe['exec']) {
        const asked = { nats: `http://127.0.0.1:${config(c).nats.monitorPort}/healthz`, master: 'master', worker: `http://127.0.0.1:${config(c).worker.port}/healthz` }[verb];
        expect(probe['exec'].command).toEqual(['node', '/app/deploy/probe.mjs', asked]);
      } else {
        expect(c['ports'].map((p: { name: string }) => p.name)).toContain(probe['tcpSocket'].port);
      }
    }
  });

  it('are as many as asked for, with 4Gi and two processors a worker', () => {
    const replicas = Object.fromEntries(names.map(([n, w]) => [n, w['spec'].replicas]));
    expect(replicas).toEqual({ 'troupe-master': 1, 'troupe-web': 1, 'troupe-worker': 5, 'troupe-worker-k8s': 3, 'troupe-nats': 1 });
    expect(named('Deployment', 'troupe-master')['spec'].strategy).toEqual({ type: 'Recreate' });
    for (const name of ['troupe-worker', 'troupe-worker-k8s']) {
      const [worker] = podOf(named('Deployment', name)).spec['containers'];
      expect(worker.resources.limits).toEqual({ memory: '4Gi', cpu: '2' });
      expect(worker.env.find((e: { name: string }) => e.name === 'WORKER_ID').valueFrom).toEqual({ fieldRef: { fieldPath: 'metadata.name' } });
      expect(config(worker).worker.group).toBe(name === 'troupe-worker' ? 'default' : 'k8s');
    }
  });
});

describe('what belongs together', () => {
  it('a service leads to a port of one workload', () => {
    for (const s of of('Service')) {
      const to = names.filter(([, w]) => fits({ matchLabels: s['spec'].selector }, podOf(w).metadata.labels));
      expect(to, s['metadata'].name).toHaveLength(1);
      const ports = podOf(to[0]![1]).spec['containers'][0].ports.map((p: { name: string }) => p.name);
      for (const p of s['spec'].ports) expect(ports).toContain(p.targetPort);
    }
    expect(named('Service', 'troupe-web')['spec'].ports.map((p: { port: number }) => p.port)).toEqual([3000, 8100, 6767]);
    expect(named('StatefulSet', 'troupe-nats')['spec'].serviceName).toBe('troupe-nats');
  });

  it('a budget holds for one kind of worker', () => {
    const held = of('PodDisruptionBudget').map((b) => names.filter(([, w]) => fits(b['spec'].selector, podOf(w).metadata.labels)).map(([n]) => n));
    expect(held).toEqual([['troupe-worker'], ['troupe-worker-k8s']]);
  });

  it('a worker reaches nats and nothing else in the cluster, and nobody reaches a worker', () => {
    for (const [name, w] of names.filter(([n]) => n.startsWith('troupe-worker'))) {
      const policies = of('NetworkPolicy').filter((p) => fits(p['spec'].podSelector, podOf(w).metadata.labels));
      expect(policies.some((p) => ['Ingress', 'Egress'].every((t) => p['spec'].policyTypes.includes(t))), name).toBe(true);
      expect(policies.flatMap((p) => p['spec'].ingress ?? []), name).toEqual([]);
      const to = policies.flatMap((p) => (p['spec'].egress ?? []) as { to?: Record<string, any>[]; ports: { port: number }[] }[]);
      for (const rule of to) expect(rule.to, `${name}: a rule without a target allows all`).toBeDefined();
      const pods = to.flatMap((r) => r.to!.filter((t) => t['podSelector'] && !t['namespaceSelector']).map((t) => [names.filter(([, x]) => fits(t['podSelector'], podOf(x).metadata.labels)).map(([n]) => n), r.ports.map((p) => p.port)]));
      expect(pods, name).toEqual([[['troupe-nats'], [4222]]]);
      for (const block of to.flatMap((r) => r.to!).filter((t) => t['ipBlock'])) expect(block['ipBlock'].except).toEqual(expect.arrayContaining(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16']));
    }
  });

  it('nats hears the parts that speak to it, also the pods that the driver makes', () => {
    const [rule] = named('NetworkPolicy', 'troupe-nats')['spec'].ingress as { from: { podSelector: Parameters<typeof fits>[0] }[] }[];
    const heard = (labels: Labels) => rule!.from.some((f) => fits(f.podSelector, labels));
    for (const [name, w] of names.filter(([n]) => n !== 'troupe-nats')) expect(heard(podOf(w).metadata.labels), name).toBe(true);
    expect(heard(documents('k8s/worker-pod.example.yaml')[0]!['metadata'].labels)).toBe(true);
    expect(heard({ 'app.kubernetes.io/name': 'stranger' })).toBe(false);
  });
});

describe('secrets', () => {
  const data = mkdtempSync(join(tmpdir(), 'troupe-keys-'));
  loadSecrets({ dataDir: data, secretsDir: join(data, 'secrets') });
  const made = readdirSync(join(data, 'secrets')).sort();
  afterAll(() => rmSync(data, { recursive: true }));
  const guide = readFileSync(join(deployDir, '..', 'docs', 'deploy.md'), 'utf8');
  const told = Object.fromEntries([...guide.matchAll(/kubectl -n troupe create secret generic (\S+) ((?:--from-file=\S+ ?)+)/g)].map((m) => [m[1]!, m[2]!.trim().split(' ').map((f) => f.slice('--from-file='.length))]));

  it('are each made by a line of docs/deploy.md, from files that a first start makes', () => {
    const mounted = new Set(workloads.flatMap((w) => (podOf(w).spec['volumes'] as Record<string, any>[]).flatMap((v) => (v['secret'] ? [v['secret'].secretName as string] : []))));
    expect([...mounted].sort()).toEqual(Object.keys(told).sort());
    expect(told['troupe-keys']).toEqual(['keys/secrets']);
    for (const name of ['troupe-web-keys', 'troupe-worker-key']) for (const file of told[name]!) expect(made).toContain(file.replace('keys/secrets/', ''));
  });

  it('are mounted where they are copied from, and by no part that runs on', () => {
    for (const [name, c, w] of containers) {
      const keys = (c['volumeMounts'] as { name: string; mountPath: string }[]).find((m) => m.name === 'keys');
      if (c['name'] !== 'keys') {
        expect(keys, name).toBeUndefined();
        continue;
      }
      const role = (podOf(w).spec['volumes'] as Record<string, any>[]).find((v) => v['name'] === 'keys')!['secret'].secretName;
      expect(c['command'], name).toEqual(['node', '/app/deploy/keys.mjs', 'take', { 'troupe-keys': 'server', 'troupe-web-keys': 'web', 'troupe-worker-key': 'worker' }[role as string], keys!.mountPath]);
    }
  });
});
