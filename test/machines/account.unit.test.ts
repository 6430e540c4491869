import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { account as binding } from '../../actors/account.ts';
import { statePaths } from '../../actors/entry.ts';
import { Story } from './story.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const user = { id: 'u', nickname: 'U', avatar: null };
const account = (more: object = {}) => new Story('account', { id: 'a', platform: 'sandbox', name: 'A', platformAccount: null, monitorInterval: 20, proxy: null, limits: { perMinute: 6, perHour: 60, quiet: null }, ...more });
const loggedIn = (more: object = {}, until: number | null = null) => {
  const s = account(more);
  s.done('assign', { worker: 'w1', incarnation: 'i1' });
  s.send('LOGIN', { login: 'l1' });
  s.send('LOGIN_DONE', { login: 'l1', user, validUntil: until === null ? null : s.now + until, fingerprint: null });
  return s;
};
const session = (s: Story) => s.state.split(',').find((p) => p.startsWith('active.session.'))!.slice('active.session.'.length);
const expiry = (s: Story) => s.state.split(',').find((p) => p.startsWith('active.expiry.'))!.slice('active.expiry.'.length);

describe('a session', () => {
  it('is looked at every so often while its worker has it', () => {
    const s = loggedIn({ checkEvery: 60 });
    s.wait(HOUR - 1);
    expect(session(s)).toBe('logged_in.monitoring.settled');
    s.wait(1);
    expect(session(s)).toBe('logged_in.monitoring.checking');
    expect(Object.values(s.entry.pending.effects)).toMatchObject([{ src: 'check', input: { account: 'a', platform: 'sandbox', worker: 'w1', epoch: 1, proxy: null } }]);
    s.done('check', { session: 'valid' });
    expect([session(s), s.context.lastCheck]).toEqual(['logged_in.monitoring.settled', { at: s.now, ok: true, why: null }]);
    s.wait(HOUR);
    expect(s.running).toEqual(['check']);
  });
  it.each([['expired', 'the platform has ended the session'], ['challenged', 'the platform asks for a proof: log in again']])('that the platform calls %s has expired', (said, why) => {
    const s = loggedIn();
    s.send('CHECK_SESSION');
    s.done('check', { session: said });
    expect([session(s), s.context.reason, s.context.validUntil]).toEqual(['expired', why, null]);
    expect(s.tells).toEqual(['monitor/a OFF']);
  });
  it.each(['proxy', 'network', 'timeout', 'lost', 'fenced', 'element-not-found', 'unknown'])('stays as it is after a fault of kind %s', (kind) => {
    const s = loggedIn();
    const until = s.context.validUntil;
    s.send('CHECK_SESSION');
    s.fail('check', kind);
    expect([session(s), s.context.validUntil, s.context.reason]).toEqual(['logged_in.monitoring.settled', until, null]);
    expect(s.context.lastCheck).toMatchObject({ ok: false, why: `it was ${kind}` });
  });
  it('stays as it is where nobody answers, and is not looked at where it is paused, archived or has no worker', () => {
    const s = loggedIn();
    s.send('CHECK_SESSION');
    s.wait(180_000);
    expect(session(s)).toBe('logged_in.monitoring.settled');
    s.send('PAUSE');
    expect(s.send('CHECK_SESSION')).toBe(false);
    s.wait(DAY);
    expect(s.running).toEqual([]);
    s.send('RESUME');
    s.send('WORKER_LOST', { epoch: 1, reason: 'gone' });
    s.wait(DAY);
    expect(s.running).toEqual(['assign']);
  });
  it('without checks is looked at only when somebody asks; a new interval counts from now', () => {
    const s = loggedIn({ checkEvery: 0 });
    s.wait(2 * DAY);
    expect(s.running).toEqual([]);
    s.send('UPDATE', { patch: { checkEvery: 5 } });
    expect(s.tells).toEqual(['monitor/a SETTINGS']);
    s.wait(5 * 60_000);
    expect(s.running).toEqual(['check']);
  });
});

