import { Problem } from '../problem.ts';

type Json = Record<string, unknown>;

const camelKey = (key: string) => key.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
const snakeKey = (key: string) => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
/** Maps whose keys are the user's own. */
const OPAQUE = new Set(['env_variables', 'secret_env', 'labels', 'k8s_node_selector', 'context', 'event', 'details', 'data', 'state', 'input', 'target', 'payload', 'result', 'params', 'counts']);

/** Keys in camelCase all the way down, but for maps with keys of the user's. */
export function toCamel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toCamel);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [camelKey(k), OPAQUE.has(k) ? v : toCamel(v)]));
}

/** The top keys in snake_case: both spellings are taken; 422 when both are given. */
export function toSnake(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const out: Json = {};
  for (const [key, v] of Object.entries(value)) {
    const name = snakeKey(key);
    if (name in out) throw new Problem(422, 'invalid', `${name}: given twice, as ${name} and ${camelKey(name)}`, { field: name });
    out[name] = v;
  }
  return out;
}

/** Beside every time in epoch seconds, the same as RFC 3339 under `<name>_iso`. */
export function withIso(row: Json): Json {
  const out: Json = {};
  for (const [key, value] of Object.entries(row)) {
    out[key] = value;
    if (/(_at|_time|_until|heartbeat)$/.test(key) && typeof value === 'number') out[`${key}_iso`] = new Date(value * 1000).toISOString();
  }
  return out;
}
