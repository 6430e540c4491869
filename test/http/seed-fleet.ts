import type Database from 'better-sqlite3';
import { workerDefaults } from '../../actors/worker.ts';

export const FINGERPRINT = (letter: string): string => `SHA256:${letter.repeat(43)}`;

/** On top of the small fleet: versions, secrets, series, machines of each trust, keys, a scaler with decisions. */
export function seedFleet(db: Database.Database, now: number): void {
  const s = Math.floor(now / 1000);
  const insert = (table: string, row: Record<string, unknown>) => {
    const keys = Object.keys(row);
    db.prepare(`INSERT INTO ${table} (${keys.join(', ')}) VALUES (${keys.map((k) => `@${k}`).join(', ')})`).run(row);
  };
  const config = (more: object) => JSON.stringify({ ...workerDefaults, worker_id: 'worker-1', name: '本机 1 号', port: 4001, env_variables: { LOG_LEVEL: 'info', API_SECRET: 'hidden-value' }, secret_env: { TOKEN: 'vault:worker-worker-1:env-TOKEN:1' }, ...more });
  const versions = [{ max_accounts: 5, env_variables: { LOG_LEVEL: 'debug' }, secret_env: {} }, { max_accounts: 5 }, { max_accounts: 10, secret_env: { TOKEN: 'vault:worker-worker-1:env-TOKEN:2' } }, { max_accounts: 10, port: 4001, description: '主力', secret_env: { TOKEN: 'vault:worker-worker-1:env-TOKEN:2' } }];
  versions.forEach((v, i) => insert('worker_config_versions', { worker_id: 'worker-1', version: i + 1, config: config(v), by: i === 2 ? 'token:ci' : 'user:admin', at_ms: now - (4 - i) * 3_600_000 }));
  db.prepare(`UPDATE worker_configs SET version = 4, description = '主力', config = ? WHERE worker_id = 'worker-1'`).run(config(versions[3]!));
  db.prepare(`UPDATE worker_runtime SET runs_started = 2, runs_applied = 2, restarts = ?, last_exit = ? WHERE worker_id = 'worker-1'`).run(JSON.stringify([{ at: now - 7_200_000, cause: 'memory 2.1 GB over 2 GB' }, { at: now - 90_000_000, cause: 'exit 139 SIGSEGV' }]), JSON.stringify({ code: 139, signal: null, at: now - 90_000_000 }));
  for (let i = 0; i < 300; i++) insert('metrics', { step: '10s', worker_id: 'worker-1', at: s - 3000 + i * 10, cpu: 30 + 25 * Math.sin(i / 20), memory_mb: 700 + i, tasks: i % 4, accounts: 2, browsers: 2 });
  for (let i = 0; i < 200; i++) insert('metrics', { step: '1m', worker_id: 'worker-1', at: s - 12_000 + i * 60, cpu: 30 + 20 * Math.sin(i / 9), memory_mb: 600 + 2 * i, tasks: 1, accounts: 2, browsers: 2 });
  const machine = (id: string, more: Record<string, unknown>) => insert('machines', { id, is_a: 'agent', name: id, host: `${id}.lan`, port: null, status: 'connected', trust: 'unknown', created_at: s - 86_400, updated_at: s, ...more });
  machine('rack-1', { facts: JSON.stringify({ host: 'rack-1.lan', os: 'Debian GNU/Linux 12', arch: 'x64', cpus: 8, memoryTotalBytes: 16 * 2 ** 30, version: '0.1.0', node: '20.20.2', chromium: '156' }) });
  machine('rack-2', { status: 'offline', cordoned: 1, facts: JSON.stringify({ host: 'rack-2.lan', os: 'Debian GNU/Linux 12', arch: 'arm64', cpus: 4, memoryTotalBytes: 8 * 2 ** 30, version: '0.1.0', node: '20.20.2', chromium: null }) });
  const key = (letter: string) => JSON.stringify({ fingerprint: FINGERPRINT(letter), at: now - 60_000 });
  machine('ssh-host-a-22-aaaaaaaa', { is_a: 'ssh', name: 'host-a', host: 'host-a', port: 22, status: 'disconnected', trust: 'offered', offered: key('A') });
  machine('ssh-host-b-22-bbbbbbbb', { is_a: 'ssh', name: 'host-b', host: 'host-b', port: 22, status: 'disconnected', trust: 'changed', pinned: key('B'), offered: key('C'), accepted_by: 'user:admin' });
  machine('ssh-host-c-22-cccccccc', { is_a: 'ssh', name: 'host-c', host: 'host-c', port: 22, status: 'disconnected', trust: 'trusted', pinned: key('D'), accepted_by: 'user:admin' });
  db.prepare(`UPDATE accounts SET group_name = 'gpu' WHERE id = 'a4'`).run();
  insert('ssh_keys', { id: 'k1', comment: 'deploy', status: 'stored', type: 'ssh-ed25519', fingerprint: FINGERPRINT('K'), public_key: `ssh-ed25519 ${'A'.repeat(68)}`, created_at: s - 9000 });
  insert('ssh_keys', { id: 'k2', comment: 'old laptop', status: 'unreadable', error: 'the key needs its passphrase, or has another one: add it again with the right one', created_at: s - 9000 });
  const rule = (more: object) => ({ metric: 'tasks_pending', op: 'above', threshold: 100, clear: 80, for_seconds: 600, repeat_minutes: 0, severity: 'warning', only: null, enabled: true, ...more });
  const alert = (id: string, name: string, status: string, r: object, more: Record<string, unknown> = {}) => insert('alerts', { id, name, metric: (r as { metric: string }).metric, severity: (r as { severity: string }).severity, enabled: status === 'off' ? 0 : 1, builtin: 1, rule: JSON.stringify({ ...r, name }), status, breaching: '[]', text: '', updated_ms: now, ...more });
  alert('worker-down', 'Worker down', 'firing', rule({ metric: 'worker_down', threshold: 0, clear: null, for_seconds: 60, severity: 'critical' }), { breaching: JSON.stringify([{ subject: 'worker-3', value: 1 }]), text: 'worker-3', since_ms: now - 200_000, fired_ms: now - 140_000, history: JSON.stringify([{ at: now - 140_000, what: 'firing' }, { at: now - 200_000, what: 'pending' }]) });
  alert('worker-cpu', 'High CPU', 'acknowledged', rule({ metric: 'worker_cpu', threshold: 0.8, clear: 0.7, for_seconds: 300 }), { breaching: JSON.stringify([{ subject: 'worker-1', value: 0.93 }]), text: 'worker-1: 0.93 over 0.8', since_ms: now - 900_000, acknowledged_by: 'user:admin' });
  alert('task-backlog', 'Task backlog', 'ok', rule({}));
  alert('disk-full', 'Disk nearly full', 'off', rule({ metric: 'disk_used', threshold: 0.9, clear: 0.88, severity: 'critical', repeat_minutes: 360 }));
  alert('mine', 'Too many agents in error', 'snoozed', rule({ metric: 'agents_in_error', threshold: 3, clear: null, for_seconds: 0, severity: 'info' }), { builtin: 0, breaching: JSON.stringify([{ subject: '-', value: 5 }]), text: '5 over 3', since_ms: now - 60_000, snoozed_ms: now + 1_800_000 });
  const sink = (id: string, config: object, more: Record<string, unknown>) => insert('sinks', { id, name: (config as { name: string }).name, type: (config as { type: string }).type, enabled: 1, config: JSON.stringify({ enabled: true, least: 'warning', url: null, secret: null, host: null, port: 587, security: 'starttls', user: null, password: null, from: null, to: [], ...config }), status: 'idle', kept: 0, sent: 12, dropped: 0, updated_ms: now, ...more });
  sink('hook', { name: 'Ops hook', type: 'webhook', url: 'https://hooks.example.com/T01/B02/canary-path', secret: 'sink_hook.secret' }, { status: 'waiting', kept: 2, error: 'it answered 500', next_ms: now + 40_000, last_sent_ms: now - 3_600_000 });
  sink('mail', { name: 'On-call mail', type: 'email', host: 'smtp.example.com', from: 'troupe@example.com', to: ['ops@example.com'], user: 'troupe', password: 'sink_mail.password' }, { last_sent_ms: now - 60_000 });
  insert('scalers', { group_name: 'docker', status: 'watching', config: JSON.stringify({ enabled: true, dry_run: true, min: 1, max: 5, metric: 'accounts', target: 8, cooldown_seconds: 60, template: 'base' }), decisions: JSON.stringify([{ at: now - 30_000, do: 'out', have: 1, want: 2, why: '9 accounts at 8 a worker ask for 2; 1 run', worker: null, dry: true, error: null }]), last_action_ms: null, updated_at: s });
  const notifier = (id: string, name: string, more: Record<string, unknown>, config: object) => insert('notifiers', { id, name, sink_id: 'hook', config: JSON.stringify({ name, sink: 'hook', types: [], accounts: [], least: 'high', digestMinutes: 0, ...config }), status: 'waiting', gathered: 0, next_ms: null, notices: 0, messages: 0, since_ms: 1, seen: '{}', updated_ms: now, ...more });
  notifier('n-urgent', '紧急事项', { notices: 42, messages: 40 }, { least: 'urgent' });
  notifier('n-daily', '每小时汇总', { status: 'gathering', gathered: 7, next_ms: now + 1_200_000, notices: 130, messages: 9 }, { types: ['comment'], accounts: ['a1', 'a2'], least: 'normal', digestMinutes: 60 });
  notifier('n-off', '旧规则', { status: 'off', sink_id: 'gone' }, { sink: 'gone' });
}
