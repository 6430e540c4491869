import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeConfig } from '../../runtime/config.ts';
import { packageRoot } from '../../runtime/package-root.ts';

const root = packageRoot();
const readme = readFileSync(join(root, 'README.md'), 'utf8');

it('lists every variable as the program reads it', () => {
  const rows = describeConfig().map((r) => `| \`${r.name}\` | ${r.fallback} | ${r.help} |`);
  const shown = readme.split('\n').filter((l) => /^\| `[A-Z_]+` \|/.test(l)).map((l) => l.trim());
  expect(shown).toEqual(rows);
});

it('names files and verbs that exist', () => {
  for (const path of readme.match(/`((?:machines|actors|transport|platforms|test|runtime)\/[\w./-]+)`/g) ?? []) {
    const file = path.slice(1, -1);
    if (!file.includes('my-kind')) expect(existsSync(join(root, file)), file).toBe(true);
  }
  const verbs = readdirSync(join(root, 'runtime', 'cli')).map((n) => n.replace(/\.ts$/, ''));
  for (const [, verb] of readme.matchAll(/\btroupe ([a-z]+)\b(?=[ `\n])/g)) expect(verbs).toContain(verb);
});

it('names npm scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  for (const [, name] of readme.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(scripts)).toContain(name);
});
