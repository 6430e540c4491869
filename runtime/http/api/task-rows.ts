import type { AgentRow } from '../../read-model/queries/agents.ts';
import type { TaskRow } from '../../read-model/queries/tasks.ts';
import { withIso } from './shape.ts';

/** The seeds know four states; `state` has the chart's own. */
const FOUR: Record<string, string> = { waiting: 'pending', pending: 'pending', retrying: 'pending', assigned: 'running', running: 'running', completed: 'completed', failed: 'failed', timed_out: 'failed', cancelled: 'failed' };
const STATES: Record<string, string> = { pending: 'waiting,pending,retrying', running: 'assigned,running', completed: 'completed', failed: 'failed,timed_out,cancelled' };

/** A filter in the seeds' words, in the chart's. */
export const statesOf = (status: string): string => status.split(',').map((s) => STATES[s] ?? s).join(',');

const sec = (ms: number | null): number | null => ms && Math.floor(ms / 1000);

export function taskBody(t: TaskRow): Record<string, unknown> {
  const r = t.requirements;
  return withIso({
    task_id: t.id, id: t.id, seq: t.seq, title: t.title, description: t.description, type: t.type, priority: t.priority, lane: t.lane, group_name: t.group, payload: t.payload,
    requirements: {
      ...(r.account ? { account_id: r.account } : {}), ...(r.worker ? { worker_id: r.worker } : {}), ...(r.agent ? { agent_id: r.agent } : {}), ...(r.labels ? { labels: r.labels } : {}),
      ...(r.min ? { min: { ...(r.min.cpu === undefined ? {} : { cpu: r.min.cpu }), ...(r.min.memoryMb === undefined ? {} : { memory_mb: r.min.memoryMb }), ...(r.min.gpu === undefined ? {} : { gpu: r.min.gpu }) } } : {}),
      ...(r.forwardTo ? { forward_to: r.forwardTo } : {}), ...(r.forwardAfterMs === undefined ? {} : { forward_after_ms: r.forwardAfterMs }), timeout: t.timeoutMs,
    },
    status: FOUR[t.status] ?? t.status, state: t.status, progress: t.progress, why: t.why, worker_id: t.worker, executor: t.worker, agent_id: t.agent, account_id: t.account, attempt: t.attempt, max_attempts: t.maxAttempts, retry_at: sec(t.retryMs), timeout_ms: t.timeoutMs,
    result: t.result ?? null, result_url: t.object ? `/api/v1/tasks/${t.id}?download=result` : null, artefacts: t.artefacts.map((a) => ({ name: a.name, type: a.type, bytes: a.bytes, url: `/api/v1/tasks/${t.id}/artefacts/${encodeURIComponent(a.name)}` })),
    error: t.error, error_kind: t.errorKind, template: t.template, schedule_id: t.schedule, replay_of: t.replayOf, replayed_by: t.replayedBy, after: t.after, key: t.key, created_by: t.by,
    created_at: sec(t.createdMs), assigned_at: sec(t.assignedMs), started_at: sec(t.startedMs), completed_at: sec(t.finishedMs), updated_at: sec(t.updatedMs),
  });
}

export const agentBody = (a: AgentRow): Record<string, unknown> => withIso({
  agent_id: a.id, id: a.id, name: a.name, worker_id: a.worker, window_id: a.status === 'closed' ? null : a.id, account_id: a.account, group_name: a.group, status: a.status, why: a.why, url: a.url, title: a.title, viewport: a.viewport,
  current_task: a.task, current_task_title: a.taskTitle, error: a.error, restarts: a.restarts, retry_at: sec(a.retryMs), created_by: a.by, created_at: sec(a.createdMs), updated_at: sec(a.updatedMs),
});
