import { html, svg, type Html } from './html.ts';

/** A statechart as plain data. `path` is the dotted path from the root; the root's is empty. */
export type ChartNode = {
  key: string;
  path: string;
  type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  initial: string | null;
  /** Effects that run while this state is active. */
  invokes: string[];
  tags: string[];
  moves: { event: string; guard: string | null; targets: string[] }[];
  children: ChartNode[];
};

/** Where things stand, to be lit: active leaves as dotted paths, and the events that would be taken now. */
export type ChartNow = { active: string[]; allowed: string[] };

type Box = { node: ChartNode; x: number; y: number; w: number; h: number; inner: Box[] };

const LINE = 16;
const PAD = 12;
const GAP = 26;
const CHAR = 6.6;
const WIDEST = 820;

/** Draws a chart: states as cards that list their ways out, thin arrows behind them, the current state lit. */
export function chart(root: ChartNode, now: ChartNow): Html {
  const box = measure(root, 0);
  const places = new Map<string, Box>();
  settle(box, 8, 8, places);
  const lit = new Set(now.active.flatMap((leaf) => leaf.split('.').map((_, i, all) => all.slice(0, i + 1).join('.'))));
  const arrows = [...places.values()].flatMap((from) => from.node.moves.flatMap((move, i) => move.targets.flatMap((target) => arrow(from, i, places.get(target), lit.has(from.node.path) && now.allowed.includes(move.event)))));
  const w = box.w + 16;
  const h = box.h + 16;
  return html`<div class="chart" tabindex="0"><svg viewBox=${`0 0 ${w} ${h}`} width=${w} height=${h} role="img" aria-label=${now.active.join(', ') || root.key}>
    <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>
    ${cards(box, lit, now, 'frame', true)}<g class="arrows">${arrows}</g>${cards(box, lit, now, 'leaf')}</svg></div>`;
}

const label = (move: ChartNode['moves'][number]): string => {
  const to = move.targets.map((t) => t.split('.').at(-1)).join(', ');
  return `${move.event}${move.guard ? ` [${move.guard}]` : ''}${to ? ` → ${to}` : ''}`;
};
const cut = (text: string, most = 44): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const rows = (node: ChartNode): string[] => [...node.invokes.map((i) => `⚙ ${i}`), ...node.moves.map(label)].map((t) => cut(t));

function measure(node: ChartNode, depth: number): Box {
  const lines = rows(node);
  const text = Math.max(node.key.length * 7.6 + (node.tags.length > 0 ? 20 : 0), ...lines.map((l) => l.length * CHAR), 60) + 2 * PAD;
  const head = 24 + lines.length * LINE + (lines.length > 0 ? 8 : 4);
  if (node.children.length === 0) return { node, x: 0, y: 0, w: Math.ceil(text), h: head, inner: [] };
  const inner = order(node).map((c) => measure(c, depth + 1));
  // Rows as wide as the page likes; regions of a parallel state stand one under the other.
  const widest = node.type === 'parallel' ? 0 : WIDEST - depth * 2 * PAD;
  let x = 0;
  let y = 0;
  let tall = 0;
  let wide = 0;
  for (const b of inner) {
    if (x > 0 && x + b.w > widest) {
      x = 0;
      y += tall + GAP;
      tall = 0;
    }
    b.x = x;
    b.y = y;
    x += b.w + GAP + 10;
    wide = Math.max(wide, x - GAP - 10);
    tall = Math.max(tall, b.h);
  }
  for (const b of inner) {
    b.x += PAD + 4;
    b.y += head + 8;
    if (node.type === 'parallel') b.w = wide;
  }
  return { node, x: 0, y: 0, w: Math.ceil(Math.max(text, wide + 2 * PAD + 8)), h: head + 8 + y + tall + PAD + 6, inner };
}

/** The first state first, then as the arrows lead on. */
function order(node: ChartNode): ChartNode[] {
  if (node.type === 'parallel') return node.children;
  const byPath = new Map(node.children.map((c) => [c.path, c]));
  const seen: ChartNode[] = [];
  const queue = [byPath.get(node.initial ?? '') ?? node.children[0]!];
  while (seen.length < node.children.length) {
    const next = queue.shift() ?? node.children.find((c) => !seen.includes(c))!;
    if (seen.includes(next)) continue;
    seen.push(next);
    const reach = (n: ChartNode): string[] => [...n.moves.flatMap((m) => m.targets), ...n.children.flatMap(reach)];
    for (const path of reach(next)) {
      const sibling = node.children.find((c) => path === c.path || path.startsWith(`${c.path}.`));
      if (sibling && !seen.includes(sibling)) queue.push(sibling);
    }
  }
  return [...seen.filter((n) => n.type !== 'final'), ...seen.filter((n) => n.type === 'final')];
}

