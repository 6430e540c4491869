import { describe, expect, it } from 'vitest';
import { account as binding } from '../../actors/account.ts';
import { Story } from './story.ts';

const loggingIn = (): Story => {
  const s = new Story('account', { id: 'a1', platform: 'sandbox', name: 'A', platformAccount: null, monitorInterval: 20, proxy: null, limits: { perMinute: 6, perHour: 60, quiet: null } });
  s.done('assign', { worker: 'w1', incarnation: 'i1' });
  s.send('LOGIN', { login: 'l1', method: 'qrcode' });
  return s;
};
const starts = (s: Story) => s.commands.flatMap((c) => (c.do === 'tell' && c.start ? [(c.start as { method?: string }).method] : []));

describe('a login under way', () => {
  it('gives way to another method, whose news alone count from then on', () => {
    const s = loggingIn();
    expect(s.tells).toEqual(['login/l1 ~start', 'login/l1 LEASED']);
    s.send('LOGIN', { login: 'l2', method: 'password' });
    expect(s.tells).toEqual(['login/l1 CANCEL', 'login/l2 ~start', 'login/l2 LEASED']);
    expect(starts(s)).toEqual(['password']);
    s.send('LOGIN_CANCELLED', { login: 'l1' });
    expect(s.state).toContain('logging_in');
    s.send('LOGIN_DONE', { login: 'l2', user: { id: 'u', nickname: 'U', avatar: null }, validUntil: null, fingerprint: null });
    expect(s.state).toContain('logged_in');
  });

  it('stays when the same is asked for again; cookies that are handed in anew are tried anew', () => {
    const s = loggingIn();
    expect([s.send('LOGIN', { login: 'l2', method: 'qrcode' }), s.context.login]).toEqual([false, 'l1']);
    s.send('LOGIN', { login: 'l3', method: 'cookies' });
    s.send('LOGIN', { login: 'l4', method: 'cookies' });
    expect([s.tells, s.context.login]).toEqual([['login/l3 CANCEL', 'login/l4 ~start', 'login/l4 LEASED'], 'l4']);
  });
});

describe('the command to log in', () => {
  const login = binding.commands['login']!;
  const fault = (payload: object) => login.schema.safeParse(payload).error?.issues.map((i) => `${i.path.join('.')}: ${i.message}`);
  it('names what is wrong with the cookies, and puts none of it into the event', () => {
    expect(fault({ method: 'cookies' })).toEqual([expect.stringContaining('cookies: is missing')]);
    expect(fault({ method: 'password', cookies: 'x' })).toEqual(['cookies: is for the method cookies, not for password']);
    expect(fault({ method: 'cookies', cookies: '[{"name":"sid"}]' })).toEqual(['cookies: cookie 1 (sid): value: is missing']);
    const good = { method: 'cookies', cookies: '[{"name":"sid","value":"secret-value","domain":"x.example"}]' };
    expect(fault(good)).toBeUndefined();
    expect(login.secrets).toEqual([{ path: 'cookies', field: 'cookies' }]);
    expect(JSON.stringify(login.event!(good, { id: 'a1', fresh: '7', by: 'user:a' }))).not.toContain('secret');
  });
});

describe('a round that fails', () => {
  it('keeps what the worker has kept of it, and is as before where there is nothing', () => {
    const s = new Story('monitor', { id: 'a1' });
    s.send('ON', { platform: 'sandbox', worker: 'w1', epoch: 1, interval: 20, proxy: null });
    s.wait(1000);
    const evidence = { picture: 'evidence/a1/x-picture.jpg', trace: null };
    s.fail('crawl', 'element-not-found', 'no', { evidence });
    expect(s.context.last).toMatchObject({ error: 'it was element-not-found', evidence });
    s.send('NOW');
    s.fail('crawl', 'network');
    expect(s.context.last).not.toHaveProperty('evidence');
  });
});
