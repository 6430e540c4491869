import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ruleMachine } from '../machines/rule.ts';
import { bind } from './binding.ts';
import { ID } from './id.ts';

const id = z.string().regex(ID, 'must be 1 to 63 of a-z, 0-9 and hyphens, starting with a letter or digit');
const remote = z.string().min(1).max(200);
const word = z.string().trim().min(1, 'must not be empty').max(60, 'must be 60 characters at most');
export const LONGEST_PATTERN = 200;

const fields = {
  name: z.string().trim().min(1, 'must not be empty').max(100),
  order: z.number().int().min(0).max(9999),
  match: z.union([
    z.strictObject({ words: z.array(word).min(1, 'give a word at least').max(50), all: z.boolean().default(false) }),
    z.strictObject({ pattern: z.string().min(1, 'must not be empty').max(LONGEST_PATTERN, `must be ${LONGEST_PATTERN} characters at most`) }),
  ]),
  accounts: z.array(id).max(200),
  platforms: z.array(id).max(50),
  types: z.array(z.enum(['comment', 'message'])).min(1, 'choose comments, messages or both').max(2),
  answer: z.union([z.strictObject({ canned: id }), z.strictObject({ text: z.string().trim().min(1, 'must not be empty').max(2000, 'must be 2000 characters at most') })]),
  perHour: z.number().int().min(1, 'must be 1 to 200').max(200, 'must be 1 to 200'),
  perPersonHours: z.number().int().min(0).max(720),
  maxAgeHours: z.number().int().min(1).max(720),
  stop: z.boolean(),
  approve: z.boolean(),
};
export const ruleConfig = z.strictObject({
  ...fields, order: fields.order.default(100), accounts: fields.accounts.default([]), platforms: fields.platforms.default([]), types: fields.types.default(['comment', 'message']),
  perHour: fields.perHour.default(20), perPersonHours: fields.perPersonHours.default(24), maxAgeHours: fields.maxAgeHours.default(24), stop: fields.stop.default(true), approve: fields.approve.default(false),
});
export const rulePatch = z.strictObject({
  name: fields.name.optional(), order: fields.order.optional(), match: fields.match.optional(), accounts: fields.accounts.optional(), platforms: fields.platforms.optional(), types: fields.types.optional(), answer: fields.answer.optional(),
  perHour: fields.perHour.optional(), perPersonHours: fields.perPersonHours.optional(), maxAgeHours: fields.maxAgeHours.optional(), stop: fields.stop.optional(), approve: fields.approve.optional(),
});

const nothing = z.strictObject({});
const plain = (type: string) => ({ schema: nothing, event: (_: unknown, { by }: { by: string }) => ({ type, by }) });

/** One reply for a rule and an item, whoever works it out how often. */
export const ruleReplyId = (rule: string, account: string, item: string): string => `q${createHash('sha256').update(JSON.stringify([rule, account, item])).digest('hex').slice(0, 24)}`;

/** Rules answer comments and messages by themselves. */
export const rule = bind({
  kind: 'rule',
  machine: ruleMachine,
  stamp: true,
  commands: {
    create: { schema: ruleConfig, input: (p, { id: of, by }) => ({ id: of, config: p, by }) },
    update: { schema: rulePatch, event: (p, { by }) => ({ type: 'UPDATE', config: p, by }) },
    live: plain('GO_LIVE'),
    'dry-run': plain('DRY_RUN'),
    off: plain('OFF'),
    remove: plain('REMOVE'),
  },
  events: {
    MATCHED: z.strictObject({
      did: z.strictObject({ item: z.string().max(40), account: id, type: z.enum(['comment', 'message']), target: remote, conversation: id, person: z.string().max(40), name: z.string().max(200), text: z.string().max(400), answer: z.string().max(5000).nullable(), why: z.string().max(300).nullable() }),
      reply: z.looseObject({ id }).nullable(),
      seen: z.boolean(),
      long: z.boolean(),
    }),
    GO_LIVE: nothing, DRY_RUN: nothing, OFF: nothing, REMOVE: nothing,
  },
  effects: {},
});
