import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { describeConfig } from '../../runtime/config.ts';
import { packageRoot } from '../../runtime/package-root.ts';

const root = packageRoot();
const readme = readFileSync(join(root, 'README.md'), 'utf8');

it('lists every variable as the program reads it', () => {
  const rows = describeConfig().map((r) => `| \`${r.name}\` | ${r.fallback} | ${r.help} |`);
  const shown = readme.split('\n').filter((l) => /^\| `[A-Z0-9_]+` \|/.test(l)).map((l) => l.trim());
  expect(shown).toEqual(rows);
});

it('names files and verbs that exist', () => {
  for (const path of readme.match(/`((?:machines|actors|transport|platforms|test|runtime|docs|bench)\/[\w./-]+)`/g) ?? []) {
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

it('shows a whole chart as it is in the tree, which the kernel takes', () => {
  const file = 'docs/examples/kettle.js';
  expect(readme).toContain(`\`\`\`js\n${readFileSync(join(root, file), 'utf8')}\`\`\``);
  const { stdout, status } = spawnSync(join(root, 'bin', 'troupe'), ['conform', file], { cwd: root, encoding: 'utf8' });
  expect(status).toBe(0);
  expect(readme).toContain(`$ bin/troupe conform ${file}\n${stdout}\`\`\``);
});

it('links to pages and pictures that exist, also from docs/ and bench/', () => {
  const pages = ['README.md', 'bench/README.md', ...['', 'adr', 'charts'].flatMap((d) => readdirSync(join(root, 'docs', d)).filter((n) => n.endsWith('.md')).map((n) => join('docs', d, n)))];
  for (const page of pages) {
    for (const [, target] of readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)#:]+)\)/g)) expect(existsSync(join(root, dirname(page), target!)), `${page}: ${target}`).toBe(true);
  }
});
