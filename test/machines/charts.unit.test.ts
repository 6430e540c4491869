import { describe, expect, it } from 'vitest';
import { workerConfig } from '../../actors/worker.ts';
import { Story } from './story.ts';

const worker = (more: object = {}) => new Story('worker', { id: 'w', config: { worker_id: 'w', ...workerConfig.parse({ name: 'W', ...more }) } });
const registered = { registration: { incarnation: 'i1', host: 'h', pid: 7, port: 1, version: '1', node: 'v20', chromium: '1', capabilities: ['sandbox'], maxAccounts: 10, group: 'default', mode: 'profile' } };
const running = (more: object = {}) => {
  const s = worker(more);
  s.send('START', { by: 'user:a' });
  s.done('spawn', { handle: { pid: 7 }, pid: 7 });
  s.send('REGISTERED', registered);
  return s;
};

describe('worker', () => {
  it('is running only once it has registered', () => {
    const s = worker();
    s.send('START');
    expect(s.state).toBe('active.process.starting.spawning,active.link.disconnected');
    s.done('spawn', { handle: {}, pid: 7 });
    expect(s.state).toContain('starting.registering');
    s.send('REGISTERED', registered);
    expect(s.state).toBe('active.process.running.supervised.heard,active.link.connected');
  });
  it('that does not register in 30 s is ended and started again', () => {
    const s = worker();
    s.send('START');
    s.done('spawn', { handle: {}, pid: 7 });
    s.wait(30_000);
    expect(s.state).toContain('stopping.ending');
    s.done('kill', { code: null, signal: 'SIGKILL' });
    s.wait(1_000);
    expect(s.state).toContain('starting.spawning');
  });
  it('backs off 5, 10, 20 s, then gives up', () => {
    const s = running();
    s.rnd = 0;
    for (const delay of [5_000, 10_000, 20_000]) {
      s.done('watch', { code: 1, signal: null });
      expect(s.state).toContain('process.crashed');
      expect(s.state).toContain('link.disconnected');
      expect(s.context.nextRetryAt - s.now).toBe(delay);
      s.wait(delay - 1);
      expect(s.state).toContain('process.crashed');
      s.wait(1);
      s.done('spawn', { handle: {}, pid: 7 });
      s.send('REGISTERED', registered);
    }
    s.done('watch', { code: null, signal: 'SIGSEGV' });
    expect(s.state).toContain('process.error');
    expect(s.context.cause).toContain('SIGSEGV');
    s.send('START');
    expect(s.state).toContain('starting');
    expect(s.context.crashes).toEqual([]);
  });
  it('forgets crashes of more than ten minutes ago', () => {
    const s = running();
    s.rnd = 0;
    for (let i = 0; i < 8; i++) {
      s.done('watch', { code: 1, signal: null });
      expect(s.state).toContain('crashed');
      s.wait(5_000);
      s.done('spawn', { handle: {}, pid: 7 });
      s.send('REGISTERED', registered);
      s.wait(601_000);
    }
  });
  it('counts no crash for exit 0, and names exit 78', () => {
    const well = running();
    well.done('watch', { code: 0, signal: null });
    expect(well.state).toContain('process.stopped');
    const bad = running();
    bad.done('watch', { code: 78, signal: null });
    expect(bad.state).toContain('process.error');
    expect(bad.context.cause).toContain('78');
  });
  it('that ended while no master watched is started at once', () => {
    const s = running();
    s.done('watch', { code: null, signal: null, unseen: true });
    expect(s.state).toBe('active.process.starting.spawning,active.link.disconnected');
    expect(s.context.crashes).toEqual([]);
  });
  it('takes commands while it backs off', () => {
    for (const [event, state] of [['RETRY_NOW', 'starting'], ['STOP', 'stopped'], ['START', 'starting']] as const) {
      const s = running();
      s.done('watch', { code: 1, signal: null });
      s.send(event);
      expect(s.state).toContain(`process.${state}`);
    }
  });
  it('stops with grace, or at once', () => {
    const s = running();
    s.send('STOP', { graceful: true, timeout: 7_000 });
    expect(s.entry.pending.effects[Object.keys(s.entry.pending.effects)[0]!]!.input).toMatchObject({ graceMs: 7_000 });
    s.done('kill', { code: 0, signal: null });
    expect(s.state).toBe('active.process.stopped,active.link.disconnected');
    const now = running();
    now.send('STOP', { graceful: false });
    expect(Object.values(now.entry.pending.effects)[0]!.input).toMatchObject({ graceMs: 0 });
  });
  it('is suspect, seen again, then offline; and connected with a new registration', () => {
    const s = running();
    s.send('SUSPECT');
    expect(s.state).toContain('link.suspect');
    s.send('SEEN');
    expect(s.state).toContain('link.connected');
    s.send('OFFLINE');
    expect(s.state).toContain('link.offline');
    s.send('REGISTERED', registered);
    expect(s.state).toContain('link.connected');
  });
  it('started elsewhere runs unwatched, and stops when it is silent', () => {
    const s = worker();
    s.send('REGISTERED', registered);
    expect(s.state).toBe('active.process.running.elsewhere,active.link.connected');
    expect(s.running).toEqual([]);
    s.send('OFFLINE');
    expect(s.state).toBe('active.process.stopped,active.link.disconnected');
  });
  it('names its cause, and keeps the last restarts with theirs', () => {
    const s = running();
    s.rnd = 0;
    s.done('watch', { code: 139, signal: null });
    expect(s.context.cause).toBe('exit 139 SIGSEGV');
    s.wait(5_000);
    expect(s.context.cause).toBe('restarted: exit 139 SIGSEGV');
    expect(s.context.history).toEqual([{ at: s.now, cause: 'exit 139 SIGSEGV' }]);
  });
  it.each([
    ['restart', 'stopping.ending', 'starting.spawning'],
    ['drain', 'draining.supervised', 'starting.spawning'],
    ['stop', 'stopping.ending', 'stopped'],
  ])('over its memory: %s', (memory_action, first, last) => {
    const s = running({ memory_action });
    s.send('OVER_MEMORY', { usedMb: 2150, limitMb: 2048 });
    expect(s.state).toContain(`process.${first}`);
    expect(s.context.cause).toBe('memory 2.1 GB over 2 GB');
    if (first.startsWith('draining')) s.send('DRAINED');
    s.done('kill', { code: 0, signal: null });
    s.wait(1_000);
    expect(s.state).toContain(`process.${last}`);
    if (last !== 'stopped') expect(s.context).toMatchObject({ cause: 'restarted: memory 2.1 GB over 2 GB', restarts: 1 });
  });
  it('is recycled at its age, by a drain', () => {
    const s = running({ recycle_after_hours: 2 });
    s.wait(2 * 3_600_000);
    expect(s.state).toContain('process.draining.supervised');
    s.send('DRAINED');
    s.done('kill', { code: 0, signal: null });
    s.wait(1_000);
    expect(s.state).toContain('starting.spawning');
    expect(s.context.cause).toBe('restarted: recycled after 2 h');
    const never = running();
    never.wait(1000 * 3_600_000);
    expect(never.state).toContain('running.supervised');
  });
  it('drains until it is empty or its time is over, and can be taken back', () => {
    const s = running({ drain_timeout_ms: 60_000 });
    s.send('DRAIN', { by: 'user:a' });
    expect(s.context.cause).toBe('drained by user:a');
    s.send('START', { by: 'user:b' });
    expect(s.state).toContain('running.supervised.heard');
    s.send('DRAIN');
    s.wait(60_000);
    expect(s.state).toContain('stopping.ending');
    s.done('kill', { code: 0, signal: null });
    expect(s.state).toContain('process.stopped');
  });
  it('is killed out of every state that has a process, and a stop under way becomes a kill', () => {
    for (const before of [(s: Story) => s, (s: Story) => (s.send('DRAIN'), s), (s: Story) => (s.send('STOP'), s)]) {
      const s = before(running());
      s.send('KILL', { by: 'user:a' });
      expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'kill', input: { graceMs: 0 } }]);
      expect(s.context.cause).toBe('killed by user:a');
    }
  });
  it('told to start while it stops, starts once it has stopped', () => {
    const s = running();
    s.send('STOP');
    s.send('START');
    s.done('kill', { code: 0, signal: null });
    s.wait(1_000);
    expect(s.state).toContain('starting.spawning');
    const other = running();
    other.send('RESTART');
    other.send('STOP');
    other.done('kill', { code: 0, signal: null });
    expect(other.state).toContain('process.stopped');
  });
  it('that hangs is ended and started again; one behind a broken line is left alone', () => {
    const s = running();
    s.send('OFFLINE');
    s.wait(119_000);
    expect(s.state).toBe('active.process.running.supervised.silent,active.link.offline');
    s.wait(1_000);
    expect(s.state).toContain('stopping.ending');
    expect(s.context.cause).toContain('silent for 2 min');
    const far = running({ deployment_type: 'remote', ssh_host: 'h', ssh_user: 'u', ssh_key_id: 'k' });
    far.send('OFFLINE');
    far.wait(3_600_000);
    expect(far.state).toContain('running.supervised');
    const back = running();
    back.send('OFFLINE');
    back.send('REGISTERED', registered);
    back.wait(600_000);
    expect(back.state).toBe('active.process.running.supervised.heard,active.link.connected');
  });
  it('tells which version of its configuration it runs', () => {
    const s = running();
    expect(s.context.runs).toEqual({ started: 1, applied: 1 });
    s.send('UPDATE', { config: { max_accounts: 5, secret_env: { A: 'worker_w.env-A' } } });
    expect(s.context).toMatchObject({ configVersion: 2, runs: { started: 1, applied: 1 }, config: { max_accounts: 5, secret_env: { A: 'worker_w.env-A' } } });
    expect(s.send('APPLIED', { version: 3 })).toBe(false);
    s.send('APPLIED', { version: 2 });
    expect(s.context.runs).toEqual({ started: 1, applied: 2 });
    s.send('UPDATE', { config: { secret_env: { A: null } } });
    expect(s.context.config.secret_env).toEqual({});
  });
  it('can be removed only when it does not run', () => {
    const s = running();
    expect(s.send('REMOVE')).toBe(false);
    s.send('STOP');
    s.done('kill', { code: 0, signal: null });
    s.send('REMOVE');
    expect(s.state).toBe('removed');
  });
});

