const HOLE = /\{\{\s*([A-Za-z_][\w.]{0,199})\s*\}\}/g;
const WHOLE = new RegExp(`^${HOLE.source}$`);

/** Every `{{path}}` in any text of it filled from `values`; a text that is one hole alone takes the value with its type, and is left out where there is none. */
export function fill(node: unknown, values: Record<string, unknown>): unknown {
  if (typeof node === 'string') {
    const alone = WHOLE.exec(node);
    if (alone) return valueAt(values, alone[1]!);
    return node.replace(HOLE, (_, path: string) => shown(valueAt(values, path)));
  }
  if (Array.isArray(node)) return node.map((n) => fill(n, values));
  if (node !== null && typeof node === 'object') return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, fill(v, values)] as const).filter(([, v]) => v !== undefined));
  return node;
}

/** The paths of all holes. */
export function holesOf(node: unknown): string[] {
  if (typeof node === 'string') return [...node.matchAll(HOLE)].map((m) => m[1]!);
  return node !== null && typeof node === 'object' ? Object.values(node).flatMap(holesOf) : [];
}

function valueAt(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at !== null && typeof at === 'object' && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined), values);
}

const shown = (v: unknown): string => (v === undefined || v === null ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v));
