import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { V1Pod, V1Secret } from '@kubernetes/client-node';
import { rssBytes } from '../../runtime/drivers/local/proc.ts';
import { killTree, treeOf } from '../../runtime/drivers/local/process-tree.ts';

export type Rule = { apiGroups: string[]; resources: string[]; verbs: string[] };
type Event = { version: number; type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: V1Pod };
type Running = { child: ChildProcess; settled: Promise<void>; dir: string; lines: string[]; cpu: { ticks: number; at: number } };
/** Answers a request that fits with this, so many times. */
export type Fault = { verb: string; status: number; times: number; message?: string; lost?: boolean; headers?: Record<string, string> };

/**
 * An HTTP server that speaks the Kubernetes API for pods and secrets of one namespace, and runs each pod's command as a real process here.
 * What a node does (mounts, statuses, grace, end of a container's whole tree) is done by `kubelet` methods; `rules` are enforced as RBAC.
 */
export class K8sServer {
  readonly namespace = 'troupe';
  readonly used = new Set<string>();
  readonly pods = new Map<string, V1Pod>();
  readonly secrets = new Map<string, V1Secret>();
  faults: Fault[] = [];
  rules: Rule[] | null = null;
  metrics = true;
  /** No image can be pulled: pods stay pending, and say so. */
  pulls = true;
  /** Nodes that say nothing any more: their pods' processes run on, and no status changes. */
  lost = false;
  #version = 100;
  #oldest = 0;
  #events: Event[] = [];
  readonly #watchers = new Map<ServerResponse, string>();
  readonly #running = new Map<string, Running>();
  readonly #dir = mkdtempSync(join(tmpdir(), 'troupe-k8s-'));
  readonly #server = createServer((req, res) => void this.#handle(req, res).catch((error: Error) => refuse(res, 500, error.message)));