describe('the end of a session', () => {
  it('is told of once, a day before', () => {
    const s = loggedIn({ checkEvery: 0 }, 3 * DAY);
    s.wait(2 * DAY - 1);
    expect([expiry(s), s.context.warnedAt]).toEqual(['far', null]);
    s.wait(1);
    expect([expiry(s), s.context.warnedAt]).toEqual(['soon', s.now]);
    const told = s.context.warnedAt;
    s.send('UPDATE', { patch: { name: 'B' } });
    s.send('PAUSE');
    s.send('RESUME');
    s.wait(DAY - 1);
    expect(s.context.warnedAt).toBe(told);
  });
  it('comes by its date where nobody looks', () => {
    for (const how of ['unchecked', 'paused', 'archived'] as const) {
      const s = loggedIn({ checkEvery: how === 'unchecked' ? 0 : 60 }, 2 * HOUR);
      expect(expiry(s)).toBe('far');
      if (how === 'paused') s.send('PAUSE');
      if (how === 'archived') {
        s.send('ARCHIVE');
        s.send('RELEASED', { epoch: 1 });
      }
      s.wait(2 * HOUR);
      expect([session(s), expiry(s), s.context.reason, s.context.validUntil]).toEqual(['expired', 'none', 'its session has ended by its date', null]);
    }
  });
  it('is asked for where somebody can, and put off where the platform still takes it', () => {
    const s = loggedIn({ checkEvery: 600 }, 2 * HOUR);
    s.wait(HOUR);
    const told = s.context.warnedAt;
    expect([expiry(s), told]).toEqual(['soon', s.now]);
    s.wait(HOUR);
    expect(s.running).toEqual(['check']);
    s.done('check', { session: 'valid' });
    expect([session(s), s.context.validUntil, s.context.warnedAt]).toEqual(['logged_in.monitoring.settled', s.now + DAY, told]);
    s.send('CHECK_SESSION');
    s.done('check', { session: 'valid', validUntil: s.now + 30 * DAY });
    expect([expiry(s), s.context.warnedAt]).toEqual(['far', null]);
    s.send('CHECK_SESSION');
    s.fail('check', 'network');
    expect(session(s)).toBe('logged_in.monitoring.settled');
  });
  it('after a fault at the very end is asked for again, and the account stays logged in', () => {
    const s = loggedIn({ checkEvery: 10 }, 5 * 60_000);
    s.wait(5 * 60_000);
    s.fail('check', 'proxy');
    expect(session(s)).toBe('logged_in.monitoring.settled');
    s.wait(10 * 60_000);
    expect(s.running).toEqual(['check']);
  });
  it('of the next session is told of again', () => {
    const s = loggedIn({ checkEvery: 0 }, 10 * HOUR);
    s.wait(5 * HOUR);
    const told = s.context.warnedAt;
    expect(told).toBe(s.now);
    s.send('LOGIN', { login: 'l2' });
    expect([s.context.warnedAt, s.context.validUntil]).toEqual([null, null]);
    s.send('LOGIN_DONE', { login: 'l2', user, validUntil: s.now + 2 * DAY, fingerprint: null });
    s.wait(DAY);
    expect(s.context.warnedAt).toBeGreaterThan(told);
  });
});

describe('an archived account', () => {
  it('lets its worker go in order, keeps its session, and comes back', () => {
    const s = loggedIn();
    s.send('ARCHIVE');
    expect([session(s), s.context.lease]).toEqual(['logged_in.idle', null]);
    expect(s.tells).toEqual(['monitor/a OFF']);
    s.send('RELEASED', { epoch: 1 });
    expect(s.state).toContain('lease.none');
    expect(s.running).toEqual([]);
    expect([s.send('LOGIN', { login: 'l2' }), s.send('ARCHIVE')]).toEqual([false, false]);
    s.send('UNARCHIVE');
    expect(s.running).toEqual(['assign']);
    s.done('assign', { worker: 'w2', incarnation: 'i2' });
    expect(session(s)).toBe('logged_in.monitoring.settled');
  });
  it('is let go after 25 s by a worker that says nothing, and ends a login that is under way', () => {
    const s = loggedIn();
    s.send('ARCHIVE');
    s.wait(25_000);
    expect(s.state).toContain('lease.none');
    const l = account();
    l.send('LOGIN', { login: 'l1' });
    l.send('ARCHIVE');
    expect([session(l), l.state.includes('lease.none'), l.tells]).toEqual(['not_logged_in', true, ['login/l1 CANCEL']]);
  });
});