const account = () => new Story('account', { id: 'a', platform: 'sandbox', name: 'A', platformAccount: null, monitorInterval: 20, proxy: null, limits: { perMinute: 6, perHour: 60, quiet: null } });
const user = { id: 'u', nickname: 'U', avatar: null };
const loggedIn = () => {
  const s = account();
  s.done('assign', { worker: 'w1', incarnation: 'i1' });
  s.send('LOGIN', { login: 'l1' });
  s.send('LOGIN_DONE', { login: 'l1', user, validUntil: null, fingerprint: null });
  return s;
};

describe('account', () => {
  it('finds a worker, and its epoch rises with each', () => {
    const s = account();
    expect(s.running).toEqual(['assign']);
    s.done('assign', { worker: 'w1', incarnation: 'i1' });
    expect(s.context.lease).toMatchObject({ worker: 'w1', epoch: 1 });
    s.send('WORKER_LOST', { epoch: 1, reason: 'offline' });
    expect(s.context.lease).toBeNull();
    s.done('assign', { worker: 'w2', incarnation: 'i9' });
    expect(s.context.lease).toMatchObject({ worker: 'w2', epoch: 2 });
    expect(s.send('WORKER_LOST', { epoch: 1, reason: 'late' })).toBe(false);
  });
  it('starts a login at once when it is leased, else when it is', () => {
    const s = account();
    s.send('LOGIN', { login: 'l1' });
    expect(s.tells).toEqual(['login/l1 ~start']);
    s.done('assign', { worker: 'w1', incarnation: 'i1' });
    expect(s.tells).toEqual(['login/l1 LEASED']);
  });
  it('is monitored from its login on, and no more when it is paused or its worker is lost', () => {
    const s = loggedIn();
    expect(s.state).toContain('logged_in.monitoring');
    expect(s.tells).toEqual(['monitor/a ON']);
    expect(s.context.validUntil - s.now).toBe(7 * 24 * 3600 * 1000);
    s.send('PAUSE');
    expect(s.tells).toEqual(['monitor/a OFF']);
    s.send('RESUME');
    expect(s.tells).toEqual(['monitor/a ON']);
    s.send('WORKER_LOST', { epoch: 1, reason: 'gone' });
    expect(s.tells).toEqual(['monitor/a OFF']);
    expect(s.state).toContain('logged_in.idle');
    s.done('assign', { worker: 'w2', incarnation: 'i2' });
    expect(s.tells).toEqual(['monitor/a ON']);
  });
  it('has expired when its session is lost, but not by an old worker\'s word', () => {
    const s = loggedIn();
    expect(s.send('SESSION_LOST', { epoch: 0, reason: 'logged out' })).toBe(false);
    s.send('SESSION_LOST', { epoch: 1, reason: 'logged out' });
    expect(s.state).toContain('session.expired');
    expect(s.context.reason).toBe('logged out');
  });
  it('hears only the login that it asked for', () => {
    const s = account();
    s.send('LOGIN', { login: 'l2' });
    expect(s.send('LOGIN_FAILED', { login: 'l1', reason: 'old' })).toBe(false);
    expect(s.send('LOGIN', { login: 'l3' })).toBe(false);
    s.send('LOGIN_FAILED', { login: 'l2', reason: 'no code' });
    expect(s.state).toContain('login_failed');
    s.send('LOGIN', { login: 'l3' });
    expect(s.state).toContain('logging_in');
  });
  it('moves to another worker only when the first has let it go, or after 25 s', () => {
    const s = loggedIn();
    s.send('ASSIGN', { worker: 'w2' });
    expect(s.state).toContain('lease.releasing');
    expect(s.context.lease).toBeNull();
    s.send('RELEASED', { epoch: 1 });
    expect(s.state).toContain('lease.finding');
    const slow = loggedIn();
    slow.send('ASSIGN', { worker: 'w2' });
    slow.wait(24_999);
    expect(slow.state).toContain('releasing');
    slow.wait(1);
    expect(slow.state).toContain('finding');
  });
});

