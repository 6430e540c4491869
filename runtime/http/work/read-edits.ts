import { Problem } from '../problem.ts';

/** What a form changes of the tasks that it runs again; an empty field leaves what each had. Throws a problem that names the field. */
export function readEdits(form: Record<string, string>): Record<string, unknown> {
  const text = (name: string): string => (form[name] ?? '').trim();
  const edits: Record<string, unknown> = {};
  if (text('edit-group')) edits['group'] = text('edit-group');
  if (text('edit-priority')) edits['priority'] = numberIn(text('edit-priority'), 'edit-priority', 1, 10);
  if (text('edit-timeout')) edits['timeoutMs'] = 1000 * numberIn(text('edit-timeout'), 'edit-timeout', 1, 86_400);
  if (text('edit-payload')) edits['payload'] = jsonObject(text('edit-payload'), 'edit-payload');
  return edits;
}

function numberIn(text: string, field: string, least: number, most: number): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < least || n > most) throw new Problem(422, 'invalid', `${field}: must be a whole number from ${least} to ${most}`, { field });
  return n;
}

function jsonObject(text: string, field: string): object {
  try {
    const read: unknown = JSON.parse(text);
    if (read !== null && typeof read === 'object' && !Array.isArray(read)) return read;
  } catch {
    // Told below, with what would be right.
  }
  throw new Problem(422, 'invalid', `${field}: must be a JSON object, like {"url": "https://shop.example"}`, { field });
}
