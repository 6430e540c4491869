import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDERS = ['machines', 'actors', 'transport', 'views', 'platforms', 'runtime'] as const;

/** Who may import what: a folder to the folders and packages that it may name. */
const ALLOWED: Record<(typeof FOLDERS)[number], { folders: string[]; packages: RegExp }> = {
  machines: { folders: ['machines'], packages: /^xstate$/ },
  actors: { folders: ['actors', 'machines'], packages: /^(xstate|zod|node:crypto)$/ },
  transport: { folders: ['transport'], packages: /^(@nats-io\/.*|zod)$/ },
  views: { folders: ['views'], packages: /^uhtml/ },
  platforms: { folders: ['platforms'], packages: /./ },
  runtime: { folders: [...FOLDERS], packages: /./ },
};

const files = (dir: string): string[] =>
  readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : path.endsWith('.ts') ? [path] : [];
  });

const importsOf = (file: string): string[] => [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|^import\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/gm)].map((m) => (m[1] ?? m[2] ?? m[3])!);

const graph = new Map<string, string[]>();
for (const folder of FOLDERS) for (const file of files(join(ROOT, folder))) graph.set(file, importsOf(file));

describe('the house', () => {
  for (const folder of FOLDERS) {
    it(`${folder}/ imports only what it may`, () => {
      const wrong: string[] = [];
      for (const [file, imports] of graph) {
        if (!relative(ROOT, file).startsWith(`${folder}/`)) continue;
        for (const name of imports) {
          if (!name.startsWith('.')) {
            if (!ALLOWED[folder].packages.test(name)) wrong.push(`${relative(ROOT, file)} imports ${name}`);
            continue;
          }
          const target = relative(ROOT, resolve(dirname(file), name)).split('/')[0]!;
          if (!ALLOWED[folder].folders.includes(target)) wrong.push(`${relative(ROOT, file)} imports ${name}`);
        }
      }
      expect(wrong).toEqual([]);
    });
  }

  it('a platform imports the contract and itself, and no other platform', () => {
    const wrong: string[] = [];
    for (const [file, imports] of graph) {
      const own = /^platforms\/([^/]+)\//.exec(relative(ROOT, file))?.[1];
      if (!own) continue;
      for (const name of imports.filter((n) => n.startsWith('.'))) {
        const target = /^platforms\/([^/]+)\//.exec(relative(ROOT, resolve(dirname(file), name)))?.[1];
        if (target && target !== own && target !== 'base') wrong.push(`${relative(ROOT, file)} imports ${name}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('has no cycle', () => {
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const walk = (file: string, path: string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') return void cycles.push([...path.slice(path.indexOf(file)), file].map((f) => relative(ROOT, f)).join(' -> '));
      state.set(file, 'open');
      for (const name of graph.get(file) ?? []) if (name.startsWith('.')) walk(resolve(dirname(file), name), [...path, file]);
      state.set(file, 'done');
    };
    for (const file of graph.keys()) walk(file, []);
    expect(cycles).toEqual([]);
  });

  it('keeps clock, chance and the outside out of the charts', () => {
    const wrong = [...graph.keys()].filter((f) => relative(ROOT, f).startsWith('machines/')).filter((f) => /Date\.now|new Date\(|Math\.random|(?<![.\w-])(process|console)\.[a-z]/.test(readFileSync(f, 'utf8')));
    expect(wrong).toEqual([]);
  });

  it('really reads imports', () => expect([...graph.values()].flat().length).toBeGreaterThan(200));
});
