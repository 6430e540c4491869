import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAllYaml } from '@kubernetes/client-node';
import { K8sDriver, type K8sHandle } from '../../runtime/drivers/k8s/k8s-driver.ts';
import { podManifest } from '../../runtime/drivers/k8s/pod-template.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import type { Spec } from '../../runtime/drivers/contract.ts';
import { driverCases } from '../contracts/driver.case.ts';
import { K8sServer, type Rule } from './k8s-server.ts';

const manifests = join(packageRoot(), 'deploy', 'k8s');
const yaml = (file: string) => loadAllYaml(readFileSync(join(manifests, file), 'utf8')) as Record<string, unknown>[];
const rules = (yaml('role.yaml')[0] as { rules: Rule[] }).rules;
const allowed = rules.flatMap((r) => r.apiGroups.flatMap((g) => r.resources.flatMap((res) => r.verbs.map((v) => `${v} ${g}/${res}`)))).sort();
const used = new Set<string>();

const IMAGE = 'registry.example/troupe:1';
const open = async () => {
  const server = new K8sServer();
  server.rules = rules;
  const kubeconfig = await server.open();
  const make = (more = {}) => new K8sDriver({ kubeconfig, namespace: 'troupe', image: IMAGE, backoffMs: 20, ...more });
  const close = async () => {
    for (const use of server.used) used.add(use);
    await server.close();
  };
  return { server, make, close };
};

driverCases('k8s', async () => {
  const { make, close } = await open();
  return { make, close, adoptedExit: { code: null, signal: 'SIGTERM' } };
});