function settle(box: Box, x: number, y: number, places: Map<string, Box>): void {
  box.x += x;
  box.y += y;
  places.set(box.node.path, box);
  for (const b of box.inner) settle(b, box.x, box.y, places);
}

/** Frames first, then the arrows, then the leaves: a line may cross a frame, never a text. */
function cards(box: Box, lit: ReadonlySet<string>, now: ChartNow, layer: 'frame' | 'leaf', root = false): Html[] {
  const { node: n } = box;
  const below = box.inner.flatMap((b) => cards(b, lit, now, layer));
  if ((n.children.length === 0) !== (layer === 'leaf')) return below;
  const on = !root && lit.has(n.path);
  const leaf = n.children.length === 0;
  const lines = rows(n);
  const look = `state ${n.type} ${on ? 'on' : ''} ${on && leaf ? 'leaf-on' : ''} ${root ? 'root' : ''}`;
  return [
    svg`<g class=${look}>
      <rect x=${box.x} y=${box.y} width=${box.w} height=${box.h} rx="9" />
      ${n.type === 'final' ? svg`<rect class="final-line" x=${box.x + 3} y=${box.y + 3} width=${box.w - 6} height=${box.h - 6} rx="7" />` : null}
      <text class="state-name" x=${box.x + PAD} y=${box.y + 18}>${n.key}${n.tags.length > 0 ? ' ⚑' : ''}</text>
      ${lines.map((text, i) => svg`<text class=${`state-row ${i < n.invokes.length ? 'invoke' : on && now.allowed.includes(n.moves[i - n.invokes.length]!.event) ? 'allowed' : ''}`} x=${box.x + PAD} y=${box.y + 38 + i * LINE}>${text}</text>`)}
      ${n.initial === null || leaf ? null : start(box)}
    </g>`,
    ...below,
  ];
}

/** The dot that points at the first state. */
function start(box: Box): Html | null {
  const first = box.inner.find((b) => b.node.path === box.node.initial);
  if (!first || box.node.type === 'parallel') return null;
  return svg`<circle class="start" cx=${first.x - 1} cy=${first.y - 1} r="4" />`;
}

function arrow(from: Box, index: number, to: Box | undefined, on: boolean): Html[] {
  if (!to || to === from || isAncestor(to, from)) return [];
  const y1 = from.y + 34 + (from.node.invokes.length + index) * LINE;
  // Into its own inside: from the end of the text down to the target's head.
  if (isAncestor(from, to)) {
    const x = from.x + PAD + rows(from.node)[from.node.invokes.length + index]!.length * CHAR + 4;
    const end = Math.min(Math.max(x + 10, to.x + 14), to.x + to.w - 10);
    return [svg`<path class=${on ? 'arrow on' : 'arrow'} d=${`M${x} ${y1 - 1}C${x + 30} ${y1 - 1} ${end} ${to.y - 34} ${end} ${to.y}`} marker-end="url(#tip)" />`];
  }
  const right = to.x > from.x + from.w / 2 || to.x + to.w > from.x + from.w + 20;
  const x1 = right ? from.x + from.w : from.x;
  const toRight = to.x >= from.x + from.w;
  const toLeft = to.x + to.w <= from.x;
  const x2 = toRight ? to.x : toLeft ? to.x + to.w : to.x + Math.min(to.w - 14, Math.max(14, x1 - to.x));
  const y2 = toRight || toLeft ? to.y + 13 : to.y > from.y ? to.y : to.y + to.h;
  const bend = Math.max(18, Math.abs(x2 - x1) / 2.4);
  const c1 = `${x1 + (right ? bend : -bend)} ${y1}`;
  const c2 = toRight ? `${x2 - bend} ${y2}` : toLeft ? `${x2 + bend} ${y2}` : `${x2} ${y2 + (to.y > from.y ? -22 : 22)}`;
  return [svg`<path class=${on ? 'arrow on' : 'arrow'} d=${`M${x1} ${y1}C${c1} ${c2} ${x2} ${y2}`} marker-end="url(#tip)" />`];
}

const isAncestor = (a: Box, b: Box): boolean => a.node.path === '' || b.node.path.startsWith(`${a.node.path}.`);
