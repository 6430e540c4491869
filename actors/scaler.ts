import { z } from 'zod';
import { scalerMachine } from '../machines/scaler.ts';
import { bind } from './binding.ts';
import { ID } from './id.ts';

const fields = {
  enabled: z.boolean(),
  dry_run: z.boolean(),
  min: z.number().int().min(0).max(1000),
  max: z.number().int().min(0).max(1000),
  metric: z.enum(['accounts', 'work']),
  target: z.number().min(1).max(1000),
  cooldown_seconds: z.number().int().min(5).max(3600),
  template: z.string().regex(ID, 'must be the name of a template'),
};
const order = (c: { min?: number; max?: number }, ctx: { addIssue(i: { code: 'custom'; path: string[]; message: string }): void }) => {
  if (c.min !== undefined && c.max !== undefined && c.min > c.max) ctx.addIssue({ code: 'custom', path: ['min'], message: `must not be over max (${c.max})` });
};

export const scalerConfig = z.strictObject({ ...fields, enabled: fields.enabled.default(true), dry_run: fields.dry_run.default(false), metric: fields.metric.default('accounts'), cooldown_seconds: fields.cooldown_seconds.default(60) }).superRefine(order);
const scalerPatch = z.strictObject(Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, v.optional()])) as { [K in keyof typeof fields]: z.ZodOptional<(typeof fields)[K]> }).superRefine(order);

/** Autoscaling of one group; its id is the group's name. */
export const scaler = bind({
  kind: 'scaler',
  machine: scalerMachine,
  stamp: true,
  again: true,
  commands: {
    create: { schema: scalerConfig, input: (p, { id }) => ({ id, config: p }) },
    update: { schema: scalerPatch, event: (p, { by }) => ({ type: 'UPDATE', config: p, by }) },
    remove: { schema: z.strictObject({}), event: (_, { by }) => ({ type: 'REMOVE', by }) },
  },
  events: {
    LOOK: z.object({ seen: z.object({ workers: z.array(z.object({ id: z.string(), phase: z.string(), link: z.string(), accounts: z.number(), busy: z.number(), ours: z.boolean() })), accounts: z.number(), work: z.number() }) }),
    REMOVE: z.strictObject({}),
  },
  effects: { scaleOut: { on: 'master' }, scaleIn: { on: 'master' } },
});
