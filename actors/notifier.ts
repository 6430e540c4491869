import { z } from 'zod';
import { notifierMachine } from '../machines/notifier.ts';
import { bind } from './binding.ts';
import { ID } from './id.ts';

const id = z.string().regex(ID, 'must be an id: lower-case letters, digits and hyphens');
export const NOTICE_TYPES = ['comment', 'direct_message', 'account_status', 'system'] as const;
export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;

const fields = {
  name: z.string().trim().min(1, 'must not be empty').max(100),
  sink: id,
  types: z.array(z.enum(NOTICE_TYPES)).max(4),
  accounts: z.array(id).max(500, 'must be 500 accounts at most'),
  least: z.enum(PRIORITIES),
  digestMinutes: z.number().int().min(0).max(1440, 'must be a day (1440 minutes) at most'),
};
export const notifierConfig = z.strictObject({ ...fields, types: fields.types.default([]), accounts: fields.accounts.default([]), least: fields.least.default('normal'), digestMinutes: fields.digestMinutes.default(0), enabled: z.boolean().default(true) });
export const notifierPatch = z.strictObject(Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, v.optional()])) as { [K in keyof typeof fields]: z.ZodOptional<(typeof fields)[K]> });

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });

/** A rule by which notifications go to a sink. `enable` counts from then on. */
export const notifier = bind({
  kind: 'notifier',
  machine: notifierMachine,
  stamp: true,
  again: true,
  commands: {
    create: { schema: notifierConfig, input: ({ enabled, ...config }, { id: name, by }) => ({ id: name, config, enabled, by }) },
    update: { schema: notifierPatch, event: (config, { by }) => ({ type: 'UPDATE', config, by }) },
    enable: plain('ON'),
    disable: plain('OFF'),
    flush: plain('FLUSH'),
    remove: plain('REMOVE'),
  },
  events: { ON: nothing, OFF: nothing, FLUSH: nothing, REMOVE: nothing },
  effects: {},
});
