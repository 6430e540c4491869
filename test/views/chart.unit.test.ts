import { describe, expect, it } from 'vitest';
import { kinds } from '../../actors/kinds.ts';
import { chartNode } from '../../runtime/http/chart-node.ts';
import { chart, type ChartNode } from '../../views/chart.ts';
import { render } from '../../views/html.ts';

const all = (n: ChartNode): ChartNode[] => [n, ...n.children.flatMap(all)];
type Rect = { x: number; y: number; w: number; h: number };

describe.each([...kinds.keys()])('the chart of a %s', (kind) => {
  const root = chartNode(kinds.get(kind)!.chart.machine);
  const nodes = all(root);
  const leaf = nodes.find((n) => n.children.length === 0)!;
  const picture = render(chart(root, { active: [leaf.path], allowed: leaf.moves.map((m) => m.event) }));

  it('is plain data that names every state, effect and way out', () => {
    expect(JSON.parse(JSON.stringify(root))).toEqual(root);
    const paths = new Set(nodes.map((n) => n.path));
    for (const n of nodes) {
      for (const target of n.moves.flatMap((m) => m.targets)) expect(paths, `${n.path} leads to ${target}`).toContain(target);
      if (n.type === 'compound') expect(paths).toContain(n.initial);
      for (const move of n.moves) expect(move.event).not.toMatch(/^xstate\./);
    }
  });

  it('shows each state once, lights the current one, and no card covers another', () => {
    for (const n of nodes) expect(picture.split(`>${n.key}${n.tags.length > 0 ? ' ⚑' : ''}</text>`).length - 1, n.path).toBeGreaterThanOrEqual(1);
    expect(picture.match(/leaf-on/g)).toHaveLength(1);
    const leaves: Rect[] = [...picture.matchAll(/<g class="state (?:atomic|final)[^"]*">\s*<rect(?: rx="\d+")? x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map(([, x, y, w, h]) => ({ x: +x!, y: +y!, w: +w!, h: +h! }));
    expect(leaves.length).toBe(nodes.filter((n) => n.children.length === 0).length);
    const apart = (a: Rect, b: Rect) => a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
    leaves.forEach((a, i) => leaves.slice(i + 1).forEach((b) => expect(apart(a, b), JSON.stringify([a, b])).toBe(true)));
    const [, , w, h] = /viewBox="(\d+) (\d+) ([\d.]+) ([\d.]+)"/.exec(picture)!.slice(1).map(Number) as [number, number, number, number];
    for (const r of leaves) expect(r.x + r.w <= w && r.y + r.h <= h).toBe(true);
  });

  it('is the same each time', () => {
    expect(render(chart(root, { active: [leaf.path], allowed: leaf.moves.map((m) => m.event) }))).toBe(picture);
  });
});
