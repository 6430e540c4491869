import { harmless } from '../verb.ts';
import { cutTo, widthOf } from './cell-width.ts';
import { paint, type Screen, type Tone } from './screen.ts';

/** `least`: a column that may be cut keeps so many columns of the terminal; one without is cut only where nothing else is left. */
export type Column = { head: string; least?: number };
export type Cell = string | null | { text: string | null; tone: Tone | null };

const GAP = '  ';

/** A table as wide as the screen at the most: what may be cut is, the widest first. */
export function fittedTable(screen: Screen, columns: Column[], rows: Cell[][]): string[] {
  const texts = [columns.map((c) => c.head), ...rows.map((r) => r.map(textOf))];
  const room = screen.columns === null ? null : screen.columns - GAP.length * (columns.length - 1);
  const natural = columns.map((_, i) => Math.max(...texts.map((t) => widthOf(t[i]!))));
  const widths = fit(fit(natural, columns.map((c, i) => c.least ?? natural[i]!), room), columns.map(() => 1), room);
  return texts.map((row, n) =>
    row.map((text, i) => {
      const shown = cutTo(text, widths[i]!);
      const cell = n === 0 ? null : rows[n - 1]![i]!;
      const tone = n === 0 ? 'bold' : cell !== null && typeof cell === 'object' ? cell.tone : null;
      return paint(screen, tone, shown) + (i === row.length - 1 ? '' : ' '.repeat(widths[i]! - widthOf(shown)));
    }).join(GAP).trimEnd());
}

/** Widths whose sum is `room` at the most, where `least` allows that: the widest give first. */
function fit(natural: number[], least: number[], room: number | null): number[] {
  const widths = [...natural];
  if (room === null) return widths;
  for (let over = widths.reduce((a, b) => a + b, 0) - room; over > 0; over--) {
    let widest = -1;
    for (const [i, w] of widths.entries()) if (w > least[i]! && (widest < 0 || w > widths[widest]!)) widest = i;
    if (widest < 0) break;
    widths[widest]!--;
  }
  return widths;
}

const textOf = (cell: Cell): string => {
  const text = cell !== null && typeof cell === 'object' ? cell.text : cell;
  return text === null || text === '' ? '-' : harmless(text.replace(/\s+/g, ' '));
};
