import { ID } from '../../../transport/subjects.ts';

/** Ids of actors end here; the words before a name take their part. */
const MOST = 63;

/** The id of the gate that holds something: `fleet`, `group-linux`, `queue-default--low`. Null where nothing is named so. */
export function gateId(scope: string, name: string): string | null {
  if (scope === 'fleet') return 'fleet';
  const id = scope === 'queue' ? queueId(name) : ['group', 'platform', 'account', 'kind'].includes(scope) && ID.test(name) ? `${scope}-${name}` : null;
  return id !== null && id.length <= MOST ? id : null;
}

function queueId(name: string): string | null {
  const at = /^(.+)\.(high|normal|low)$/.exec(name);
  return at && ID.test(at[1]!) ? `queue-${at[1]}--${at[2]}` : null;
}

/** What to say of a name that makes none. */
export const gateNameHint = (scope: string): string =>
  scope === 'queue' ? 'name: a queue is group.lane, like default.low, with a group of 49 characters at most' : `name: must be the name of one in lower-case letters, digits and hyphens, ${MOST - scope.length - 1} characters at most`;
