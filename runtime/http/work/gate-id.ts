const NAME = /^[a-z0-9][a-z0-9-]{0,50}$/;

/** The id of the gate that holds something: `fleet`, `group-linux`, `queue-default--low`. Null where nothing is named so. */
export function gateId(scope: string, name: string): string | null {
  if (scope === 'fleet') return 'fleet';
  if (scope === 'queue') {
    const at = /^([a-z0-9][a-z0-9-]{0,50})\.(high|normal|low)$/.exec(name);
    return at && `queue-${at[1]}--${at[2]}`;
  }
  return ['group', 'platform', 'account', 'kind'].includes(scope) && NAME.test(name) ? `${scope}-${name}` : null;
}
