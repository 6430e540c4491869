import { z } from 'zod';
import type { Bucket } from '../ports.ts';

/** Keys of a bucket take few signs: names are written in base64url. */
const key = (what: string, user: string, of = ''): string => `${what}.${Buffer.from(user).toString('base64url')}${of ? `.${of}` : ''}`;

async function read<T>(bucket: Pick<Bucket, 'get'>, name: string, schema: z.ZodType<T>): Promise<T | null> {
  const bytes = await bucket.get(name);
  if (!bytes) return null;
  const parsed = schema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  return parsed.success ? parsed.data : null;
}

const draft = z.object({ text: z.string(), at: z.number() });

/** What somebody has written and not sent, by user and talk. */
export const findDraft = async (desk: Bucket, user: string, talk: string): Promise<string> => (await read(desk, key('draft', user, talk), draft))?.text ?? '';
export const keepDraft = async (desk: Bucket, user: string, talk: string, text: string, at: number): Promise<void> => (text.trim() === '' ? desk.delete(key('draft', user, talk)) : desk.put(key('draft', user, talk), JSON.stringify({ text, at })));

export const MOST_FILTERS = 20;
/** A view of the inbox under a name: `query` is what stands behind `/inbox?`. */
const savedFilter = z.object({ id: z.string(), name: z.string(), query: z.string() });
export type SavedFilter = z.infer<typeof savedFilter>;
const filters = z.array(savedFilter);

/** In the bucket of the settings: they are not forgotten. */
export const listFilters = async (settings: Bucket, user: string): Promise<SavedFilter[]> => (await read(settings, key('filters', user), filters)) ?? [];
export const saveFilters = (settings: Bucket, user: string, list: SavedFilter[]): Promise<void> => settings.put(key('filters', user), JSON.stringify(list));

/** One way back: a command for a talk, or marks of what was read. */
const step = z.union([
  z.object({ talk: z.string(), verb: z.string(), payload: z.record(z.string(), z.unknown()) }),
  z.object({ account: z.string(), marks: z.object({ comments: z.array(z.string()), messages: z.array(z.string()), notifications: z.array(z.string()), conversations: z.array(z.string()), unread: z.boolean() }) }),
]);
export type UndoStep = z.infer<typeof step>;
const undo = z.object({ id: z.string(), at: z.number(), steps: z.array(step) });
export type Undo = z.infer<typeof undo>;
const undos = z.array(undo);
const KEPT = 5;

export async function keepUndo(desk: Bucket, user: string, one: Undo): Promise<void> {
  const list = (await read(desk, key('undo', user), undos)) ?? [];
  await desk.put(key('undo', user), JSON.stringify([one, ...list].slice(0, KEPT)));
}

/** Takes it off the list: it is undone once. */
export async function takeUndo(desk: Bucket, user: string, id: string): Promise<Undo | null> {
  const list = (await read(desk, key('undo', user), undos)) ?? [];
  const found = list.find((u) => u.id === id) ?? null;
  if (found) await desk.put(key('undo', user), JSON.stringify(list.filter((u) => u.id !== id)));
  return found;
}
