import type { Context } from 'hono';
import type { z } from 'zod';
import type { Scope } from '../../views/context.ts';
import type { Address } from '../../transport/subjects.ts';
import { peer } from './guard.ts';
import { checked, readForm, readJson } from './body.ts';
import type { Deps } from './ports.ts';
import { Problem, refusal } from './problem.ts';

/** Who asks. `via` says by what they are known; only a token is safe from forged requests by itself. */
export type Who = { name: string; scope: Scope; via: 'session' | 'token' | 'open' };

/** One request on its way through a handler. */
export class Call {
  readonly c: Context;
  readonly d: Deps;
  readonly who: Who;
  constructor(c: Context, d: Deps, who: Who) {
    this.c = c;
    this.d = d;
    this.who = who;
  }

  /** As journals and the audit name the asker. */
  get by(): string {
    return `${this.who.via === 'token' ? 'token' : 'user'}:${this.who.name}`;
  }
  /** What goes with every command: who, by which request, from where. */
  about(id?: string): { by: string; request: string; id?: string } {
    return { by: this.by, request: `${requestId(this.c)} ${this.d.hashAddress(peer(this.c))}`, ...(id ? { id } : {}) };
  }
  /** Keeps in the audit what this request did without a command. */
  note(event: string, about: string, by = this.by): Promise<void> {
    return this.d.audit({ by, about, event, request: this.about().request });
  }
  param(name: string): string {
    return this.c.req.param(name) ?? '';
  }
  query(name: string): string | undefined {
    const value = this.c.req.query(name);
    return value === undefined || value === '' ? undefined : value.slice(0, 500);
  }
  async json<T extends z.ZodType>(schema: T): Promise<z.output<T>> {
    return checked(schema, await readJson(this.c));
  }
  async form<T extends z.ZodType>(schema: T): Promise<z.output<T>> {
    return checked(schema, { ...(await readForm(this.c)) });
  }

  /** Sends a command; what is refused becomes a Problem. */
  async command(to: Address, verb: string, payload: unknown = {}, id?: string): Promise<{ ok: true; [key: string]: unknown }> {
    const answer = await this.d.command(to, verb, payload, this.about(id));
    if (answer.ok) return answer;
    throw refusal(answer as Extract<typeof answer, { ok: false }>);
  }
}

/** The id that every request gets; its answer, the audit and the log of a fault carry it. */
export const requestId = (c: Context): string => c.get('request') as string;

/** The value, or 404 naming what is not there. */
export function found<T>(value: T | null, what: string): T {
  if (value === null) throw new Problem(404, 'not_found', `${what} does not exist`);
  return value;
}
