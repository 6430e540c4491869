import type Database from 'better-sqlite3';
import { TalkRows } from '../../runtime/read-model/project-talks.ts';

/** What strangers write; tests put their payloads here. */
export type SeedText = { author: string; content: string; post: string; name: string; error: string; log: string; id: string };

const AUTHORS = ['林晚风', '小鹿同学', 'Momo酱', '山里来的猫', '阿哲的厨房', '北岛以北', 'Vivian Wu', '今天也要早睡'];
const COMMENTS = [
  '这个颜色太好看了！请问还有 M 码吗？', '蹲一个链接，想给妈妈也买一件', '收到货了，比图片还要好看，物流也很快', '请问支持七天无理由吗？上次买的有点大', '教程讲得好清楚，终于学会了',
  '价格能再优惠一点吗？想买两件', '同款在哪里可以买到呀', '等了好久终于上新了！',
];
const MESSAGES = ['你好，我的订单三天了还没发货，可以帮我看看吗？', '想问一下你们线下门店在哪里', '可以开发票吗？抬头是公司', '好的，谢谢！', 'Do you ship to Singapore?'];
const POSTS = ['秋冬新款开箱｜三件搞定通勤', '五分钟早餐系列 12', '周末去哪儿：城市露营指南'];

/** A small, lively fleet: three workers, four accounts, a login that waits, comments, messages, replies in most states. */
export function seed(db: Database.Database, now: number, text?: SeedText): void {
  const s = Math.floor(now / 1000);
  const t = (own: string, key: keyof SeedText) => text?.[key] ?? own;
  const insert = (table: string, row: Record<string, unknown>) => {
    const keys = Object.keys(row);
    db.prepare(`INSERT INTO ${table} (${keys.join(', ')}) VALUES (${keys.map((k) => `@${k}`).join(', ')})`).run(row);
  };
  const worker = (id: string, name: string, status: string, link: string, more: Record<string, unknown> = {}, config: Record<string, unknown> = {}) => {
    insert('worker_configs', { worker_id: id, name, description: '', deployment_type: 'local', host: '127.0.0.1', port: 4000 + Number(id.at(-1)), env_variables: JSON.stringify({ LOG_LEVEL: t('info', 'error'), API_SECRET: 'hidden-value' }), created_at: s - 86_400, updated_at: s, ...config });
    insert('worker_runtime', { worker_id: id, config_id: 1, process_id: status === 'running' ? 20_000 + Number(id.at(-1)) : null, status, cause: t('started by user:admin', 'error'), started_at: status === 'running' ? s - 7200 : null, worker_version: '0.1.0', node_version: '20.20.2', chromium_version: '156', ...more });
    const group = String(config['group_name'] ?? 'default');
    insert('workers', { id, host: '127.0.0.1', port: 4001, status: link, capabilities: '["sandbox"]', group_name: group, groups: JSON.stringify([...new Set([group, 'default'])]), created_at: s, updated_at: s });
  };
  worker('worker-1', t('本机 1 号', 'name'), 'running', 'connected');
  worker('worker-2', '本机 2 号', 'running', 'suspect', { restart_count: 2 }, { group_name: 'docker', deployment_type: 'docker' });
  worker('worker-3', '备用机', 'crashed', 'disconnected', { cause: t('exit 1', 'error'), last_error: t('exit 1: 浏览器启动失败', 'error'), next_retry_ms: now + 42_000 });
  worker('worker-4', '夜间机', 'stopped', 'disconnected', { cause: 'it exited by itself (exit 0)' }, { auto_start: 0 });

  const account = (id: string, name: string, more: Record<string, unknown>) =>
    insert('accounts', { id, platform: 'sandbox', account_name: name, account_id: `sb_${id}`, login_status: 'logged_in', activity: 'monitoring', monitor_state: 'waiting', user_info: JSON.stringify({ id, nickname: t(name, 'author'), avatar: null }), limits: '{"perMinute":6,"perHour":60,"quiet":null}', last_login_time: s - 86_400, cookies_valid_until: s + 5 * 86_400, assigned_worker_id: 'worker-1', lease_epoch: 3, lease_state: 'held', last_round: JSON.stringify({ at: now - 14_000, ms: 900, comments: 2, messages: 0, error: null }), created_at: s - 90_000, updated_at: s, ...more });
  account('a1', t('旗舰店', 'name'), {});
  account('a2', '阿哲的厨房', { platform: 'sandbox', assigned_worker_id: 'worker-2', monitor_state: 'crawling' });
  account('a3', '城市漫游', { login_status: 'logging_in', activity: null, login_session: 'l1', user_info: null, cookies_valid_until: null, last_round: null });
  account('a4', '小样日记', { login_status: 'expired', activity: null, reason: t('平台要求重新登录', 'error'), assigned_worker_id: null, lease_state: 'finding' });

  insert('login_sessions', { id: 'l1', account_id: 'a3', worker_id: 'worker-1', status: 'scanning', picture: 'qr1', qr_expires_ms: now + 48_000, qr_txn: 't1', refreshed: 1, expires_at: s + 214, created_at: s - 86 });
  insert('login_sessions', { id: 'l2', account_id: 'a4', worker_id: 'worker-1', status: 'challenge', challenge: JSON.stringify({ what: 'sms', prompt: t('验证码已发送到 138****2046', 'content'), picture: null, txn: 't2' }), expires_at: s + 150, created_at: s - 150 });
  for (const [id, status] of [['l3', 'success'], ['l4', 'failed'], ['l5', 'expired'], ['l6', 'cancelled'], ['l7', 'pending'], ['l8', 'confirming']] as const) insert('login_sessions', { id, account_id: 'a4', status, prompt: t('请稍候', 'content'), error_message: status === 'failed' ? t('平台拒绝了这次登录', 'error') : null, expires_at: s + 100, created_at: s - 600 });

  const talks = new TalkRows(db);
  for (let i = 0; i < 24; i++) {
    const at = now - (24 - i) * 487_000;
    const author = t(AUTHORS[i % AUTHORS.length]!, 'author');
    const content = t(COMMENTS[i % COMMENTS.length]!, 'content');
    const of = i % 3 === 0 ? 'a2' : 'a1';
    talks.comment(of, { id: `pc${i}`, text: content, author: { id: `u${i % 8}`, name: author }, post: { id: `p${i % 3}`, title: t(POSTS[i % 3]!, 'post') }, at }, at);
    if (i < 17) talks.read(of, [`pc${i}`], [], true);
    insert('notifications', { key: `comment-a1-pc${i}`, type: 'comment', account_id: 'a1', related_id: `pc${i}`, title: author, content, is_read: i < 17 ? 1 : 0, created_at: Math.floor(at / 1000), created_ms: at });
  }
  for (let i = 0; i < 10; i++) {
    const at = now - (10 - i) * 913_000;
    const content = t(MESSAGES[i % MESSAGES.length]!, 'content');
    const author = t(AUTHORS[(i * 3) % AUTHORS.length]!, 'author');
    const outbound = i % 5 === 3;
    talks.message('a1', { id: `pm${i}`, text: content, sender: { id: `u${Math.floor(i / 4)}`, name: author }, direction: outbound ? 'outbound' : 'inbound', at }, at);
    if (i < 6) talks.read('a1', [], [`pm${i}`], true);
  }
  insert('notifications', { key: 'account-a4-9', type: 'account_status', account_id: 'a4', title: t('小样日记', 'name'), content: t('平台要求重新登录', 'error'), priority: 'high', created_at: s - 300, created_ms: now - 300_000 });
  insert('notifications', { key: 'worker-worker-3-4', type: 'system', related_id: 'worker-3', title: '备用机: crashed', content: t('exit 1', 'error'), priority: 'urgent', created_at: s - 60, created_ms: now - 60_000 });

  const states = ['posted', 'posted', 'submitting', 'needs_human', 'queued', 'failed', 'unknown'];
  states.forEach((status, i) => {
    const at = now - (states.length - i) * 360_000;
    insert('replies', { conversation_id: talks.ofTarget('a1', i % 3 === 2 ? 'message' : 'comment', i % 3 === 2 ? 'pm4' : `pc${17 + i}`), id: `r${i}`, account_id: 'a1', platform: 'sandbox', reply_type: i % 3 === 2 ? 'message' : 'comment', target_id: i % 3 === 2 ? 'pm4' : `pc${17 + i}`, target: JSON.stringify({ type: 'comment', comment: `pc${17 + i}`, post: 'p1' }), content: t(['亲，M 码还有现货哦，今天下单明天发～', '谢谢喜欢！链接在主页橱窗第一个', '已经帮您催了，今天会发出'][i % 3]!, 'content'), by: 'user:admin', status, attempt: status === 'queued' ? 2 : 1, max_attempts: 4, retry_ms: status === 'queued' ? now + 9000 : null, error_message: ['failed', 'needs_human', 'unknown'].includes(status) ? t('提交后连接中断，没有收到平台的答复', 'error') : null, submitted_ms: at + 2000, created_at: Math.floor(at / 1000), created_ms: at, updated_ms: at + 5000 });
  });

  const actor = (kind: string, id: string, state: string, version: string, context: unknown) => {
    insert('actors', { kind, id, partition: 1, version, idx: 14, seq: 100, at_ms: now - 30_000, status: 'active', state, entry: JSON.stringify({ after: { context }, pending: { effects: {}, timers: {}, tells: {} } }), busy: 1, parked: id === 'worker-3' ? t('the event EXITED threw: no handle', 'error') : null, created_ms: now - 86_400_000 });
    for (let i = 1; i <= 14; i++) insert('turns', { kind, id, idx: i, seq: 86 + i, at_ms: now - (15 - i) * 61_000, event: ['~start', 'START', 'xstate.done.actor.spawn', 'REGISTERED', 'SUSPECT', 'SEEN'][i % 6]!, by: i % 3 === 0 ? t('user:admin', 'name') : null, state });
  };
  actor('worker', 'worker-1', 'active.process.running.supervised,active.link.connected', 'worker-v1', { id: 'worker-1', cause: t('started by user:admin', 'error'), restarts: 0, config: { name: t('本机 1 号', 'name'), max_accounts: 10, env_variables: {} } });
  actor('worker', 'worker-3', 'active.process.crashed,active.link.disconnected', 'worker-v1', {});
  actor('account', 'a1', 'active.session.logged_in.monitoring,active.lease.held', 'account-v1', { name: t('旗舰店', 'name'), lease: { worker: 'worker-1', epoch: 3 }, limits: { perMinute: 6 } });
  actor('login', 'l1', 'open.running.scanning', 'login-v1', { qr: { picture: 'qr1' } });
  actor('monitor', 'a1', 'waiting', 'monitor-v1', { round: 412 });
  actor('reply', 'r3', 'needs_human', 'reply-v1', { text: t('亲，M 码还有现货哦', 'content') });
  for (let i = 1; i <= 30; i++) insert('audit', { key: `j${100 + i}`, at_ms: now - (30 - i) * 90_000, by: t(i % 4 === 0 ? 'token:report' : 'user:admin', 'name'), actor: i % 3 === 0 ? 'worker/worker-1' : 'account/a1', event: t(i % 3 === 0 ? 'START' : 'UPDATE', 'error'), detail: i % 5 === 0 ? null : `request-${i} ${t('9f2kq81xa', 'id')}` });
  for (let i = 0; i < 60; i++) insert('worker_logs', { worker_id: 'worker-1', level: ['info', 'info', 'debug', 'warn', 'error'][i % 5]!, category: ['lifecycle', 'task', 'system'][i % 3]!, message: t(['round a1-412: 2 comments, 0 messages in 880 ms', 'browser of a2 opened', 'proxy answers in 140 ms', 'login page took 4.2 s', 'element-not-found: .comment-list'][i % 5]!, 'log'), timestamp: s - 60 + i, timestamp_ms: now - 60_000 + i * 1000 });
}
