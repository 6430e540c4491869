/** What a canned answer may name between braces. */
export const VARIABLES = ['nickname', 'account', 'post', 'platform', 'date', 'time'] as const;
export type Values = Record<(typeof VARIABLES)[number], string>;

const HOLE = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The names between braces that mean nothing. */
export const unknownVariables = (text: string): string[] => [...new Set([...text.matchAll(HOLE)].map((m) => m[1]!).filter((name) => !(VARIABLES as readonly string[]).includes(name)))];

/** The answer with everything put in; what is not known becomes nothing. What strangers wrote is never read as a variable. */
export const fillAnswer = (text: string, values: Partial<Values>): string => text.replace(HOLE, (whole, name: string) => ((VARIABLES as readonly string[]).includes(name) ? (values[name as keyof Values] ?? '') : whole)).trim();

/** Values for one item; times are those of China, where the accounts live. */
export function valuesFor(of: { nickname: string; account: string; post: string | null; platform: string }, now: number): Values {
  const local = new Date(now + 8 * 3_600_000).toISOString();
  return { nickname: of.nickname, account: of.account, post: of.post ?? '', platform: of.platform, date: local.slice(0, 10), time: local.slice(11, 16) };
}