const login = () => {
  const s = new Story('login', { id: 'l1', account: 'a', platform: 'sandbox', method: 'qrcode', proxy: null });
  s.send('LEASED', { worker: 'w1', epoch: 1 });
  return s;
};

describe('login', () => {
  it('shows the code, counts renewals, and tells the account of its end', () => {
    const s = login();
    s.progress('login', 'QR', { picture: 'p1', url: 'u', txn: 't1', expiresAt: 5 });
    expect(s.state).toBe('open.running.scanning');
    s.progress('login', 'QR', { picture: 'p2', url: 'u', txn: 't2', expiresAt: 6 });
    expect(s.context).toMatchObject({ refreshed: 1, qr: { picture: 'p2' } });
    s.progress('login', 'CONFIRMING', { prompt: 'confirm on the phone' });
    expect(s.state).toBe('open.running.confirming');
    s.done('login', { user, validUntil: null, fingerprint: null });
    expect(s.state).toBe('success');
    expect(s.tells).toEqual(['account/a LOGIN_DONE']);
  });
  it('takes the answer to the challenge that is shown, and no other', () => {
    const s = login();
    s.progress('login', 'CHALLENGE', { what: 'sms', prompt: 'code', picture: null, txn: 't1' });
    expect(s.send('ANSWER', { txn: 'old', ref: 'r' })).toBe(false);
    s.send('ANSWER', { txn: 't1', ref: 'l1.answer-1' });
    expect(s.state).toBe('open.running.confirming');
    expect(s.commands.find((c) => c.do === 'signal')).toMatchObject({ child: 'login', data: { txn: 't1', ref: 'l1.answer-1' } });
  });
  it('expires after five minutes, wherever it is', () => {
    for (const steps of [[], ['QR'], ['QR', 'CONFIRMING']]) {
      const s = login();
      for (const type of steps) s.progress('login', type, { picture: 'p', url: null, txn: 't', expiresAt: null, prompt: '' });
      s.wait(300_000);
      expect(s.state).toBe('expired');
      expect(s.running).toEqual([]);
      expect(s.tells).toEqual(['account/a LOGIN_FAILED']);
    }
  });
  it('fails with the platform\'s reason, with its worker, or by cancel', () => {
    const bad = login();
    bad.fail('login', 'timeout');
    expect(bad.context.error).toBe('it was timeout');
    const off = login();
    off.send('CANCEL');
    expect(off.tells).toEqual(['account/a LOGIN_CANCELLED']);
    expect(off.running).toEqual([]);
  });
});