describe('k8s', () => {
  let server: K8sServer;
  let make: (more?: object) => K8sDriver;
  let close: () => Promise<void>;
  let driver: K8sDriver;
  let dir: string;
  beforeEach(async () => {
    ({ server, make, close } = await open());
    driver = make();
    dir = mkdtempSync(join(tmpdir(), 'troupe-k8s-work-'));
  });
  afterEach(async () => {
    await close();
    rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  const LIVES = 'require("fs").appendFileSync("starts", process.pid + "\\n"); console.log("up"); setInterval(() => {}, 1000)';
  const spec = (script = LIVES, more: Partial<Spec> = {}): Spec => ({ command: process.execPath, args: ['-e', script], env: {}, cwd: dir, ...more });
  const never = () => new AbortController().signal;
  const up = async (key = 'w', script = LIVES): Promise<K8sHandle> => {
    const handle = await driver.start(spec(script), key);
    await expect.poll(async () => (await driver.logs(handle, { tail: 10 })).lines).toContain('up');
    return handle;
  };
  const pids = () => readFileSync(join(dir, 'starts'), 'utf8').split('\n').filter(Boolean).map(Number);
  /** Whether it has ended by now, without waiting. */
  const state = (ended: Promise<unknown>) => Promise.race([ended.then(() => 'ended'), new Promise((r) => setTimeout(r, 0, 'waiting'))]);
  const watched = () => expect.poll(() => server.watchers, { timeout: 10_000 }).toBe(1);

  it('makes a pod with no rights, a fixed share, and its environment out of sight', async () => {
    const env = { TOKEN: "canary-4711 'quoted' $(HOME) `id`\nnext \\ \"line\"", EMPTY: '' };
    const script = `${LIVES}; console.log(JSON.stringify([process.env.TOKEN, process.env.EMPTY, process.argv[1]]))`;
    const handle = await driver.start({ ...spec(script, { limits: { memoryMb: 512, cpuCores: 1.5 }, pod: { namespace: 'troupe', image: IMAGE, labels: { team: 'blue', 'troupe.dev/group': 'g' }, nodeSelector: { 'kubernetes.io/arch': 'amd64' } } }), args: ['-e', script, '$(TOKEN) $$ $HOME'], env }, 'w');
    await expect.poll(async () => (await driver.logs(handle, { tail: 10 })).lines).toContain(JSON.stringify([env.TOKEN, '', '$(TOKEN) $$ $HOME']));
    const pod = server.pods.get('troupe-w')!;
    expect(JSON.stringify(pod)).not.toContain('canary');
    expect(pod.metadata!.labels).toMatchObject({ 'troupe.dev/key': 'w', 'troupe.dev/nonce': handle.nonce, team: 'blue', 'troupe.dev/group': 'g' });
    expect(pod.spec).toMatchObject({ restartPolicy: 'Never', automountServiceAccountToken: false, nodeSelector: { 'kubernetes.io/arch': 'amd64' }, securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } });
    expect(pod.spec!.containers[0]!.securityContext).toEqual({ allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    expect(pod.spec!.containers[0]!.resources).toEqual({ limits: { memory: '512Mi', cpu: '1500m' }, requests: { memory: '512Mi', cpu: '1500m' } });
    const [secret] = [...server.secrets.values()];
    expect(secret!.metadata!.ownerReferences).toEqual([expect.objectContaining({ kind: 'Pod', uid: handle.uid })]);
    await driver.stop(handle, 0);
    expect(server.secrets.size).toBe(0);
  });

  it('adopts a pod whose making was never heard of, and completes what a killed master left half made', async () => {
    server.faults = [{ verb: 'create pods', status: 0, times: 1, lost: true }];
    const handle = await up();
    expect(pids()).toHaveLength(1);
    await driver.stop(handle, 0);
    // The pod is made, its environment isn't: the next start, by another master, brings it.
    server.faults = [{ verb: 'create secrets', status: 500, times: 1000 }];
    await expect(make({ timeoutMs: 2000 }).start(spec(), 'w')).rejects.toMatchObject({ kind: 'unreachable' });
    expect(server.pods.size).toBe(1);
    server.faults = [];
    const next = await make().start(spec(), 'w');
    expect(server.pods.get('troupe-w')!.metadata!.uid).toBe(next.uid);
    expect(await driver.recover(next)).toBe('running');
  });

  it('leaves a foreign pod of the same name alone', async () => {
    server.pods.set('troupe-w', { metadata: { name: 'troupe-w', namespace: 'troupe', uid: 'x', labels: { app: 'other' }, resourceVersion: '1' }, spec: { containers: [{ name: 'x' }] }, status: { phase: 'Running' } });
    await expect(driver.start(spec(), 'w')).rejects.toMatchObject({ kind: 'foreign', message: expect.stringContaining('troupe-w') });
    expect((await driver.list()[Symbol.asyncIterator]().next()).done).toBe(true);
    expect(server.pods.size).toBe(1);
    server.pods.clear();
  });

  it.each([
    [403, 'pods "troupe-w" is forbidden: exceeded quota: compute, requested: limits.cpu=2, used: 4, limited: 4', 'busy'],
    [403, 'pods is forbidden: User "x" cannot create resource "pods"', 'auth'],
    [422, 'Pod "troupe-w" is invalid: spec.containers[0].image: Required value', 'bad-spec'],
    [401, 'Unauthorized', 'auth'],
  ])('gives the API\'s reason: %i %s', async (status, message, kind) => {
    server.faults = [{ verb: 'create pods', status, times: 1, message }];
    await expect(driver.start(spec(), 'w')).rejects.toMatchObject({ kind, message: expect.stringContaining(message) });
    expect(server.pods.size).toBe(0);
  });

  it('tries again where the API is busy or broken, and says so when that goes on', async () => {
    server.faults = [{ verb: 'create pods', status: 429, times: 2 }, { verb: 'create secrets', status: 500, times: 1 }, { verb: 'get pods', status: 503, times: 1 }];
    const handle = await up();
    expect(await driver.recover(handle)).toBe('running');
    server.faults = [{ verb: 'get pods', status: 500, times: 1000 }];
    await expect(make({ timeoutMs: 2000 }).recover(handle)).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringContaining('HTTP 500') });
  });

  it('refuses names, labels, images and namespaces that are none, before it asks anybody', async () => {
    const pod = { namespace: 'troupe', image: IMAGE };
    const cases: [Partial<Spec>, string, RegExp][] = [
      [{ pod: { ...pod, namespace: 'kube-system' } }, 'w', /kube-system.*not among the allowed/],
      [{ pod: { ...pod, namespace: '../x' } }, 'w', /pod.namespace/],
      [{ pod: { ...pod, image: 'a b' } }, 'w', /pod.image/],
      [{ pod: { ...pod, image: 'x; rm -rf /' } }, 'w', /pod.image/],
      [{ pod: { ...pod, labels: { 'troupe.dev/key': 'other' } } }, 'w', /reserved/],
      [{ pod: { ...pod, labels: { 'troupe.dev/nonce': '' } } }, 'w', /reserved/],
      [{ pod: { ...pod, labels: { 'app.kubernetes.io/managed-by': 'x' } } }, 'w', /reserved/],
      [{ pod: { ...pod, labels: { team: 'a,troupe.dev/key=b' } } }, 'w', /pod.labels.team/],
      [{ pod: { ...pod, labels: { 'a b': 'x' } } }, 'w', /pod.labels/],
      [{ pod: { ...pod, nodeSelector: { x: '\n' } } }, 'w', /pod.nodeSelector.x/],
      [{ pod: { ...pod, serviceAccount: 'A B' } }, 'w', /pod.serviceAccount/],
      [{ limits: { memoryMb: -1, cpuCores: 1 } }, 'w', /limits.memoryMb/],
      [{ limits: { memoryMb: 512, cpuCores: Number.NaN } }, 'w', /limits.cpuCores/],
      [{}, 'ends-with-', /key/],
    ];
    for (const [more, key, words] of cases) await expect(driver.start(spec(LIVES, more), key), JSON.stringify(more)).rejects.toThrow(words);
    expect(server.used.size).toBe(0);
    expect(() => make({ namespace: 'a b' })).toThrow(/namespace/);
  });

  it('gives long keys names of at most 63 characters, each its own', async () => {
    const long = `${'a'.repeat(61)}`;
    const one = await driver.start(spec(), `${long}-1`.slice(-63));
    const two = await driver.start(spec(), `${long}-2`.slice(-63));
    expect(one.pod).not.toBe(two.pod);
    for (const { pod } of [one, two]) expect(pod.length).toBeLessThanOrEqual(63);
    const keys = [];
    for await (const { key } of driver.list()) keys.push(key);
    expect(keys.sort()).toEqual([`${long}-1`, `${long}-2`]);
  });

  it('goes on waiting over dropped watches, old versions, and an API that is busy or broken', async () => {
    const handle = await up();
    const ended = driver.wait(handle, never());
    await watched();
    server.dropWatches();
    await watched();
    server.expireWatches();
    await watched();
    server.faults = [{ verb: 'watch pods', status: 429, times: 2, headers: { 'retry-after': '0' } }, { verb: 'list pods', status: 500, times: 2 }];
    server.compact();
    server.dropWatches();
    await watched();
    expect(server.faults.every((f) => f.times <= 2)).toBe(true);
    server.faults = [{ verb: 'watch pods', status: 410, times: 1 }];
    server.dropWatches();
    await watched();
    expect(await state(ended)).toBe('waiting');
    process.kill(pids()[0]!, 'SIGKILL');
    expect(await ended).toMatchObject({ code: null, signal: 'SIGKILL' });
    await expect.poll(() => server.watchers).toBe(0);
  });

  it('hears of an end that came while no watch was open', async () => {
    const handle = await up();
    const ended = driver.wait(handle, never());
    await watched();
    server.faults = [{ verb: 'watch pods', status: 500, times: 3 }];
    server.dropWatches();
    await server.deleteByForce('troupe-w');
    server.compact();
    expect(await ended).toMatchObject({ code: null, signal: null });
  });

  it('shares one watch among all who wait', async () => {
    const handles = await Promise.all(['a', 'b', 'c'].map((key) => driver.start(spec(), key)));
    const ends = handles.map((h) => driver.wait(h, never()));
    await watched();
    await driver.stop(handles[1]!, 0);
    expect(await ends[1]).toMatchObject({ code: null });
    expect(await state(ends[0]!)).toBe('waiting');
    expect(server.watchers).toBe(1);
    await Promise.all(handles.map((h) => driver.stop(h, 0)));
    await Promise.all(ends);
  });

  it('takes an eviction and a deletion for an end', async () => {
    const one = await up('one');
    const ended = driver.wait(one, never());
    await watched();
    await server.evict('troupe-one');
    expect(await ended).toMatchObject({ code: null, signal: null });
    expect(await driver.recover(one)).toBe('gone');
    const again = await driver.start(spec(), 'one');
    expect(again.uid).not.toBe(one.uid);
    const second = driver.wait(again, never());
    await watched();
    await server.deleteByForce('troupe-one');
    expect(await second).toMatchObject({ code: null });
    // What was waited for is judged by its own object, not by one of the same name.
    await driver.start(spec(), 'one');
    expect(await driver.wait(again, never())).toMatchObject({ code: null });
  });

  it('does not take a lost node for an end: the pod may still run', async () => {
    const handle = await up();
    const abort = new AbortController();
    const ended = driver.wait(handle, abort.signal);
    await watched();
    server.notReady('troupe-w');
    expect(await driver.recover(handle)).toBe('running');
    expect(await driver.start(spec(), 'w')).toEqual(handle);
    await expect(make({ timeoutMs: 2000 }).stop(handle, 0)).rejects.toMatchObject({ kind: 'stuck', message: expect.stringMatching(/node may be lost.*leases end/) });
    expect(existsSync(`/proc/${pids()[0]}/exe`)).toBe(true);
    expect(await driver.recover(handle)).toBe('running');
    expect(await state(ended)).toBe('waiting');
    server.lost = false;
    await server.deleteByForce('troupe-w');
    expect(await ended).toMatchObject({ code: null });
  });

  it('says what is missing in an image that can\'t be pulled', async () => {
    server.pulls = false;
    await expect(driver.start(spec(), 'w')).rejects.toMatchObject({ kind: 'missing', message: expect.stringContaining('Back-off pulling image') });
    expect(server.pods.has('troupe-w')).toBe(false);
  });

  it('gives no figures where nobody measures', async () => {
    server.metrics = false;
    expect(await driver.stats(await up())).toBeNull();
  });

  it('names a kubeconfig that is not there, and a cluster that does not answer', async () => {
    expect(await make({ kubeconfig: join(dir, 'none') }).health()).toMatchObject({ is: 'undetected', why: expect.stringMatching(/none.*kubeconfig/) });
    await expect(make({ kubeconfig: join(dir, 'none') }).start(spec(), 'w')).rejects.toMatchObject({ kind: 'missing' });
    server.rules = [];
    expect(await driver.health()).toMatchObject({ is: 'unhealthy', why: expect.stringContaining('cannot list resource') });
  });
});

describe('deploy/k8s', () => {
  it('every file is YAML of a kind with a name, and the kustomization lists them', () => {
    const files = readdirSync(manifests).filter((f) => f.endsWith('.yaml'));
    const listed = (yaml('kustomization.yaml')[0] as { resources: string[] }).resources;
    for (const file of files) {
      for (const doc of yaml(file)) {
        expect(doc, file).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) });
        if (doc['kind'] === 'Kustomization') continue;
        expect((doc['metadata'] as { name: string }).name, file).toMatch(/^troupe/);
        expect(listed.includes(file) || file === 'worker-pod.example.yaml', file).toBe(true);
      }
    }
    for (const file of listed) expect(files).toContain(file);
  });

  it('the role is what the driver used in the cases above, and nothing more', () => {
    expect([...used].sort()).toEqual(allowed);
    expect(allowed.some((a) => a.includes('*'))).toBe(false);
  });

  it('the example is the pod that the driver makes', () => {
    const example = yaml('worker-pod.example.yaml')[0] as { metadata: { labels: Record<string, string> } };
    const spec = { command: 'node', args: ['dist/runtime/main.js', 'worker'], env: {}, cwd: '/app', limits: { memoryMb: 2048, cpuCores: 2 } };
    const made = podManifest(spec, 'worker-1', example.metadata.labels['troupe.dev/nonce']!, { namespace: 'troupe', image: 'troupe:latest', runAsUser: 10_001, graceSeconds: 30, seccomp: null });
    expect(JSON.parse(JSON.stringify(example))).toEqual(JSON.parse(JSON.stringify(made)));
  });
});

