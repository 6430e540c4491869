import { z } from 'zod';
import { ID } from '../../../transport/subjects.ts';
import type { Call } from '../call.ts';
import { checked } from '../body.ts';
import { Problem } from '../problem.ts';

const MOST = 500;
const whole = (name: string, min: number, max: number) =>
  z.string().refine((v) => /^\d{1,9}$/.test(v) && Number(v) >= min && Number(v) <= max, `must be a whole number from ${min} to ${max}${name === 'offset' ? '; page on with the Link header instead' : ''}`).transform(Number);

/** `limit` (1 to 100000, 500 at most are given) and `offset`. */
export const paging = (fallback: number) => ({
  limit: whole('limit', 1, 100_000).transform((n) => Math.min(n, MOST)).default(fallback).meta({ description: `how many, ${MOST} at most; ${fallback} when absent` }),
  offset: whole('offset', 0, 100_000).default(0).meta({ description: 'how many to leave out' }),
});

export const id = z.string().regex(ID, 'must be 1 to 63 of a-z, 0-9 and hyphens, starting with a letter or digit');
export const flag = z.enum(['true', 'false', '1', '0']).transform((v) => v === 'true' || v === '1');

/** Epoch seconds, epoch milliseconds or RFC 3339; gives milliseconds. */
export const moment = z.string().transform((v, ctx) => {
  const ms = /^\d{9,11}$/.test(v) ? Number(v) * 1000 : /^\d{12,14}$/.test(v) ? Number(v) : /^\d{4}-\d{2}-\d{2}/.test(v) ? Date.parse(v) : NaN;
  if (Number.isNaN(ms)) ctx.addIssue({ code: 'custom', message: 'must be a time like 2026-01-31T12:00:00Z, or epoch seconds' });
  return ms;
});

/** The checked query; unknown and doubled names are refused. */
export function readQuery<T extends z.ZodObject>(call: Call, schema: T): z.output<T> {
  const given: Record<string, string> = {};
  for (const [name, values] of Object.entries(call.c.req.queries())) {
    if (values.length > 1) throw new Problem(422, 'invalid', `${name.slice(0, 60)}: given twice`, { field: name.slice(0, 60) });
    given[name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)] = values[0]!;
  }
  return checked(schema.strict() as unknown as T, given);
}

/** An id from the path; 422 when it can't be one. */
export const pathId = (call: Call, name = 'id'): string => checked(z.object({ [name]: id }), { [name]: call.param(name) })[name]!;
