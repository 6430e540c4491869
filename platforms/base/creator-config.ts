import { z } from 'zod';
import type { PlatformConfig } from '../contract.ts';
import { platformConfig } from '../read-config.ts';

/** Paths into JSON, in order of preference: `user.nickname`, `list.0`. */
const paths = z.array(z.string().min(1).max(200)).min(1).max(10);
const fields = z.record(z.string(), paths);

const answer = z.strictObject({
  /** Parts of addresses. */
  url: z.array(z.string().min(3).max(200)).min(1).max(10),
  /** Where the list stands; an object there counts as a list of one. */
  list: paths,
  fields,
  /** True (or above 0) when there is another page. */
  more: paths.optional(),
  time: z.enum(['seconds', 'milliseconds']).default('seconds'),
  /** A list inside each row. */
  nested: z.strictObject({ list: paths, fields }).optional(),
});
export type AnswerConfig = z.output<typeof answer>;

/** What a creator centre's config.json holds beside the common fields: which of the JSON that its pages fetch is read, and how. */
export const creatorConfig = platformConfig.extend({ answers: z.record(z.string(), answer).default({}) });
export type CreatorConfig = PlatformConfig & { answers: Record<string, AnswerConfig> };
