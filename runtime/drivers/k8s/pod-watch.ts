import { setTimeout as delay } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { refusalOf, type Client } from './api.ts';
import { LABEL, MANAGER } from './names.ts';

/** A pod as the API last showed it; `gone` when its object is deleted, or a list doesn't have it. */
export type Sight = { pod: V1Pod | null; is: 'seen' | 'gone' | 'unlisted' };
type Listener = (sight: Sight) => void;
export type WatchTimes = { backoffMs: number; longestMs: number; openMs: number };

const SELECTOR = `${LABEL.manager}=${MANAGER}`;

/** One list and one watch for all who wait in a namespace. It goes on where it left off, and lists anew when that is too long ago. */
export class PodWatch {
  readonly #client: () => Promise<Client>;
  readonly #namespace: string;
  readonly #times: WatchTimes;
  readonly #listeners = new Map<string, Set<Listener>>();
  #running: AbortController | null = null;

  constructor(client: () => Promise<Client>, namespace: string, times: WatchTimes) {
    this.#client = client;
    this.#namespace = namespace;
    this.#times = times;
  }

  /** Hears of the pod with this uid; gives the way to stop that. The watch ends with its last listener. */
  listen(uid: string, listener: Listener): () => void {
    const set = this.#listeners.get(uid) ?? new Set();
    this.#listeners.set(uid, set.add(listener));
    if (!this.#running) {
      this.#running = new AbortController();
      void this.#run(this.#running.signal);
    }
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.#listeners.get(uid) === set) this.#listeners.delete(uid);
      if (this.#listeners.size > 0) return;
      this.#running?.abort();
      this.#running = null;
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    let version: string | null = null;
    let wait = this.#times.backoffMs;
    while (!signal.aborted) {
      let fault: unknown;
      const began = performance.now();
      try {
        version ??= await this.#list();
        const from: string = version;
        const end = await this.#watch(from, signal);
        ({ version, fault } = end);
        if (version !== from || (!fault && performance.now() - began > wait)) {
          wait = this.#times.backoffMs;
          if (!fault) continue;
        }
      } catch (error) {
        fault = error;
      }
      const refusal = refusalOf(fault ?? {});
      // What came after is no longer kept there.
      if (refusal.code === 410) version = null;
      await delay(Math.max(wait * (0.75 + Math.random() / 2), refusal.retryAfterMs), undefined, { signal }).catch(() => undefined);
      wait = Math.min(wait * 2, this.#times.longestMs);
    }
  }

  async #list(): Promise<string> {
    const { core } = await this.#client();
    const waiting = [...this.#listeners.keys()];
    const seen = new Map<string, V1Pod>();
    let next: string | undefined;
    let version = '';
    do {
      const page = await core.listNamespacedPod({ namespace: this.#namespace, labelSelector: SELECTOR, limit: 500, ...(next ? { _continue: next } : {}) });
      for (const pod of page.items) seen.set(pod.metadata!.uid!, pod);
      version = page.metadata?.resourceVersion ?? '';
      next = page.metadata?._continue || undefined;
    } while (next);
    for (const uid of waiting) {
      const pod = seen.get(uid) ?? null;
      this.#tell(uid, { pod, is: pod ? 'seen' : 'unlisted' });
    }
    return version;
  }

  /** Gives the version that it came to, and the fault that ended it, if one did. */
  async #watch(from: string, signal: AbortSignal): Promise<{ version: string; fault: unknown }> {
    const { watch } = await this.#client();
    const { openMs } = this.#times;
    let version = from;
    let fault: unknown = null;
    await new Promise<void>((ended) => {
      let opened: AbortController | undefined;
      const finish = (error?: unknown) => {
        clearTimeout(late);
        signal.removeEventListener('abort', end);
        fault ??= error;
        opened?.abort();
        ended();
      };
      const end = () => finish();
      // A connection that died without a word ends by our own clock.
      const late = setTimeout(end, openMs + 10_000);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) return end();
      const query = { labelSelector: SELECTOR, resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds: Math.ceil(openMs / 1000) };
      const take = (type: string, object: V1Pod & { code?: number }) => {
        if (signal.aborted) return;
        if (type === 'ERROR') return finish({ code: object.code ?? 500, body: object });
        version = object.metadata?.resourceVersion ?? version;
        if (type !== 'BOOKMARK') this.#tell(object.metadata!.uid!, { pod: object, is: type === 'DELETED' ? 'gone' : 'seen' });
      };
      watch.watch(`/api/v1/namespaces/${this.#namespace}/pods`, query, take, finish).then((controller) => {
        opened = controller;
        if (signal.aborted || fault) controller.abort();
      }, finish);
    });
    return { version, fault };
  }

  #tell(uid: string, sight: Sight): void {
    for (const listener of [...(this.#listeners.get(uid) ?? [])]) listener(sight);
  }
}