describe('a login whose worker dies', () => {
  it('begins anew with the next worker while nobody has seen a code', () => {
    for (const lose of [(s: Story) => s.send('WORKER_LOST', { reason: 'offline' }), (s: Story) => s.fail('login', 'lost')]) {
      const s = login();
      lose(s);
      expect([s.state, s.running]).toEqual(['open.pending', []]);
      expect(s.send('WORKER_LOST', { reason: 'offline' })).toBe(false);
      s.send('LEASED', { worker: 'w2', epoch: 2 });
      expect([s.state, s.running]).toEqual(['open.running.pending', ['login']]);
    }
  });
  it('has failed once a code was shown', () => {
    const s = login();
    s.progress('login', 'QR', { picture: 'p', url: null, txn: 't', expiresAt: null });
    s.fail('login', 'lost');
    expect(s.state).toBe('failed');
  });
  it('is told of the next lease by its account', () => {
    const s = account();
    s.done('assign', { worker: 'w1', incarnation: 'i1' });
    s.send('LOGIN', { login: 'l1' });
    s.send('WORKER_LOST', { epoch: 1, reason: 'gone' });
    expect(s.tells).toEqual(['login/l1 WORKER_LOST']);
    s.done('assign', { worker: 'w2', incarnation: 'i2' });
    expect(s.tells).toEqual(['login/l1 LEASED']);
  });
});

