import YAML from 'yaml';
import { workerConfig, workerPatch, RESERVED_WORKER_IDS } from '../../../actors/worker.ts';
import { ID } from '../../../transport/subjects.ts';
import { findWorker, listWorkers } from '../../read-model/queries/workers.ts';
import { issueText } from '../body.ts';
import type { Call } from '../call.ts';
import { Problem } from '../problem.ts';
import { BadJson, parseStrict } from '../../strict-json.ts';
import { ADMIN_ALONE, allowsShell, checkWhole, readsValues } from './config-service.ts';
import { diffConfigs, DOTS, shown, withoutDots, type Change } from './config-shape.ts';

type Json = Record<string, unknown>;
export type Format = 'yaml' | 'json';
export type ImportItem = { worker_id: string; action: 'create' | 'update' | 'unchanged' | 'invalid'; field: string | null; reason: string | null; changes: Change[]; send: Json | null };

const MOST = 500;
const LARGEST = 512 * 1024;
const DEEPEST = 32;

/** Every configuration as a file; values of secrets are dots, which an import takes as: leave it as it is. */
export function exportFile(call: Call, format: Format): string {
  const workers = listWorkers(call.d.db).map((w) => ({ worker_id: w.id, ...shown(w.config, readsValues(call)) }));
  const file = { troupe: 'workers', version: 1, workers };
  return format === 'json' ? `${JSON.stringify(file, null, 2)}\n` : YAML.stringify(file, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** The items of a file, each with what would become of it. 400 for a file that can't be read. */
export function readImport(call: Call, text: string, format: Format): ImportItem[] {
  if (Buffer.byteLength(text) > LARGEST) throw new Problem(413, 'too_large', `the file is larger than ${LARGEST / 1024} KiB: import it in parts`);
  const file = format === 'json' ? strict(text) : readYaml(text);
  const list = Array.isArray(file) ? file : (file as { workers?: unknown } | null)?.workers;
  if (!Array.isArray(list)) throw new Problem(422, 'invalid', 'workers: must be a list of configurations', { field: 'workers' });
  if (list.length > MOST) throw new Problem(413, 'too_large', `workers: ${MOST} at once at most`, { field: 'workers' });
  const seen = new Set<string>();
  return list.map((item, i) => plan(call, item, i, seen));
}

function plan(call: Call, item: unknown, index: number, seen: Set<string>): ImportItem {
  const name = item !== null && typeof item === 'object' && !Array.isArray(item) && typeof (item as Json)['worker_id'] === 'string' ? String((item as Json)['worker_id']).slice(0, 80) : `#${index + 1}`;
  const bad = (field: string | null, reason: string): ImportItem => ({ worker_id: name, action: 'invalid', field, reason, changes: [], send: null });
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return bad(null, 'must be a configuration with its worker_id');
  const { worker_id: id, ...given } = item as Json;
  if (typeof id !== 'string' || !ID.test(id) || RESERVED_WORKER_IDS.includes(id)) return bad('worker_id', `must be 1 to 63 of a-z, 0-9 and hyphens, and not ${RESERVED_WORKER_IDS.join(', ')}`);
  if (seen.has(id)) return bad('worker_id', 'stands in the file twice');
  seen.add(id);
  const row = findWorker(call.d.db, id);
  try {
    if (!row) {
      const config = parse(workerConfig, withoutSecrets(given));
      if (config.allow_shell && !allowsShell(call)) return bad('allow_shell', ADMIN_ALONE.replace('allow_shell: ', ''));
      return { worker_id: id, action: 'create', field: null, reason: null, changes: diffConfigs({}, config as Json, readsValues(call)), send: config as Json };
    }
    // What a worker has already is not judged anew: one that was started by hand may have what a form would refuse.
    const news = Object.entries(withoutDots(given, row.config)).filter(([k, v]) => JSON.stringify(v) !== JSON.stringify(row.config[k as keyof typeof row.config]));
    const patch = parse(workerPatch, Object.fromEntries(news)) as Json;
    checkWhole(row.config, patch);
    if (patch['allow_shell'] !== undefined && !allowsShell(call)) return bad('allow_shell', ADMIN_ALONE.replace('allow_shell: ', ''));
    const secret = Object.entries((patch['secret_env'] as Record<string, string | null> | undefined) ?? {}).filter(([k, v]) => v !== null || k in row.config.secret_env);
    const next = { ...row.config, ...patch, secret_env: { ...row.config.secret_env, ...Object.fromEntries(secret) } };
    const changes = diffConfigs(row.config, next as never, readsValues(call));
    return { worker_id: id, action: changes.length > 0 ? 'update' : 'unchanged', field: null, reason: null, changes, send: changes.length > 0 ? patch : null };
  } catch (error) {
    if (error instanceof Problem) return bad(error.field ?? null, error.message.replace(`${error.field}: `, ''));
    throw error;
  }
}

/** A new worker has no secrets to keep: dots are left out, and what then is missing is said. */
function withoutSecrets(given: Json): Json {
  const out = { ...given };
  if (out['ssh_password'] === DOTS) delete out['ssh_password'];
  for (const field of ['secret_env', 'env_variables']) {
    const map = out[field];
    if (map !== null && typeof map === 'object' && !Array.isArray(map)) out[field] = Object.fromEntries(Object.entries(map).filter(([, v]) => v !== DOTS));
  }
  return out;
}

function parse<T>(schema: { safeParse(v: unknown): { success: true; data: T } | { success: false; error: { issues: { path: PropertyKey[]; message: string; code: string; keys?: string[] }[] } } }, value: unknown): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0]!;
  const field = issue.keys?.[0] && issue.code === 'unrecognized_keys' ? issue.keys[0] : issue.path.map(String).join('.');
  throw new Problem(422, 'invalid', issue.code === 'unrecognized_keys' ? 'no such field' : issueText(issue), { field });
}

