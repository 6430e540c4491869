import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Bucket } from './ports.ts';
import { findUser, type User } from './users.ts';

const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 12 * 3_600_000;
/** The last use is written this often, so that a busy page costs no write a request. */
const TOUCH_MS = 60_000;

const session = z.object({ user: z.string(), createdAt: z.number(), seenAt: z.number() });
const SECRET = /^[A-Za-z0-9_-]{43}$/;
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** A new session; gives the secret that goes into the cookie. Only its hash is kept. */
export async function openSession(sessions: Bucket, user: string, now: number): Promise<string> {
  const secret = randomBytes(32).toString('base64url');
  await sessions.put(hashSecret(secret), JSON.stringify({ user, createdAt: now, seenAt: now }));
  return secret;
}

/** Who holds this secret, if it is still good: 30 minutes idle and 12 hours in all end it, and so does a new password. */
export async function readSession(sessions: Bucket, users: Bucket, secret: string | undefined, now: number, use = true): Promise<User | null> {
  if (!secret || !SECRET.test(secret)) return null;
  const key = hashSecret(secret);
  const bytes = await sessions.get(key);
  const read = bytes && session.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  if (!read?.success) return null;
  const s = read.data;
  if (now - s.seenAt > IDLE_MS || now - s.createdAt > LONGEST_MS) return null;
  const user = await findUser(users, s.user);
  if (!user || user.changedAt > s.createdAt) return null;
  if (use && now - s.seenAt > TOUCH_MS) await sessions.put(key, JSON.stringify({ ...s, seenAt: now }));
  return user;
}

export async function closeSession(sessions: Bucket, secret: string | undefined): Promise<void> {
  if (secret && SECRET.test(secret)) await sessions.delete(hashSecret(secret));
}
