/** The name that a mistyped one most likely means; null when none is close. */
export function nearest(typed: string, names: readonly string[]): string | null {
  let best: { name: string; cost: number } | null = null;
  for (const name of names) {
    const cost = name.startsWith(typed) && typed.length > 1 ? 1 : distance(typed, name);
    if (!best || cost < best.cost) best = { name, cost };
  }
  return best && best.cost <= Math.max(2, Math.floor(typed.length / 3)) ? best.name : null;
}

// Levenshtein, one row at a time.
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