const monitor = () => {
  const s = new Story('monitor', { id: 'a' });
  s.rnd = 0;
  s.send('ON', { platform: 'sandbox', worker: 'w1', epoch: 1, interval: 20, proxy: null });
  return s;
};
const round = { comments: 1, messages: 0, cursor: { comments: 'c', messages: null }, ms: 5 };

describe('monitor', () => {
  it('comes again after interval x U(0.75, 1.5)', () => {
    for (const [rnd, ms] of [[0, 15_000], [1, 30_000], [0.5, 22_500]] as const) {
      const s = monitor();
      s.wait(1_000);
      s.rnd = rnd;
      s.done('crawl', round);
      expect(s.state).toBe('waiting');
      s.wait(ms - 1);
      expect(s.state).toBe('waiting');
      s.wait(1);
      expect(s.state).toBe('crawling');
    }
  });
  it('goes on after a fault, later each time', () => {
    const s = monitor();
    s.wait(1_000);
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) {
      s.fail('crawl', 'network');
      expect(s.state).toBe('backing_off');
      delays.push(s.context.delay);
      s.wait(s.context.delay);
    }
    expect(delays).toEqual([30_000, 60_000, 120_000, 240_000]);
    s.done('crawl', round);
    expect(s.context.failures).toBe(0);
  });
  it('stops and tells the account when the session is lost', () => {
    for (const kind of ['logged-out', 'challenged']) {
      const s = monitor();
      s.wait(1_000);
      s.fail('crawl', kind);
      expect(s.state).toBe('suspended');
      expect(s.tells).toEqual(['account/a SESSION_LOST']);
    }
  });
  it('stops at once when it is turned off, and its round with it', () => {
    const s = monitor();
    s.wait(1_000);
    expect(s.running).toEqual(['crawl']);
    s.send('OFF');
    expect([s.state, s.running]).toEqual(['suspended', []]);
  });
});

const reply = () => new Story('reply', { id: 'r', account: 'a', platform: 'sandbox', to: { type: 'comment', comment: 'c', post: 'p' }, text: 'hi', by: 'user:a' });
const claimed = () => {
  const s = reply();
  s.done('claim', { worker: 'w1', epoch: 3, proxy: null });
  return s;
};
const submitted = () => {
  const s = claimed();
  s.progress('post', 'LEAVE', { epoch: 3 });
  return s;
};

