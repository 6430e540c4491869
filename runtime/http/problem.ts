import type { Answer } from '../../transport/protocol.ts';

/** An answer that is no success: RFC 9457 in the API, a page or a toast elsewhere. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  readonly headers: Record<string, string>;
  constructor(status: number, code: string, message: string, more: { field?: string | undefined; headers?: Record<string, string> } = {}) {
    super(message);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.field = more.field;
    this.headers = more.headers ?? {};
  }
}

const STATUS: Record<string, number> = { not_found: 404, conflict: 409, invalid: 422, duplicate: 409, parked: 423, forbidden: 403, safe_mode: 503, storage_full: 503, tool_failed: 422, unavailable: 503, timeout: 504 };
const TITLES: Record<number, string> = { 400: 'Bad request', 401: 'Not signed in', 403: 'Forbidden', 404: 'Not found', 405: 'Method not allowed', 408: 'Too slow', 409: 'Conflict', 413: 'Too large', 415: 'Unsupported media type', 422: 'Invalid', 423: 'Parked', 429: 'Too many requests', 500: 'Internal error', 503: 'Unavailable', 504: 'Timeout' };

/** A refused command as a problem. */
export const refusal = (answer: Extract<Answer, { ok: false }>): Problem => new Problem(STATUS[answer.code] ?? 500, answer.code, answer.message, { field: answer.field });

/** The body of application/problem+json, with the seeds' members beside the standard ones. */
export const problemBody = (p: Problem): Record<string, unknown> => ({
  type: 'about:blank',
  title: TITLES[p.status] ?? 'Error',
  status: p.status,
  detail: p.message,
  code: p.code,
  ...(p.field ? { field: p.field } : {}),
  success: false,
  error: p.message,
  message: p.message,
});

export const titleOf = (status: number): string => TITLES[status] ?? 'Error';
