import type { Entry } from '../../actors/entry.ts';
import { gateOf } from '../../actors/gate.ts';
import type { AgentContext } from '../../machines/agent.ts';
import type { GateContext } from '../../machines/gate.ts';
import type { TaskContext } from '../../machines/task.ts';
import { laneOf, shapeKey, shapeText } from '../tasks/shape.ts';
import { taskCurves } from './project-task-curves.ts';
import type { Project } from './project.ts';
import type { Db } from './store.ts';

/** Tasks, agents and pauses: the newest entry of each to its rows, and what a task's or an agent's past leaves behind. */
export function projectWork(db: Db): Record<'task' | 'agent' | 'gate', Project> {
  const sql = (text: string) => db.prepare(text);
  const columns = ['id', 'seq', 'title', 'description', 'type', 'priority', 'lane', 'group_name', 'payload', 'requirements', 'timeout_ms', 'shape', 'placings', 'status', 'progress', 'why', 'worker_id', 'agent_id', 'account_id', 'attempt', 'max_attempts', 'retry_ms', 'result', 'object', 'artefacts', 'error_kind', 'error_message', 'template', 'schedule_id', 'replay_of', 'replayed_by', 'after', 'at_ms', 'key', 'created_by', 'created_ms', 'assigned_ms', 'started_ms', 'finished_ms', 'updated_ms'];
  const insert = sql(`INSERT OR REPLACE INTO tasks (${columns.join(', ')}) VALUES (${columns.map((c) => `@${c}`).join(', ')})`);
  const update = sql(`UPDATE tasks SET status = @status, placings = @placings, why = @why, worker_id = @worker_id, agent_id = @agent_id, account_id = @account_id, attempt = @attempt, retry_ms = @retry_ms, result = @result, object = @object, artefacts = @artefacts,
    error_kind = @error_kind, error_message = @error_message, assigned_ms = @assigned_ms, started_ms = @started_ms, finished_ms = @finished_ms, updated_ms = @updated_ms, progress = CASE WHEN @status = 'completed' THEN 1 WHEN placings <> @placings THEN NULL ELSE progress END WHERE id = @id AND created_ms = @created_ms`);
  const there = sql('SELECT created_ms AS made, finished_ms AS finished FROM tasks WHERE id = ?');
  const curves = taskCurves(db);
  const purgedAt = sql('SELECT at_ms FROM tasks_purged WHERE task_id = ?').pluck();
  const replayedBy = sql('SELECT id FROM tasks WHERE replay_of = ? ORDER BY seq DESC LIMIT 1').pluck();
  const replayed = sql('UPDATE tasks SET replayed_by = ? WHERE id = ?');
  const why = sql('SELECT why FROM whys WHERE shape = ?').pluck();
  const seqs = sql('SELECT seq FROM tasks WHERE id IN (SELECT value FROM json_each(?)) ORDER BY seq').pluck();
  const attempt = sql('INSERT OR REPLACE INTO task_attempts (task_id, n, attempt, worker_id, agent_id, started_ms) VALUES (@task, @n, @attempt, @worker, @agent, @at)');
  const attempted = sql('UPDATE task_attempts SET ended_ms = @at, outcome = @outcome, error = @error, agent_id = COALESCE(@agent, agent_id) WHERE task_id = @task AND n = @n AND ended_ms IS NULL');
  const agentColumns = ['id', 'name', 'worker_id', 'account_id', 'status', 'why', 'pinned_worker_id', 'group_name', 'url', 'title', 'viewport', 'shared', 'task_id', 'error', 'restarts', 'retry_ms', 'created_by', 'created_ms', 'updated_ms'];
  const agent = sql(`INSERT OR REPLACE INTO agents (${agentColumns.join(', ')}) VALUES (${agentColumns.map((c) => `@${c}`).join(', ')})`);
  const was = sql('SELECT status, task_id AS task, restarts FROM agents WHERE id = ?');
  const history = sql('INSERT OR REPLACE INTO agent_history (agent_id, idx, at_ms, what, task_id, detail) VALUES (?, ?, ?, ?, ?, ?)');
  const pause = sql('INSERT OR REPLACE INTO pauses (scope, name, by, reason, since_ms) VALUES (?, ?, ?, ?, ?)');
  const resume = sql('DELETE FROM pauses WHERE scope = ? AND name = ?');
  const context = <T>(entry: Entry): T => (entry.after as { context: T }).context;

  return {
    task(id, entry, state, _status, newest) {
      const c = context<TaskContext>(entry);
      const purged = purgedAt.get(id) as number | undefined;
      if (purged !== undefined && c.createdAt <= purged) return;
      const top = state.split('.')[0]!;
      const placed = entry.event.type === '~start' || entry.event.type.startsWith('xstate.done.actor.place');
      if (top === 'working' && placed) {
        attempt.run({ task: id, n: c.placings, attempt: c.attempt, worker: c.place!.worker, agent: c.place!.agent, at: entry.at });
        // As GIVEN_OUT has it.
        if (c.placings === 1 && c.after.length === 0 && c.notBefore === null) curves.waited(c.assignedAt!, c.assignedAt! - c.createdAt);
      } else if (c.placings > 0 && top !== 'working') {
        const outcome = top === 'completed' || top === 'cancelled' ? top : (c.error?.kind ?? top);
        attempted.run({ task: id, n: c.placings, at: entry.at, outcome, error: top === 'completed' || top === 'cancelled' ? null : (c.error?.message ?? null), agent: c.outcome?.agent ?? null });
      }
      // The row shows the newest entry: those before it in a batch would be written for nothing.
      if (!newest) return;
      const status = top === 'working' ? state.split('.')[1]! : top;
      const known = there.get(id) as { made: number; finished: number | null } | undefined;
      const before = known?.made === c.createdAt ? known : undefined;
      const fresh = !before;
      if (fresh) curves.count(c.createdAt, { made: 1 });
      if (c.finishedAt !== null && (before?.finished ?? null) === null && top !== 'cancelled') curves.count(c.finishedAt, top === 'completed' ? { done: 1 } : { failed: 1 });
      const shape = fresh || status === 'pending' ? shapeKey(shapeText(c)) : '';
      // One literal for both: V8 makes new hidden classes, kilobytes of them, for each spread of so many fields.
      const row = {
        id, placings: c.placings, status, why: status === 'pending' ? (why.get(shape) ?? null) : status === 'waiting' ? (state === 'waiting.scheduled' ? `starts at ${new Date(c.notBefore!).toISOString()}` : `after task ${(seqs.all(JSON.stringify(c.after)) as number[]).join(', ')}`) : null,
        worker_id: c.place?.worker ?? null, agent_id: c.outcome?.agent ?? c.place?.agent ?? c.requirements.agent ?? null, account_id: c.requirements.account ?? null,
        attempt: c.attempt, retry_ms: status === 'retrying' ? c.retryAt : null, result: c.outcome && c.outcome.object === null ? JSON.stringify(c.outcome.result) : null, object: c.outcome?.object ?? null, artefacts: JSON.stringify([...(c.kept ?? []), ...(c.outcome?.artefacts ?? [])]),
        error_kind: c.error?.kind ?? null, error_message: c.error?.message ?? null, created_ms: c.createdAt, assigned_ms: c.assignedAt, started_ms: c.startedAt, finished_ms: c.finishedAt, updated_ms: entry.at,
        seq: c.seq, title: c.title, description: c.description, type: c.type, priority: c.priority, lane: laneOf(c.priority), group_name: c.group, payload: fresh ? JSON.stringify(c.payload) : null, requirements: fresh ? JSON.stringify(c.requirements) : null, timeout_ms: c.timeoutMs, shape,
        progress: status === 'completed' ? 1 : null, max_attempts: c.maxAttempts, template: c.template, schedule_id: c.schedule, replay_of: c.replayOf, replayed_by: fresh ? (replayedBy.get(id) ?? null) : null, after: fresh ? JSON.stringify(c.after) : null, at_ms: c.notBefore, key: c.key, created_by: c.by,
      };
      if (!fresh) return void update.run(row);
      insert.run(row);
      if (c.replayOf !== null) replayed.run(id, c.replayOf);
    },
    agent(id, entry, state) {
      const c = context<AgentContext>(entry);
      const before = was.get(id) as { status: string; task: string | null; restarts: number } | undefined;
      const status = STATUS[state] ?? 'error';
      agent.run({
        id, name: c.name, worker_id: c.place?.worker ?? null, account_id: c.account, status, why: c.waiting, pinned_worker_id: c.worker, group_name: c.group, url: c.page.url ?? c.url, title: c.page.title, viewport: c.viewport && JSON.stringify(c.viewport), shared: c.shared ? 1 : 0,
        task_id: c.task, error: status === 'error' || status === 'offline' ? c.error : null, restarts: c.restarts, retry_ms: state === 'error' ? c.retryAt : null, created_by: c.by, created_ms: c.createdAt, updated_ms: entry.at,
      });
      const event = entry.event as { type: string; task?: string; ok?: boolean };
      const what = didOf(event, status, before, c);
      if (what) history.run(id, entry.index, entry.at, what, event.type === 'TASK' || event.type === 'FREE' ? (event.task ?? null) : null, what === 'crashed' || what === 'lost' ? c.error : null);
    },
    gate(id, entry, state) {
      const c = context<GateContext>(entry);
      const holds = gateOf(id);
      if (!holds) return;
      if (state === 'paused') pause.run(holds.scope, holds.name, c.by ?? 'an operator', c.reason, c.since ?? entry.at);
      else resume.run(holds.scope, holds.name);
    },
  };
}

const STATUS: Record<string, string> = { placing: 'opening', 'open.opening': 'opening', 'open.idle': 'idle', 'open.busy': 'busy', error: 'error', failed: 'error', offline: 'offline', closed: 'closed' };

function didOf(event: { type: string }, status: string, before: { status: string } | undefined, c: AgentContext): string | null {
  if (event.type === 'TASK') return 'task';
  if (event.type === 'FREE') return 'task-done';
  if (event.type === 'OPENED' && before?.status === 'opening') return 'opened';
  if (event.type === 'RESTART') return 'restarted';
  if (status === 'closed') return before?.status === 'closed' ? null : 'closed';
  if (status === 'error' && before?.status !== 'error') return 'crashed';
  return status === 'offline' && before?.status !== 'offline' && c.error !== null ? 'lost' : null;
}
