import { z } from 'zod';
import { SCOPES, type Scope } from '../../views/context.ts';
import { randomInt } from 'node:crypto';
import { hashPassword, verifyPassword } from './passwords.ts';
import type { Bucket } from './ports.ts';

const user = z.object({ name: z.string(), hash: z.string(), scope: z.enum(SCOPES), first: z.boolean().default(false), changedAt: z.number() });
export type User = z.infer<typeof user>;

export const USER_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

export async function findUser(users: Bucket, name: string): Promise<User | null> {
  if (!USER_NAME.test(name)) return null;
  const bytes = await users.get(name);
  const read = bytes && user.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  return read?.success ? read.data : null;
}

/** Makes `admin` with the first-run password; an existing one is left alone. */
export async function ensureAdmin(users: Bucket, password: () => string, now: number): Promise<void> {
  if (await users.get('admin')) return;
  await users.create('admin', JSON.stringify({ name: 'admin', hash: await hashPassword(password()), scope: 'admin', first: true, changedAt: now } satisfies User));
}

/** The user, when the password is right. */
export async function signIn(users: Bucket, name: string, password: string): Promise<User | null> {
  const found = await findUser(users, name);
  return (await verifyPassword(password, found?.hash ?? null)) ? found : null;
}

export async function changePassword(users: Bucket, of: User, password: string, now: number): Promise<void> {
  await users.put(of.name, JSON.stringify({ ...of, hash: await hashPassword(password), first: false, changedAt: now } satisfies User));
}

export const scopeCovers = (has: Scope, needs: Scope): boolean => SCOPES.indexOf(has) >= SCOPES.indexOf(needs);

export async function listUsers(users: Bucket): Promise<User[]> {
  const found = await Promise.all((await users.keys()).map((name) => findUser(users, name)));
  return found.filter((u) => u !== null).sort((a, b) => a.name.localeCompare(b.name));
}

/** A new user with a password of ours, which is given once. Null where the name is taken. */
export async function createUser(users: Bucket, name: string, scope: Scope, now: number): Promise<string | null> {
  const password = madeUpPassword();
  const made = await users.create(name, JSON.stringify({ name, hash: await hashPassword(password), scope, first: true, changedAt: now } satisfies User));
  return made ? password : null;
}

/** A password of ours for somebody who lost theirs; whoever is signed in as them is out. */
export async function resetPassword(users: Bucket, of: User, now: number): Promise<string> {
  const password = madeUpPassword();
  await users.put(of.name, JSON.stringify({ ...of, hash: await hashPassword(password), first: true, changedAt: now } satisfies User));
  return password;
}

/** Other rights; sessions with the earlier ones end. */
export const changeScope = (users: Bucket, of: User, scope: Scope, now: number): Promise<void> => users.put(of.name, JSON.stringify({ ...of, scope, changedAt: now } satisfies User));

// Without letters that look like others.
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const madeUpPassword = (): string => Array.from({ length: 4 }, () => Array.from({ length: 5 }, () => LETTERS[randomInt(LETTERS.length)]).join('')).join('-');
