/** Raised with every change of the tables: an older view is dropped and built anew from JetStream. */
export const SCHEMA_VERSION = 9;

/**
 * The tables that pages and APIs read. Seeds' columns keep their names; times are epoch seconds, but for columns that end in _ms.
 * Written by the projector alone, each batch in one transaction with its position.
 */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS position (stream TEXT PRIMARY KEY, created TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, updated_ms INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS actors (
  kind TEXT NOT NULL, id TEXT NOT NULL, partition INTEGER NOT NULL, version TEXT NOT NULL,
  idx INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  status TEXT NOT NULL,              -- active, done, error
  state TEXT NOT NULL,               -- the state value as dotted paths, comma-separated: 'active.process.running.supervised,active.link.connected'
  busy INTEGER NOT NULL,             -- 1 while effects, timers or tells are pending
  due_ms INTEGER,                    -- the next timer
  parked TEXT,                       -- why it is parked, null when it is not
  created_ms INTEGER NOT NULL,
  entry TEXT NOT NULL,               -- the last journal entry, JSON; its size is why the rows have rowids
  PRIMARY KEY (kind, id));
-- A master asks for these again and again: the words are those of its question, or SQLite reads every actor.
CREATE INDEX IF NOT EXISTS idx_actors_left ON actors(partition) WHERE busy = 1 OR parked IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_actors_parked ON actors(at_ms) WHERE parked IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_actors_at ON actors(at_ms);
CREATE INDEX IF NOT EXISTS idx_actors_kind ON actors(kind, at_ms);

CREATE TABLE IF NOT EXISTS turns (
  kind TEXT NOT NULL, id TEXT NOT NULL, idx INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  event TEXT NOT NULL, by TEXT, state TEXT NOT NULL,
  PRIMARY KEY (kind, id, idx)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS worker_configs (
  id INTEGER PRIMARY KEY, worker_id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, description TEXT,
  deployment_type TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL DEFAULT 4001,
  max_accounts INTEGER NOT NULL DEFAULT 10, max_memory_mb INTEGER NOT NULL DEFAULT 2048, cpu_cores REAL NOT NULL DEFAULT 2,
  env_variables TEXT NOT NULL DEFAULT '{}', command_args TEXT NOT NULL DEFAULT '[]', working_directory TEXT,
  ssh_host TEXT, ssh_port INTEGER NOT NULL DEFAULT 22, ssh_user TEXT, ssh_key_path TEXT, ssh_password TEXT,   -- the key's id in the key store; the password is sealed elsewhere, here it is '•••' or null
  docker_image TEXT, docker_network TEXT, docker_volumes TEXT NOT NULL DEFAULT '[]', machine TEXT,
  config TEXT NOT NULL DEFAULT '{}',  -- all of it, JSON; sealed values are references
  proxy_id TEXT, browser_config TEXT NOT NULL DEFAULT '{}', group_name TEXT NOT NULL DEFAULT 'default',
  auto_start INTEGER NOT NULL DEFAULT 1, auto_restart INTEGER NOT NULL DEFAULT 1,
  restart_delay_ms INTEGER NOT NULL DEFAULT 5000, max_restart_attempts INTEGER NOT NULL DEFAULT 3,
  enabled INTEGER NOT NULL DEFAULT 1, version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS worker_config_versions (
  worker_id TEXT NOT NULL, version INTEGER NOT NULL, config TEXT NOT NULL, by TEXT, at_ms INTEGER NOT NULL,
  PRIMARY KEY (worker_id, version)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS worker_runtime (
  worker_id TEXT PRIMARY KEY, config_id INTEGER, process_id INTEGER, container_id TEXT, pod_name TEXT,
  status TEXT NOT NULL, cause TEXT, started_at INTEGER, stopped_at INTEGER,
  error_count INTEGER NOT NULL DEFAULT 0, last_error TEXT, restart_count INTEGER NOT NULL DEFAULT 0, last_restart_at INTEGER, next_retry_ms INTEGER,
  worker_version TEXT, node_version TEXT, chromium_version TEXT,
  runs_started INTEGER, runs_applied INTEGER,   -- versions of the configuration: as the process was started, and taken on since
  restarts TEXT NOT NULL DEFAULT '[]',          -- the last ones, newest first: [{at, cause}], at in epoch milliseconds
  last_exit TEXT, handle TEXT);

CREATE TABLE IF NOT EXISTS workers (
  id TEXT PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL,
  status TEXT NOT NULL,              -- connected, disconnected, suspect, offline
  capabilities TEXT NOT NULL DEFAULT '[]', max_accounts INTEGER NOT NULL DEFAULT 10, group_name TEXT NOT NULL DEFAULT 'default',
  groups TEXT NOT NULL DEFAULT '[]',  -- every group that it serves, JSON
  labels TEXT NOT NULL DEFAULT '{}',
  max_agents INTEGER NOT NULL DEFAULT 0, max_shells INTEGER NOT NULL DEFAULT 0, allow_shell INTEGER NOT NULL DEFAULT 0, tools TEXT NOT NULL DEFAULT '[]',
  incarnation TEXT, started_at INTEGER, version TEXT, metadata TEXT NOT NULL DEFAULT '{}',
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_workers_status ON workers(status);

CREATE TABLE IF NOT EXISTS worker_logs (
  id INTEGER PRIMARY KEY, worker_id TEXT NOT NULL, level TEXT NOT NULL, category TEXT NOT NULL,
  message TEXT NOT NULL, details TEXT, timestamp INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_worker_logs_worker ON worker_logs(worker_id, id);
CREATE INDEX IF NOT EXISTS idx_worker_logs_timestamp ON worker_logs(timestamp);

CREATE TABLE IF NOT EXISTS machines (
  id TEXT PRIMARY KEY, is_a TEXT NOT NULL, -- agent, ssh
  name TEXT NOT NULL, host TEXT NOT NULL, port INTEGER,
  status TEXT NOT NULL,              -- connected, disconnected, suspect, offline
  trust TEXT NOT NULL,               -- unknown, offered, trusted, changed
  pinned TEXT, offered TEXT, accepted_by TEXT, facts TEXT, incarnation TEXT, cordoned INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS ssh_keys (
  id TEXT PRIMARY KEY, comment TEXT NOT NULL, status TEXT NOT NULL,   -- reading, stored, unreadable
  type TEXT, fingerprint TEXT, public_key TEXT, error TEXT, created_at INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS scalers (
  group_name TEXT PRIMARY KEY, status TEXT NOT NULL, config TEXT NOT NULL, decisions TEXT NOT NULL DEFAULT '[]', last_action_ms INTEGER, updated_at INTEGER NOT NULL);

-- What workers used: means of the step, cpu in percent of one core, memory in MB. '10s' is kept an hour, '1m' a day, '10m' thirty days.
CREATE TABLE IF NOT EXISTS metrics (
  step TEXT NOT NULL, worker_id TEXT NOT NULL, at INTEGER NOT NULL, cpu REAL NOT NULL, memory_mb REAL NOT NULL, tasks REAL NOT NULL, accounts REAL NOT NULL, browsers REAL NOT NULL,
  PRIMARY KEY (step, worker_id, at)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_metrics_at ON metrics(step, at);

CREATE TABLE IF NOT EXISTS accounts (
  id TEXT PRIMARY KEY, platform TEXT NOT NULL, account_name TEXT NOT NULL, account_id TEXT,
  user_info TEXT, fingerprint TEXT, status TEXT NOT NULL DEFAULT 'active',
  login_status TEXT NOT NULL DEFAULT 'not_logged_in',   -- not_logged_in, logging_in, logged_in, login_failed, expired
  activity TEXT,                     -- idle, monitoring, paused; null when not logged in
  reason TEXT, login_session TEXT,
  monitor_interval INTEGER NOT NULL DEFAULT 20, proxy TEXT, limits TEXT NOT NULL DEFAULT '{}',
  last_login_time INTEGER, cookies_valid_until INTEGER,
  assigned_worker_id TEXT, lease_epoch INTEGER NOT NULL DEFAULT 0, lease_incarnation TEXT, lease_state TEXT NOT NULL DEFAULT 'finding', pinned_worker_id TEXT,
  group_name TEXT, previous_worker_id TEXT, moved_reason TEXT,
  proxy_id TEXT, tags TEXT NOT NULL DEFAULT '[]', approve INTEGER NOT NULL DEFAULT 0, archived INTEGER NOT NULL DEFAULT 0,
  check_every INTEGER NOT NULL DEFAULT 60, last_check TEXT, notice_hours INTEGER NOT NULL DEFAULT 24, warned_ms INTEGER, remaking INTEGER NOT NULL DEFAULT 0,
  monitor_state TEXT, next_round_ms INTEGER, last_round TEXT,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_accounts_status ON accounts(status);
CREATE INDEX IF NOT EXISTS idx_accounts_login_status ON accounts(login_status);
CREATE INDEX IF NOT EXISTS idx_accounts_worker ON accounts(assigned_worker_id);

CREATE INDEX IF NOT EXISTS idx_accounts_proxy ON accounts(proxy_id) WHERE proxy_id IS NOT NULL;

-- The last 20 rounds of each account.
CREATE TABLE IF NOT EXISTS account_rounds (
  account_id TEXT NOT NULL, idx INTEGER NOT NULL, at_ms INTEGER NOT NULL, ms INTEGER NOT NULL, comments INTEGER NOT NULL, messages INTEGER NOT NULL,
  error TEXT, evidence TEXT, PRIMARY KEY (account_id, idx)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS proxies (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, protocol TEXT NOT NULL, server TEXT NOT NULL, username TEXT, has_password INTEGER NOT NULL DEFAULT 0,   -- the password is sealed elsewhere
  version INTEGER NOT NULL, status TEXT NOT NULL,   -- unknown, healthy, failing, disabled
  checking INTEGER NOT NULL DEFAULT 0, check_every INTEGER NOT NULL, note TEXT NOT NULL DEFAULT '',
  last_check TEXT, checks TEXT NOT NULL DEFAULT '[]', waiting TEXT, next_ms INTEGER, by TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS login_sessions (
  id TEXT PRIMARY KEY, account_id TEXT NOT NULL, worker_id TEXT,
  status TEXT NOT NULL,              -- pending, scanning, challenge, confirming, success, failed, expired, cancelled
  login_method TEXT NOT NULL DEFAULT 'qrcode',
  picture TEXT, qr_code_url TEXT, qr_expires_ms INTEGER, qr_txn TEXT, refreshed INTEGER NOT NULL DEFAULT 0,
  challenge TEXT, prompt TEXT, error_message TEXT, expires_at INTEGER NOT NULL, logged_in_at INTEGER, created_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_login_sessions_account ON login_sessions(account_id);
CREATE INDEX IF NOT EXISTS idx_login_sessions_status ON login_sessions(status);

CREATE TABLE IF NOT EXISTS comments (
  id INTEGER PRIMARY KEY, account_id TEXT NOT NULL, platform_comment_id TEXT NOT NULL, conversation_id TEXT, content TEXT NOT NULL,
  author_name TEXT NOT NULL, author_id TEXT NOT NULL, post_id TEXT NOT NULL, post_title TEXT NOT NULL,
  is_read INTEGER NOT NULL DEFAULT 0, posted_ms INTEGER NOT NULL, detected_at INTEGER NOT NULL, detected_ms INTEGER NOT NULL,
  UNIQUE (account_id, platform_comment_id));
CREATE INDEX IF NOT EXISTS idx_comments_account ON comments(account_id, id);
CREATE INDEX IF NOT EXISTS idx_comments_detected ON comments(detected_at);
CREATE INDEX IF NOT EXISTS idx_comments_unread ON comments(id) WHERE is_read = 0;
CREATE INDEX IF NOT EXISTS idx_comments_conversation ON comments(conversation_id, id);
CREATE INDEX IF NOT EXISTS idx_comments_post ON comments(account_id, post_id, id);

CREATE TABLE IF NOT EXISTS direct_messages (
  id INTEGER PRIMARY KEY, account_id TEXT NOT NULL, platform_message_id TEXT NOT NULL, conversation_id TEXT, content TEXT NOT NULL,
  sender_name TEXT NOT NULL, sender_id TEXT NOT NULL, direction TEXT NOT NULL,
  is_read INTEGER NOT NULL DEFAULT 0, posted_ms INTEGER NOT NULL, detected_at INTEGER NOT NULL, detected_ms INTEGER NOT NULL,
  UNIQUE (account_id, platform_message_id));
CREATE INDEX IF NOT EXISTS idx_dm_account ON direct_messages(account_id, id);
CREATE INDEX IF NOT EXISTS idx_dm_detected ON direct_messages(detected_at);
CREATE INDEX IF NOT EXISTS idx_dm_unread ON direct_messages(id) WHERE is_read = 0;
CREATE INDEX IF NOT EXISTS idx_dm_conversation ON direct_messages(conversation_id, id);

-- comments and messages in one stream; 'item' is 'c<id>' or 'm<id>'
CREATE VIEW IF NOT EXISTS inbox_v AS
  SELECT 'c' || id AS item, 'comment' AS type, account_id, platform_comment_id AS platform_id, content, author_name, author_id, post_id, post_title, 'inbound' AS direction, is_read, posted_ms, detected_ms FROM comments
  UNION ALL
  SELECT 'm' || id, 'message', account_id, platform_message_id, content, sender_name, sender_id, NULL, NULL, direction, is_read, posted_ms, detected_ms FROM direct_messages;
CREATE VIRTUAL TABLE IF NOT EXISTS inbox_fts USING fts5(content, author, item UNINDEXED, tokenize = 'trigram');
-- the same items by their pairs of letters, under the same rowid: for searches of one or two characters
CREATE VIRTUAL TABLE IF NOT EXISTS inbox_grams USING fts5(grams, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 0');

-- Talks: an account and one person, of comments under one post. Until a person acts on one, its state is worked out from its items.
CREATE TABLE IF NOT EXISTS conversations (
  seq INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, account_id TEXT NOT NULL, type TEXT NOT NULL,   -- comment, message
  peer_id TEXT NOT NULL, peer_name TEXT NOT NULL, post_id TEXT, post_title TEXT,
  last_ms INTEGER NOT NULL, last_in_ms INTEGER NOT NULL, answered_ms INTEGER NOT NULL DEFAULT 0,
  items INTEGER NOT NULL, unread INTEGER NOT NULL, last_text TEXT NOT NULL, last_direction TEXT NOT NULL,
  acted INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'open',  -- open, waiting, snoozed, closed
  assignee TEXT, labels TEXT NOT NULL DEFAULT '[]', note TEXT NOT NULL DEFAULT '', snoozed_ms INTEGER, updated_ms INTEGER);
CREATE INDEX IF NOT EXISTS idx_conversations_last ON conversations(last_ms);
CREATE INDEX IF NOT EXISTS idx_conversations_state ON conversations(state, last_ms);
CREATE INDEX IF NOT EXISTS idx_conversations_account ON conversations(account_id, last_ms);
CREATE INDEX IF NOT EXISTS idx_conversations_account_state ON conversations(account_id, state, last_ms);
CREATE INDEX IF NOT EXISTS idx_conversations_type ON conversations(type, state, last_ms);
CREATE INDEX IF NOT EXISTS idx_conversations_assignee ON conversations(assignee, last_ms) WHERE assignee IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_conversations_unread ON conversations(last_ms) WHERE unread > 0;
CREATE INDEX IF NOT EXISTS idx_conversations_unread_account ON conversations(account_id, last_ms) WHERE unread > 0;

CREATE TABLE IF NOT EXISTS conversation_labels (label TEXT NOT NULL, conversation_id TEXT NOT NULL, PRIMARY KEY (label, conversation_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_conversation_labels_of ON conversation_labels(conversation_id);

CREATE TABLE IF NOT EXISTS notifications (
  id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL,
  type TEXT NOT NULL,                -- comment, direct_message, system, account_status
  account_id TEXT, related_id TEXT, title TEXT NOT NULL, content TEXT NOT NULL, data TEXT NOT NULL DEFAULT '{}',
  priority TEXT NOT NULL DEFAULT 'normal', is_sent INTEGER NOT NULL DEFAULT 1, sent_at INTEGER, is_read INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  src TEXT NOT NULL DEFAULT '', src_seq INTEGER NOT NULL DEFAULT 0, src_n INTEGER NOT NULL DEFAULT 0);   -- the stream and message that it came of, and which of that message's: the same in every view
CREATE INDEX IF NOT EXISTS idx_notifications_src ON notifications(src, src_seq, src_n);
CREATE INDEX IF NOT EXISTS idx_notifications_type ON notifications(type, id);
CREATE INDEX IF NOT EXISTS idx_notifications_account ON notifications(account_id, id);
CREATE INDEX IF NOT EXISTS idx_notifications_created ON notifications(created_at);

CREATE TABLE IF NOT EXISTS replies (
  id TEXT PRIMARY KEY, account_id TEXT NOT NULL, platform TEXT NOT NULL,
  reply_type TEXT NOT NULL,          -- comment, message
  target_id TEXT NOT NULL,           -- the platform's id of the comment or message
  target TEXT NOT NULL, content TEXT NOT NULL, by TEXT NOT NULL,
  status TEXT NOT NULL,              -- awaiting_approval, held, scheduled, queued, claimed, submitting, confirming, posted, unknown, needs_human, failed, cancelled, rejected, replaced
  conversation_id TEXT, send_ms INTEGER, decided_by TEXT, decided_ms INTEGER, retry_of TEXT, replaced_by TEXT, rule_id TEXT,
  evidence TEXT,                     -- what was seen when the platform was asked: {picture, saw}, JSON
  attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL, retry_ms INTEGER, platform_reply_id TEXT, error_message TEXT,
  looked INTEGER NOT NULL DEFAULT 0,  -- how often the platform was asked after a doubt, and did not show it
  submitted_ms INTEGER, executed_at INTEGER, created_at INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_replies_account ON replies(account_id, created_ms);
CREATE INDEX IF NOT EXISTS idx_replies_status ON replies(status, created_ms);
CREATE INDEX IF NOT EXISTS idx_replies_target ON replies(account_id, target_id);
CREATE INDEX IF NOT EXISTS idx_replies_conversation ON replies(conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_replies_retry ON replies(retry_of) WHERE retry_of IS NOT NULL;

-- Rules that answer by themselves, and what came of each item that fitted one.
CREATE TABLE IF NOT EXISTS rules (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL,   -- dry_run, live, off
  position INTEGER NOT NULL, config TEXT NOT NULL, matched INTEGER NOT NULL, answered INTEGER NOT NULL, last_ms INTEGER, created_by TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rule_log (
  id INTEGER PRIMARY KEY, rule_id TEXT NOT NULL, item TEXT NOT NULL, at_ms INTEGER NOT NULL, account_id TEXT NOT NULL, type TEXT NOT NULL, target_id TEXT NOT NULL, conversation_id TEXT NOT NULL,
  person TEXT NOT NULL, peer_name TEXT NOT NULL, text TEXT NOT NULL, answer TEXT, reply_id TEXT,
  outcome TEXT NOT NULL,             -- answered, would, per_hour, per_person, too_long, no_answer
  why TEXT, UNIQUE (rule_id, item));
CREATE INDEX IF NOT EXISTS idx_rule_log_rule ON rule_log(rule_id, id);
CREATE INDEX IF NOT EXISTS idx_rule_log_person ON rule_log(rule_id, person, at_ms) WHERE outcome = 'answered';
CREATE INDEX IF NOT EXISTS idx_rule_log_at ON rule_log(at_ms);

CREATE TABLE IF NOT EXISTS tasks (
  id TEXT PRIMARY KEY, seq INTEGER NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL, type TEXT NOT NULL,
  priority INTEGER NOT NULL, lane TEXT NOT NULL,   -- high, normal, low
  group_name TEXT NOT NULL, payload TEXT NOT NULL, requirements TEXT NOT NULL, timeout_ms INTEGER NOT NULL,
  shape TEXT NOT NULL,               -- tasks of one shape wait for the same
  placings INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL,              -- waiting, pending, assigned, running, retrying, completed, failed, cancelled, timed_out
  progress REAL, why TEXT,           -- why it waits
  worker_id TEXT, agent_id TEXT, account_id TEXT, attempt INTEGER NOT NULL DEFAULT 0, max_attempts INTEGER NOT NULL, retry_ms INTEGER,
  result TEXT, object TEXT, artefacts TEXT NOT NULL DEFAULT '[]', error_kind TEXT, error_message TEXT,
  template TEXT, schedule_id TEXT, replay_of TEXT, replayed_by TEXT, after TEXT NOT NULL DEFAULT '[]', at_ms INTEGER, key TEXT, created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL, assigned_ms INTEGER, started_ms INTEGER, finished_ms INTEGER, updated_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_tasks_seq ON tasks(seq);
CREATE INDEX IF NOT EXISTS idx_tasks_status ON tasks(status, seq);
CREATE INDEX IF NOT EXISTS idx_tasks_group ON tasks(group_name, seq);
CREATE INDEX IF NOT EXISTS idx_tasks_lane ON tasks(lane, seq);
CREATE INDEX IF NOT EXISTS idx_tasks_type ON tasks(type, seq);
CREATE INDEX IF NOT EXISTS idx_tasks_worker ON tasks(worker_id, seq) WHERE worker_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_open ON tasks(group_name, lane, status, created_ms) WHERE finished_ms IS NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_assigned ON tasks(assigned_ms) WHERE assigned_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_finished ON tasks(finished_ms, status) WHERE finished_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_failed ON tasks(finished_ms) WHERE status IN ('failed', 'timed_out');
CREATE INDEX IF NOT EXISTS idx_tasks_shape ON tasks(shape) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS idx_tasks_replay ON tasks(replay_of) WHERE replay_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_key ON tasks(key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_template ON tasks(template) WHERE template IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_tasks_agent ON tasks(agent_id, seq) WHERE agent_id IS NOT NULL;

-- How many there are of each, so that no page counts all of them. Written by the triggers alone.
CREATE TABLE IF NOT EXISTS task_states (status TEXT NOT NULL, again INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (status, again)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS task_came AFTER INSERT ON tasks BEGIN
  INSERT INTO task_states (status, again, n) VALUES (new.status, new.replayed_by IS NOT NULL, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS task_moved AFTER UPDATE OF status, replayed_by ON tasks WHEN old.status <> new.status OR (old.replayed_by IS NULL) <> (new.replayed_by IS NULL) BEGIN
  UPDATE task_states SET n = n - 1 WHERE status = old.status AND again = (old.replayed_by IS NOT NULL);
  INSERT INTO task_states (status, again, n) VALUES (new.status, new.replayed_by IS NOT NULL, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER IF NOT EXISTS task_went AFTER DELETE ON tasks BEGIN
  UPDATE task_states SET n = n - 1 WHERE status = old.status AND again = (old.replayed_by IS NOT NULL);
END;

-- The curves of work: step 1m for a day, 10m for 30 days; at is where a step begins, in epoch seconds.
CREATE TABLE IF NOT EXISTS task_counts (step TEXT NOT NULL, at INTEGER NOT NULL, made INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL, PRIMARY KEY (step, at)) WITHOUT ROWID;
-- How long tasks waited until they were given out, by classes of a quarter of an octave: up to 2^(class/4) ms.
CREATE TABLE IF NOT EXISTS task_waits (step TEXT NOT NULL, at INTEGER NOT NULL, class INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (step, at, class)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS task_attempts (
  task_id TEXT NOT NULL, n INTEGER NOT NULL,   -- counts every placing; attempt only those that count
  attempt INTEGER NOT NULL, worker_id TEXT, agent_id TEXT, started_ms INTEGER NOT NULL, ended_ms INTEGER,
  outcome TEXT,                      -- completed, or the kind of the fault; null while it runs
  error TEXT, PRIMARY KEY (task_id, n)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS task_logs (
  id INTEGER PRIMARY KEY, task_id TEXT NOT NULL, at_ms INTEGER NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL, step INTEGER, attempt INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_task_logs_task ON task_logs(task_id, id);
CREATE INDEX IF NOT EXISTS idx_task_logs_at ON task_logs(at_ms);

-- Tasks that an operator has removed: their journal may still be there.
CREATE TABLE IF NOT EXISTS tasks_purged (task_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;

-- Why tasks of a shape wait, as the masters say it.
CREATE TABLE IF NOT EXISTS whys (shape TEXT PRIMARY KEY, why TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS agents (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, worker_id TEXT, account_id TEXT,
  status TEXT NOT NULL,              -- opening, idle, busy, error, closed, offline
  why TEXT, pinned_worker_id TEXT, group_name TEXT NOT NULL, url TEXT, title TEXT, viewport TEXT, shared INTEGER NOT NULL DEFAULT 1,
  task_id TEXT, error TEXT, restarts INTEGER NOT NULL DEFAULT 0, retry_ms INTEGER, created_by TEXT NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_agents_status ON agents(status);

CREATE TABLE IF NOT EXISTS agent_history (
  agent_id TEXT NOT NULL, idx INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  what TEXT NOT NULL,                -- created, opened, task, free, crashed, error, offline, restarted, closed
  task_id TEXT, detail TEXT, PRIMARY KEY (agent_id, idx)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS pauses (
  scope TEXT NOT NULL, name TEXT NOT NULL,   -- fleet, group, platform, account, queue, kind; a queue's name is <group>.<lane>
  by TEXT NOT NULL, reason TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY (scope, name)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS alerts (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, metric TEXT NOT NULL, severity TEXT NOT NULL, enabled INTEGER NOT NULL, builtin INTEGER NOT NULL,
  rule TEXT NOT NULL, status TEXT NOT NULL,   -- off, ok, pending, firing, snoozed, acknowledged, resolved
  breaching TEXT NOT NULL DEFAULT '[]', text TEXT NOT NULL, since_ms INTEGER, fired_ms INTEGER, resolved_ms INTEGER, acknowledged_by TEXT, snoozed_ms INTEGER, history TEXT NOT NULL DEFAULT '[]', error TEXT, updated_ms INTEGER NOT NULL);

-- Talks of people whose data was deleted: what journals still say of the time before is shown no more.
CREATE TABLE IF NOT EXISTS erased_talks (conversation_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS erasures (
  id TEXT PRIMARY KEY, platform TEXT NOT NULL, status TEXT NOT NULL,   -- erasing, waiting, forgetting, done
  erased TEXT, error TEXT, attempt INTEGER NOT NULL, next_ms INTEGER, by TEXT NOT NULL, created_ms INTEGER NOT NULL, done_ms INTEGER);

CREATE TABLE IF NOT EXISTS notifiers (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, sink_id TEXT NOT NULL, config TEXT NOT NULL, status TEXT NOT NULL,   -- off, waiting, gathering
  gathered INTEGER NOT NULL, next_ms INTEGER, notices INTEGER NOT NULL, messages INTEGER NOT NULL, since_ms INTEGER NOT NULL, seen TEXT NOT NULL, updated_ms INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS sinks (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, enabled INTEGER NOT NULL, config TEXT NOT NULL,   -- sealed values are references
  status TEXT NOT NULL,              -- off, idle, sending, waiting, removing
  kept INTEGER NOT NULL, sent INTEGER NOT NULL, dropped INTEGER NOT NULL, error TEXT, last_sent_ms INTEGER, next_ms INTEGER, updated_ms INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, at_ms INTEGER NOT NULL, by TEXT NOT NULL, actor TEXT NOT NULL, event TEXT NOT NULL, detail TEXT);
CREATE INDEX IF NOT EXISTS idx_audit_actor ON audit(actor, at_ms, id);
CREATE INDEX IF NOT EXISTS idx_audit_at ON audit(at_ms, id);

CREATE VIEW IF NOT EXISTS workers_v AS SELECT *, CASE WHEN status IN ('connected', 'suspect') THEN 'online' ELSE 'offline' END AS online FROM workers;
`;
