import { z } from 'zod';
import { SCOPES } from '../../../views/context.ts';
import { newUserDialog, passwordDialog, scopeDialog, type UsersModel } from '../../../views/users.ts';
import { found, type Call } from '../call.ts';
import { context, done, showPiece } from '../page.ts';
import { Problem } from '../problem.ts';
import { page, type Route } from '../routes.ts';
import { changeScope, createUser, findUser, listUsers, resetPassword, USER_NAME, type User } from '../users.ts';

const scope = z.enum(SCOPES);
const creating = z.object({ name: z.string().trim().regex(USER_NAME, 'must be 1 to 32 of a-z, 0-9, _ and hyphens, starting with a letter or digit'), scope });

/** Who may sign in. One's own rights are somebody else's business, and one admin always stays. */
export const userPages = (): Route[] => [
  page('get', '/settings/users/new', 'admin', (call) => showPiece(newUserDialog(context(call)))),
  page('post', '/settings/users', 'admin', async (call) => {
    const given = await call.form(creating);
    const password = await createUser(call.d.users, given.name, given.scope, call.d.now());
    if (password === null) throw new Problem(409, 'duplicate', `name: there is a user ${given.name} already`, { field: 'name' });
    await call.note('USER_CREATED', `user/${given.name}`);
    return done(call, 'done.created', { name: given.name }, passwordDialog(context(call), { name: given.name, password }));
  }),
  page('get', '/settings/users/:id/scope', 'admin', async (call) => showPiece(scopeDialog(context(call), await one(call)))),
  page('post', '/settings/users/:id/scope', 'admin', async (call) => {
    const user = await other(call);
    const given = await call.form(z.object({ scope }));
    await changeScope(call.d.users, user, given.scope, call.d.now());
    await call.note('USER_SCOPE_CHANGED', `user/${user.name}`);
    return done(call, 'done.saved');
  }),
  page('post', '/settings/users/:id/reset', 'admin', async (call) => {
    const user = await other(call);
    const password = await resetPassword(call.d.users, user, call.d.now());
    await call.note('USER_PASSWORD_RESET', `user/${user.name}`);
    return done(call, 'done.password', {}, passwordDialog(context(call), { name: user.name, password }));
  }),
  page('post', '/settings/users/:id/remove', 'admin', async (call) => {
    const user = await other(call);
    await call.d.users.delete(user.name);
    await call.note('USER_REMOVED', `user/${user.name}`);
    return done(call, 'done.removed');
  }),
];

const one = async (call: Call): Promise<User> => found(await findUser(call.d.users, call.param('id')), `user ${call.param('id').slice(0, 40)}`);

async function other(call: Call): Promise<User> {
  const user = await one(call);
  if (user.name === call.who.name && call.who.via !== 'token') throw new Problem(409, 'conflict', 'this is you: another admin has to do it');
  if (user.scope === 'admin' && (await listUsers(call.d.users)).filter((u) => u.scope === 'admin').length === 1) throw new Problem(409, 'conflict', `${user.name} is the only admin: make another one first`);
  return user;
}

/** The users as the settings page lists them. */
export async function usersModel(call: Call, you: string): Promise<UsersModel> {
  const users = await listUsers(call.d.users);
  const admins = users.filter((u) => u.scope === 'admin').length;
  const x = context(call);
  return { fresh: null, users: users.map((u) => ({ name: u.name, scope: u.scope, first: u.first, changedMs: u.changedAt, fixed: u.name === you ? x.t('users.you') : u.scope === 'admin' && admins === 1 ? x.t('users.only-admin') : null })) };
}
