import { isId } from '../../../transport/subjects.ts';
import { findAgent } from '../../read-model/queries/agents.ts';
import { findLogin } from '../../read-model/queries/logins.ts';
import type { Call } from '../call.ts';
import { found } from '../call.ts';
import type { Deps } from '../ports.ts';
import { Problem } from '../problem.ts';
import type { Place } from './windows-port.ts';

/** The window of an agent. Throws 404, or 409 while it has none. */
export function placeOfAgent(d: Pick<Deps, 'db'>, id: string): Place {
  const row = found(isId(id) ? findAgent(d.db, id) : null, `agent ${id.slice(0, 63)}`);
  if (!row.worker || !['opening', 'idle', 'busy'].includes(row.status)) throw new Problem(409, 'conflict', `agent ${id} is ${row.status}: it has no window now${row.error ? ` (${row.error})` : ''}`);
  return { worker: row.worker, window: id, actor: `agent/${id}`, title: row.name, base: `/agents/${id}` };
}

/** The window of a login while it runs. */
export function placeOfLogin(d: Pick<Deps, 'db'>, id: string): Place {
  const row = found(isId(id) ? findLogin(d.db, id) : null, `login ${id.slice(0, 63)}`);
  if (!row.worker || !['pending', 'scanning', 'challenge', 'confirming'].includes(row.status)) throw new Problem(409, 'conflict', `login ${id} is ${row.status}: it has no window now`);
  return { worker: row.worker, window: `login-${id}`.slice(0, 63), actor: `login/${id}`, title: row.accountName, base: `/logins/${id}` };
}

export const placeOf = (call: Call, of: 'agent' | 'login'): Place => (of === 'agent' ? placeOfAgent(call.d, call.param('id')) : placeOfLogin(call.d, call.param('id')));
