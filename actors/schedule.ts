import { z } from 'zod';
import { scheduleMachine } from '../machines/schedule.ts';
import { bind } from './binding.ts';
import { ID } from './id.ts';

const name = z.string().regex(ID, 'must be the name of a template: 1 to 63 of a-z, 0-9 and hyphens');
const zone = z.string().max(60).refine((v) => isZone(v), 'must be a time zone like Asia/Shanghai');

export const scheduleWhen = z.union([
  z.strictObject({ cron: z.string().trim().min(9).max(120), timezone: zone.default('Asia/Shanghai') }),
  z.strictObject({ everyMs: z.number().int().min(1000, 'must be at least 1000').max(31_536_000_000) }),
  z.strictObject({ at: z.number().int().min(0) }),
]);
const makes = z.union([
  z.strictObject({ template: name, params: z.record(z.string().max(60), z.unknown()).default({}) }),
  z.strictObject({ task: z.record(z.string(), z.unknown()) }),
]);
const fields = {
  title: z.string().trim().min(1, 'must not be empty').max(200),
  when: scheduleWhen,
  makes,
  overlap: z.enum(['make', 'skip']),
  missed: z.enum(['one', 'none']),
};
export const scheduleConfig = z.strictObject({ ...fields, overlap: fields.overlap.default('skip'), missed: fields.missed.default('one') });
export const schedulePatch = z.strictObject({ title: fields.title.optional(), when: fields.when.optional(), makes: fields.makes.optional(), overlap: fields.overlap.optional(), missed: fields.missed.optional() });

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });

/** Tasks by the clock: `when` is cron in a time zone, an interval or one moment. */
export const schedule = bind({
  kind: 'schedule',
  machine: scheduleMachine,
  stamp: true,
  commands: {
    create: { schema: scheduleConfig, input: (p, { id, by }) => ({ id, config: p, by }) },
    update: { schema: schedulePatch, event: (p, { by }) => ({ type: 'UPDATE', config: p, by }) },
    pause: plain('PAUSE'),
    resume: plain('RESUME'),
    now: plain('NOW'),
    remove: plain('REMOVE'),
  },
  events: { PAUSE: nothing, RESUME: nothing, NOW: nothing, REMOVE: nothing },
  effects: { nextTime: { on: 'master' }, fire: { on: 'master' } },
});

function isZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}
