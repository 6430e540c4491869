import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Verb } from './verb.ts';

const CLI = join(import.meta.dirname, 'cli');

/** Every file of cli/ is a verb; none is loaded before it is asked for. */
export function verbNames(): string[] {
  return readdirSync(CLI).filter((n) => /^[a-z-]+\.(js|ts)$/.test(n)).map((n) => n.replace(/\.(js|ts)$/, '')).sort();
}

export async function loadVerb(name: string): Promise<Verb> {
  const file = readdirSync(CLI).find((n) => n === `${name}.js` || n === `${name}.ts`)!;
  return (await import(join(CLI, file))) as Verb;
}
