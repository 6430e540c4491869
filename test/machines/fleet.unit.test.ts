import { describe, expect, it } from 'vitest';
import { scalerConfig } from '../../actors/scaler.ts';
import { workerConfig } from '../../actors/worker.ts';
import type { SeenWorker } from '../../machines/scaler.ts';
import { Story } from './story.ts';

describe('a scaler', () => {
  const scaler = (more: object = {}) => new Story('scaler', { id: 'gpu', config: scalerConfig.parse({ min: 1, max: 4, target: 10, template: 'small', ...more }) });
  const worker = (id: string, more: Partial<SeenWorker> = {}): SeenWorker => ({ id, phase: 'running', link: 'connected', accounts: 5, busy: 0, ours: true, ...more });
  const look = (s: Story, accounts: number, ...workers: SeenWorker[]) => s.send('LOOK', { seen: { workers, accounts, work: 0 } });

  it('adds one worker at a time, rests, and looks again', () => {
    const s = scaler();
    expect(look(s, 10, worker('a'))).toBe(false);
    look(s, 25, worker('a'));
    expect(s.state).toBe('scaling_out');
    expect(s.context.decisions[0]).toMatchObject({ do: 'out', have: 1, want: 3, why: '25 accounts at 10 a worker ask for 3; 1 run' });
    s.done('scaleOut', { worker: 'gpu-auto-1' });
    expect(s.context.decisions[0].worker).toBe('gpu-auto-1');
    expect(look(s, 25, worker('a'))).toBe(false);
    s.wait(60_000);
    look(s, 25, worker('a'), worker('gpu-auto-1', { phase: 'starting' }));
    expect(s.state).toBe('scaling_out');
  });
  it('lets the least loaded of its own go, never a busy one, never below the minimum', () => {
    const s = scaler();
    look(s, 5, worker('theirs', { ours: false, accounts: 0 }), worker('b', { accounts: 1, busy: 1 }), worker('c', { accounts: 3 }), worker('d', { accounts: 2 }));
    expect(s.state).toBe('scaling_in');
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'scaleIn', input: { worker: 'd' } }]);
    const busy = scaler();
    look(busy, 5, worker('b', { busy: 1 }), worker('c', { busy: 2 }));
    expect(busy.state).toBe('watching');
    expect(busy.context.decisions[0]).toMatchObject({ do: 'hold', why: expect.stringContaining('none of gpu\'s own workers is free to go') });
    const last = scaler();
    expect(look(last, 0, worker('b'))).toBe(false);
  });
  it('keeps its bounds', () => {
    const s = scaler();
    look(s, 900, worker('a'), worker('b'), worker('c'));
    expect(s.context.decisions[0]).toMatchObject({ want: 4, why: expect.stringContaining('4 at most') });
    const none = scaler();
    look(none, 0);
    expect(none.context.decisions[0]).toMatchObject({ do: 'out', want: 1, why: expect.stringContaining('1 at least') });
  });
  it('acts once a cooldown however the load swings (F42)', () => {
    const s = scaler({ cooldown_seconds: 60 });
    const ours: SeenWorker[] = [worker('w0')];
    const acts: { at: number; have: number }[] = [];
    for (let t = 0; t < 1_200; t += 5) {
      const high = Math.floor(t / 20) % 2 === 0;
      look(s, high ? 40 : 0, ...ours);
      if (s.state === 'scaling_out') {
        acts.push({ at: s.now, have: ours.length });
        ours.push(worker(`w${ours.length}`));
        s.done('scaleOut', { worker: ours.at(-1)!.id });
      } else if (s.state === 'scaling_in') {
        acts.push({ at: s.now, have: ours.length });
        ours.splice(ours.findIndex((w) => w.id === s.context.decisions[0].worker), 1);
        s.done('scaleIn', { worker: 'x' });
      }
      expect(ours.length).toBeGreaterThanOrEqual(1);
      s.wait(5_000);
    }
    expect(acts.length).toBeGreaterThan(5);
    for (let i = 1; i < acts.length; i++) expect(acts[i]!.at - acts[i - 1]!.at).toBeGreaterThanOrEqual(60_000);
  });
  it('only says what it would do in a dry run, once for each answer', () => {
    const s = scaler({ dry_run: true });
    look(s, 25, worker('a'));
    expect(look(s, 25, worker('a'))).toBe(false);
    expect(s.running).toEqual([]);
    expect(s.context.decisions).toMatchObject([{ do: 'out', dry: true }]);
  });
  it('says why a step failed, and tries again after the rest', () => {
    const s = scaler();
    look(s, 25, worker('a'));
    s.fail('scaleOut', 'refused');
    expect(s.context.decisions[0].error).toBe('it was refused');
    s.wait(60_000);
    expect(look(s, 25, worker('a'))).toBe(true);
  });
  it('is off until it is switched on', () => {
    const s = scaler({ enabled: false });
    expect(s.state).toBe('off');
    expect(look(s, 90, worker('a'))).toBe(false);
    s.send('UPDATE', { config: { enabled: true } });
    expect(s.state).toBe('watching');
  });
});

