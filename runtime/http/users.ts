import { z } from 'zod';
import type { Scope } from '../../views/context.ts';
import { hashPassword, verifyPassword } from './passwords.ts';
import type { Bucket } from './ports.ts';

const user = z.object({ name: z.string(), hash: z.string(), scope: z.enum(['read', 'operate', 'admin']), first: z.boolean().default(false), changedAt: z.number() });
export type User = z.infer<typeof user>;

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

export async function findUser(users: Bucket, name: string): Promise<User | null> {
  if (!NAME.test(name)) return null;
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

export const scopeCovers = (has: Scope, needs: Scope): boolean => ['read', 'operate', 'admin'].indexOf(has) >= ['read', 'operate', 'admin'].indexOf(needs);
