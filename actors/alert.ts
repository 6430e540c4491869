import { z } from 'zod';
import { alertMachine } from '../machines/alert.ts';
import { bind } from './binding.ts';
import { ID } from './id.ts';

/** What masters can look at. `unit` is what a value is in; `of` is whose it is. */
export const METRICS = {
  worker_down: { of: 'worker', unit: '' },
  worker_cpu: { of: 'worker', unit: 'ratio' },
  worker_memory: { of: 'worker', unit: 'ratio' },
  tasks_pending: { of: 'fleet', unit: '' },
  oldest_pending: { of: 'fleet', unit: 's' },
  task_error_rate: { of: 'fleet', unit: 'ratio' },
  dispatch_p99: { of: 'fleet', unit: 's' },
  agents_in_error: { of: 'fleet', unit: '' },
  accounts_out: { of: 'account', unit: '' },
  replies_waiting: { of: 'fleet', unit: '' },
  storage_refused: { of: 'fleet', unit: '' },
  disk_used: { of: 'machine', unit: 'ratio' },
  actors_parked: { of: 'fleet', unit: '' },
} as const;
export type MetricName = keyof typeof METRICS;

const number = z.number().min(-1e12).max(1e12);
const fields = {
  name: z.string().trim().min(1).max(100),
  metric: z.enum(Object.keys(METRICS) as [MetricName, ...MetricName[]]),
  op: z.enum(['above', 'below']),
  threshold: number,
  clear: number.nullable(),
  for_seconds: z.number().int().min(0).max(86_400),
  repeat_minutes: z.number().int().min(0).max(10_080),
  severity: z.enum(['info', 'warning', 'critical']),
  only: z.string().regex(ID, 'must be the id of a worker, an account or a machine').nullable(),
  enabled: z.boolean(),
};
type Rule = { op?: string | undefined; threshold?: number | undefined; clear?: number | null | undefined };
const sides = (r: Rule, ctx: { addIssue(i: { code: 'custom'; path: string[]; message: string }): void }) => {
  if (r.clear == null || r.threshold === undefined || r.op === undefined) return;
  if (r.op === 'above' ? r.clear > r.threshold : r.clear < r.threshold) ctx.addIssue({ code: 'custom', path: ['clear'], message: `must not be ${r.op} the threshold (${r.threshold})` });
};

export const alertRule = z.strictObject({
  ...fields, op: fields.op.default('above'), clear: fields.clear.default(null), for_seconds: fields.for_seconds.default(60), repeat_minutes: fields.repeat_minutes.default(0), severity: fields.severity.default('warning'), only: fields.only.default(null), enabled: fields.enabled.default(true),
}).superRefine(sides);
export const alertPatch = z.strictObject(Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, v.optional()])) as { [K in keyof typeof fields]: z.ZodOptional<(typeof fields)[K]> }).superRefine(sides);

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });
const minutes = z.number().int().min(1).max(10_080);
const toggle = (enabled: boolean) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type: 'UPDATE', rule: { enabled }, by }) });

/** A rule and its alarm. */
export const alert = bind({
  kind: 'alert',
  machine: alertMachine,
  stamp: true,
  again: true,
  commands: {
    create: { schema: alertRule, input: (p, { id }) => ({ id, rule: p }) },
    update: { schema: alertPatch, event: (p, { by }) => ({ type: 'UPDATE', rule: p, by }) },
    enable: toggle(true),
    disable: toggle(false),
    acknowledge: plain('ACKNOWLEDGE'),
    snooze: { schema: z.strictObject({ minutes: minutes.default(60) }), event: (p, { by }) => ({ type: 'SNOOZE', minutes: p.minutes, by }) },
    wake: plain('WAKE'),
    remove: plain('REMOVE'),
  },
  events: {
    SEEN: z.object({ breaching: z.array(z.object({ subject: z.string().max(100), value: z.number() })).max(200) }),
    ACKNOWLEDGE: nothing, WAKE: nothing, REMOVE: nothing, SNOOZE: z.object({ minutes }),
  },
  effects: { announce: { on: 'master' } },
});

/** Comes with Troupe; made when a master first misses one. */
export const BUILTIN_ALERTS: Readonly<Record<string, z.input<typeof alertRule>>> = {
  'worker-down': { name: 'Worker down', metric: 'worker_down', threshold: 0, for_seconds: 60, severity: 'critical' },
  'worker-cpu': { name: 'High CPU', metric: 'worker_cpu', threshold: 0.8, clear: 0.7, for_seconds: 300 },
  'worker-memory': { name: 'High memory', metric: 'worker_memory', threshold: 0.95, clear: 0.85, for_seconds: 300 },
  'task-backlog': { name: 'Task backlog', metric: 'tasks_pending', threshold: 100, clear: 80, for_seconds: 600 },
  'task-errors': { name: 'Tasks fail', metric: 'task_error_rate', threshold: 0.2, clear: 0.1, for_seconds: 300 },
  'dispatch-slow': { name: 'Dispatch is slow', metric: 'dispatch_p99', threshold: 5, clear: 2, for_seconds: 300 },
  'storage-refused': { name: 'NATS can\'t store', metric: 'storage_refused', threshold: 0, for_seconds: 0, repeat_minutes: 60, severity: 'critical' },
  'disk-full': { name: 'Disk nearly full', metric: 'disk_used', threshold: 0.9, clear: 0.88, for_seconds: 60, severity: 'critical', repeat_minutes: 360 },
  'account-out': { name: 'Account logged out', metric: 'accounts_out', threshold: 0, for_seconds: 0 },
  'reply-waits': { name: 'Reply needs a person', metric: 'replies_waiting', threshold: 0, for_seconds: 0 },
  'actor-parked': { name: 'Actor parked', metric: 'actors_parked', threshold: 0, for_seconds: 0 },
};
