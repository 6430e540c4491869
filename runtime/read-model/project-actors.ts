import { workerDefaults } from '../../actors/worker.ts';
import type { Entry } from '../../actors/entry.ts';
import type { AccountContext } from '../../machines/account.ts';
import { alertText, type AlertContext } from '../../machines/alert.ts';
import type { ConversationContext } from '../../machines/conversation.ts';
import type { KeyContext } from '../../machines/key.ts';
import type { LoginContext } from '../../machines/login.ts';
import type { MachineContext } from '../../machines/machine.ts';
import type { MonitorContext } from '../../machines/monitor.ts';
import type { ReplyContext } from '../../machines/reply.ts';
import type { ScalerContext } from '../../machines/scaler.ts';
import type { SinkContext } from '../../machines/sink.ts';
import type { WorkerContext } from '../../machines/worker.ts';
import { projectProxies } from './project-proxies.ts';
import { withinLimits } from './within-limits.ts';
import { projectRules } from './project-rules.ts';
import { projectErasures } from './project-erasures.ts';
import { projectNotifiers } from './project-notifiers.ts';
import { projectWork } from './project-work.ts';
import type { TalkRows } from './project-talks.ts';
import type { Notify, Project } from './project.ts';
import type { Db } from './store.ts';


const sec = (ms: number | null | undefined): number | null => (ms == null ? null : Math.floor(ms / 1000));
/** People by their bare name. */
const bare = (by: string): string => by.replace(/^user:/, '');
const flag = (b: boolean): number => (b ? 1 : 0);


/** What has a notification of its own where it happens. */
const OWN_WORDS = new Set(['worker_down', 'accounts_out', 'replies_waiting']);


