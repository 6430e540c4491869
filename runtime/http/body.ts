import type { Context } from 'hono';
import type { z } from 'zod';
import { Problem } from './problem.ts';
import { BadJson, parseStrict } from '../strict-json.ts';

const LARGEST = 1_048_576;
const SLOWEST_MS = 10_000;

/** A file as text, by its Content-Type: application/json, or YAML. */
export async function readFileBody(c: Context): Promise<{ text: string; format: 'yaml' | 'json' }> {
  const type = (c.req.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  const format = type === 'application/json' ? 'json' : ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'].includes(type) ? 'yaml' : null;
  if (!format) throw new Problem(415, 'unsupported_media_type', `Content-Type is ${type || 'missing'}: send application/yaml or application/json`);
  return { text: await readText(c), format };
}

/** A table as text, by its Content-Type: text/csv, or JSON. */
export async function readTable(c: Context): Promise<{ text: string; format: 'csv' | 'json' }> {
  const type = (c.req.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  const format = type === 'application/json' ? 'json' : type === 'text/csv' ? 'csv' : null;
  if (!format) throw new Problem(415, 'unsupported_media_type', `Content-Type is ${type || 'missing'}: send text/csv or application/json`);
  return { text: await readText(c), format };
}

/** The body's text; 413 over 1 MiB, 408 when it takes longer than 10 s. */
async function readText(c: Context): Promise<string> {
  const declared = Number(c.req.header('content-length') ?? 0);
  if (declared > LARGEST) throw new Problem(413, 'too_large', 'the body is larger than 1 MiB: send less at once');
  const reader = c.req.raw.body?.getReader();
  if (!reader) return '';
  let late: NodeJS.Timeout | undefined;
  const slow = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Problem(408, 'too_slow', 'the body did not arrive within 10 seconds: send it again', { headers: { Connection: 'close' } })), SLOWEST_MS);
  });
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), slow]);
      if (done) break;
      size += value.byteLength;
      if (size > LARGEST) throw new Problem(413, 'too_large', 'the body is larger than 1 MiB: send less at once');
      chunks.push(value);
    }
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(late);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Problem(400, 'bad_body', 'the body is not UTF-8');
  }
}

/** A JSON body. An empty one is `{}`, as the seeds' clients send it. */
export async function readJson(c: Context): Promise<unknown> {
  const text = await readText(c);
  if (text.trim() === '') return {};
  const type = (c.req.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/json' && !type.endsWith('+json')) throw new Problem(415, 'unsupported_media_type', `Content-Type is ${type || 'missing'}: send application/json`);
  try {
    return parseStrict(text);
  } catch (error) {
    if (error instanceof BadJson) throw new Problem(400, 'bad_json', error.message);
    throw error;
  }
}

/** A form of a page: every field once, NUL refused. */
export async function readForm(c: Context): Promise<Record<string, string>> {
  const type = (c.req.header('content-type') ?? 'application/x-www-form-urlencoded').split(';')[0]!.trim().toLowerCase();
  const text = await readText(c);
  if (text !== '' && type !== 'application/x-www-form-urlencoded') throw new Problem(415, 'unsupported_media_type', `Content-Type is ${type}: send a form`);
  const form: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in form) throw new Problem(400, 'bad_form', `the field ${name.slice(0, 60)} is given twice`, { field: name.slice(0, 60) });
    if (value.includes('\0')) throw new Problem(422, 'invalid', `${name.slice(0, 60)}: must not contain NUL`, { field: name.slice(0, 60) });
    form[name] = value;
  }
  return form;
}

/** What is wrong with one value, as a person would say it. */
export const issueText = (issue: { code?: string; message: string }): string => (issue.code === 'invalid_type' && /received undefined$/.test(issue.message) ? 'is required' : issue.message);

/** The checked value, or 422 that names the first field at fault. */
export function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0]!;
  const extra = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const field = [...issue.path.map(String), ...(extra ? [extra] : [])].join('.');
  throw new Problem(422, 'invalid', extra ? `${field}: no such field` : `${field || 'body'}: ${issueText(issue)}`, { field: field || undefined });
}
