import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kinds } from '../../actors/kinds.ts';
import { generatedPages } from '../../runtime/docs/pages.ts';
import { packageRoot } from '../../runtime/package-root.ts';

const pages = generatedPages();
const stored = (path: string) => (existsSync(join(packageRoot(), path)) ? readFileSync(join(packageRoot(), path), 'utf8') : '');

it.each(Object.keys(pages))('%s is what the source gives: run npm run docs', (path) => {
  expect(stored(path) === pages[path], `${path} is stale: run npm run docs`).toBe(true);
});

it('draws every kind, and keeps no picture of one that is gone', () => {
  expect(readdirSync(join(packageRoot(), 'docs', 'charts')).filter((n) => n.endsWith('.svg')).sort()).toEqual([...kinds.keys()].map((k) => `${k}.svg`).sort());
});

it('draws pictures that stand alone: a namespace, colours of both themes, no class without a rule', () => {
  for (const kind of kinds.keys()) {
    const svg = pages[`docs/charts/${kind}.svg`]!;
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg).toContain('prefers-color-scheme:dark');
    for (const [, name] of svg.matchAll(/var\((--[a-z-]+)/g)) expect(svg.split(`${name}:`).length - 1, `${kind}: ${name}`).toBe(2);
  }
});

it('shows no password and no path of a machine', () => {
  for (const text of Object.values(pages)) expect(text).not.toMatch(/password: "|\/home\/|\/root\//);
});
