import type { Scope } from '../../views/context.ts';
import type { ApiDoc } from './api/doc.ts';
import type { Call } from './call.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/**
 * One line of the table that the whole surface is made of. `needs` is the least scope; `public` asks for none.
 * `page` answers people (sign-in, pages, toasts), `api` answers programs (problems as JSON).
 */
export type Route = { method: Method; path: string; needs: 'public' | Scope; kind: 'page' | 'api'; handle: (call: Call) => Promise<Response> | Response; doc?: ApiDoc };

export const page = (method: Method, path: string, needs: Route['needs'], handle: Route['handle']): Route => ({ method, path, needs, kind: 'page', handle });
export const api = (method: Method, path: string, needs: Route['needs'], doc: ApiDoc, handle: Route['handle']): Route => ({ method, path, needs, kind: 'api', handle, doc });
