import { z } from 'zod';
import { ID } from '../../transport/subjects.ts';
import { unknownVariables, VARIABLES } from '../rules/fill-answer.ts';

export const CANNED_KEY = 'canned.';

/** An answer that is ready: its words with {{nickname}} and the like, and what it is found by in the composer. */
export const cannedAnswer = z.strictObject({
  title: z.string().trim().min(1, 'must not be empty').max(80, 'must be 80 characters at most'),
  text: z.string().trim().min(1, 'must not be empty').max(2000, 'must be 2000 characters at most').refine((t) => unknownVariables(t).length === 0, { error: (i) => `knows no {{${unknownVariables(String(i.input))[0] ?? ''}}}; there are ${VARIABLES.map((v) => `{{${v}}}`).join(', ')}` }),
  group: z.string().trim().max(40).default(''),
});
export type CannedAnswer = z.infer<typeof cannedAnswer>;
export type NamedAnswer = CannedAnswer & { id: string };

/** The part of a bucket that canned answers need. */
export type CannedBucket = { get(key: string): Promise<Uint8Array | null>; put(key: string, value: string): Promise<void>; delete(key: string): Promise<void>; keys(): Promise<string[]> };

export async function findCanned(bucket: Pick<CannedBucket, 'get'>, id: string): Promise<CannedAnswer | null> {
  if (!ID.test(id)) return null;
  const bytes = await bucket.get(CANNED_KEY + id);
  const read = bytes && cannedAnswer.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  return read?.success ? read.data : null;
}

/** By group, then by title. */
export async function listCanned(bucket: CannedBucket): Promise<NamedAnswer[]> {
  const ids = (await bucket.keys()).filter((k) => k.startsWith(CANNED_KEY)).map((k) => k.slice(CANNED_KEY.length));
  const found = await Promise.all(ids.map(async (id) => ({ id, answer: await findCanned(bucket, id) })));
  return found.flatMap(({ id, answer }) => (answer ? [{ id, ...answer }] : [])).sort((a, b) => a.group.localeCompare(b.group, 'zh-CN') || a.title.localeCompare(b.title, 'zh-CN'));
}

export const saveCanned = (bucket: CannedBucket, id: string, answer: CannedAnswer): Promise<void> => bucket.put(CANNED_KEY + id, JSON.stringify(answer));
export const dropCanned = (bucket: CannedBucket, id: string): Promise<void> => bucket.delete(CANNED_KEY + id);
