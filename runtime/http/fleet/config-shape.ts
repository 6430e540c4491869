import { workerDefaults } from '../../../actors/worker.ts';
import type { WorkerConfig } from '../../../machines/worker.ts';
import { Problem } from '../problem.ts';

/** What stands for a value that nobody may read. Sent back, it means: leave it as it is. */
export const DOTS = '•••';
/** Fields whose values are sealed. */
export const SEALED = ['secret_env', 'ssh_password'] as const;

type Config = Partial<WorkerConfig>;
type Json = Record<string, unknown>;
/** One field that differs; `from` and `to` as texts, null where there was or is nothing. */
export type Change = { field: string; from: string | null; to: string | null };

/** A configuration as it may be seen: sealed values as dots, plain variables by those who may read them. */
export function shown(config: Config, values: boolean): Json {
  const dots = (map: object | undefined) => Object.fromEntries(Object.keys(map ?? {}).map((k) => [k, DOTS]));
  return { ...config, secret_env: dots(config.secret_env), ssh_password: config.ssh_password ? DOTS : null, env_variables: values ? (config.env_variables ?? {}) : dots(config.env_variables) };
}

/** What differs between two configurations, maps by their keys. Values of sealed fields are dots on both sides. */
export function diffConfigs(before: Config, after: Config, values: boolean): Change[] {
  const changes: Change[] = [];
  for (const field of Object.keys(workerDefaults) as (keyof typeof workerDefaults)[]) {
    const [a, b] = [before[field] ?? workerDefaults[field], after[field] ?? workerDefaults[field]];
    if (JSON.stringify(a) === JSON.stringify(b)) continue;
    const hidden = (SEALED as readonly string[]).includes(field) || (field === 'env_variables' && !values);
    const text = (v: unknown) => (v == null || v === '' ? null : hidden ? DOTS : typeof v === 'string' ? v : JSON.stringify(v));
    const [from, to]: unknown[] = [a, b];
    if (!isMap(from) || !isMap(to)) {
      changes.push({ field, from: text(a), to: text(b) });
      continue;
    }
    for (const key of [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()) {
      if (JSON.stringify(from[key]) !== JSON.stringify(to[key])) changes.push({ field: `${field}.${key}`, from: text(from[key]), to: text(to[key]) });
    }
  }
  return changes;
}

/** A patch without the dots that were sent back: those values stay. A name that is not there has nothing to keep. */
export function withoutDots(patch: Json, stored: Config): Json {
  const out = { ...patch };
  if (out['ssh_password'] === DOTS) {
    if (!stored.ssh_password) throw unknown('ssh_password');
    delete out['ssh_password'];
  }
  if (isMap(out['secret_env'])) {
    out['secret_env'] = Object.fromEntries(Object.entries(out['secret_env']).filter(([name, value]) => {
      if (value === DOTS && !Object.hasOwn(stored.secret_env ?? {}, name)) throw unknown('secret_env', name);
      return value !== DOTS;
    }));
    if (Object.keys(out['secret_env'] as Json).length === 0) delete out['secret_env'];
  }
  if (isMap(out['env_variables'])) {
    out['env_variables'] = Object.fromEntries(Object.entries(out['env_variables']).map(([name, value]) => {
      if (value !== DOTS) return [name, value];
      if (!Object.hasOwn(stored.env_variables ?? {}, name)) throw unknown('env_variables', name);
      return [name, stored.env_variables![name]!];
    }));
  }
  return out;
}

const unknown = (field: string, name?: string) => new Problem(422, 'invalid', `${field}: ${DOTS} keeps the value that ${name ?? 'it'} has, and it has none: give one`, { field });
const isMap = (v: unknown): v is Json => v !== null && typeof v === 'object' && !Array.isArray(v);