describe('another fingerprint', () => {
  it('is made when its browser is closed, and the same worker gets it back', () => {
    const s = loggedIn();
    s.send('REMAKE_FINGERPRINT');
    expect(s.state).toContain('lease.releasing');
    s.send('RELEASED', { epoch: 1 });
    expect(s.running).toEqual(['remake']);
    s.fail('remake', 'unavailable');
    s.done('remake', { fingerprint: { userAgent: 'new' } });
    expect(s.context).toMatchObject({ fingerprint: { userAgent: 'new' }, remake: false, prefer: 'w1' });
    expect(s.running).toEqual(['assign']);
    expect(session(s)).toBe('logged_in.idle');
  });
  it('of an archived one leaves it archived', () => {
    const s = account();
    s.send('ARCHIVE');
    s.send('REMAKE_FINGERPRINT');
    s.done('remake', { fingerprint: {} });
    expect(s.state).toContain('lease.none');
  });
});

const told = (s: Story, type: string) => s.commands.flatMap((c) => (c.do === 'tell' && c.event?.type === type ? [c.event as unknown as { proxy: unknown }] : []))[0]!;

describe('its proxy', () => {
  it('goes with whatever it asks for, by its id', () => {
    const s = loggedIn({ proxyId: 'p1', proxy: { protocol: 'http', server: 'own:1', username: null } });
    expect(told(s, 'ON').proxy).toEqual({ id: 'p1' });
    s.send('UPDATE', { patch: { proxyId: null } });
    expect(told(s, 'SETTINGS').proxy).toEqual({ protocol: 'http', server: 'own:1', username: null });
  });
});

describe('an account of an earlier version', () => {
  const migrated = (file: string) => {
    const entries = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'histories', file), 'utf8')) as { version: string; after: { value: unknown; context: Record<string, unknown> } }[];
    return entries.map((e) => {
      const after = binding.migrations![e.version]!(structuredClone(e.after)) as { value: unknown; context: Record<string, unknown> };
      return { was: statePaths(e.after.value), now: statePaths(after.value), context: after.context, snapshot: binding.chart.restore(after) };
    });
  };
  it.each(['account.json', 'account-v2.json'])('of %s goes on where it was, in every state that it had', (file) => {
    const all = migrated(file);
    expect(all.length).toBeGreaterThan(3);
    for (const { was, now, context, snapshot } of all) {
      if (!was.startsWith('active.')) continue;
      const pick = (state: string, part: string) => state.split(',').find((p) => p.startsWith(`active.${part}.`));
      expect(pick(now, 'session')!.replace('.begun', '')).toBe(pick(was, 'session'));
      expect(pick(now, 'lease')).toBe(pick(was, 'lease'));
      expect(context).toMatchObject({ tags: [], archived: false, checkEvery: 60, limits: { maxLength: null } });
      expect(context['validUntil'] === null).toBe(!was.includes('session.logged_in'));
      expect(snapshot.status).toBe('active');
    }
  });
  it('that was monitored gets its checks with the next event', () => {
    const one = migrated('account-v2.json').concat(migrated('account.json')).find((m) => m.was.includes('logged_in.monitoring'))!;
    const { snapshot, actions } = binding.chart.next(one.snapshot, { type: 'UPDATE', patch: {}, at: 1, rnd: 0.5 } as never);
    expect(statePaths(snapshot.value)).toContain('monitoring.settled');
    expect(actions.some((a) => a.type === 'xstate.raise')).toBe(true);
  });
});
