import { getCookie } from 'hono/cookie';
import type { Call } from './call.ts';
import { COOKIE } from './identity.ts';
import { readSession } from './sessions.ts';
import { readToken } from './tokens.ts';

/** Whether whoever opened this connection may still have it. */
export function stillIn({ c, d, who }: Call): () => Promise<boolean> {
  const secret = getCookie(c, COOKIE);
  const bearer = /^Bearer (\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
  return async () => who.via === 'open' || (bearer ? (await readToken(d.tokens, bearer)) !== null : (await readSession(d.sessions, d.users, secret, d.now(), false)) !== null);
}
