import { TASK_TEMPLATE_KEY, taskTemplate, type TaskTemplate } from './task-template.ts';

/** The part of a settings bucket that templates need. */
export type TemplateBucket = { get(key: string): Promise<Uint8Array | null>; put(key: string, value: string): Promise<void>; delete(key: string): Promise<void>; keys(): Promise<string[]> };

/** Null where there is none of this name, or none that can be read. */
export async function findTaskTemplate(bucket: Pick<TemplateBucket, 'get'>, name: string): Promise<TaskTemplate | null> {
  const bytes = await bucket.get(TASK_TEMPLATE_KEY + name);
  const read = bytes && taskTemplate.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  return read?.success ? read.data : null;
}

export async function listTaskTemplates(bucket: TemplateBucket): Promise<(TaskTemplate & { name: string })[]> {
  const names = (await bucket.keys()).filter((k) => k.startsWith(TASK_TEMPLATE_KEY)).map((k) => k.slice(TASK_TEMPLATE_KEY.length)).sort();
  const found = await Promise.all(names.map(async (name) => ({ name, template: await findTaskTemplate(bucket, name) })));
  return found.flatMap(({ name, template }) => (template ? [{ name, ...template }] : []));
}

export const saveTaskTemplate = (bucket: TemplateBucket, name: string, template: TaskTemplate): Promise<void> => bucket.put(TASK_TEMPLATE_KEY + name, JSON.stringify(template));
export const dropTaskTemplate = (bucket: TemplateBucket, name: string): Promise<void> => bucket.delete(TASK_TEMPLATE_KEY + name);
