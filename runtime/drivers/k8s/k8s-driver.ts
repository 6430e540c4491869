import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { DriverError, type Driver, type Exit, type Health, type LogPage, type LogRequest, type Spec, type Stats } from '../contract.ts';
import { ask, faultOf, openClient, Refused, refusalOf, type Client } from './api.ts';
import { checkNamespace, LABEL, MANAGER, podName } from './names.ts';
import { linesSince } from './log-lines.ts';
import { podManifest, secretManifest, CONTAINER } from './pod-template.ts';
import { beginningOf, exitOf } from './pod-state.ts';
import { PodWatch, type Sight } from './pod-watch.ts';
import { quantity } from './quantity.ts';

/** A pod, by what names it for good. `startedAt` in epoch ms. */
export type K8sHandle = { key: string; nonce: string; namespace: string; pod: string; uid: string; startedAt: number };

export type K8sOptions = {
  /** A kubeconfig's path; else KUBECONFIG, the home folder's, or the service account of the pod that we run in. */
  kubeconfig?: string | null;
  namespace: string;
  /** Where pods may be made; `namespace` alone when absent. */
  allowedNamespaces?: string[];
  /** For a spec that names none. */
  image?: string | null;
  runAsUser?: number;
  /** A seccomp profile of the nodes under which a browser keeps its sandbox; the runtime's own when absent. */
  seccomp?: string | null;
  /** Limit of every operation, ms; a stop's grace comes on top. */
  timeoutMs?: number;
  /** How long a start waits to hear that the worker runs; a pod that is pending still is handed over then, ms. */
  startWithinMs?: number;
  backoffMs?: number;
};

const POLL_MS = 250;
const GRACE_SECONDS = 30;

/** Workers as pods. The pod's object tells who was started; who may act is decided by the worker's leases. */
export class K8sDriver implements Driver<K8sHandle> {
  readonly name = 'k8s';
  readonly can = { logs: true, stats: true } as const;
  readonly #o: Required<K8sOptions>;
  readonly #watches = new Map<string, PodWatch>();
  #client: Promise<Client> | null = null;

  constructor({ kubeconfig = null, namespace, allowedNamespaces = [namespace], image = null, runAsUser = 10_001, seccomp = null, timeoutMs = 20_000, startWithinMs = 20_000, backoffMs = 500 }: K8sOptions) {
    checkNamespace(namespace, allowedNamespaces);
    this.#o = { kubeconfig, namespace, allowedNamespaces, image, runAsUser, seccomp, timeoutMs, startWithinMs, backoffMs };
  }

  async health(): Promise<Health> {
    try {
      const { core } = await this.#api();
      await this.#ask('health', () => core.listNamespacedPod({ namespace: this.#o.namespace, labelSelector: `${LABEL.manager}=${MANAGER}`, limit: 1 }));
      return { is: 'healthy', why: '' };
    } catch (error) {
      const fault = error instanceof DriverError ? error : faultOf('health', refusalOf(error));
      return { is: fault.kind === 'missing' || fault.kind === 'unreachable' ? 'undetected' : 'unhealthy', why: fault.message };
    }
  }

