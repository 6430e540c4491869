import type { z } from 'zod';

/** The first thing that is wrong, with its field. */
export function issueText(error: z.ZodError): string {
  const issue = error.issues[0]!;
  const extra = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const field = [...issue.path.map(String), ...(extra ? [extra] : [])].join('.');
  const what = extra ? 'there is no such field' : issue.code === 'invalid_type' && /received undefined$/.test(issue.message) ? 'is required' : issue.message;
  return field ? `${field}: ${what}` : what;
}
