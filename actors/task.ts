import { z } from 'zod';
import { taskMachine } from '../machines/task.ts';
import { bind } from './binding.ts';
import { groupShape as group, idShape as id } from './id.ts';
import { webUrl } from './web-url.ts';

export const taskPayload = z.strictObject({
  url: webUrl.optional(),
  actions: z.array(z.strictObject({ tool: z.string().min(1).max(64), args: z.record(z.string(), z.unknown()).default({}), note: z.string().max(300).optional() })).max(500, 'must be 500 steps at most').optional(),
  command: z.string().min(1).max(20_000).optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a variable name'), z.string().max(4096)).optional(),
  cwd: z.string().max(500).optional(),
  keep: z.boolean().optional(),
});

export const taskRequirements = z.strictObject({
  account: id.optional(),
  worker: id.optional(),
  agent: id.optional(),
  labels: z.record(z.string().min(1).max(63), z.string().max(63)).optional(),
  min: z.strictObject({ cpu: z.number().min(0).max(1024).optional(), memoryMb: z.number().min(0).max(16_777_216).optional(), gpu: z.union([z.boolean(), z.number().int().min(0).max(64)]).optional() }).optional(),
  forwardTo: z.array(group).max(10).optional(),
  forwardAfterMs: z.number().int().min(0).max(86_400_000).optional(),
});

/** What a task is made of; times in milliseconds, `at` epoch milliseconds. `retries` counts those after the first try. */
export const taskFields = z
  .strictObject({
    title: z.string().trim().min(1, 'must not be empty').max(200),
    description: z.string().max(20_000).default(''),
    type: z.enum(['scrape', 'test', 'automation', 'shell']),
    priority: z.number().int().min(1, 'must be 1 to 10').max(10, 'must be 1 to 10').default(5),
    group: group.default('default'),
    payload: taskPayload.default({}),
    requirements: taskRequirements.default({}),
    timeoutMs: z.number().int().min(100).max(86_400_000).default(300_000),
    retries: z.number().int().min(0).max(3, 'must be 3 at most').default(3),
    after: z.array(id).max(50).default([]),
    key: z.string().min(1).max(200).optional(),
    template: id.optional(),
    schedule: id.optional(),
    at: z.number().int().min(0).optional(),
    replayOf: id.optional(),
  })
  .superRefine((t, ctx) => {
    if (t.type === 'shell' && !t.payload.command?.trim()) ctx.addIssue({ code: 'custom', path: ['payload', 'command'], message: 'is needed: what the shell is to run' });
    if (t.type !== 'shell' && t.payload.command !== undefined) ctx.addIssue({ code: 'custom', path: ['payload', 'command'], message: 'is for tasks of type shell alone' });
    if (JSON.stringify(t.payload).length > MOST_PAYLOAD) ctx.addIssue({ code: 'custom', path: ['payload'], message: `must be ${MOST_PAYLOAD} characters of JSON at most` });
  });
export type TaskFields = z.infer<typeof taskFields>;

const MOST_PAYLOAD = 65_536;

const nothing = z.strictObject({});

/** A task's public commands. Its number (`seq`) is put in before it is made; what runs it again is a verb of the master, for a task that has ended takes no events. */
export const task = bind({
  kind: 'task',
  machine: taskMachine,
  stamp: true,
  /** A key may be used anew when its task was purged, or is no longer shown; one that has just ended may not be shown yet. */
  again: (last, input, at) => input['purged'] === true || at - last.at > 3_600_000,
  commands: {
    create: {
      schema: taskFields,
      input: (f, { id, by }) => ({
        id, seq: f.seq ?? 0, title: f.title, description: f.description, type: f.type, priority: f.priority, group: f.group, payload: f.payload, requirements: f.requirements, timeoutMs: f.timeoutMs, retries: f.retries, after: f.after,
        notBefore: f.at ?? null, key: f.key ?? null, template: f.template ?? null, schedule: f.schedule ?? null, replayOf: f.replayOf ?? null, by, purged: f.purged,
      }),
      made: (context) => ({ task: context['id'], number: context['seq'], title: context['title'] }),
    },
    cancel: { schema: nothing, event: (_, { by }) => ({ type: 'CANCEL', by }) },
  },
  events: { CANCEL: nothing },
  effects: { depend: { on: 'master' }, place: { on: 'master' }, work: { on: 'worker' } },
});