const cluster = process.env['KUBECONFIG'];
describe.skipIf(!cluster)('a real cluster (set KUBECONFIG, and TROUPE_K8S_NAMESPACE with deploy/k8s applied)', () => {
  const driver = new K8sDriver({ kubeconfig: cluster ?? null, namespace: process.env['TROUPE_K8S_NAMESPACE'] ?? 'troupe', image: process.env['TROUPE_K8S_IMAGE'] ?? 'node:20-bookworm-slim', startWithinMs: 120_000 });
  const spec = (script: string): Spec => ({ command: 'node', args: ['-e', script], env: { WORKER_ID: 'w' }, cwd: '/tmp' });
  const key = `test-${process.pid}`;
  afterAll(async () => {
    for await (const each of driver.list()) if (each.key === key) await driver.stop(each.handle, 0);
  });
  beforeAll(async () => expect(await driver.health()).toEqual({ is: 'healthy', why: '' }));

  it('starts, logs, stops and tells how it ended', { timeout: 300_000 }, async () => {
    const handle = await driver.start(spec('console.log("hello " + process.env.WORKER_ID); process.on("SIGTERM", () => process.exit(3)); setInterval(() => {}, 1000)'), key);
    await expect.poll(async () => (await driver.logs(handle, { tail: 5 })).lines, { timeout: 60_000 }).toContain('hello w');
    expect(await driver.start(spec(''), key)).toEqual(handle);
    const ended = driver.wait(handle, new AbortController().signal);
    await driver.stop(handle, 20_000);
    expect(await ended).toMatchObject({ code: 3 });
    expect(await driver.recover(handle)).toBe('gone');
  });
});
