import { widthOf } from './terminal/cell-width.ts';

/** Columns as wide as their widest cell; the last one runs free. Wide characters count twice. */
export function textTable(head: string[], rows: (string | null)[][]): string[] {
  const lines = [head, ...rows.map((r) => r.map((c) => (c === null || c === '' ? '-' : c.replace(/\s+/g, ' '))))];
  const widths = head.map((_, i) => Math.max(...lines.map((l) => widthOf(l[i]!))));
  return lines.map((l) => l.map((c, i) => (i === l.length - 1 ? c : c + ' '.repeat(widths[i]! - widthOf(c)))).join('  '));
}
