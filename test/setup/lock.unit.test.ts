import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';

type Locked = { version?: string; resolved?: string; dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> };
const text = readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8');
const { packages } = JSON.parse(text) as { packages: Record<string, Locked> };

it('names every package that another one asks for: npm ci refuses a lock with holes', () => {
  const missing = Object.entries(packages).flatMap(([path, p]) =>
    Object.keys({ ...p.dependencies, ...p.optionalDependencies }).filter((name) => {
      for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
        if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return false;
        if (at === '') return true;
      }
    }).map((name) => `${name} (asked for by ${path || 'package.json'})`));
  expect(missing).toEqual([]);
});

it('holds no download address', () => {
  expect(text).not.toMatch(/"resolved"|https?:\/\/[^"]*\.tgz/);
});
