import { STATUS_CODES } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { CoreV1Api, CustomObjectsApi, KubeConfig, Watch } from '@kubernetes/client-node';
import { DriverError, type DriverFault } from '../contract.ts';

export type Client = { core: CoreV1Api; custom: CustomObjectsApi; watch: Watch };

/** What a refused request says. `code` is HTTP's; 0 when nothing came back. */
export type Refusal = { code: number; message: string; retryAfterMs: number };

/** Loaded only when Kubernetes is used: the client is large. Throws DriverError when no configuration can be read. */
export async function openClient(kubeconfig: string | null): Promise<Client> {
  const k8s = await import('@kubernetes/client-node');
  const config: KubeConfig = new k8s.KubeConfig();
  try {
    if (kubeconfig !== null) config.loadFromFile(kubeconfig);
    else config.loadFromDefault();
  } catch (error) {
    throw new DriverError('missing', `no access to Kubernetes: ${kubeconfig ?? 'the default configuration'} can't be read (${(error as Error).message}): give the path of a kubeconfig`);
  }
  if (!config.getCurrentCluster()) throw new DriverError('missing', 'the kubeconfig names no current cluster: set current-context');
  return { core: config.makeApiClient(k8s.CoreV1Api), custom: config.makeApiClient(k8s.CustomObjectsApi), watch: new k8s.Watch(config) };
}

/** Reads any error of the client. */
export function refusalOf(error: unknown): Refusal {
  const e = error as { code?: unknown; statusCode?: unknown; body?: unknown; headers?: Record<string, string>; message?: string };
  const code = typeof e.code === 'number' ? e.code : typeof e.statusCode === 'number' ? e.statusCode : 0;
  let body: unknown = e.body;
  try {
    if (typeof body === 'string') body = JSON.parse(body);
  } catch {
    // A proxy's page: the code alone tells.
  }
  const message = (body as { message?: unknown } | null)?.message;
  return { code, message: typeof message === 'string' ? message : code === 0 ? (e.message ?? String(error)) : STATUS_CODES[code] ?? `HTTP ${code}`, retryAfterMs: Number(e.headers?.['retry-after'] ?? 0) * 1000 || 0 };
}

export const mayPass = ({ code }: Refusal): boolean => code === 0 || code === 408 || code === 429 || code >= 500;

/** A refusal in words, with the API's own reason. */
export function faultOf(what: string, { code, message }: Refusal): DriverError {
  const details = { code };
  const say = (kind: DriverFault, text: string) => new DriverError(kind, `${what}: ${text}`, details);
  if (code === 0) return say('unreachable', `Kubernetes can't be reached (${message})`);
  if (code === 401) return say('auth', `Kubernetes refuses the credentials (${message}): renew the kubeconfig`);
  if (code === 403 && /exceeded quota|forbidden: maximum|limitranger/i.test(message)) return say('busy', `the namespace allows no more (${message})`);
  if (code === 403) return say('auth', `Kubernetes does not allow it (${message}): apply deploy/k8s, or name another namespace`);
  if (code === 404) return say('missing', message);
  if (code === 400 || code === 422) return say('bad-spec', message);
  if (code === 409) return say('busy', message);
  return say('unreachable', `Kubernetes is not able to answer (HTTP ${code}: ${message})`);
}

/** Runs a request until it is answered, tried again while that may help and its code is not `final`; throws Refused or DriverError `timeout`, all within `timeoutMs`. */
export async function ask<T>(what: string, timeoutMs: number, backoffMs: number, request: () => Promise<T>, final: number[] = []): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (let wait = backoffMs; ; wait *= 2) {
    let late: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new DriverError('timeout', `${what}: Kubernetes did not answer within ${timeoutMs / 1000} s`)), end - performance.now());
    });
    try {
      return await Promise.race([request(), limit]);
    } catch (error) {
      if (error instanceof DriverError) throw error;
      const refusal = refusalOf(error);
      const pause = Math.max(wait * (0.75 + Math.random() / 2), refusal.retryAfterMs);
      if (!mayPass(refusal) || final.includes(refusal.code) || performance.now() + pause >= end) throw new Refused(what, refusal);
      await delay(pause);
    } finally {
      clearTimeout(late);
    }
  }
}

/** An answer that is no success, for callers that know what to do about some codes. */
export class Refused extends Error {
  readonly refusal: Refusal;
  readonly what: string;
  constructor(what: string, refusal: Refusal) {
    super(`${what}: ${refusal.message}`);
    this.name = 'Refused';
    this.what = what;
    this.refusal = refusal;
  }
}
