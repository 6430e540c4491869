import { z } from 'zod';

/** Templates live in the settings bucket under these keys. */
export const TASK_TEMPLATE_KEY = 'task-template.';

const value = z.union([z.string().max(5000), z.number(), z.boolean()]);
export const templateParam = z.strictObject({
  name: z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]{0,39}$/, 'must be 1 to 40 letters, digits and _, a letter first'),
  label: z.string().trim().max(100).default(''),
  type: z.enum(['text', 'number', 'boolean', 'choice', 'url', 'lines']).default('text'),
  required: z.boolean().default(false),
  default: value.optional(),
  options: z.array(z.string().min(1).max(200)).max(100).default([]),
  hint: z.string().max(300).default(''),
  min: z.number().optional(),
  max: z.number().optional(),
});
export type TemplateParam = z.infer<typeof templateParam>;

/** A task with holes: `{{name}}` in any text of it is filled with a parameter's value; a text that is one hole alone takes the value with its type. */
export const taskTemplate = z
  .strictObject({
    description: z.string().max(1000).default(''),
    params: z.array(templateParam).max(40).default([]),
    /** As `task create` takes it. */
    task: z.looseObject({ title: z.string().trim().min(1, 'must not be empty').max(200) }),
  })
  .superRefine((t, ctx) => {
    const names = new Set<string>();
    for (const [i, p] of t.params.entries()) {
      if (names.has(p.name)) ctx.addIssue({ code: 'custom', path: ['params', i, 'name'], message: `${p.name} is there twice` });
      names.add(p.name);
      if (p.type === 'choice' && p.options.length === 0) ctx.addIssue({ code: 'custom', path: ['params', i, 'options'], message: `${p.name} is a choice without options` });
      if (p.min !== undefined && p.max !== undefined && p.min > p.max) ctx.addIssue({ code: 'custom', path: ['params', i, 'min'], message: `must not be over max (${p.max})` });
    }
    for (const hole of holes(t.task)) if (!names.has(hole)) ctx.addIssue({ code: 'custom', path: ['task'], message: `{{${hole}}} has no parameter: add one of this name` });
  });
export type TaskTemplate = z.infer<typeof taskTemplate>;

/** A value that doesn't fit its parameter; `field` is the parameter's name. */
export class TemplateFault extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.name = 'TemplateFault';
    this.field = field;
  }
}

/** The task with every hole filled. Throws TemplateFault naming the first parameter at fault. */
export function expandTemplate(template: TaskTemplate, given: Record<string, unknown>): Record<string, unknown> {
  const known = new Set(template.params.map((p) => p.name));
  for (const name of Object.keys(given)) if (!known.has(name)) throw new TemplateFault(name, `the template has no such parameter; it has ${[...known].join(', ') || 'none'}`);
  const values = new Map(template.params.map((p) => [p.name, valueOf(p, given[p.name])]));
  return fill(template.task, values) as Record<string, unknown>;
}

function valueOf(p: TemplateParam, given: unknown): string | number | boolean | string[] | null {
  const raw = given === undefined || given === null || given === '' ? p.default : given;
  if (raw === undefined || raw === '') {
    if (p.required) throw new TemplateFault(p.name, 'is required');
    return p.type === 'lines' ? [] : p.type === 'boolean' ? false : null;
  }
  switch (p.type) {
    case 'number': {
      const n = typeof raw === 'number' ? raw : typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : NaN;
      if (!Number.isFinite(n)) throw new TemplateFault(p.name, 'must be a number');
      if (p.min !== undefined && n < p.min) throw new TemplateFault(p.name, `must be at least ${p.min}`);
      if (p.max !== undefined && n > p.max) throw new TemplateFault(p.name, `must be at most ${p.max}`);
      return n;
    }
    case 'boolean':
      if (raw === true || raw === 'true' || raw === '1') return true;
      if (raw === false || raw === 'false' || raw === '0') return false;
      throw new TemplateFault(p.name, 'must be true or false');
    case 'lines':
      if (Array.isArray(raw)) return raw.map(String);
      return String(raw).split('\n').map((l) => l.trim()).filter((l) => l !== '');
    case 'choice':
      if (!p.options.includes(String(raw))) throw new TemplateFault(p.name, `must be one of ${p.options.join(', ')}`);
      return String(raw);
    case 'url':
      if (!/^https?:\/\/[^\s]+$/i.test(String(raw))) throw new TemplateFault(p.name, 'must be an address that begins with http:// or https://');
      return String(raw);
    case 'text':
      if (typeof raw === 'object') throw new TemplateFault(p.name, 'must be a text');
      return String(raw);
  }
}

const HOLE = /\{\{\s*([a-zA-Z][a-zA-Z0-9_]{0,39})\s*\}\}/g;
const WHOLE = new RegExp(`^${HOLE.source}$`);

function fill(node: unknown, values: ReadonlyMap<string, unknown>): unknown {
  if (typeof node === 'string') {
    const alone = WHOLE.exec(node);
    if (alone) return values.has(alone[1]!) ? values.get(alone[1]!) : node;
    return node.replace(HOLE, (whole, name: string) => (values.has(name) ? shown(values.get(name)) : whole));
  }
  if (Array.isArray(node)) return node.map((n) => fill(n, values));
  // What was left empty is left out, so that the task's own default holds.
  if (node !== null && typeof node === 'object') return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, fill(v, values)] as const).filter(([k, v]) => v !== null || (node as Record<string, unknown>)[k] === null));
  return node;
}

const shown = (v: unknown): string => (v === null || v === undefined ? '' : Array.isArray(v) ? v.join('\n') : String(v));

/** The names of all holes, each once. */
export function holes(node: unknown): string[] {
  const found = new Set<string>();
  const walk = (n: unknown): void => {
    if (typeof n === 'string') for (const m of n.matchAll(HOLE)) found.add(m[1]!);
    else if (n !== null && typeof n === 'object') Object.values(n).forEach(walk);
  };
  walk(node);
  return [...found];
}

/** A finished task as a template: nothing of its life, no parameters yet. */
export const templateFromTask = (task: Record<string, unknown>): TaskTemplate => taskTemplate.parse({ task: Object.fromEntries(Object.entries(task).filter(([k, v]) => !['key', 'at', 'after', 'schedule', 'template', 'replayOf'].includes(k) && v !== null && v !== undefined)) });
