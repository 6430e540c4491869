import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findUser, signIn } from '../../runtime/http/users.ts';
import { fixture, PASSWORD, type Fixture } from './fixture.ts';

let f: Fixture;
let cookie: string;
beforeEach(async () => {
  f = await fixture();
  cookie = await f.cookie();
});
afterEach(() => f.close());

const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
const make = async (name: string, scope = 'operate') => {
  const answer = await f.post('/settings/users', form({ name, scope }), { cookie });
  return { status: answer.status, password: /class="token">([^<]+)</.exec(await answer.text())?.[1] ?? '' };
};

describe('users', () => {
  it('are made with a password that is shown once and works', async () => {
    const { status, password } = await make('wang');
    expect(status).toBe(200);
    expect(password).toMatch(/^[a-z0-9]{5}(-[a-z0-9]{5}){3}$/);
    expect(await signIn(f.deps.users, 'wang', password)).toMatchObject({ name: 'wang', scope: 'operate', first: true });
    const page = await (await f.get('/settings', { cookie })).text();
    expect(page).toContain('id="user-wang"');
    expect(page).not.toContain(password);
    expect(JSON.stringify(f.audited)).not.toContain(password);
    expect(f.audited.at(-1)).toMatchObject({ event: 'USER_CREATED', about: 'user/wang', by: 'user:admin' });
  });

  it('have one name each, and a name that can be one', async () => {
    await make('wang');
    expect((await make('wang')).status).toBe(409);
    for (const name of ['', 'Wang', '../x', 'a'.repeat(33), '-a']) expect((await make(name)).status, name).toBe(422);
    expect((await make('li', 'god')).status).toBe(422);
  });

  it('lose their sessions with their rights, their password, and themselves', async () => {
    await make('wang', 'admin');
    f.clock.now += 1000;
    for (const [path, fields] of [['scope', { scope: 'read' }], ['reset', {}], ['remove', {}]] as const) {
      const theirs = await f.cookie('wang');
      expect((await f.get('/workers', { cookie: theirs })).status).toBe(200);
      f.clock.now += 1000;
      expect((await f.post(`/settings/users/wang/${path}`, form(fields), { cookie })).status, path).toBe(200);
      expect((await f.get('/workers', { cookie: theirs })).status, path).toBe(303);
      f.clock.now += 1000;
    }
    expect(await findUser(f.deps.users, 'wang')).toBeNull();
    expect(f.audited.map((a) => a.event)).toEqual(['USER_CREATED', 'USER_SCOPE_CHANGED', 'USER_PASSWORD_RESET', 'USER_REMOVED']);
  });

  it('never leave Troupe without an admin, nor change themselves', async () => {
    for (const path of ['scope', 'reset', 'remove']) expect((await f.post(`/settings/users/admin/${path}`, form({ scope: 'read' }), { cookie })).status, path).toBe(409);
    const token = await f.token('admin');
    const byToken = await f.post('/settings/users/admin/remove', '', { authorization: `Bearer ${token}` });
    expect(byToken.status).toBe(409);
    expect(await signIn(f.deps.users, 'admin', PASSWORD)).not.toBeNull();
  });
});
