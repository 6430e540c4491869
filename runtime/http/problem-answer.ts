import type { Context } from 'hono';
import { problemPage } from '../../views/problem-page.ts';
import { reason } from '../../views/reason.ts';
import { renderDocument } from '../../views/html.ts';
import { plainContext } from './page.ts';
import type { Deps } from './ports.ts';
import { problemBody, titleOf, type Problem } from './problem.ts';
import { trigger } from './trigger.ts';

/** A problem in the words of whoever asked: JSON, a toast on the page that is open, the door, or a page. */
export function problemAnswer(c: Context, d: Deps, kind: 'page' | 'api', problem: Problem): Response {
  const headers = new Headers(problem.headers);
  const internal = problem.status === 500 ? `something went wrong on our side; the log has it as ${problem.message}` : null;
  if (kind === 'api') {
    headers.set('Content-Type', 'application/problem+json; charset=utf-8');
    const body = problemBody(problem);
    return new Response(JSON.stringify(internal ? { ...body, detail: internal, error: internal, message: internal } : body), { status: problem.status, headers });
  }
  headers.delete('WWW-Authenticate');
  const door = `/sign-in?next=${encodeURIComponent(here(c))}`;
  const x = plainContext(c, d);
  const text = internal ? x.t('problem.500-text', { id: problem.message }) : problem.status === 404 && c.req.method === 'GET' ? x.t('problem.404-text', { path: c.req.path.slice(0, 200) }) : reason(x, problem.message);
  if (c.req.header('hx-request') === 'true') {
    if (problem.status === 401) headers.set('HX-Redirect', door);
    else {
      const inForm = problem.status === 422 || problem.field !== undefined;
      headers.set('HX-Trigger', trigger({ toast: { text, bad: true, inForm }, ...(inForm ? { 'invalid-field': { field: problem.field ?? null, text } } : {}) }));
    }
    headers.set('HX-Reswap', 'none');
    return new Response('', { status: problem.status, headers });
  }
  if (problem.status === 401) return new Response(null, { status: 303, headers: { Location: door } });
  headers.set('Content-Type', 'text/html; charset=utf-8');
  const title = problem.status === 404 ? x.t('problem.404') : problem.status === 403 ? x.t('problem.403') : problem.status === 500 ? x.t('problem.500') : titleOf(problem.status);
  return new Response(renderDocument(problemPage(x, { status: problem.status, title, detail: text })), { status: problem.status, headers });
}

const here = (c: Context): string => {
  const url = new URL(c.req.url);
  return c.req.method === 'GET' ? url.pathname + url.search : '/';
};
