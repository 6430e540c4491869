import { listAccounts } from '../../read-model/queries/accounts.ts';
import type { Call } from '../call.ts';
import { Problem } from '../problem.ts';
import { toSnake } from './shape.ts';

type Json = Record<string, unknown>;
const REQUIREMENTS: Record<string, string> = { account: 'account', account_id: 'account', worker: 'worker', worker_id: 'worker', agent: 'agent', agent_id: 'agent', labels: 'labels', min: 'min', forward_to: 'forwardTo', forward_after_ms: 'forwardAfterMs' };
const FIELDS: Record<string, string> = { title: 'title', description: 'description', type: 'type', priority: 'priority', group: 'group', group_name: 'group', payload: 'payload', timeout_ms: 'timeoutMs', timeout: 'timeoutMs', retries: 'retries', after: 'after', key: 'key', at: 'at', template: 'template' };

/** A task in either spelling and either seed's shape, as the chart takes it. Names that mean nothing are refused. */
export function taskInput(call: Call, body: unknown): Json {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new Problem(422, 'invalid', 'body: must be an object');
  const out: Json = {};
  const requirements: Json = {};
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new Problem(422, 'invalid', 'body: must be an object');
  for (const [name, value] of Object.entries(toSnake(body) as Json)) {
    if (name === 'requirements') Object.assign(requirements, readRequirements(call, value, out));
    else if (name in FIELDS) set(out, FIELDS[name]!, name, value);
    else if (name in REQUIREMENTS) set(requirements, REQUIREMENTS[name]!, name, value);
    else throw new Problem(422, 'invalid', `${name}: no such field`, { field: name });
  }
  const at = out['at'];
  if (typeof at === 'string') {
    const ms = Date.parse(at);
    if (Number.isNaN(ms)) throw new Problem(422, 'invalid', 'at: must be a time like 2026-01-31T12:00:00Z', { field: 'at' });
    out['at'] = ms;
  }
  return { ...out, ...(Object.keys(requirements).length > 0 ? { requirements } : {}) };
}

function readRequirements(call: Call, value: unknown, task: Json): Json {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Problem(422, 'invalid', 'requirements: must be an object', { field: 'requirements' });
  const out: Json = {};
  for (const [name, v] of Object.entries(toSnake(value) as Json)) {
    const field = `requirements.${name}`;
    if (name === 'timeout' || name === 'timeout_ms') set(task, 'timeoutMs', field, v);
    else if (name === 'account_idx') out['account'] = accountAt(call, v);
    else if (name === 'min') out['min'] = minOf(v);
    else if (name in REQUIREMENTS) set(out, REQUIREMENTS[name]!, field, v);
    else throw new Problem(422, 'invalid', `${field}: no such field`, { field });
  }
  return out;
}

const minOf = (v: unknown): unknown => (v !== null && typeof v === 'object' ? Object.fromEntries(Object.entries(toSnake(v) as Json).map(([k, x]) => [k === 'memory_mb' ? 'memoryMb' : k, x])) : v);

/** The seed counts accounts from 0, in the order in which they were made. */
function accountAt(call: Call, index: unknown): string {
  const row = typeof index === 'number' && Number.isInteger(index) && index >= 0 ? listAccounts(call.d.db, { limit: 1, offset: index })[0] : undefined;
  if (!row) throw new Problem(422, 'invalid', `requirements.account_idx: there is no account ${String(index).slice(0, 20)}; they count from 0`, { field: 'requirements.account_idx' });
  return row.id;
}

function set(into: Json, key: string, name: string, value: unknown): void {
  if (value === undefined || value === null) return;
  if (key in into) throw new Problem(422, 'invalid', `${name}: given twice`, { field: name });
  into[key] = value;
}