/** One projection a kind: the newest entry of an actor to the rows that seeds and pages name. */
export function actorProjections(db: Db, notify: Notify, talks: TalkRows): Record<string, Project> {
  const sql = (text: string) => db.prepare(text);
  const upsert = (table: string, key: string[], columns: string[], fixed: string[] = []) =>
    sql(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((c) => `@${c}`).join(', ')}) ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${columns.filter((c) => !key.includes(c) && !fixed.includes(c)).map((c) => `${c}=excluded.${c}`).join(', ')}`);
  const config = upsert('worker_configs', ['worker_id'], ['worker_id', 'name', 'description', 'deployment_type', 'host', 'port', 'max_accounts', 'max_memory_mb', 'cpu_cores', 'env_variables', 'command_args', 'working_directory', 'proxy_id', 'browser_config', 'group_name', 'auto_start', 'auto_restart', 'restart_delay_ms', 'max_restart_attempts', 'enabled', 'version', 'ssh_host', 'ssh_port', 'ssh_user', 'ssh_key_path', 'ssh_password', 'docker_image', 'docker_network', 'docker_volumes', 'machine', 'config', 'created_at', 'updated_at'], ['created_at']);
  const version = sql('INSERT OR IGNORE INTO worker_config_versions (worker_id, version, config, by, at_ms) VALUES (@worker_id, @version, @config, @by, @at_ms)');
  const configId = sql('SELECT id FROM worker_configs WHERE worker_id = ?').pluck();
  const runtime = upsert('worker_runtime', ['worker_id'], ['worker_id', 'config_id', 'process_id', 'container_id', 'pod_name', 'status', 'cause', 'started_at', 'stopped_at', 'error_count', 'last_error', 'restart_count', 'last_restart_at', 'next_retry_ms', 'worker_version', 'node_version', 'chromium_version', 'runs_started', 'runs_applied', 'restarts', 'last_exit', 'handle']);
  const worker = upsert('workers', ['id'], ['id', 'host', 'port', 'status', 'capabilities', 'max_accounts', 'group_name', 'groups', 'labels', 'max_agents', 'max_shells', 'allow_shell', 'tools', 'incarnation', 'started_at', 'version', 'metadata', 'created_at', 'updated_at']);
  const machine = upsert('machines', ['id'], ['id', 'is_a', 'name', 'host', 'port', 'status', 'trust', 'pinned', 'offered', 'accepted_by', 'facts', 'incarnation', 'cordoned', 'created_at', 'updated_at']);
  const key = upsert('ssh_keys', ['id'], ['id', 'comment', 'status', 'type', 'fingerprint', 'public_key', 'error', 'created_at']);
  const scaler = upsert('scalers', ['group_name'], ['group_name', 'status', 'config', 'decisions', 'last_action_ms', 'updated_at']);
  const dropWorker = ['worker_configs WHERE worker_id = ?', 'worker_config_versions WHERE worker_id = ?', 'metrics WHERE worker_id = ?', 'worker_runtime WHERE worker_id = ?', 'workers WHERE id = ?'].map((t) => sql(`DELETE FROM ${t}`));
  const account = upsert('accounts', ['id'], ['id', 'platform', 'account_name', 'account_id', 'user_info', 'fingerprint', 'status', 'login_status', 'activity', 'reason', 'login_session', 'monitor_interval', 'proxy', 'limits', 'last_login_time', 'cookies_valid_until', 'assigned_worker_id', 'lease_epoch', 'lease_incarnation', 'lease_state', 'pinned_worker_id', 'group_name', 'previous_worker_id', 'moved_reason', 'proxy_id', 'tags', 'approve', 'archived', 'check_every', 'last_check', 'notice_hours', 'warned_ms', 'remaking', 'created_at', 'updated_at'], ['platform', 'created_at']);
  const dropMachine = sql('DELETE FROM machines WHERE id = ?');
  const trustOf = sql('SELECT trust FROM machines WHERE id = ?').pluck();
  const dropKey = sql('DELETE FROM ssh_keys WHERE id = ?');
  const dropScaler = sql('DELETE FROM scalers WHERE group_name = ?');
  const dropAccount = ['accounts WHERE id = ?', 'account_rounds WHERE account_id = ?'].map((t) => sql(`DELETE FROM ${t}`));
  const accountWas = sql('SELECT login_status AS status, warned_ms AS warned FROM accounts WHERE id = ?');
  const accountName = sql('SELECT account_name FROM accounts WHERE id = ?').pluck();
  const round = sql('UPDATE accounts SET monitor_state = @state, next_round_ms = @next, last_round = @last WHERE id = @id');
  const roundRow = sql('INSERT OR REPLACE INTO account_rounds (account_id, idx, at_ms, ms, comments, messages, error, evidence) VALUES (@account, @idx, @at, @ms, @comments, @messages, @error, @evidence)');
  const oldRounds = sql('DELETE FROM account_rounds WHERE account_id = @account AND idx NOT IN (SELECT idx FROM account_rounds WHERE account_id = @account ORDER BY idx DESC LIMIT 20)');
  const lastRound = sql('SELECT at_ms FROM account_rounds WHERE account_id = ? ORDER BY idx DESC LIMIT 1').pluck();
  const session = sql(`INSERT OR REPLACE INTO login_sessions (id, account_id, worker_id, status, login_method, picture, qr_code_url, qr_expires_ms, qr_txn, refreshed, challenge, prompt, error_message, expires_at, logged_in_at, created_at)
    VALUES (@id, @account_id, @worker_id, @status, @login_method, @picture, @qr_code_url, @qr_expires_ms, @qr_txn, @refreshed, @challenge, @prompt, @error_message, @expires_at, @logged_in_at, @created_at)`);
  const reply = sql(`INSERT OR REPLACE INTO replies (conversation_id, send_ms, decided_by, decided_ms, retry_of, replaced_by, rule_id, evidence, id, account_id, platform, reply_type, target_id, target, content, by, status, attempt, max_attempts, retry_ms, platform_reply_id, error_message, looked, submitted_ms, executed_at, created_at, created_ms, updated_ms)
    VALUES (@conversation_id, @send_ms, @decided_by, @decided_ms, @retry_of, @replaced_by, @rule_id, @evidence, @id, @account_id, @platform, @reply_type, @target_id, @target, @content, @by, @status, @attempt, @max_attempts, @retry_ms, @platform_reply_id, @error_message, @looked, @submitted_ms, @executed_at, @created_at, @created_ms, @updated_ms)`);
  const runtimeStatus = sql('SELECT status FROM worker_runtime WHERE worker_id = ?').pluck();
  const linkStatus = sql('SELECT status FROM workers WHERE id = ?').pluck();
  const dropEnded = sql("DELETE FROM actors WHERE kind = 'reply' AND id = ?");
  const replyStatus = sql('SELECT status FROM replies WHERE id = ?').pluck();

  const alert = upsert('alerts', ['id'], ['id', 'name', 'metric', 'severity', 'enabled', 'builtin', 'rule', 'status', 'breaching', 'text', 'since_ms', 'fired_ms', 'resolved_ms', 'acknowledged_by', 'snoozed_ms', 'history', 'error', 'updated_ms']);
  const sink = upsert('sinks', ['id'], ['id', 'name', 'type', 'enabled', 'config', 'status', 'kept', 'sent', 'dropped', 'error', 'last_sent_ms', 'next_ms', 'updated_ms']);
  const dropAlert = sql('DELETE FROM alerts WHERE id = ?');
  const dropSink = sql('DELETE FROM sinks WHERE id = ?');

  const context = <T>(entry: Entry): T => (entry.after as { context: T }).context;
  const part = (state: string, prefix: string, fallback: string) => state.split(',').find((s) => s.startsWith(prefix))?.slice(prefix.length) ?? fallback;

  return {
    ...projectWork(db),
    ...projectProxies(db, notify),
    conversation(id, entry, state, status, newest) {
      talks.project(id, entry, state, status, newest);
      const { to, by: said } = entry.event as { to?: string | null; by?: string };
      const by = bare(said ?? 'somebody');
      if (entry.event.type !== 'ASSIGN' || !to || to === by || talks.isErased(id, entry.at)) return;
      // One for all that one request hands over; nobody's words are in it.
      const { account } = context<ConversationContext>(entry);
      notify({ key: `assigned-${account}-${to}-${entry.cause.request ?? `${id}-${entry.index}`}`, type: 'system', account, related: `talks:${to}`, title: String(accountName.get(account) ?? account), content: `${by} assigned work in the inbox to ${to}`, priority: 'normal', at: entry.at });
    },
    rule: projectRules(db, talks),
    ...projectNotifiers(db),
    ...projectErasures(db),
    worker(id, entry, state, status) {
      if (status !== 'active') return dropWorker.forEach((d) => d.run(id));
      const c = context<WorkerContext>(entry);
      const phase = part(state, 'active.process.', 'stopped').split('.')[0]!;
      const was = runtimeStatus.get(id);
      const wasLink = linkStatus.get(id);
      const full = { ...workerDefaults, ...c.config };
      const handle = (c.handle ?? {}) as Record<string, unknown>;
      const place = (type: string, name: string) => (full.deployment_type === type && typeof handle[name] === 'string' ? handle[name] : null);
      config.run({
        ...full, worker_id: id, env_variables: JSON.stringify(full.env_variables), command_args: JSON.stringify(full.command_args), browser_config: JSON.stringify(full.browser_config), docker_volumes: JSON.stringify(full.docker_volumes),
        auto_start: flag(full.auto_start), auto_restart: flag(full.auto_restart), enabled: flag(full.enabled), ssh_key_path: full.ssh_key_id, ssh_password: full.ssh_password && '•••', config: JSON.stringify({ ...full, worker_id: id }), version: c.configVersion, created_at: sec(c.createdAt), updated_at: sec(c.updatedAt),
      });
      version.run({ worker_id: id, version: c.configVersion, config: JSON.stringify({ ...full, worker_id: id }), by: entry.cause.by ?? null, at_ms: c.updatedAt });
      runtime.run({
        worker_id: id, config_id: configId.get(id) ?? null, process_id: c.pid ?? c.registration?.pid ?? null, container_id: place('docker', 'id'), pod_name: place('k8s', 'pod'), status: phase, cause: c.cause, started_at: sec(c.startedAt), stopped_at: sec(c.stoppedAt),
        error_count: c.errors, last_error: c.lastError, restart_count: c.restarts, last_restart_at: c.restarts > 0 ? sec(c.history?.[0]?.at ?? c.startedAt) : null, next_retry_ms: c.nextRetryAt, worker_version: c.registration?.version ?? null, node_version: c.registration?.node ?? null, chromium_version: c.registration?.chromium ?? null,
        runs_started: c.runs?.started ?? null, runs_applied: c.runs?.applied ?? null, restarts: JSON.stringify(c.history ?? []), last_exit: c.lastExit && JSON.stringify(c.lastExit), handle: c.handle === null ? null : JSON.stringify(c.handle),
      });
      const detected = c.registration?.group && full.group_name === 'default' ? c.registration.group : full.group_name;
      const groups = [...new Set([detected, ...full.groups, ...(c.registration?.groups ?? []), ...(full.group_strict ? [] : ['default'])])];
      worker.run({
        id, host: c.registration?.host ?? full.host, port: c.registration?.port ?? full.port, status: part(state, 'active.link.', 'disconnected'), capabilities: JSON.stringify(c.registration?.capabilities ?? []), max_accounts: full.max_accounts,
        group_name: detected, groups: JSON.stringify(groups), labels: JSON.stringify({ ...withinLimits(c.registration?.labels ?? {}, c.handle === null ? null : full), ...full.labels }), max_agents: c.registration?.maxAgents ?? 0, max_shells: c.registration?.maxShells ?? 0, allow_shell: flag(c.registration?.allowShell ?? false), tools: JSON.stringify(c.registration?.tools ?? []), incarnation: c.registration?.incarnation ?? null, started_at: sec(c.startedAt), version: c.registration?.version ?? null,
        metadata: JSON.stringify({ capabilities: c.registration?.capabilities ?? [], maxAccounts: full.max_accounts, mode: c.registration?.mode ?? null }), created_at: sec(c.createdAt), updated_at: sec(entry.at),
      });
      const link = part(state, 'active.link.', 'disconnected');
      const silent = (link === 'offline' && wasLink !== 'offline') || (was === 'running' && phase === 'stopped' && /silent/.test(c.cause));
      if (silent) notify({ key: `worker-${id}-${entry.index}`, type: 'system', account: null, related: id, title: `${c.config.name}: offline`, content: 'it has not been heard of: its accounts go to other workers', priority: 'urgent', at: entry.at });
      // A loop of crashes is said once when it begins and once when it is given up.
      else if (phase !== was && ((phase === 'crashed' && c.crashes.length <= 1) || phase === 'error')) {
        notify({ key: `worker-${id}-${entry.index}`, type: 'system', account: null, related: id, title: `${c.config.name}: ${phase}`, content: c.lastError ?? c.cause, priority: phase === 'error' ? 'urgent' : 'high', at: entry.at });
      }
    },
    machine(id, entry, state, status) {
      if (status !== 'active') return void dropMachine.run(id);
      const c = context<MachineContext>(entry);
      const trust = part(state, 'active.trust.', 'unknown');
      const was = trustOf.get(id);
      machine.run({ id, is_a: c.is, name: c.name, host: c.host, port: c.port, status: part(state, 'active.link.', 'disconnected'), trust, pinned: c.pinned && JSON.stringify(c.pinned), offered: c.offered && JSON.stringify(c.offered), accepted_by: c.acceptedBy, facts: c.facts && JSON.stringify(c.facts), incarnation: c.incarnation, cordoned: flag(c.cordoned), created_at: sec(c.createdAt), updated_at: sec(entry.at) });
      if (trust !== was && trust === 'changed') notify({ key: `machine-${id}-${entry.index}`, type: 'system', account: null, related: id, title: c.name, content: `the host key of ${c.host} has changed: nothing is sent there until it is accepted`, priority: 'urgent', at: entry.at });
    },
    key(id, entry, state, status) {
      if (status !== 'active') return void dropKey.run(id);
      const c = context<KeyContext>(entry);
      key.run({ id, comment: c.comment, status: state, type: c.facts?.type ?? null, fingerprint: c.facts?.fingerprint ?? null, public_key: c.facts?.publicKey ?? null, error: c.error, created_at: sec(c.createdAt) });
    },
    scaler(id, entry, state, status) {
      if (status !== 'active') return void dropScaler.run(id);
      const c = context<ScalerContext>(entry);
      scaler.run({ group_name: id, status: state, config: JSON.stringify(c.config), decisions: JSON.stringify(c.decisions), last_action_ms: c.lastActionAt, updated_at: sec(entry.at) });
    },
    alert(id, entry, state, status) {
      if (status !== 'active') return void dropAlert.run(id);
      const c = context<AlertContext>(entry);
      const now = state === 'firing.snoozed' ? 'snoozed' : state.split('.')[0]!;
      alert.run({ id, name: c.rule.name, metric: c.rule.metric, severity: c.rule.severity, enabled: flag(c.rule.enabled), builtin: flag(c.builtin), rule: JSON.stringify(c.rule), status: now, breaching: JSON.stringify(c.breaching), text: c.breaching.length > 0 ? alertText(c.rule, c.breaching) : '', since_ms: c.since, fired_ms: c.firedAt, resolved_ms: c.resolvedAt, acknowledged_by: c.acknowledgedBy, snoozed_ms: c.snoozedUntil, history: JSON.stringify(c.history), error: c.error, updated_ms: entry.at });
      // Each word of it once; of a worker, an account and a reply there is one already.
      if (c.said === 0 || OWN_WORDS.has(c.rule.metric)) return;
      const key = `alert-${id}-${c.episode}-${c.said}`;
      if (now === 'firing') notify({ key, type: 'system', account: null, related: `alert:${id}`, title: c.rule.name, content: alertText(c.rule, c.breaching), priority: c.rule.severity === 'critical' ? 'urgent' : c.rule.severity === 'warning' ? 'high' : 'normal', at: entry.at });
      else if (now === 'resolved') notify({ key, type: 'system', account: null, related: `alert:${id}`, title: c.rule.name, content: 'it is over', priority: 'normal', at: entry.at });
    },
    sink(id, entry, state, status) {
      if (status !== 'active') return void dropSink.run(id);
      const c = context<SinkContext>(entry);
      sink.run({ id, name: c.config.name, type: c.config.type, enabled: flag(c.config.enabled), config: JSON.stringify(c.config), status: state, kept: c.outbox.length, sent: c.sent, dropped: c.dropped, error: c.error, last_sent_ms: c.lastSentAt, next_ms: c.nextAt, updated_ms: entry.at });
    },
    account(id, entry, state, status) {
      if (status !== 'active') return dropAccount.forEach((d) => d.run(id));
      const c = context<AccountContext>(entry);
      const [login, activity] = part(state, 'active.session.', 'not_logged_in').split('.') as [string, string | undefined];
      const before = accountWas.get(id) as { status: string; warned: number | null } | undefined;
      const was = before?.status;
      account.run({ id, status: c.archived ? 'archived' : 'active', proxy_id: c.proxyId ?? null, tags: JSON.stringify(c.tags ?? []), approve: flag(c.approve ?? false), archived: flag(c.archived ?? false), check_every: c.checkEvery ?? 60, last_check: c.lastCheck ? JSON.stringify(c.lastCheck) : null, notice_hours: c.noticeHours ?? 24, warned_ms: c.warnedAt ?? null, remaking: flag(c.remake ?? false), platform: c.platform, account_name: c.name, account_id: c.platformAccount, user_info: c.user && JSON.stringify(c.user), fingerprint: c.fingerprint && JSON.stringify(c.fingerprint), login_status: login, activity: login === 'logged_in' ? (activity ?? 'idle') : null, reason: c.reason, login_session: c.login, monitor_interval: c.monitorInterval, proxy: c.proxy && JSON.stringify(c.proxy), limits: JSON.stringify(c.limits), last_login_time: sec(c.lastLoginAt), cookies_valid_until: sec(c.validUntil), assigned_worker_id: c.lease?.worker ?? null, lease_epoch: c.epoch, lease_incarnation: c.lease?.incarnation ?? null, lease_state: part(state, 'active.lease.', 'finding'), pinned_worker_id: c.pin, group_name: c.group ?? null, previous_worker_id: c.last ?? null, moved_reason: c.moved ?? null, created_at: sec(c.createdAt), updated_at: sec(entry.at) });
      if (was !== undefined && was !== login && (login === 'expired' || login === 'login_failed' || login === 'logged_in')) {
        notify({ key: `account-${id}-${entry.index}`, type: 'account_status', account: id, related: c.login, title: c.name, content: login === 'logged_in' ? 'logged in' : (c.reason ?? login), priority: login === 'logged_in' ? 'normal' : 'high', at: entry.at, data: { login_status: login } });
      }
      if (before !== undefined && c.warnedAt && c.warnedAt !== before.warned) {
        notify({ key: `account-${id}-ends-${c.warnedAt}`, type: 'account_status', account: id, related: null, title: c.name, content: `its session ends at ${new Date(c.validUntil ?? entry.at).toISOString()}: log in again before`, priority: 'high', at: entry.at, data: { valid_until: c.validUntil } });
      }
    },
    monitor(id, entry, state) {
      const c = context<MonitorContext>(entry);
      round.run({ id, state, next: c.nextAt, last: c.last && JSON.stringify(c.last) });
      if (!c.last || lastRound.get(id) === c.last.at) return;
      const { evidence = null } = c.last as { evidence?: unknown };
      roundRow.run({ account: id, idx: entry.index, at: c.last.at, ms: c.last.ms, comments: c.last.comments, messages: c.last.messages, error: c.last.error, evidence: evidence && JSON.stringify(evidence) });
      oldRounds.run({ account: id });
    },
    login(id, entry, state) {
      const c = context<LoginContext>(entry);
      session.run({ id, account_id: c.account, worker_id: c.worker, status: state.split('.').at(-1)!, login_method: c.method, picture: c.qr?.picture ?? c.challenge?.picture ?? null, qr_code_url: c.qr?.url ?? null, qr_expires_ms: c.qr?.expiresAt ?? null, qr_txn: c.qr?.txn ?? null, refreshed: c.refreshed, challenge: c.challenge && JSON.stringify(c.challenge), prompt: c.prompt, error_message: c.error, expires_at: sec(c.expiresAt), logged_in_at: sec(c.loggedInAt), created_at: sec(c.createdAt) });
    },
    reply(id, entry, state, actorStatus) {
      const c = context<ReplyContext>(entry);
      const [top, below] = state.split('.') as [string, string | undefined];
      const status = top === 'posting' ? below! : top;
      const was = replyStatus.get(id);
      const targetId = c.to.type === 'comment' ? c.to.comment : c.to.message;
      const conversation = c.conversation ?? talks.ofTarget(c.account, c.to.type, targetId);
      if (talks.isErased(conversation, c.createdAt)) return void (actorStatus !== 'active' && dropEnded.run(id));
      reply.run({ conversation_id: conversation, send_ms: status === 'held' ? c.holdUntil : (c.sendAt ?? null), decided_by: c.decidedBy ?? null, decided_ms: c.decidedAt ?? null, retry_of: c.retryOf ?? null, replaced_by: c.replacedBy ?? null, rule_id: c.rule ?? null, evidence: c.evidence ? JSON.stringify(c.evidence) : null, id, account_id: c.account, platform: c.platform, reply_type: c.to.type, target_id: targetId, target: JSON.stringify(c.to), content: c.text, by: c.by, status, attempt: c.attempt, max_attempts: c.maxAttempts, retry_ms: state === 'queued.waiting' ? c.retryAt : null, platform_reply_id: c.remoteId, looked: c.looked, error_message: status === 'queued' ? (c.waiting ?? c.error) : c.error, submitted_ms: c.submittedAt, executed_at: sec(c.settledAt), created_at: sec(c.createdAt), created_ms: c.createdAt, updated_ms: entry.at });
      if (status === 'posted' && conversation !== null) talks.answered(conversation, c.createdAt);
      const notice = { key: `reply-${id}-${entry.index}`, type: 'system', account: c.account, related: id, title: String(accountName.get(c.account) ?? c.account), at: entry.at } as const;
      if (status !== was && status === 'awaiting_approval') notify({ ...notice, content: `a reply by ${bare(c.by)} waits to be approved`, priority: 'high' });
      if (status !== was && (status === 'needs_human' || status === 'failed')) {
        notify({ ...notice, content: status === 'needs_human' ? `a reply waits for a decision: ${c.error ?? ''}` : `a reply was not posted: ${c.error ?? ''}`, priority: status === 'needs_human' ? 'urgent' : 'high' });
      }
    },
  };
}
