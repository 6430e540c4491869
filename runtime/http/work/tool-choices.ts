import type { ToolChoice, ToolField } from '../../../views/task-form.ts';

/** A tool as the registry describes it: `schema` is the JSON Schema of its arguments, an object. */
export type ToolInfo = { name: string; title: string; description?: string; schema: unknown };

type Schema = { type?: string | string[]; enum?: unknown[]; description?: string; default?: unknown; properties?: Record<string, Schema>; required?: string[]; anyOf?: Schema[]; maxLength?: number };

/** Arguments that a step is mostly made of. */
const MAIN: ReadonlySet<string> = new Set(['url', 'selector', 'text', 'input', 'key', 'options', 'fields', 'list', 'script', 'files', 'state', 'dy', 'to', 'x', 'y']);
const LONG: ReadonlySet<string> = new Set(['script', 'code', 'text', 'expression', 'html']);

/** Tools with their arguments as fields of a form. */
export const toolChoices = (tools: readonly ToolInfo[]): ToolChoice[] => tools.map((t) => ({ name: t.name, title: t.title, fields: fieldsOf(t.schema as Schema) }));

function fieldsOf(schema: Schema): ToolField[] {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, s]): ToolField => {
    const hint = s.description ?? '';
    const fallback = s.default === undefined || typeof s.default === 'object' ? '' : String(s.default);
    return { name, type: typeOf(name, s), required: required.has(name) && s.default === undefined, hint, options: (s.enum ?? []).map(String), fallback, main: required.has(name) || MAIN.has(name) };
  });
  return fields.sort((a, b) => Number(b.required) - Number(a.required));
}

function typeOf(name: string, s: Schema): ToolField['type'] {
  if (s.enum) return 'choice';
  const type = Array.isArray(s.type) ? s.type.find((t) => t !== 'null') : s.type;
  if (type === 'boolean') return 'boolean';
  if (type === 'number' || type === 'integer') return 'number';
  if (type === 'string') return LONG.has(name) ? 'long' : 'text';
  return 'json';
}

const HOLE = /\{\{\s*\w+\s*\}\}/;

/** What stands in the fields of one step as the tool's arguments; empty ones are left out. Throws a text that names the field. */
export function readArguments(tool: ToolChoice, given: Readonly<Record<string, string>>): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  for (const f of tool.fields) {
    const text = (given[f.name] ?? '').trim();
    if (text === '') continue;
    args[f.name] = HOLE.test(text) ? text : valueOf(f, text);
  }
  return args;
}

function valueOf(f: ToolField, text: string): unknown {
  if (f.type === 'boolean') return text === 'true';
  if (f.type === 'number') {
    const n = Number(text);
    if (!Number.isFinite(n)) throw new Error(`${f.name} must be a number`);
    return n;
  }
  if (f.type === 'json') {
    // A bare word is a text, where the tool takes texts too.
    if (!/^[[{"\d]|^(true|false|null)$/.test(text)) return text;
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new Error(`${f.name} is no JSON: ${(error as Error).message}`);
    }
  }
  return text;
}

/** The same the other way, for a form that shows a step again. */
export const shownArguments = (args: Readonly<Record<string, unknown>>): Record<string, string> => Object.fromEntries(Object.entries(args).map(([k, v]) => [k, typeof v === 'string' ? v : JSON.stringify(v)]));
