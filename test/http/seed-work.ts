import type Database from 'better-sqlite3';
import { taskCurves } from '../../runtime/read-model/project-task-curves.ts';

const PAYLOAD = { url: 'https://shop.example/list', actions: [{ tool: 'wait_for', args: { selector: '.price' } }, { tool: 'extract', args: { fields: { price: '.price' }, list: '.item' }, note: 'the first page' }] };

/** Tasks in every state, agents, pauses and logs, on top of the small fleet. */
export function seedWork(db: Database.Database, now: number): void {
  const insert = (table: string, row: Record<string, unknown>) => {
    const keys = Object.keys(row);
    db.prepare(`INSERT INTO ${table} (${keys.join(', ')}) VALUES (${keys.map((k) => `@${k}`).join(', ')})`).run(row);
  };
  let seq = 0;
  const task = (id: string, status: string, more: Record<string, unknown> = {}) => {
    const priority = (more['priority'] as number | undefined) ?? 5;
    const over = ['completed', 'failed', 'cancelled', 'timed_out'].includes(status);
    insert('tasks', {
      id, seq: ++seq, title: `采集 ${id}`, description: '', type: 'scrape', priority, lane: priority >= 8 ? 'high' : priority >= 4 ? 'normal' : 'low', group_name: 'default', payload: JSON.stringify(PAYLOAD), requirements: '{}', timeout_ms: 300_000, status, shape: String(more['why'] ?? id),
      attempt: 1, max_attempts: 4, created_by: 'user:admin', created_ms: now - 600_000 + seq * 1000, updated_ms: now, after: '[]', artefacts: '[]',
      ...(over ? { placings: 1, assigned_ms: now - 60_000, started_ms: now - 60_000, finished_ms: now - 30_000, worker_id: 'worker-1' } : {}), ...more,
    });
  };
  task('t-done', 'completed', { result: JSON.stringify([{ price: '12.50' }, { price: '8.00' }]), progress: 1, template: 'prices' });
  task('t-failed', 'failed', { error_kind: 'tool-failed', error_message: 'step 2 (extract): nothing matches .item', attempt: 4, artefacts: JSON.stringify([{ name: 'failure.png', type: 'image/png', object: 'o1', bytes: 8_000 }]) });
  task('t-late', 'timed_out', { error_kind: 'timeout', error_message: 'it took longer than 300 s' });
  task('t-gone', 'cancelled', { priority: 2 });
  task('t-running', 'running', { placings: 1, assigned_ms: now - 20_000, started_ms: now - 19_000, worker_id: 'worker-1', agent_id: 'w-1', progress: 0.4, title: 'Prices <b>&</b> more' });
  task('t-retry', 'retrying', { attempt: 2, placings: 1, retry_ms: now + 4000, error_message: 'the page crashed', worker_id: 'worker-1', assigned_ms: now - 90_000 });
  task('t-shell', 'pending', { type: 'shell', payload: JSON.stringify({ command: 'uname -a' }), why: 'no worker that may run shell tasks: start one with --allow-shell', group_name: 'gpu', priority: 9 });
  task('t-waits', 'waiting', { after: JSON.stringify(['t-running']), why: 'after task 5' });
  for (let n = 0; n < 30; n++) task(`t-p${n}`, 'pending', { why: 'no worker of group gpu runs: start one', group_name: 'gpu', priority: 1 + (n % 10) });
  const curves = taskCurves(db);
  for (let ago = 50; ago > 1; ago--) {
    curves.count(now - ago * 60_000, { made: 20 + (ago % 7), done: 18 + (ago % 5), failed: ago % 11 === 0 ? 2 : 0 });
    for (let n = 0; n < 20; n++) curves.waited(now - ago * 60_000, 3 + ((ago + n) % 4));
  }
  curves.count(now - 30_000, { done: 1, failed: 2 });
  for (const why of ['no worker that may run shell tasks: start one with --allow-shell', 'no worker of group gpu runs: start one']) insert('whys', { shape: why, why });
  insert('task_attempts', { task_id: 't-failed', n: 1, attempt: 1, worker_id: 'worker-1', started_ms: now - 60_000, ended_ms: now - 50_000, outcome: 'failed', error: 'step 2 (extract): nothing matches .item' });
  for (const [i, text] of ['opened https://shop.example/list', 'step 1 wait_for', 'a line that <script>draws</script> \u001b[31mred'].entries()) insert('task_logs', { task_id: 't-running', at_ms: now - 10_000 + i, level: i === 2 ? 'err' : 'info', text, step: i, attempt: 1 });
  const agent = (id: string, status: string, more: Record<string, unknown> = {}) => insert('agents', { id, name: `window ${id}`, status, group_name: 'default', restarts: 0, created_by: 'user:admin', created_ms: now - 3_600_000, updated_ms: now, ...more });
  agent('w-1', 'busy', { worker_id: 'worker-1', url: 'https://shop.example/list', title: 'A shop', task_id: 't-running' });
  agent('w-2', 'idle', { worker_id: 'worker-1', url: 'about:blank', title: '' });
  agent('w-3', 'error', { error: 'the page crashed', restarts: 3 });
  agent('w-4', 'opening', { why: 'no worker runs: start one' });
  insert('agent_history', { agent_id: 'w-1', idx: 1, at_ms: now - 60_000, what: 'opened' });
  insert('agent_history', { agent_id: 'w-1', idx: 2, at_ms: now - 20_000, what: 'task', task_id: 't-running' });
  insert('pauses', { scope: 'queue', name: 'gpu.low', by: 'user:admin', reason: 'maintenance', since_ms: now - 120_000 });
}
