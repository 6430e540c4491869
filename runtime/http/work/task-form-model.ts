import { z } from 'zod';
import type { StepValue, TaskFormModel, TaskValues, ToolChoice } from '../../../views/task-form.ts';
import { Problem } from '../problem.ts';
import { readArguments, shownArguments } from './tool-choices.ts';

export const EMPTY: TaskValues = { title: '', description: '', type: 'automation', url: '', command: '', steps: [], group: 'default', priority: 5, account: '', worker: '', agent: '', cpu: '', memoryMb: '', gpu: false, timeoutSeconds: 300, retries: 3, after: '', forwardTo: '', forwardAfterSeconds: '' };

const number = (name: string) => z.string().trim().regex(/^\d{1,9}(\.\d{1,3})?$/, `must be a number`).transform(Number).describe(name);
const optional = z.string().trim().max(300).default('');
const fields = z.object({
  title: z.string().trim().min(1, 'must not be empty').max(200),
  description: z.string().trim().max(5000).default(''),
  type: z.enum(['scrape', 'test', 'automation', 'shell']),
  url: z.string().trim().max(4000).default(''),
  command: z.string().max(20_000).default(''),
  group: optional,
  priority: number('priority'),
  timeout_seconds: number('timeout_seconds'),
  retries: number('retries'),
  account: optional, worker: optional, agent: optional, after: optional, forward_to: optional,
  cpu: number('cpu').or(z.literal('')).default(''),
  memory_mb: number('memory_mb').or(z.literal('')).default(''),
  forward_after_seconds: number('forward_after_seconds').or(z.literal('')).default(''),
  gpu: z.literal('1').optional(),
});

/** A task as `task create` takes it, out of a form's fields. Throws 422 that names the field. */
export function readTaskForm(form: Readonly<Record<string, string>>, tools: readonly ToolChoice[]): Record<string, unknown> {
  const read = fields.safeParse(form);
  if (!read.success) {
    const issue = read.error.issues[0]!;
    const field = String(issue.path[0]);
    throw new Problem(422, 'invalid', `${field}: ${issue.code === 'invalid_type' ? 'is required' : issue.message}`, { field });
  }
  const f = read.data;
  const actions = f.type === 'shell' ? [] : readSteps(form, tools);
  if (f.type === 'shell' && f.command.trim() === '') throw new Problem(422, 'invalid', 'command: must not be empty for a shell task', { field: 'command' });
  const labels = { ...(f.cpu === '' ? {} : { cpu: f.cpu }), ...(f.memory_mb === '' ? {} : { memoryMb: f.memory_mb }), ...(f.gpu ? { gpu: 1 } : {}) };
  return {
    title: f.title, description: f.description, type: f.type, priority: f.priority, group: f.group || 'default',
    payload: f.type === 'shell' ? { command: f.command } : { ...(f.url ? { url: f.url } : {}), ...(actions.length > 0 ? { actions } : {}) },
    requirements: {
      ...(f.account ? { account: f.account } : {}), ...(f.worker ? { worker: f.worker } : {}), ...(f.agent ? { agent: f.agent } : {}),
      ...(Object.keys(labels).length > 0 ? { min: labels } : {}),
      ...(f.forward_to ? { forwardTo: [f.forward_to], forwardAfterMs: f.forward_after_seconds === '' ? 60_000 : f.forward_after_seconds * 1000 } : {}),
    },
    timeoutMs: f.timeout_seconds * 1000, retries: f.retries,
    ...(f.after ? { after: f.after.split(/[\s,]+/).filter(Boolean).map((a) => a.replace(/^#/, '')) } : {}),
  };
}

/** Steps in the order in which they stand in the form. */
function readSteps(form: Readonly<Record<string, string>>, tools: readonly ToolChoice[]): { tool: string; args: Record<string, unknown> }[] {
  const steps = new Map<string, { tool: string; args: Record<string, string> }>();
  for (const [name, value] of Object.entries(form)) {
    const at = /^step-([a-z0-9]{1,20})-(tool|arg-(.+))$/.exec(name);
    if (!at) continue;
    const step = steps.get(at[1]!) ?? { tool: '', args: {} };
    if (at[2] === 'tool') step.tool = value;
    else step.args[at[3]!] = value;
    steps.set(at[1]!, step);
  }
  return [...steps].map(([n, s], i) => {
    const tool = tools.find((t) => t.name === s.tool);
    if (!tool) throw new Problem(422, 'invalid', `step ${i + 1}: there is no tool ${s.tool}`, { field: `step-${n}-tool` });
    const missing = tool.fields.find((f) => f.required && !(s.args[f.name] ?? '').trim());
    if (missing) throw new Problem(422, 'invalid', `step ${i + 1} (${tool.name}): ${missing.name} is required`, { field: `step-${n}-arg-${missing.name}` });
    try {
      return { tool: tool.name, args: readArguments(tool, s.args) };
    } catch (error) {
      throw new Problem(422, 'invalid', `step ${i + 1} (${tool.name}): ${(error as Error).message}`, { field: `step-${n}-arg-${/^(\w+)/.exec((error as Error).message)?.[1] ?? ''}` });
    }
  });
}

type Task = { title?: unknown; description?: unknown; type?: unknown; priority?: unknown; group?: unknown; payload?: unknown; requirements?: unknown; timeoutMs?: unknown; retries?: unknown; after?: unknown };
type Payload = { url?: string; command?: string; actions?: { tool: string; args?: Record<string, unknown>; note?: string }[] };
type Needs = { account?: string | null; worker?: string | null; agent?: string | null; min?: { cpu?: number; memoryMb?: number; gpu?: number }; forwardTo?: string[]; forwardAfterMs?: number };

/** What a form shows of a task that is there already. */
export function valuesOf(task: Task): TaskValues {
  const p = (task.payload ?? {}) as Payload;
  const r = (task.requirements ?? {}) as Needs;
  const text = (v: unknown, fallback = ''): string => (v === null || v === undefined ? fallback : String(v));
  return {
    title: text(task.title), description: text(task.description), type: text(task.type, 'automation'), url: p.url ?? '', command: p.command ?? '',
    steps: (p.actions ?? []).map((a): StepValue => ({ tool: a.tool, note: a.note ?? '', args: shownArguments(a.args ?? {}) })),
    group: text(task.group, 'default'), priority: Number(task.priority ?? 5), account: r.account ?? '', worker: r.worker ?? '', agent: r.agent ?? '',
    cpu: text(r.min?.cpu), memoryMb: text(r.min?.memoryMb), gpu: Boolean(r.min?.gpu), timeoutSeconds: Math.round(Number(task.timeoutMs ?? 300_000) / 1000), retries: Number(task.retries ?? 3),
    after: Array.isArray(task.after) ? task.after.join(', ') : '', forwardTo: r.forwardTo?.[0] ?? '', forwardAfterSeconds: r.forwardAfterMs ? String(r.forwardAfterMs / 1000) : '',
  };
}

export type Around = Pick<TaskFormModel, 'tools' | 'groups' | 'workers' | 'agents' | 'accounts'>;
