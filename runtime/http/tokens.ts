import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { SCOPES } from '../../views/context.ts';
import type { Bucket } from './ports.ts';

const token = z.object({ id: z.string(), name: z.string(), scope: z.enum(SCOPES), hash: z.string(), by: z.string(), createdMs: z.number() });
export type Token = z.infer<typeof token>;

const SHAPE = /^trp_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/;
const sha = (secret: string) => createHash('sha256').update(secret).digest();

/** A new token; its text is given once and never kept. */
export async function createToken(tokens: Bucket, about: Pick<Token, 'name' | 'scope' | 'by'>, now: number): Promise<{ token: Token; text: string }> {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const made: Token = { id, ...about, hash: sha(secret).toString('hex'), createdMs: now };
  await tokens.put(id, JSON.stringify(made));
  return { token: made, text: `trp_${id}_${secret}` };
}

/** The token behind a bearer text; compared in constant time by its hash. */
export async function readToken(tokens: Bucket, text: string): Promise<Token | null> {
  const [, id, secret] = SHAPE.exec(text) ?? [];
  if (!id || !secret) return null;
  const found = await findToken(tokens, id);
  const is = sha(secret);
  const want = found ? Buffer.from(found.hash, 'hex') : Buffer.alloc(32);
  return timingSafeEqual(is, want) && found ? found : null;
}

export async function listTokens(tokens: Bucket): Promise<Token[]> {
  const found = await Promise.all((await tokens.keys()).map((id) => findToken(tokens, id)));
  return found.filter((t) => t !== null).sort((a, b) => b.createdMs - a.createdMs);
}

async function findToken(tokens: Bucket, id: string): Promise<Token | null> {
  const bytes = await tokens.get(id);
  const read = bytes && token.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  return read?.success ? read.data : null;
}
