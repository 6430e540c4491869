import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Who } from './call.ts';
import type { Deps } from './ports.ts';
import { hashSecret, readSession } from './sessions.ts';
import { readToken } from './tokens.ts';

export const COOKIE = 'troupe_session';
/** How long a session that was good is believed while NATS can't be asked. */
const TRUST_MS = 30 * 60_000;
const MOST = 1000;

/** Knows who sent a request. */
export class Identity {
  private readonly d: Deps;
  private readonly known = new Map<string, { who: Who; at: number }>();
  constructor(d: Deps) {
    this.d = d;
  }

  /** Null for nobody. A token that is wrong is nobody, even beside a good cookie. */
  async of(c: Context): Promise<Who | null> {
    const header = c.req.header('authorization');
    if (header !== undefined) {
      const bearer = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(header)?.[1];
      const token = bearer ? await readToken(this.d.tokens, bearer) : null;
      return token && { name: token.name, scope: token.scope, via: 'token' };
    }
    const secret = getCookie(c, COOKIE);
    const session = secret ? await this.session(secret) : null;
    return session ?? (this.d.authDisabled ? { name: 'admin', scope: 'admin', via: 'open' } : null);
  }

  forget(secret: string | undefined): void {
    if (secret) this.known.delete(hashSecret(secret));
  }

  /** While NATS is down, whoever was in stays in, so that the pages can say so. */
  private async session(secret: string): Promise<Who | null> {
    const key = hashSecret(secret);
    const now = this.d.now();
    const before = this.known.get(key);
    const believed = before && now - before.at < TRUST_MS ? before.who : null;
    if (!this.d.connected()) return believed;
    let user;
    try {
      user = await readSession(this.d.sessions, this.d.users, secret, now);
    } catch (error) {
      if (believed) return believed;
      throw error;
    }
    if (!user) {
      this.known.delete(key);
      return null;
    }
    const who: Who = { name: user.name, scope: user.scope, via: 'session' };
    if (this.known.size >= MOST) this.known.delete(this.known.keys().next().value!);
    this.known.set(key, { who, at: now });
    return who;
  }
}