  async open(): Promise<string> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    const kubeconfig = join(this.#dir, 'kubeconfig');
    const { port } = this.#server.address() as AddressInfo;
    const config = { apiVersion: 'v1', kind: 'Config', 'current-context': 'test', contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }], clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }], users: [{ name: 'test', user: { token: 'test-token' } }] };
    writeFileSync(kubeconfig, JSON.stringify(config));
    return kubeconfig;
  }

  async close(): Promise<void> {
    for (const { metadata } of this.pods.values()) await killTree(metadata!.labels!['troupe.dev/nonce'] ?? 'none', 5000);
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** Forgets old versions: watches from before are told 410. */
  compact(): void {
    this.#oldest = this.#version;
    this.#events = [];
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Ends every open watch, as a server that restarts does. */
  dropWatches(): void {
    for (const res of this.#watchers.keys()) res.destroy();
    this.#watchers.clear();
  }

  /** What a watch in progress is told when its version is too old by now. */
  expireWatches(): void {
    this.compact();
    for (const res of this.#watchers.keys()) res.end(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } })}\n`);
    this.#watchers.clear();
  }

  /** The node ends a pod that it has no room for. */
  async evict(name: string): Promise<void> {
    const pod = this.pods.get(name)!;
    await this.#endTree(pod);
    this.#change(pod, { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' });
  }

  /** The object goes at once, and its process with it. */
  async deleteByForce(name: string): Promise<void> {
    const pod = this.pods.get(name)!;
    await this.#endTree(pod);
    this.#forget(pod);
  }

  notReady(name: string): void {
    this.lost = true;
    const pod = this.pods.get(name)!;
    this.#change(pod, { ...pod.status, phase: 'Unknown', reason: 'NodeLost', conditions: [{ type: 'Ready', status: 'False', reason: 'NodeNotReady' }] });
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url!, 'http://x');
    const core = /^\/api\/v1\/namespaces\/([^/]+)\/(pods|secrets)(?:\/([^/]+))?(\/log)?$/.exec(url.pathname);
    const metrics = /^\/apis\/metrics\.k8s\.io\/v1beta1\/namespaces\/([^/]+)\/pods\/([^/]+)$/.exec(url.pathname);
    if (!core && !metrics) return refuse(res, 404, 'the server could not find the requested resource');
    if (req.headers.authorization !== 'Bearer test-token') return refuse(res, 401, 'Unauthorized');
    const [, namespace, kind, name, log] = core ?? [null, metrics![1], 'pods', metrics![2], undefined];
    const watching = url.searchParams.get('watch') === 'true';
    const verb = req.method === 'POST' ? 'create' : req.method === 'DELETE' ? 'delete' : name ? 'get' : watching ? 'watch' : 'list';
    const resource = `${kind}${log ? '/log' : ''}`;
    const use = `${verb} ${metrics ? 'metrics.k8s.io' : ''}/${resource}`;
    if (this.rules && !this.rules.some((r) => r.verbs.includes(verb) && r.resources.includes(resource) && r.apiGroups.includes(metrics ? 'metrics.k8s.io' : ''))) return refuse(res, 403, `${resource} is forbidden: User "test" cannot ${verb} resource "${resource}" in the namespace "${namespace}"`);
    this.used.add(use);
    const fault = this.faults.find((f) => f.verb === `${verb} ${resource}` && f.times > 0);
    if (fault && !fault.lost) return this.#fail(fault, res);
    if (fault) {
      fault.times--;
      // Done, but nobody hears of it.
      res.writeHead = (() => (res.socket!.destroy(), res)) as never;
    }
    return this.#answer({ req, res, url, namespace: namespace!, kind: kind!, name, log: log !== undefined, metrics: metrics !== null, verb });
  }

  #fail(fault: Fault, res: ServerResponse): void {
    fault.times--;
    refuse(res, fault.status, fault.message ?? `made up ${fault.status}`, fault.headers);
  }

  async #answer(q: { req: IncomingMessage; res: ServerResponse; url: URL; namespace: string; kind: string; name: string | undefined; log: boolean; metrics: boolean; verb: string }): Promise<void> {
    const { req, res, url, name } = q;
    if (q.namespace !== this.namespace) return refuse(res, 404, `namespaces "${q.namespace}" not found`);
    if (q.metrics) return this.#figures(name!, res);
    if (q.kind === 'secrets') return this.#makeSecret(JSON.parse(await text(req)) as V1Secret, res);
    if (q.verb === 'create') return this.#makePod(JSON.parse(await text(req)) as V1Pod, res);
    if (q.verb === 'watch') return this.#watch(url, res);
    if (q.verb === 'list') return this.#list(url, res);
    const pod = this.pods.get(name!);
    if (!pod) return refuse(res, 404, `pods "${name}" not found`);
    if (q.log) return this.#log(pod, url, res);
    if (q.verb === 'get') return send(res, 200, pod);
    const body = JSON.parse((await text(req)) || '{}') as { gracePeriodSeconds?: number; preconditions?: { uid?: string } };
    if (body.preconditions?.uid && body.preconditions.uid !== pod.metadata!.uid) return refuse(res, 409, 'the UID in the precondition does not match the UID in record');
    void this.#delete(pod, body.gracePeriodSeconds ?? 30);
    send(res, 200, pod);
  }

  #makePod(body: V1Pod, res: ServerResponse): void {
    const name = body.metadata!.name!;
    if (name.length > 63 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) return refuse(res, 422, `Pod "${name}" is invalid: metadata.name`);
    for (const [k, v] of Object.entries(body.metadata!.labels ?? {})) if (!/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/.test(v)) return refuse(res, 422, `Pod "${name}" is invalid: metadata.labels: ${k}`);
    if (this.pods.has(name)) return refuse(res, 409, `pods "${name}" already exists`);
    const pod: V1Pod = { ...body, metadata: { ...body.metadata, uid: randomUUID(), creationTimestamp: new Date().toISOString().replace(/\.\d+/, '') as never }, status: { phase: 'Pending', containerStatuses: [] } };
    this.pods.set(name, pod);
    this.#publish('ADDED', pod);
    send(res, 201, pod);
    this.#tryToRun(pod);
  }

  #makeSecret(body: V1Secret, res: ServerResponse): void {
    const name = body.metadata!.name!;
    if (this.secrets.has(name)) return refuse(res, 409, `secrets "${name}" already exists`);
    this.secrets.set(name, body);
    send(res, 201, body);
    for (const pod of this.pods.values()) this.#tryToRun(pod);
  }

  /** The node: mounts what the pod names, then runs its command. Paths in the container become paths of a folder of its own. */
  #tryToRun(pod: V1Pod): void {
    const secret = this.secrets.get(pod.spec!.volumes?.find((v) => v.secret)?.secret?.secretName ?? '');
    const uid = pod.metadata!.uid!;
    if (!this.pulls) {
      const [{ name, image }] = pod.spec!.containers as [{ name: string; image?: string }];
      pod.status = { phase: 'Pending', containerStatuses: [{ name, image: image ?? '', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` } } }] };
      return;
    }
    if (!secret || this.#running.has(uid) || pod.status!.phase !== 'Pending') return;
    const dir = join(this.#dir, uid);
    for (const sub of ['troupe/env', 'troupe/run', 'dev']) mkdirSync(join(dir, sub), { recursive: true });
    for (const [file, data] of Object.entries(secret.data ?? {})) writeFileSync(join(dir, 'troupe/env', file), Buffer.from(data, 'base64'));
    const [container] = pod.spec!.containers;
    const here = (s: string) => s.replaceAll('/troupe/', `${dir}/troupe/`).replaceAll('/dev/termination-log', `${dir}/dev/termination-log`);
    const [program, ...rest] = [...container!.command!.map(here), ...(container!.args ?? []).map((a) => a.replaceAll('$$', '$'))];
    const child = spawn(program!, rest, { env: { PATH: process.env['PATH'], TROUPE_NONCE: pod.metadata!.labels!['troupe.dev/nonce'] }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let settle = () => {};
    const running: Running = { child, settled: new Promise((done) => (settle = done)), dir, lines: [], cpu: { ticks: 0, at: performance.now() } };
    this.#running.set(uid, running);
    let last = 0n;
    const began = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
    const drained = [child.stdout, child.stderr].map((stream) => {
      const lines = createInterface(stream);
      lines.on('line', (line) => {
        const now = began + process.hrtime.bigint();
        // Each line a microsecond at least after the one before.
        last = now > last + 1000n ? now : last + 1000n;
        running.lines.push(`${new Date(Number(last / 1_000_000n)).toISOString().slice(0, 19)}.${String(last % 1_000_000_000n).padStart(9, '0')}Z ${line}`);
      });
      return once(lines, 'close');
    });
    const startedAt = new Date().toISOString() as never;
    this.#status(pod, { phase: 'Running' }, { running: { startedAt } }, false);
    const probe = setInterval(() => {
      if (!existsSync(join(dir, 'troupe/run/started')) || this.#running.get(uid) !== running) return;
      clearInterval(probe);
      if (child.exitCode === null && child.signalCode === null) this.#status(pod, { phase: 'Running' }, { running: { startedAt } }, true);
    }, 10);
    child.once('exit', (code, signal) => {
      clearInterval(probe);
      void (async () => {
        await killTree(pod.metadata!.labels!['troupe.dev/nonce']!, 5000);
        await Promise.all(drained);
        if (this.lost) return;
        const words = join(dir, 'dev/termination-log');
        const exitCode = code ?? 128 + ({ SIGTERM: 15, SIGKILL: 9, SIGSEGV: 11 } as Record<string, number>)[signal!]!;
        const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', finishedAt: new Date().toISOString() as never, ...(existsSync(words) ? { message: readFileSync(words, 'utf8') } : {}) };
        this.#status(pod, { phase: exitCode === 0 ? 'Succeeded' : 'Failed' }, { terminated }, false);
      })().finally(settle);
    });
  }

  async #delete(pod: V1Pod, grace: number): Promise<void> {
    const uid = pod.metadata!.uid!;
    const now = this.pods.get(pod.metadata!.name!)!;
    this.pods.set(pod.metadata!.name!, { ...now, metadata: { ...now.metadata, deletionTimestamp: new Date().toISOString() as never, deletionGracePeriodSeconds: grace } });
    this.#publish('MODIFIED', this.pods.get(pod.metadata!.name!)!);
    if (this.lost) return;
    const running = this.#running.get(uid);
    const alive = () => running && running.child.exitCode === null && running.child.signalCode === null;
    if (alive() && grace > 0) running!.child.kill('SIGTERM');
    const end = performance.now() + grace * 1000;
    while (alive() && performance.now() < end) await new Promise((r) => setTimeout(r, 10));
    if (alive()) running!.child.kill('SIGKILL');
    await running?.settled;
    this.#forget(this.pods.get(pod.metadata!.name!)!);
  }

  async #endTree(pod: V1Pod): Promise<void> {
    const running = this.#running.get(pod.metadata!.uid!);
    running?.child.removeAllListeners('exit');
    // What a node ends by itself has no status of its own.
    if (running) running.settled = Promise.resolve();
    await killTree(pod.metadata!.labels!['troupe.dev/nonce']!, 5000);
  }

  #forget(pod: V1Pod): void {
    if (this.pods.get(pod.metadata!.name!)?.metadata!.uid !== pod.metadata!.uid) return;
    this.pods.delete(pod.metadata!.name!);
    for (const [name, secret] of this.secrets) if (secret.metadata!.ownerReferences?.some((o) => o.uid === pod.metadata!.uid)) this.secrets.delete(name);
    this.#publish('DELETED', pod);
  }

  #status(pod: V1Pod, status: V1Pod['status'], state: object, started: boolean): void {
    this.#change(pod, { ...status, containerStatuses: [{ name: pod.spec!.containers[0]!.name, image: pod.spec!.containers[0]!.image!, imageID: '', ready: started, restartCount: 0, started, state }] });
  }

  #change(pod: V1Pod, status: V1Pod['status']): void {
    const name = pod.metadata!.name!;
    const now = this.pods.get(name);
    if (now?.metadata!.uid !== pod.metadata!.uid) return;
    const next = { ...now!, status: status! };
    this.pods.set(name, next);
    this.#publish('MODIFIED', next);
  }

  #publish(type: Event['type'], pod: V1Pod): void {
    const version = ++this.#version;
    pod.metadata = { ...pod.metadata, resourceVersion: String(version) };
    const event: Event = { version, type, object: pod };
    this.#events.push(event);
    for (const [res, selector] of this.#watchers) if (fits(pod, selector)) res.write(`${JSON.stringify({ type, object: pod })}\n`);
  }

  #list(url: URL, res: ServerResponse): void {
    const selector = url.searchParams.get('labelSelector') ?? '';
    const items = [...this.pods.values()].filter((p) => fits(p, selector)).sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1));
    // Small pages, so that reading on is exercised.
    const from = Number(url.searchParams.get('continue') ?? 0);
    const limit = Math.min(Number(url.searchParams.get('limit') ?? 500), 2);
    const more = from + limit < items.length;
    send(res, 200, { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: String(this.#version), ...(more ? { continue: String(from + limit) } : {}) }, items: items.slice(from, from + limit) });
  }

  #watch(url: URL, res: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion') ?? 0);
    if (from < this.#oldest) return refuse(res, 410, `too old resource version: ${from} (${this.#oldest})`);
    const selector = url.searchParams.get('labelSelector') ?? '';
    res.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    res.flushHeaders();
    for (const e of this.#events) if (e.version > from && fits(e.object, selector)) res.write(`${JSON.stringify({ type: e.type, object: e.object })}\n`);
    this.#watchers.set(res, selector);
    res.once('close', () => this.#watchers.delete(res));
  }

  #log(pod: V1Pod, url: URL, res: ServerResponse): void {
    const running = this.#running.get(pod.metadata!.uid!);
    if (!running) return refuse(res, 400, `container "${pod.spec!.containers[0]!.name}" in pod "${pod.metadata!.name}" is waiting to start: ContainerCreating`);
    const tail = url.searchParams.get('tailLines');
    const lines = tail === null ? running.lines : running.lines.slice(-Number(tail));
    res.writeHead(200, { 'content-type': 'text/plain' }).end(lines.map((l) => `${l}\n`).join(''));
  }

  #figures(name: string, res: ServerResponse): void {
    const pod = this.pods.get(name);
    const running = pod && this.#running.get(pod.metadata!.uid!);
    if (!this.metrics || !running) return refuse(res, 404, `podmetrics.metrics.k8s.io "${name}" not found`);
    const tree = treeOf(pod.metadata!.labels!['troupe.dev/nonce']!);
    const now = { ticks: tree.reduce((sum, p) => sum + p.cpuTicks, 0), at: performance.now() };
    const cores = (now.ticks - running.cpu.ticks) / 100 / Math.max(0.001, (now.at - running.cpu.at) / 1000);
    running.cpu = now;
    const memory = tree.reduce((sum, p) => sum + rssBytes(p.pid), 0);
    send(res, 200, { kind: 'PodMetrics', containers: [{ name: pod.spec!.containers[0]!.name, usage: { cpu: `${Math.round(cores * 1e9)}n`, memory: `${Math.round(memory / 1024)}Ki` } }] });
  }
}

const fits = (pod: V1Pod, selector: string): boolean =>
  selector === '' || selector.split(',').every((part) => {
    const [k, v] = part.split('=');
    return pod.metadata!.labels?.[k!] === v;
  });

async function text(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(res: ServerResponse, code: number, message: string, headers: Record<string, string> = {}): void {
  if (res.headersSent) return void res.destroy();
  res.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message }));
}