/** YAML 1.2 without its traps: no aliases, no tags of one's own, no doubled keys, nothing deep. */
function readYaml(text: string): unknown {
  refuseDeep(text);
  const doc = YAML.parseAllDocuments(text, { uniqueKeys: true, merge: false, schema: 'core', logLevel: 'silent' });
  if (!Array.isArray(doc) || doc.length === 0) throw new Problem(400, 'bad_yaml', 'the file is empty');
  if (doc.length > 1) throw new Problem(400, 'bad_yaml', 'the file holds several documents: give one');
  const problem = doc[0]!.errors[0] ?? doc[0]!.warnings[0];
  if (problem) throw new Problem(400, 'bad_yaml', `the file is not YAML that is taken here: ${problem.message.split('\n')[0]!.replace(/:$/, '').slice(0, 200)}`);
  let value: unknown;
  try {
    value = doc[0]!.toJS({ maxAliasCount: 0 });
  } catch (error) {
    throw new Problem(400, 'bad_yaml', /alias/i.test((error as Error).message) ? 'aliases (*name) are not taken: write the value out' : `the file can't be read: ${(error as Error).message.slice(0, 100)}`);
  }
  return strict(JSON.stringify(value ?? null));
}

/** The parser calls itself for each level: what is nested without end never reaches it. */
function refuseDeep(text: string): void {
  let depth = 0;
  for (const [i, line] of text.split('\n').entries()) {
    for (const ch of line) depth += ch === '[' || ch === '{' ? 1 : ch === ']' || ch === '}' ? -1 : 0;
    if (depth > DEEPEST || /^ {200}/.test(line) || /^\s*([-?:]\s+){20}/.test(line)) throw new Problem(400, 'bad_yaml', `line ${i + 1}: nested more than ${DEEPEST} deep`);
    depth = Math.max(0, depth);
  }
}

function strict(text: string): unknown {
  try {
    return parseStrict(text);
  } catch (error) {
    if (error instanceof BadJson) throw new Problem(400, 'bad_file', error.message);
    throw error;
  }
}