describe('reply', () => {
  it('queued, claimed, submitting, confirming, posted', () => {
    const s = submitted();
    expect(s.state).toBe('posting.submitting');
    s.done('post', { remoteId: 'x' });
    expect(s.state).toBe('confirming');
    s.done('find', { remoteId: 'x', reliable: true });
    expect([s.state, s.context.remoteId]).toEqual(['posted', 'x']);
  });
  it('gives no leave to an old epoch, and none twice', () => {
    const s = claimed();
    expect(s.progress('post', 'LEAVE', { epoch: 2 })).toBe(false);
    s.progress('post', 'LEAVE', { epoch: 3 });
    expect(s.progress('post', 'LEAVE', { epoch: 3 })).toBe(false);
  });
  it('retries 1, 2, 4 s after faults that lie before the send; then it has failed', () => {
    const s = reply();
    s.rnd = 0;
    for (const delay of [1_000, 2_000, 4_000]) {
      s.done('claim', { worker: 'w1', epoch: 3, proxy: null });
      s.fail('post', 'network');
      expect(s.state).toBe('queued.waiting');
      s.wait(delay - 1);
      expect(s.state).toBe('queued.waiting');
      s.wait(1);
    }
    s.done('claim', { worker: 'w1', epoch: 3, proxy: null });
    s.fail('post', 'network');
    expect(s.state).toBe('failed');
    expect(s.context.attempt).toBe(4);
  });
  it('never goes back to the queue by itself once leave is given and the send is not disproved', () => {
    for (const kind of ['network', 'timeout', 'lost', 'unknown', 'rate-limited', 'element-not-found']) {
      const s = submitted();
      s.fail('post', kind, 'maybe');
      expect(s.state, kind).toBe('unknown.waiting');
      for (let i = 0; i < 50 && !['posted', 'needs_human'].includes(s.state); i++) {
        s.wait(10_000);
        expect(s.state.startsWith('queued') || s.state.startsWith('posting'), s.state).toBe(false);
        if (s.running.includes('claim')) s.done('claim', { worker: 'w1', epoch: 3, proxy: null });
        if (s.running.includes('find')) s.done('find', { remoteId: null, reliable: true });
      }
      expect([s.state, s.context.looked]).toEqual(['needs_human', 2]);
    }
  });
  it('is posted when the platform shows it after a doubt', () => {
    const s = submitted();
    s.fail('post', 'network', 'maybe');
    s.wait(10_000);
    s.done('claim', { worker: 'w1', epoch: 4, proxy: null });
    s.done('find', { remoteId: 'x9', reliable: true });
    expect([s.state, s.context.remoteId]).toEqual(['posted', 'x9']);
  });
  it('may be tried again after leave when the worker swears that it did not press', () => {
    const s = submitted();
    s.fail('post', 'fenced', 'no');
    expect(s.state).toBe('queued.waiting');
    expect(s.context.submittedAt).toBeNull();
  });
  it('that no worker answers for is in doubt after two minutes, and a person\'s after five more', () => {
    const s = submitted();
    s.wait(120_000);
    expect(s.state).toContain('unknown');
    s.wait(300_000);
    expect(s.state).toBe('needs_human');
  });
  it('waits for a person, who may check, resend, take it as posted or drop it', () => {
    const doubt = () => {
      const s = submitted();
      s.fail('post', 'network', 'maybe');
      s.wait(300_000);
      expect(s.state).toBe('needs_human');
      return s;
    };
    for (const [event, state] of [['RESEND', 'replaced'], ['CHECK', 'unknown.waiting'], ['MARK_POSTED', 'posted'], ['DISCARD', 'cancelled']] as const) {
      const s = doubt();
      s.send(event);
      expect(s.state).toBe(state);
    }
  });
  it('can be cancelled until leave is given', () => {
    for (const s of [reply(), claimed()]) {
      s.send('CANCEL');
      expect(s.state).toBe('cancelled');
    }
    expect(submitted().send('CANCEL')).toBe(false);
  });
});