describe('a machine', () => {
  const shown = (n: string) => ({ fingerprint: `SHA256:${n.repeat(43)}`, host: 'h', port: 22 });
  const ssh = () => new Story('machine', { id: 'ssh-h', is: 'ssh', host: '' });

  it('is trusted when a person accepts the very key that was shown', () => {
    const s = ssh();
    s.send('KEY_SHOWN', shown('a'));
    expect(s.state).toContain('trust.offered');
    expect(s.send('ACCEPT', { fingerprint: shown('b').fingerprint })).toBe(false);
    s.send('ACCEPT', { fingerprint: shown('a').fingerprint, by: 'user:a' });
    expect(s.state).toContain('trust.trusted');
    expect(s.context).toMatchObject({ acceptedBy: 'user:a', host: 'h', port: 22, offered: null });
    expect(s.send('KEY_SHOWN', shown('a'))).toBe(false);
  });
  it('that shows another key is not trusted until that one is accepted, or the old one comes back', () => {
    const s = ssh();
    s.send('KEY_SHOWN', shown('a'));
    s.send('ACCEPT', { fingerprint: shown('a').fingerprint });
    s.send('KEY_SHOWN', shown('b'));
    expect(s.state).toContain('trust.changed');
    expect(s.context.pinned.fingerprint).toBe(shown('a').fingerprint);
    s.send('KEY_SHOWN', shown('a'));
    expect(s.state).toContain('trust.trusted');
    s.send('KEY_SHOWN', shown('b'));
    s.send('ACCEPT', { fingerprint: shown('b').fingerprint });
    expect(s.context.pinned.fingerprint).toBe(shown('b').fingerprint);
  });
  it('follows its agent', () => {
    const s = new Story('machine', { id: 'm', is: 'agent', host: '' });
    s.send('JOINED', { incarnation: 'i1', facts: { host: 'box', os: 'linux', arch: 'x64', cpus: 4, memoryTotalBytes: 1, version: '1', node: '20', chromium: null } });
    expect(s.state).toContain('link.connected');
    s.send('SUSPECT');
    s.send('OFFLINE');
    expect(s.state).toContain('link.offline');
    s.send('JOINED', { incarnation: 'i2', facts: { host: 'box', os: 'linux', arch: 'x64', cpus: 8, memoryTotalBytes: 1, version: '1', node: '20', chromium: null } });
    expect(s.context).toMatchObject({ incarnation: 'i2', host: 'box', facts: { cpus: 8 } });
  });
});

it('a worker on another machine has it prepared, step by step, and starts then; what needs a person is not tried again', () => {
  const s = new Story('worker', { id: 'w', config: { worker_id: 'w', ...workerConfig.parse({ name: 'W', deployment_type: 'remote', ssh_host: 'h', ssh_user: 'u', ssh_key_id: 'k' }) } });
  s.send('START');
  s.fail('spawn', 'host-key-unknown');
  expect(s.state).toContain('process.error');
  expect(s.context).toMatchObject({ cause: 'it was host-key-unknown', crashes: [] });
  s.send('PREPARE', { by: 'user:a' });
  s.progress('prepare', 'STEP', { step: 'copy', text: '3 MB of 9 MB copied' });
  expect(s.state).toContain('starting.preparing');
  expect(s.context.cause).toBe('preparing its machine: 3 MB of 9 MB copied');
  s.done('prepare');
  expect(s.state).toContain('starting.spawning');
  s.fail('spawn', 'unreachable');
  expect(s.state).toContain('process.crashed');
});

it('the id of a worker that was removed may be used again; that of a reply never', () => {
  const config = { worker_id: 'w', ...workerConfig.parse({ name: 'W' }) };
  const s = new Story('worker', { id: 'w', config });
  expect(s.start({ id: 'w', config })).toBe(false);
  s.send('REMOVE');
  expect(s.state).toBe('removed');
  expect(s.start({ id: 'w', config: { ...config, name: 'Second' } })).toBe(true);
  expect(s.state).toBe('active.process.stopped,active.link.disconnected');
  expect(s.entry.index).toBe(3);
  expect(s.context).toMatchObject({ configVersion: 1, config: { name: 'Second' } });
  const reply = new Story('reply', { id: 'r', account: 'a', platform: 'p', to: { type: 'comment', comment: 'c', post: 'p' }, text: 't', by: 'b' });
  reply.send('CANCEL');
  expect(reply.state).toBe('cancelled');
  expect(reply.start({ id: 'r', account: 'a', platform: 'p', to: { type: 'comment', comment: 'c', post: 'p' }, text: 't', by: 'b' })).toBe(false);
});

it('a key is read once, and destroyed before it is gone', () => {
  const s = new Story('key', { id: 'k', comment: '', secret: 'key_k.private', passphrase: null });
  s.done('readKey', { type: 'ssh-ed25519', fingerprint: 'SHA256:x', publicKey: 'ssh-ed25519 x' });
  expect(s.state).toBe('stored');
  s.send('REMOVE');
  expect(s.running).toEqual(['forgetKey']);
  s.done('forgetKey');
  expect(s.state).toBe('removed');
  const bad = new Story('key', { id: 'k', comment: '', secret: 'key_k.private', passphrase: null });
  bad.fail('readKey', 'refused');
  expect(bad.state).toBe('unreadable');
});

it('an account lets its lease go in order, and is asked for where it is sent', () => {
  const s = new Story('account', { id: 'a', platform: 'sandbox', name: 'A', platformAccount: null, monitorInterval: 20, proxy: null, limits: { perMinute: 6, perHour: 60, quiet: null }, group: 'gpu' });
  s.done('assign', { worker: 'w1', incarnation: 'i1' });
  expect(s.send('MOVE', { epoch: 9, to: 'w2', reason: 'late' })).toBe(false);
  s.send('MOVE', { epoch: 1, to: 'w2', reason: 'evened out' });
  expect(s.state).toContain('lease.releasing');
  s.send('RELEASED', { epoch: 1 });
  expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'assign', input: { prefer: 'w2', last: 'w1', group: 'gpu' } }]);
  s.done('assign', { worker: 'w2', incarnation: 'i2' });
  expect(s.context).toMatchObject({ lease: { worker: 'w2', epoch: 2 }, prefer: null, last: 'w2', moved: 'evened out' });
});
