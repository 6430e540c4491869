import { constants } from 'node:os';
import type { V1ContainerState, V1Pod } from '@kubernetes/client-node';
import type { Exit } from '../contract.ts';
import { CONTAINER, ENTRY_FAULT } from './pod-template.ts';

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, n]) => [n as number, name]));
const BROKEN = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'CreateContainerError', 'CreateContainerConfigError', 'RunContainerError']);

const statusOf = (pod: V1Pod) => pod.status?.containerStatuses?.find((c) => c.name === CONTAINER);

/** How the pod ended; null while it may still run. A node that is not ready, or a pod of unknown phase, has not ended. */
export function exitOf(pod: V1Pod): Exit | null {
  const ended = statusOf(pod)?.state?.terminated;
  if (ended) {
    const signal = ended.signal || (ended.exitCode > 128 ? ended.exitCode - 128 : 0);
    const name = SIGNALS.get(signal);
    const at = ended.finishedAt ? new Date(ended.finishedAt).getTime() : Date.now();
    return name ? { code: null, signal: name, at } : { code: ended.exitCode, signal: null, at };
  }
  // Evicted, or ended before a container ran.
  return pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded' ? { code: null, signal: null, at: Date.now() } : null;
}

export type Beginning = { is: 'pending' | 'started' } | { is: 'failed'; kind: 'bad-spec' | 'spawn' | 'missing'; why: string };

/** Whether the worker itself runs by now, or why it never will. */
export function beginningOf(pod: V1Pod): Beginning {
  const status = statusOf(pod);
  const state: V1ContainerState = status?.state ?? {};
  const words = state.terminated?.message?.trim();
  if (words === ENTRY_FAULT.cwd) return { is: 'failed', kind: 'bad-spec', why: 'the working directory does not exist in the image' };
  if (words === ENTRY_FAULT.spawn) return { is: 'failed', kind: 'spawn', why: 'the command is not in the image' };
  if (state.terminated?.reason === 'StartError' || state.terminated?.reason === 'ContainerCannotRun') return { is: 'failed', kind: 'spawn', why: state.terminated.message ?? state.terminated.reason };
  if (exitOf(pod)) return { is: 'started' };
  const { reason = '', message } = state.waiting ?? {};
  if (BROKEN.has(reason)) return { is: 'failed', kind: /Image/.test(reason) ? 'missing' : 'spawn', why: `${reason}${message ? `: ${message}` : ''}` };
  return { is: state.running && status?.started ? 'started' : 'pending' };
}
