import type { z } from 'zod';
import { readJson, checked } from '../body.ts';
import type { Call } from '../call.ts';
import { api, type Method, type Route } from '../routes.ts';
import type { ApiDoc } from './doc.ts';
import { toCamel, toSnake } from './shape.ts';

/** Mounts one service twice: /api/v1 in snake_case, /api in camelCase. More paths repeat the first. */
export function mount(method: Method, paths: string | string[], needs: Route['needs'], doc: ApiDoc, handle: (call: Call) => Promise<Response> | Response): Route[] {
  const list = [paths].flat();
  return list.flatMap((path) => [`/api/v1${path}`, `/api${path}`]).map((path, i) => api(method, path, needs, i === 0 ? doc : { ...doc, canonical: `/api/v1${list[0]}` }, handle));
}

/** True on the camelCase mount. */
export const isCamel = (call: Call): boolean => !call.c.req.path.startsWith('/api/v1/');

export function answer(call: Call, body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(isCamel(call) ? toCamel(body) : body), { status, headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers } });
}

/** A JSON body in either spelling, checked. */
export async function readBody<T extends z.ZodType>(call: Call, schema: T): Promise<z.output<T>> {
  return checked(schema, toSnake(await readJson(call.c)));
}

/** The same of fields that are camelCase on both paths. */
export async function readCamelBody<T extends z.ZodType>(call: Call, schema: T): Promise<z.output<T>> {
  return checked(schema, toCamel(await readJson(call.c)));
}

/** Link and X-Total-Count of a list; `next` is where the list goes on. */
export function listHeaders(call: Call, total: number | null, page: { limit: number; offset: number; given: number }): Record<string, string> {
  const url = new URL(call.c.req.url);
  const link = (offset: number, rel: string) => {
    const query = new URLSearchParams(url.search);
    query.set('limit', String(page.limit));
    query.set('offset', String(offset));
    return `<${url.pathname}?${query.toString()}>; rel="${rel}"`;
  };
  const more = total === null ? page.given === page.limit : page.offset + page.given < total;
  const links = [more && link(page.offset + page.limit, 'next'), page.offset > 0 && link(Math.max(0, page.offset - page.limit), 'prev')].filter(Boolean);
  return { ...(links.length > 0 ? { Link: links.join(', ') } : {}), ...(total === null ? {} : { 'X-Total-Count': String(total) }) };
}
