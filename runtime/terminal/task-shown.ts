import type { TaskRow } from '../read-model/queries/tasks.ts';
import type { Tone } from './screen.ts';

export const TASK_STATES = ['waiting', 'pending', 'assigned', 'running', 'retrying', 'completed', 'failed', 'timed_out', 'cancelled'] as const;

const SHOWN: Record<string, { icon: string; tone: Tone }> = {
  waiting: { icon: '⏳', tone: 'warn' },
  pending: { icon: '⏳', tone: 'warn' },
  assigned: { icon: '▶', tone: 'busy' },
  running: { icon: '▶', tone: 'busy' },
  retrying: { icon: '↻', tone: 'warn' },
  completed: { icon: '✓', tone: 'good' },
  failed: { icon: '✕', tone: 'bad' },
  timed_out: { icon: '✕', tone: 'bad' },
  cancelled: { icon: '⊘', tone: 'dim' },
};

export const iconOf = (status: string): string => SHOWN[status]?.icon ?? '?';
export const toneOf = (status: string): Tone => SHOWN[status]?.tone ?? 'dim';
export const isOver = (status: string): boolean => ['completed', 'failed', 'timed_out', 'cancelled'].includes(status);

/** Who does it: the worker, with the agent in whose window. */
export const executorOf = (t: Pick<TaskRow, 'worker' | 'agent'>): string | null => (t.worker && t.agent ? `${t.worker}/${t.agent}` : (t.worker ?? t.agent));

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** A task as `--json` gives it: these keys stay. Times are ISO 8601, spans milliseconds. */
export const taskJson = (t: TaskRow): Record<string, unknown> => ({
  id: t.id, number: t.seq, title: t.title, description: t.description, type: t.type, status: t.status, priority: t.priority, lane: t.lane, group: t.group, progress: t.progress, why: t.why, worker: t.worker, agent: t.agent, account: t.account,
  attempt: t.attempt, max_attempts: t.maxAttempts, timeout_ms: t.timeoutMs, payload: t.payload, requirements: t.requirements, after: t.after, key: t.key, template: t.template, schedule: t.schedule, replay_of: t.replayOf, replayed_by: t.replayedBy,
  result: t.result ?? null, object: t.object, artefacts: t.artefacts, error: t.error === null ? null : { kind: t.errorKind, message: t.error },
  created_by: t.by, created_at: iso(t.createdMs), starts_at: iso(t.atMs), assigned_at: iso(t.assignedMs), started_at: iso(t.startedMs), finished_at: iso(t.finishedMs), retry_at: iso(t.retryMs),
});
