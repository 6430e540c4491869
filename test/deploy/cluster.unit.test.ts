import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../runtime/config.ts';
import { deployDir, documents, unknownVariables } from './manifests.ts';

type Env = Record<string, string>;
const plain = documents('compose.yaml')[0]!;
const cluster = documents('compose.cluster.yaml')[0]!;
const MEMBERS = ['nats', 'nats-2', 'nats-3'];
const environment = (name: string): Env => ({ ...(plain['services'][MEMBERS.includes(name) ? 'nats' : name].environment as Env), ...(cluster['services'][name].environment as Env) });
const config = (env: Env) => loadConfig({ TROUPE_DATA: '/data', ...env });

describe('compose.cluster.yaml', () => {
  it('has three servers, each under its own name and over a store of its own', () => {
    const read = MEMBERS.map((n) => config(environment(n)).nats);
    expect(new Set(read.map((n) => n.cluster!.name)).size).toBe(3);
    for (const [i, name] of MEMBERS.entries()) {
      const s = cluster['services'][name];
      expect(read[i]).toMatchObject({ servers: [`nats://${name}:4222`], store: '/store', cluster: { port: 6222, routes: MEMBERS.map((m) => `${m}:6222`) } });
      expect(s.command).toEqual(['nats', '--cluster', '--follow-users']);
      if (name !== 'nats') expect([s.extends, s.volumes.includes('data:/data')]).toEqual([{ file: 'compose.yaml', service: 'nats' }, true]);
    }
    const stores = MEMBERS.map((n) => (cluster['services'][n].volumes as string[]).find((v) => v.endsWith(':/store'))!.split(':')[0]!);
    expect(stores).toEqual(Object.keys(cluster['volumes']));
    expect(new Set(stores).size).toBe(3);
    // Else a new volume would be root's.
    expect(readFileSync(join(deployDir, 'Dockerfile'), 'utf8')).toMatch(/install -d -o troupe -g troupe .*\/store/);
  });

  it('every other part knows the three, and the master makes its streams threefold', () => {
    for (const name of ['master', 'web', 'worker']) {
      expect(config(environment(name)).nats.servers, name).toEqual(MEMBERS.map((m) => `nats://${m}:4222`));
      expect(unknownVariables(Object.keys(environment(name)))).toEqual([]);
    }
    expect(config(environment('master')).nats.replicas).toBe(3);
    // Whoever shares a network with the first shares it with all.
    for (const name of ['nats-2', 'nats-3']) expect(cluster['services'][name].networks).toBeUndefined();
  });
});

const noKubectl = spawnSync('kubectl', ['version', '--client']).error ? 'kubectl is not installed' : null;

describe('k8s-cluster', () => {
  it('names files that are there', () => {
    const [k] = documents('k8s-cluster/kustomization.yaml');
    for (const file of [...(k!['resources'] as string[]).slice(1), ...(k!['patches'] as { path?: string }[]).flatMap((p) => p.path ?? [])]) expect(documents(`k8s-cluster/${file}`).length, file).toBeGreaterThan(0);
  });

  it('laid over k8s it is three servers that find and hear each other, over disks of their own', (t) => {
    if (noKubectl !== null) t.skip(noKubectl);
    const objects = parseAllDocuments(execFileSync('kubectl', ['kustomize', join(deployDir, 'k8s-cluster')], { encoding: 'utf8' })).map((d) => d.toJS() as Record<string, any>);
    const of = (kind: string, name: string) => objects.find((o) => o['kind'] === kind && o['metadata'].name === name)!;
    const { spec } = of('StatefulSet', 'troupe-nats');
    const [server] = spec.template.spec.containers;
    const env: Env = Object.fromEntries((server.env as { name: string; value?: string }[]).map((e) => [e.name, e.value ?? 'troupe-nats-1']));
    expect(unknownVariables(Object.keys(env))).toEqual([]);
    const { nats } = config(env);
    const hosts = Array.from({ length: spec.replicas as number }, (_, i) => `troupe-nats-${i}.${spec.serviceName}:6222`);
    expect(nats).toMatchObject({ store: '/store', cluster: { name: 'troupe-nats-1', port: 6222, routes: hosts } });
    expect([hosts.length, spec.podManagementPolicy, server.args]).toEqual([3, 'Parallel', ['nats', '--cluster', '--follow-users']]);
    const store = server.volumeMounts.find((m: { mountPath: string }) => m.mountPath === '/store').name;
    expect(spec.volumeClaimTemplates.map((v: { metadata: { name: string } }) => v.metadata.name)).toEqual([store]);

    const routes = of('Service', spec.serviceName)['spec'];
    expect([routes.clusterIP, routes.publishNotReadyAddresses]).toEqual(['None', true]);
    expect(server.ports.find((p: { name: string }) => p.name === routes.ports[0].targetPort).containerPort).toBe(6222);
    const own = of('NetworkPolicy', 'troupe-nats-routes')['spec'];
    expect([own.ingress[0].ports[0].port, own.egress[0].ports[0].port, own.podSelector]).toEqual([6222, 6222, own.ingress[0].from[0].podSelector]);
    expect(own.podSelector.matchLabels).toEqual(spec.selector.matchLabels);
    expect(of('PersistentVolumeClaim', 'troupe-data')['spec'].accessModes).toEqual(['ReadWriteMany']);
    expect(of('PodDisruptionBudget', 'troupe-nats')['spec'].selector).toEqual(spec.selector);
    const master = of('Deployment', 'troupe-master')['spec'].template.spec.containers[0].env as { name: string; value: string }[];
    expect(master.find((e) => e.name === 'NATS_REPLICAS')!.value).toBe('3');
  });
});
