import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Who } from './call.ts';
import type { Deps } from './ports.ts';
import { readSession } from './sessions.ts';
import { readToken } from './tokens.ts';

export const COOKIE = 'troupe_session';

/** Who sent this request; null for nobody. A token that is wrong is nobody, even beside a good cookie. */
export async function identify(c: Context, d: Deps): Promise<Who | null> {
  const header = c.req.header('authorization');
  if (header !== undefined) {
    const bearer = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(header)?.[1];
    const token = bearer ? await readToken(d.tokens, bearer) : null;
    return token && { name: token.name, scope: token.scope, via: 'token' };
  }
  const user = await readSession(d.sessions, d.users, getCookie(c, COOKIE), d.now());
  if (user) return { name: user.name, scope: user.scope, via: 'session' };
  return d.authDisabled ? { name: 'admin', scope: 'admin', via: 'open' } : null;
}
