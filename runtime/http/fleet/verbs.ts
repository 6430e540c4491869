import type { WorkerRow } from '../../read-model/queries/workers.ts';

export const VERBS = ['start', 'stop', 'restart', 'drain', 'kill'] as const;
export type Verb = (typeof VERBS)[number] | 'retry' | 'remove' | 'prepare';

/** The states in which a worker's chart takes a command. */
const TAKES: Record<Verb, string[]> = {
  start: ['stopped', 'crashed', 'error', 'draining', 'stopping'],
  stop: ['starting', 'running', 'draining', 'crashed', 'error'],
  restart: ['stopped', 'starting', 'running', 'stopping', 'crashed', 'error'],
  drain: ['running', 'starting', 'crashed'],
  kill: ['starting', 'running', 'draining', 'stopping', 'crashed'],
  retry: ['crashed', 'error'],
  remove: ['stopped', 'crashed', 'error'],
  prepare: ['stopped', 'error'],
};
const STARTS = new Set<Verb>(['start', 'restart', 'retry', 'prepare']);

/** Why a command would change nothing, or null when it would be taken. */
export function whyNot(w: Pick<WorkerRow, 'status' | 'enabled' | 'cordoned'>, verb: Verb): 'cordoned' | 'disabled' | 'already' | 'not-stopped' | 'not-running' | null {
  if (STARTS.has(verb) && !w.enabled && w.status !== 'draining') return 'disabled';
  if (STARTS.has(verb) && w.cordoned !== null && (w.status === 'stopped' || w.status === 'error')) return 'cordoned';
  if (TAKES[verb].includes(w.status)) return null;
  if (verb === 'remove' || verb === 'prepare') return 'not-stopped';
  return verb === 'drain' || verb === 'kill' ? (w.status === 'stopped' ? 'not-running' : 'already') : 'already';
}
