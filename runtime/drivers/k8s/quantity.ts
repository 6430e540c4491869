const FACTORS: Record<string, number> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};

/** A quantity of Kubernetes (`250m`, `128Mi`, `1e3`) as a number of cores or bytes. Null for what is none. */
export function quantity(text: unknown): number | null {
  const found = typeof text === 'string' ? /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/.exec(text) : null;
  if (!found) return null;
  const value = Number(`${found[1]}${found[2] ?? ''}`) * FACTORS[found[3] ?? '']!;
  return Number.isFinite(value) ? value : null;
}