  async start(spec: Spec, key: string): Promise<K8sHandle> {
    const name = podName(key);
    const namespace = checkNamespace(spec.pod?.namespace ?? this.#o.namespace, this.#o.allowedNamespaces);
    const nonce = randomBytes(16).toString('hex');
    const wanted = podManifest(spec, key, nonce, { namespace, image: this.#o.image, runAsUser: this.#o.runAsUser, seccomp: this.#o.seccomp, graceSeconds: GRACE_SECONDS });
    // A bad environment is named before anything is made.
    secretManifest(spec, wanted);
    const pod = await this.#ensurePod(wanted, key);
    const { core } = await this.#api();
    try {
      await this.#ask(`start of ${key}`, () => core.createNamespacedSecret({ namespace, body: secretManifest(spec, pod) }), [409]);
      return handleOf(await this.#begun(pod, spec));
    } catch (error) {
      // Our own pod that can't begin is taken away; one of which we only heard nothing is adopted by the next start.
      const mine = pod.metadata!.labels![LABEL.nonce] === nonce;
      if (mine && error instanceof DriverError && !['timeout', 'unreachable'].includes(error.kind)) await this.stop(handleOf(pod), 0).catch(() => undefined);
      throw error;
    }
  }

  async recover(handle: K8sHandle): Promise<'running' | 'gone'> {
    const pod = await this.#read(handle);
    return pod && !exitOf(pod) ? 'running' : 'gone';
  }

  /** Ends when the pod has ended or its object is gone. A node that is lost, and an API that doesn't answer, are no exit. */
  async wait(handle: K8sHandle, signal: AbortSignal): Promise<Exit> {
    signal.throwIfAborted();
    const unseen = (): Exit => ({ code: null, signal: null, at: Date.now() });
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    let deaf = () => {};
    const ended = new Promise<Exit>((done, failed) => {
      signal.addEventListener('abort', () => failed(signal.reason as Error), { once: true, signal: over.signal });
      const look = async (): Promise<void> => {
        while (!either.aborted) {
          try {
            const pod = await this.#read(handle);
            const exit = pod ? exitOf(pod) : unseen();
            if (exit) done(exit);
            return;
          } catch (error) {
            // Credentials that ran out say nothing of the pod either.
            if ((error as DriverError).kind === 'bad-spec') return failed(error as Error);
            await delay(this.#o.backoffMs, undefined, { signal: either }).catch(() => undefined);
          }
        }
      };
      deaf = this.#watch(handle.namespace).listen(handle.uid, ({ pod, is }: Sight) => {
        const exit = pod && exitOf(pod);
        if (exit) done(exit);
        else if (is === 'gone') done(unseen());
        // A list may be older than the pod: its own object decides.
        else if (is === 'unlisted') void look();
      });
      void look();
    });
    return ended.finally(() => {
      over.abort();
      deaf();
    });
  }

  async stop(handle: K8sHandle, graceMs: number): Promise<void> {
    // 0 seconds would take the object away while its node still runs it.
    await this.#remove(handle, Math.max(1, Math.ceil(graceMs / 1000)));
    const end = performance.now() + graceMs + this.#o.timeoutMs;
    while (await this.#read(handle)) {
      if (performance.now() > end) throw new DriverError('stuck', `${handle.key}: the pod ${handle.namespace}/${handle.pod} is still there: its node may be lost and run it on; it stops acting by itself when its leases end. Look at the node, or delete the pod by force once the node is surely down`);
      await delay(POLL_MS);
    }
  }

  async logs(handle: K8sHandle, { tail, sinceBytes: since }: LogRequest): Promise<LogPage> {
    if (tail <= 0 || !(await this.#read(handle))) return { lines: [], next: since ?? 0 };
    const { core } = await this.#api();
    const { namespace, pod: name } = handle;
    const text = await this.#ask(`logs of ${handle.key}`, () => core.readNamespacedPodLog({ namespace, name, container: CONTAINER, timestamps: true, tailLines: tail }), [400, 404]);
    return linesSince(typeof text === 'string' ? text : '', tail, since);
  }

  /** Null also where nobody measures: without metrics.k8s.io, and in a pod's first seconds. */
  async stats(handle: K8sHandle): Promise<Stats | null> {
    const pod = await this.#read(handle);
    if (!pod || exitOf(pod)) return null;
    const { custom } = await this.#api();
    const { namespace, pod: name } = handle;
    const found = (await this.#ask(`figures of ${handle.key}`, () => custom.getNamespacedCustomObject({ group: 'metrics.k8s.io', version: 'v1beta1', namespace, plural: 'pods', name }), [403, 404, 503])) as { containers?: { name?: string; usage?: { cpu?: string; memory?: string } }[] } | null;
    const usage = found?.containers?.find((c) => c.name === CONTAINER)?.usage;
    const cpuRatio = quantity(usage?.cpu);
    const rssBytes = quantity(usage?.memory);
    return cpuRatio === null || rssBytes === null ? null : { rssBytes, cpuRatio, processes: 1 };
  }

  async *list(): AsyncIterable<{ key: string; handle: K8sHandle }> {
    const { core } = await this.#api();
    for (const namespace of this.#o.allowedNamespaces) {
      let next: string | undefined;
      do {
        const page = await this.#ask('list', () => core.listNamespacedPod({ namespace, labelSelector: `${LABEL.manager}=${MANAGER}`, limit: 500, ...(next ? { _continue: next } : {}) }));
        for (const pod of page!.items) if (isOurs(pod)) yield { key: pod.metadata!.labels![LABEL.key]!, handle: handleOf(pod) };
        next = page!.metadata?._continue || undefined;
      } while (next);
    }
  }

  /** Makes the pod, or finds the one that lives under this key already. One that has ended makes room first. */
  async #ensurePod(wanted: V1Pod, key: string): Promise<V1Pod> {
    const { core } = await this.#api();
    const namespace = wanted.metadata!.namespace!;
    const name = wanted.metadata!.name!;
    const end = performance.now() + this.#o.timeoutMs;
    for (;;) {
      const made = await this.#ask(`start of ${key}`, () => core.createNamespacedPod({ namespace, body: wanted }), [409]);
      if (made) return made;
      const there = await this.#ask(`start of ${key}`, () => core.readNamespacedPod({ namespace, name }), [404]);
      if (there && (!isOurs(there) || there.metadata!.labels![LABEL.key] !== key)) throw new DriverError('foreign', `${namespace} has a pod ${name} that Troupe did not make: rename or delete it, or give the worker another id`);
      if (there && !exitOf(there) && !there.metadata!.deletionTimestamp) return there;
      if (performance.now() > end) throw new DriverError('busy', `${key}: the pod ${namespace}/${name} of its last start is still ending: try again in a moment`);
      if (there) await this.#remove(handleOf(there), 1);
      await delay(POLL_MS / 5);
    }
  }

  /** Waits until the worker itself runs, or is known never to. */
  async #begun(pod: V1Pod, { command, cwd }: Spec): Promise<V1Pod> {
    const end = performance.now() + this.#o.startWithinMs;
    const handle = handleOf(pod);
    for (;;) {
      const now = await this.#read(handle);
      if (!now) throw new DriverError('spawn', `${handle.key}: the pod ${handle.namespace}/${handle.pod} was deleted before it ran`);
      const beginning = beginningOf(now);
      if (beginning.is === 'failed') throw new DriverError(beginning.kind, `${handle.key}: ${command} can't be started in ${cwd}: ${beginning.why}`);
      if (beginning.is === 'started' || performance.now() > end) return now;
      await delay(POLL_MS);
    }
  }

  /** Null when it is gone, or another pod has its name by now. */
  async #read({ namespace, pod: name, uid, key }: K8sHandle): Promise<V1Pod | null> {
    checkNamespace(namespace, this.#o.allowedNamespaces);
    const { core } = await this.#api();
    const pod = await this.#ask(`look at ${key}`, () => core.readNamespacedPod({ namespace, name }), [404]);
    return pod?.metadata?.uid === uid ? pod : null;
  }

  async #remove({ namespace, pod: name, uid, key }: K8sHandle, gracePeriodSeconds: number): Promise<void> {
    checkNamespace(namespace, this.#o.allowedNamespaces);
    const { core } = await this.#api();
    // 409: another pod has the name by now, and is none of this handle's business.
    await this.#ask(`stop of ${key}`, () => core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds, body: { gracePeriodSeconds, preconditions: { uid } } }), [404, 409]);
  }

  #watch(namespace: string): PodWatch {
    const watch = this.#watches.get(namespace) ?? new PodWatch(() => this.#api(), namespace, { backoffMs: this.#o.backoffMs, longestMs: 30_000, openMs: 240_000 });
    this.#watches.set(namespace, watch);
    return watch;
  }

  async #api(): Promise<Client> {
    this.#client ??= openClient(this.#o.kubeconfig);
    try {
      return await this.#client;
    } catch (error) {
      // A file that was put right counts at the next use.
      this.#client = null;
      throw error;
    }
  }

  /** Null for the codes that the caller expects. */
  async #ask<T>(what: string, request: () => Promise<T>, expected: number[] = []): Promise<T | null> {
    try {
      return await ask(what, this.#o.timeoutMs, this.#o.backoffMs, request, expected);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (expected.includes(error.refusal.code)) return null;
      throw faultOf(error.what, error.refusal);
    }
  }
}

const isOurs = (pod: V1Pod): boolean => {
  const labels = pod.metadata?.labels ?? {};
  return labels[LABEL.manager] === MANAGER && labels[LABEL.key] !== undefined && labels[LABEL.nonce] !== undefined;
};

const handleOf = ({ metadata: m }: V1Pod): K8sHandle => ({
  key: m!.labels![LABEL.key]!, nonce: m!.labels![LABEL.nonce]!, namespace: m!.namespace!, pod: m!.name!, uid: m!.uid!, startedAt: new Date(m!.creationTimestamp!).getTime(),
});
